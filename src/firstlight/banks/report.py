"""What the acts on banks answer: documents that say what changed, ready to become custody events. None holds a hash."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from firstlight.banks.entry import Standing
from firstlight.values import BankPurpose, Document, ErrorNote, Instant, Sha256Hex, Value, Versioned

Count = Annotated[int, Field(ge=0)]


class Bank(Document):
    """A bank as it stands: what it is for, whose it is, and how it matches. `revision` grows with every change."""

    title_for_people = "bank"

    kind: Literal["bank"] = "bank"
    version: Versioned = 1
    name: str
    purpose: BankPurpose
    owner: str = ""
    licence: str = ""
    threshold: Annotated[int, Field(ge=0, le=64, description="bits")] = 31
    min_quality: Annotated[int, Field(ge=0, le=100)] = 50
    enabled: bool = True
    note: str = ""
    created: Instant
    reason: str = Field(default="", description="why it was last enabled or disabled")
    revision: Count
    entries: Count = Field(description="active entries")


class BankReport(Document):
    """A bank was created, enabled, disabled, changed or deleted."""

    title_for_people = "report on a bank"

    kind: Literal["bank-report"] = "bank-report"
    version: Versioned = 1
    act: Literal["created", "enabled", "disabled", "changed", "deleted"]
    at: Instant
    bank: Bank
    revision_before: Count
    reason: str = ""


class Skip(Value):
    """A record that was not taken: where it stands in the list, why, and its hash masked."""

    line: Count
    why: str
    shown: str = ""


class AddReport(Document):
    """Entries were added to a bank. `came` is the sum of all that was added, updated, unchanged, repeated, withdrawn or
    skipped; those flawed are among the first three."""

    title_for_people = "report on added entries"

    kind: Literal["add-report"] = "add-report"
    version: Versioned = 1
    bank: str
    at: Instant
    revision_before: Count
    revision: Count
    came: Count
    added: Count = 0
    updated: Count = Field(default=0, description="known by their key, with other content")
    unchanged: Count = 0
    repeated: Count = Field(default=0, description="a second time in the same list; the first was taken")
    withdrawn: Count = Field(default=0, description="entries that the list takes back")
    dropped: Count = Field(default=0, description="entries taken back because a whole list does not hold them any more")
    flawed: Count = Field(default=0, description="taken, but without a hash or quality that was junk")
    skipped: Count = 0
    skipped_why: dict[str, int] = Field(default_factory=dict)
    first_skips: tuple[Skip, ...] = Field(default=(), description="the first that were flawed or skipped, by line")


class ImportReport(AddReport):
    """A list was read into a bank."""

    title_for_people = "report on an import"

    kind: Literal["import-report"] = "import-report"  # type: ignore[assignment]
    source: str = Field(description="the name of the file")
    source_sha256: Sha256Hex
    source_size: Count
    format: str
    stopped: ErrorNote | None = Field(default=None, description="why the list was read only up to here")


class _EntriesReport(Document):
    """What happened to entries that were named by their keys."""

    bank: str
    at: Instant
    revision_before: Count
    revision: Count
    keys: tuple[str, ...]
    unknown: tuple[str, ...] = Field(default=(), description="keys that are not in the bank")
    unchanged: tuple[str, ...] = Field(default=(), description="keys that were so already")


class AnnotationReport(_EntriesReport):
    """This house's own note or categories of entries were written. What is none stayed."""

    title_for_people = "report on notes"

    kind: Literal["annotation-report"] = "annotation-report"
    version: Versioned = 1
    note: str | None = None
    categories: tuple[str, ...] | None = None


class StandingReport(_EntriesReport):
    """Entries were withdrawn, denied, confirmed or restored. Their records stay."""

    title_for_people = "report on entries"

    kind: Literal["standing-report"] = "standing-report"
    version: Versioned = 1
    standing: Standing
    reason: str
