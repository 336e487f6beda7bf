"""What the simulated service keeps: reports with their state, files by their digests, and a log without content."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

EXPIRES_AFTER_OPENING = timedelta(hours=24)
EXPIRES_AFTER_CHANGE = timedelta(hours=1)


class ReportState(StrEnum):
    """Where a report stands."""

    OPEN = "open"
    FINISHED = "finished"
    RETRACTED = "retracted"
    EXPIRED = "expired"


@dataclass(slots=True)
class StoredFile:
    """A file that was received: never its bytes. `details` is the fileDetails document, once it came."""

    file_id: str
    name: str
    size: int
    md5: str
    sha256: str
    details: str | None = None


@dataclass(slots=True)
class StoredReport:
    """A report that was opened. `xml` is the document as received."""

    report_id: int
    user: str
    opened_at: datetime
    changed_at: datetime
    xml: str
    batched: bool = False
    state: ReportState = ReportState.OPEN
    finished_at: datetime | None = None
    files: dict[str, StoredFile] = field(default_factory=dict)
    after_opening: timedelta = EXPIRES_AFTER_OPENING
    after_change: timedelta = EXPIRES_AFTER_CHANGE

    @property
    def expires_at(self) -> datetime:
        """When it is removed if nobody finishes it: the later of the two limits."""
        return max(self.opened_at + self.after_opening, self.changed_at + self.after_change)

    def copy(self) -> StoredReport:
        """A copy that later requests do not change."""
        return replace(self, files={k: replace(f) for k, f in self.files.items()})


@dataclass(frozen=True, slots=True)
class LogLine:
    """One request: what was asked and what came of it. `outcome` is a response code or a word; `fault` was scripted.

    `says` are the words of a refusal, which name elements and may name a value that was refused.
    """

    number: int
    at: datetime
    method: str
    path: str
    outcome: str
    request_id: str
    fault: str = ""
    says: str = ""
