"""All filings of a home at a glance: what waits to be filed, how many were, and the same facts for another hotline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from sqlalchemy import select

from firstlight.casework import cases, facts, reportable
from firstlight.casework.home import SERVICE, Home, case_name
from firstlight.casework.journal import SqlJournal
from firstlight.custody import EventType
from firstlight.cybertip import Draft, Filing, FilingState, Production, Receipt
from firstlight.cybertip import waiting as by_urgency
from firstlight.cybertip.dossier import DossierNote, write_dossier
from firstlight.cybertip.statistics import ReportStatistics, counted, statistics
from firstlight.errors import InputError, StateError
from firstlight.store import tables
from firstlight.values import Document, Instant, Value, Versioned


class WaitingReport(Value):
    """One report that waits. `filing` is none when it is decided and nobody has begun to file it.

    `troubles` is what a person has to know, in words; `given_up` why an earlier filing of it ended without a report.
    """

    case: int
    account: str
    escalated: bool
    filing: int | None = None
    state: FilingState = FilingState.NEW
    expires_at: Instant | None = None
    troubles: tuple[str, ...] = ()
    last_words: str = ""
    given_up: str = ""


class WaitingReports(Document):
    """Every report that is decided and not finished, most urgent first."""

    title_for_people: ClassVar[str] = "reports that wait"

    kind: Literal["waiting-reports"] = "waiting-reports"
    version: Versioned = 1
    at: Instant
    reports: tuple[WaitingReport, ...]

    @property
    def loud(self) -> tuple[WaitingReport, ...]:
        """Those that are escalated: somebody has to be told until they are finished."""
        return tuple(one for one in self.reports if one.escalated)


def waiting(home: Home) -> WaitingReports:
    """What waits to be filed: escalated reports first, then unresolved filings, then by their expiry.

    A filing that was given up is not in it; what it held waits again, and says why it was given up.
    """
    with home.look() as work:
        wanted = select(tables.Filing.id, tables.Filing.case_id, tables.Filing.account).order_by(tables.Filing.id)
        wanted = wanted.where(tables.Filing.state != FilingState.FINISHED.value)
        rows = [(number, case, account) for number, case, account in work.session.execute(wanted)]
    filings = [(*row, SqlJournal(home, row[0], row[1]).filing()) for row in rows]
    given_up = {(case, account): one.last_words for _, case, account, one in filings if _gave_up(one)}
    begun = {id(one): (number, case, account) for number, case, account, one in filings if not _gave_up(one)}
    made = [
        _begun(*begun[id(one)], one, escalated=one.escalated or _asks_to_be_read_at_once(home, begun[id(one)][0]))
        for one in by_urgency(one for *_, one in filings if id(one) in begun)
    ]
    made += _not_begun(home, given_up)
    return WaitingReports(at=home.clock.now(), reports=tuple(sorted(made, key=lambda one: not one.escalated)))


def _gave_up(filing: Filing) -> bool:
    return filing.state is FilingState.ABANDONED


def _asks_to_be_read_at_once(home: Home, number: int) -> bool:
    """By the draft itself: a filing that could not even be planned does not know it yet."""
    with home.look() as work:
        draft = Draft.from_json(work.session.get_one(tables.Filing, number).draft)
    return facts.asks_to_be_read_at_once(draft)


ESCALATION_WAITS = "An escalated report is not filed yet: a child may be in danger now."
POLICY_MISSING = "All of it is drawn: it is filed only under a written policy, and the settings name none."


def _begun(number: int, case: int, account: str, filing: Filing, *, escalated: bool) -> WaitingReport:
    troubles = filing.troubles
    if escalated and ESCALATION_WAITS not in troubles:
        troubles = (ESCALATION_WAITS, *troubles)
    return WaitingReport(
        case=case,
        account=account,
        escalated=escalated,
        filing=number,
        state=filing.state,
        expires_at=filing.expires_at,
        troubles=troubles,
        last_words=filing.last_words,
    )


def _not_begun(home: Home, given_up: dict[tuple[int, str], str]) -> Iterator[WaitingReport]:
    waiting = cases.waiting_for_report(home)
    with home.look() as work:
        for case in waiting:
            for about in reportable.of_case(work, case):
                troubles = (ESCALATION_WAITS,) if about.escalated else ()
                if facts.lacks_policy(home, about):
                    troubles = (*troubles, POLICY_MISSING)
                yield WaitingReport(
                    case=case,
                    account=about.name,
                    escalated=about.escalated,
                    troubles=troubles,
                    given_up=given_up.get((case, about.name), ""),
                )


def report_statistics(home: Home, destination: str | None = None) -> ReportStatistics:
    """The finished reports by month, and what the AI-related ones rest on by the custody log.

    With a `destination`, only those that were filed with it; otherwise those of the simulator count as well.
    """
    with home.look() as work:
        rows = work.session.execute(
            select(tables.Filing.draft, tables.Filing.receipt).where(tables.Filing.receipt.is_not(None))
        ).all()
    record = facts.SqlRecord(home)
    return statistics(
        counted(Draft.from_json(draft), record, receipt.finished_at)
        for draft, receipt in ((draft, Receipt.from_json(text)) for draft, text in rows if text)
        if destination in (None, facts.destination_of(receipt))
    )


def dossiers(home: Home, case_number: int, into: Path, *, actor: str = SERVICE) -> tuple[DossierNote, ...]:
    """Write what is decided to be reported as dossiers, one a reported account, each a new folder below `into`.

    A dossier serves where a hotline has no interface. It is no filing: what it says still waits to be reported.

    Raises:
        NotFoundError: there is no such case.
        StateError: nothing in the case is decided to be reported.
        InputError: a dossier of this case is there already.
        StorageError: it cannot be written.
    """
    with home.look() as work:
        groups = reportable.of_case(work, case_number, filed_too=True)
        told = [facts.case_facts(home, work, one, destination=Production.name) for one in groups]
    if not groups:
        raise StateError(
            f"Nothing in case {case_number} is decided to be reported.",
            hint="Decide it first: firstlight case decide NUMBER --finding report ...",
        )
    names = [f"{case_name(case_number)}-dossier-{number}" for number in range(1, len(groups) + 1)]
    there = next((name for name in names if (into / name).exists()), None)
    if there is not None:
        raise InputError(f"{into / there} is already there.", hint="Name another folder; none is ever overwritten.")
    made = []
    for name, group, about in zip(names, groups, told, strict=True):
        files = [file.digests.sha256 for file in about.files]
        with home.work() as work:  # what leaves the house is logged, and nothing is logged that did not
            work.record(EventType.EXPORT, actor=actor, case=case_number, dossier=name, account=group.name, files=files)
            made.append(write_dossier(about, into / name, at=home.clock.now(), reference=name))
    return tuple(made)
