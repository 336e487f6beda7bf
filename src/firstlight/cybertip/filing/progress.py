"""What a journal says of its filing, and the documents that tell it to others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Literal

from firstlight.cybertip.filing.journal import Journal, JournalEntry, Phase, Step
from firstlight.values import Document, Instant, Value, Versioned

EXPIRES_AFTER_OPENING = timedelta(hours=24)
EXPIRES_AFTER_CHANGE = timedelta(hours=1)
PRESERVATION = timedelta(days=366)
"""A finished report asks for its contents to be preserved for a year; the longer year is safe in every year."""


class FilingState(StrEnum):
    """Where a filing stands. Everything but the last two needs to be gone on with."""

    NEW = "new"
    OPEN = "open"
    UNRESOLVED = "unresolved"
    FINISHED = "finished"
    ABANDONED = "abandoned"


class FileList(StrEnum):
    """How the service's list of files compares with what was sent."""

    VERIFIED = "verified"
    UNKNOWN = "unknown"
    DIFFERS = "differs"


class FiledFile(Value):
    """A file of a finished report: its key in the draft, the service's number for it, and its confirmed MD5."""

    key: str
    file_id: str
    md5: str


class Receipt(Document):
    """A report is filed. `finished_at` is when the service confirmed it; the preservation year runs from there.

    `file_list` is unknown when the answer to finish was lost and a second question was answered 'already finished'.
    """

    title_for_people: ClassVar[str] = "receipt"

    kind: Literal["cybertip-receipt"] = "cybertip-receipt"
    version: Versioned = 1
    report_id: int
    destination: str
    draft_sha256: str
    finished_at: Instant
    preserve_until: Instant
    request_id: str
    files: tuple[FiledFile, ...]
    file_list: FileList


class Attempt(Value):
    """One report that was opened at the service, and what became of it."""

    report_id: int
    opened_at: Instant
    fate: str


class Filing(Document):
    """The life of one report: where it stands, what was tried, and the receipt when it is finished.

    `loud` is true while an escalated report is not finished: somebody has to be told until it is.
    """

    title_for_people: ClassVar[str] = "filing"

    kind: Literal["cybertip-filing"] = "cybertip-filing"
    version: Versioned = 1
    state: FilingState
    destination: str = ""
    draft_sha256: str = ""
    escalated: bool = False
    attempts: tuple[Attempt, ...] = ()
    expires_at: Instant | None = None
    last_words: str = ""
    receipt: Receipt | None = None

    @property
    def loud(self) -> bool:
        """Whether an escalation waits here."""
        return self.escalated and self.state is not FilingState.FINISHED

    @property
    def troubles(self) -> tuple[str, ...]:
        """What a person has to know about it, in words; nothing when all is well."""
        out = []
        if self.loud:
            out.append("An escalated report is not filed yet: a child may be in danger now.")
        if self.state is FilingState.UNRESOLVED:
            out.append("Whether the report is finished is not known; file it again to find out.")
        if self.state is FilingState.ABANDONED:
            out.append(f"It was given up and nothing is filed: {self.last_words}")
        if self.receipt is not None and self.receipt.file_list is FileList.DIFFERS:
            out.append("The service holds other files in the report than were sent; tell it, with the Request-ID.")
        return tuple(out)


def waiting(filings: Iterable[Filing]) -> tuple[Filing, ...]:
    """The filings that need somebody: escalated ones first, then unresolved ones, then by their expiry.

    An escalated one that was given up stays in the list: leave it out of `filings` once a new one has taken its place.
    """
    left = [f for f in filings if f.loud or f.state not in (FilingState.FINISHED, FilingState.ABANDONED)]

    def urgency(filing: Filing) -> tuple[bool, bool, float]:
        expires = filing.expires_at.timestamp() if filing.expires_at is not None else float("inf")
        return not filing.loud, filing.state is not FilingState.UNRESOLVED, expires

    return tuple(sorted(left, key=urgency))


@dataclass(slots=True)
class SentFile:
    """A file that the service has confirmed, and whether it has taken its description."""

    file_id: str
    md5: str
    described: bool = False


@dataclass(slots=True)
class OpenReport:
    """The report that is being filled.

    `pending` is an act that was begun and whose outcome nobody knows. `spoiled` says that the report may hold what
    nobody knows of, or was to be retracted: nothing is added to it any more, however often the process is killed.
    """

    report_id: int
    opened_at: datetime
    changed_at: datetime
    files: dict[str, SentFile] = field(default_factory=dict)
    pending: JournalEntry | None = None
    spoiled: bool = False
    finish_begun: bool = False


