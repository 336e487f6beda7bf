"""The journal of one filing: what was about to be done, and what came of it, each written before going on.

After a crash the journal is all that is left, so an act is recorded as begun before it is sent. A begun act without an
outcome may have been carried out; the progress reads it so.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field

from firstlight.values import Instant, Value


class Step(StrEnum):
    """One act of the exchange; `plan` binds the journal to a draft and a destination, `abandon` closes it."""

    PLAN = "plan"
    SUBMIT = "submit"
    UPLOAD = "upload"
    FILEINFO = "fileinfo"
    FINISH = "finish"
    RETRACT = "retract"
    ABANDON = "abandon"


class Phase(StrEnum):
    """What is known of a step.

    `begun`: about to be sent. `done`: carried out. `undone`: surely not carried out; may be repeated. `lost`: nobody
    knows. `refused`: the service said no. `gone`: the service does not know the report any more.
    """

    BEGUN = "begun"
    DONE = "done"
    UNDONE = "undone"
    LOST = "lost"
    REFUSED = "refused"
    GONE = "gone"


class JournalEntry(Value):
    """One line of the journal. `request_id` is what the service's support asks for."""

    at: Instant
    step: Step
    phase: Phase
    report_id: int | None = None
    key: str | None = None
    file_id: str | None = None
    file_ids: tuple[str, ...] | None = None
    md5: str | None = None
    code: int | None = None
    http_status: int | None = None
    request_id: str = ""
    says: str = ""
    draft_sha256: str = ""
    destination: str = ""
    escalated: bool = False
    tries: Annotated[int, Field(ge=0)] = 0


class Journal(Protocol):
    """Keeps the entries of one filing, in order. One filing has one journal, and one process at a time writes it."""

    def append(self, entry: JournalEntry) -> None:
        """Keep the entry; it must survive a crash once this returns."""
        ...

    def entries(self) -> tuple[JournalEntry, ...]:
        """All entries, in the order they were appended."""
        ...


class MemoryJournal:
    """A journal in memory, for tests and the demonstration."""

    def __init__(self, entries: tuple[JournalEntry, ...] = ()) -> None:
        self._entries = list(entries)

    def append(self, entry: JournalEntry) -> None:
        """Keep the entry."""
        self._entries.append(entry)

    def entries(self) -> tuple[JournalEntry, ...]:
        """All entries so far."""
        return tuple(self._entries)
