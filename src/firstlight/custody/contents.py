"""What goes into an evidence package: two strata that never mix, and the facts that the front page repeats.

Records are what machines wrote down at the time, unedited. Statements are what was written for investigators: the
report as it was sent, narratives, summaries. Courts treat the two differently, so they never share a file.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from firstlight.values import Digests, Instant, PdqHex, Reason, Sha256Hex, Value

FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
"""A name inside a package: lower case and plain, so that no two collide on any file system."""


class Viewed(Value):
    """That a person at the organisation saw this very file, and how; made from logged viewings only."""

    at: Instant
    by: str
    rendition: str
    seconds: Annotated[float, Field(ge=0)]
    entire: bool = False


class FileFacts(Value):
    """One file of the case. The file itself is not in the package."""

    digests: Digests
    media_type: str = ""
    original_name: str = ""
    received_at: Instant | None = None
    source: str = ""
    pdq: PdqHex | None = None
    found_by: tuple[str, ...] = ()
    viewed: tuple[Viewed, ...] = ()
    origin: tuple[str, ...] = ()
    origin_limits: str = ""
    category: str = ""
    public: bool | None = None


class Identifier(Value):
    """Something that names a person, account or connection, as it was recorded."""

    kind: Literal["account", "email", "phone", "device", "payment", "ip", "url", "handle", "other"]
    value: str
    verified: bool | None = None
    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    at: Instant | None = None
    event: str = ""
    note: str = ""
    record: FileName | None = None


class TimelineRow(Value):
    """One thing that happened, with the record that says so."""

    at: Instant
    what: str
    who: str = ""
    local: str = ""
    record: FileName | None = None


class FactKind(StrEnum):
    """Kinds of fact that may speak for or against an element of an offence. Both directions are kept."""

    KNOWN_EXACT = "known-exact"
    KNOWN_NEAR = "known-near"
    KNOWN_SYNTHETIC = "known-synthetic"
    CAMERA = "camera"
    ORIGIN_SYNTHETIC = "origin-synthetic"
    GENERATION_RECORD = "generation-record"
    TEXT_ONLY_GENERATION = "text-only-generation"
    INPUT_PHOTOGRAPH = "input-photograph"
    EDIT_OF_PHOTOGRAPH = "edit-of-photograph"
    LIKENESS_NAMED = "likeness-named"
    PROMPT = "prompt"
    DRAWING = "drawing"
    OBSERVATION = "observation"
    OBSERVATION_AGAINST = "observation-against"
    VICTIM_STATEMENT = "victim-statement"
    ACCOUNT = "account"
    ACCOUNT_SHARED = "account-shared"
    ACCOUNT_TAKEN_OVER = "account-taken-over"
    UPLOAD = "upload"
    SENT = "sent"
    OFFERED = "offered"
    OFFERED_AS_SYNTHETIC = "offered-as-synthetic"
    PAYMENT = "payment"
    RECIPIENT_MINOR = "recipient-minor"
    KEPT_PRIVATE = "kept-private"
    CHAT = "chat"
    OTHER = "other"


class CaseFact(Value):
    """One fact of the case in words, with the record that holds it."""

    kind: FactKind
    says: str
    record: FileName | None = None
    file: Sha256Hex | None = None


class SystemFacts(Value):
    """What made the records: what a custodian needs to describe the process."""

    software: str
    version: str
    config_sha256: Sha256Hex | None = None
    lists: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    self_tests: tuple[str, ...] = ()


class Summary(Value):
    """The first page: facts, no scores, no media."""

    danger: str
    why: tuple[Reason, ...] = ()
    roles: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    new_or_known: str = ""
    report_ids: tuple[str, ...] = ()
    contact: str = ""
    preserved_until: Instant | None = None


class PackageContents(Value):
    """Everything that an export writes beside the custody log's own proofs.

    `records` holds JSON written as RFC 8785, `report` holds files byte for byte as they were sent or received.
    `subjects` are files whose log entries are shown although they are not files of the case.
    """

    name: FileName
    case: str
    organisation: str
    summary: Summary
    files: tuple[FileFacts, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    timeline: tuple[TimelineRow, ...] = ()
    records: dict[FileName, JsonValue] = Field(default_factory=dict)
    report: dict[FileName, bytes] = Field(default_factory=dict)
    subjects: tuple[Sha256Hex, ...] = ()
    facts: tuple[CaseFact, ...] = ()
    system: SystemFacts | None = None

    def all_subjects(self) -> tuple[str, ...]:
        """The SHA-256 of every file whose log entries belong into the package, each once, in order."""
        return tuple(dict.fromkeys([one.digests.sha256 for one in self.files] + list(self.subjects)))