@dataclass(slots=True)
class Progress:
    """The journal, folded."""

    plan: JournalEntry | None = None
    report: OpenReport | None = None
    finished: JournalEntry | None = None
    abandoned: JournalEntry | None = None
    attempts: list[Attempt] = field(default_factory=list)
    last_words: str = ""

    @classmethod
    def of(cls, journal: Journal) -> Progress:
        """What the entries of a journal add up to."""
        progress = cls()
        for entry in journal.entries():
            progress.take(entry)
        return progress

    def take(self, entry: JournalEntry) -> None:
        """Go on by one entry."""
        if entry.says:
            self.last_words = entry.says
        if entry.step is Step.PLAN:
            self.plan = entry
        elif entry.step is Step.ABANDON:
            self.abandoned = entry
        elif entry.step is Step.SUBMIT:
            self._submit(entry)
        elif self.report is not None:
            self._within(entry, self.report)

    def _submit(self, entry: JournalEntry) -> None:
        if entry.phase is Phase.DONE and entry.report_id is not None:
            self.report = OpenReport(entry.report_id, entry.at, entry.at)
            self.attempts.append(Attempt(report_id=entry.report_id, opened_at=entry.at, fate="open"))

    def _within(self, entry: JournalEntry, report: OpenReport) -> None:
        if entry.step is Step.FINISH and entry.phase is Phase.BEGUN:
            report.finish_begun = True
        report.pending = entry if entry.phase is Phase.BEGUN else None
        if entry.step is Step.RETRACT or entry.phase in (Phase.LOST, Phase.REFUSED):
            report.spoiled = True
        if entry.phase is Phase.GONE:
            self._close("gone: the service does not know it any more")
        elif entry.step is Step.RETRACT and self._ends(entry, report):
            self._close("retracted" if entry.phase is Phase.DONE else "given up; it expires by itself")
        elif entry.phase is Phase.DONE:
            self._done(entry, report)

    @staticmethod
    def _ends(entry: JournalEntry, report: OpenReport) -> bool:
        """Whether a retraction closes the report here: surely, or because nobody will ever finish it."""
        return entry.phase is Phase.DONE or (entry.phase in (Phase.LOST, Phase.REFUSED) and not report.finish_begun)

    def _done(self, entry: JournalEntry, report: OpenReport) -> None:
        if entry.step is Step.UPLOAD and entry.key is not None and entry.file_id is not None:
            report.files[entry.key] = SentFile(entry.file_id, entry.md5 or "")
            report.changed_at = entry.at
        elif entry.step is Step.FILEINFO and entry.key in report.files:
            report.files[entry.key].described = True
            report.changed_at = entry.at
        elif entry.step is Step.FINISH:
            self.finished = entry
            self.attempts[-1] = self.attempts[-1].model_copy(update={"fate": "finished"})

    def _close(self, fate: str) -> None:
        self.attempts[-1] = self.attempts[-1].model_copy(update={"fate": fate})
        self.report = None

    @property
    def expires_at(self) -> datetime | None:
        """When the service drops the open report by itself: the later of the two limits."""
        if self.report is None:
            return None
        return max(self.report.opened_at + EXPIRES_AFTER_OPENING, self.report.changed_at + EXPIRES_AFTER_CHANGE)

    def state(self) -> FilingState:
        """Where the filing stands."""
        if self.finished is not None:
            return FilingState.FINISHED
        if self.report is not None and self.report.finish_begun:
            return FilingState.UNRESOLVED
        if self.abandoned is not None:
            return FilingState.ABANDONED
        return FilingState.NEW if self.report is None else FilingState.OPEN

    def filing(self) -> Filing:
        """The filing as a document."""
        return Filing(
            state=self.state(),
            destination=self.plan.destination if self.plan else "",
            draft_sha256=self.plan.draft_sha256 if self.plan else "",
            escalated=self.plan.escalated if self.plan else False,
            attempts=tuple(self.attempts),
            expires_at=None if self.finished else self.expires_at,
            last_words=self.last_words,
            receipt=self._receipt(),
        )

    def _receipt(self) -> Receipt | None:
        if self.finished is None or self.report is None or self.plan is None:
            return None
        sent = self.report.files
        listed = self.finished.file_ids
        verdict = FileList.UNKNOWN
        if listed is not None:
            same = sorted(listed) == sorted(f.file_id for f in sent.values())
            verdict = FileList.VERIFIED if same else FileList.DIFFERS
        return Receipt(
            report_id=self.report.report_id,
            destination=self.plan.destination,
            draft_sha256=self.plan.draft_sha256,
            finished_at=self.finished.at,
            preserve_until=self.finished.at + PRESERVATION,
            request_id=self.finished.request_id,
            files=tuple(FiledFile(key=k, file_id=f.file_id, md5=f.md5) for k, f in sent.items()),
            file_list=verdict,
        )


def filing_of(journal: Journal) -> Filing:
    """Where a filing stands, from its journal alone; asks nobody."""
    return Progress.of(journal).filing()
