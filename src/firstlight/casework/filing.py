"""Filing: from a decision to a receipt, exactly once.

A filing begins with a frozen draft in the tables. From then on it is gone on with, never begun anew: after a crash,
a time-out or a refusal the same draft and the same journal say what is safe to do next.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, ClassVar, Literal

from sqlalchemy import func, select, update

from firstlight.casework import cases, facts, reportable, retention, supplements
from firstlight.casework.home import SERVICE, Home, Work
from firstlight.casework.journal import SqlJournal
from firstlight.casework.parts import in_parts
from firstlight.casework.received.document import came_with_statements
from firstlight.casework.reportable import Group
from firstlight.custody import EventType, Stored
from firstlight.cybertip import (
    Client,
    Draft,
    Filing,
    FilingState,
    FindingKind,
    Findings,
    PlannedFile,
    RetryPolicy,
    abandon,
    check,
    draft_report,
    file_report,
)
from firstlight.cybertip.drafting.batch import draft_batch
from firstlight.cybertip.filing.policy import is_drawn_only, require_policy
from firstlight.errors import FirstlightError, InputError, RefusedError, StateError
from firstlight.store import StillAlone, tables
from firstlight.store.tables import Item
from firstlight.values import Document, Versioned

CREDENTIALS = "upstream.credentials"
ENDED = (FilingState.FINISHED.value, FilingState.ABANDONED.value)


class DraftedReport(Document):
    """A draft with the outcome of its check.

    `lacks_policy` says that all of it is drawn and no written policy of the operator lets it be filed.
    """

    title_for_people: ClassVar[str] = "drafted report"

    kind: Literal["drafted-report"] = "drafted-report"
    version: Versioned = 1
    case: int
    account: str
    draft: Draft
    findings: Findings
    lacks_policy: bool = False


def draft(
    home: Home, case_number: int, *, destination: str = facts.SIMULATOR, batched: bool = False
) -> tuple[DraftedReport, ...]:
    """The reports that the decisions on a case ask for, one for each account, drafted and checked; nothing is kept.

    `batched` puts accounts of which nothing is known but that they passed on one viral file into one report.

    Raises:
        NotFoundError: there is no such case.
        InputError: the settings do not say who reports.
    """
    _require_our_own(home, case_number)
    with home.look() as work:
        groups = reportable.of_case(work, case_number, batched=batched)
        drafts = [drafted(home, work, group, destination) for group in groups]
    return tuple(checked(home, case_number, *one, destination) for one in zip(groups, drafts, strict=True))


def checked(home: Home, case_number: int, about: Group, report: Draft, destination: str) -> DraftedReport:
    """The document of a draft and its check."""
    findings = check(report, facts.SqlRecord(home, destination), at=home.clock.now())
    lacks_policy = is_drawn_only(report) and not facts.has_drawn_policy(home)
    return DraftedReport(
        case=case_number, account=about.name, draft=report, findings=findings, lacks_policy=lacks_policy
    )


def drafted(home: Home, work: Work, about: Group, destination: str) -> Draft:
    """The draft of one report.

    Raises:
        InputError: the settings do not say who reports.
        IntegrityError: what is said of an upload is not what was logged of it.
    """
    if about.batched:
        return draft_batch(facts.batch_facts(home, work, about))
    return draft_report(facts.case_facts(home, work, about, destination=destination))


def _require_our_own(home: Home, case_number: int) -> None:
    """What others sent is theirs to report: their statements never become a report of ours."""
    with home.look() as work:
        theirs = select(Item.id).where(Item.case_id == cases.one(work, case_number).id, came_with_statements())
        if work.session.scalar(theirs.limit(1)) is not None:
            raise StateError(
                f"Case {case_number} was received from somebody else; it holds their statements and no file of ours.",
                hint="Report what your own service found, as a case of its own.",
            )


def file_case(
    home: Home,
    case_number: int,
    client: Client,
    *,
    actor: str = SERVICE,
    retries: RetryPolicy | None = None,
    batched: bool = False,
) -> tuple[Filing, ...]:
    """File every report that the decisions on this case ask for, and go on with those that were begun.

    `batched` is as in `draft`.

    Escalated ones go first, and one that fails does not keep the others from being filed: all are gone through, and
    then the first failure is raised with a word about the others. Call it again after any failure: what is filed is
    not filed twice, and what was begun is brought to its end.

    Raises:
        StateError: nothing in the case is decided to be reported.
        RefusedError: a report is invalid, or claims what nobody recorded.
        UpstreamError: the service could not be reached; call again.
    """
    reports: list[tuple[bool, int | Group]] = [*_begun(home, case_number)]
    with home.look() as work:
        reports += [(one.escalated, one) for one in reportable.of_case(work, case_number, batched=batched)]
    if not reports:
        raise StateError(
            f"Nothing in case {case_number} waits to be reported.",
            hint="`firstlight case show` tells what was decided and what was filed.",
        )
    done: list[Filing] = []
    failed: list[FirstlightError] = []
    for _, one in sorted(reports, key=lambda report: not report[0]):
        try:
            number = one if isinstance(one, int) else _begin(home, client, case_number, one, actor)
            done.append(_go_on(home, number, client, retries))
        except FirstlightError as e:
            failed.append(e)
            if e.diagnostics().code == CREDENTIALS:
                break  # they would be refused for every other report too
    if failed:
        raise _with_a_word(failed[0], len(reports), len(done))
    return tuple(done)


def _with_a_word(error: FirstlightError, reports: int, done: int) -> FirstlightError:
    """The error, saying as well what became of the case's other reports."""
    if reports == 1:
        return error
    found = error.diagnostics()
    word = f"Of the {reports} reports of this case, {done} are filed and {reports - done} wait."
    return type(error)(f"{found.message} {word}", hint=found.hint, code=found.code, **found.facts).with_traceback(
        error.__traceback__
    )


def give_up(
    home: Home, case_number: int, client: Client, *, why: str, actor: str, only: int | None = None
) -> tuple[Filing, ...]:
    """Abandon the filings of a case that were begun and have not ended, or `only` the one with this number.

    Open reports are retracted. What the filings held waits again, to be drafted anew.

    Raises:
        InputError: no reason is given, or nobody is named.
        StateError: there is no such filing, or its report is finished or may be; file it again to find out.
        UpstreamError: the service could not be reached.
    """
    if not why.strip() or not actor.strip():
        raise InputError("A filing is not given up without a reason and a name.", hint="Say why, and who you are.")
    numbers = [number for _, number in _begun(home, case_number) if only in (None, number)]
    if not numbers:
        raise StateError(
            f"No filing of case {case_number} waits" + (f" under the number {only}." if only is not None else "."),
            hint="`firstlight cybertip waiting` lists those that wait, with their numbers.",
        )
    made = []
    for number in numbers:
        with _alone(home, number) as still:
            journal = SqlJournal(home, number, case_number, actor=actor, still_alone=still)
            try:
                made.append(abandon(client, journal, clock=home.clock, reason=why))
            finally:
                _keep_state(home, number, journal.filing())
    return tuple(made)


def filings(home: Home, case_number: int) -> tuple[Filing, ...]:
    """Every filing of a case, oldest first."""
    with home.look() as work:
        numbers = work.session.scalars(
            select(tables.Filing.id).where(tables.Filing.case_id == case_number).order_by(tables.Filing.id)
        ).all()
    return tuple(SqlJournal(home, number, case_number).filing() for number in numbers)


def _begun(home: Home, case_number: int) -> list[tuple[bool, int]]:
    """The filings of a case that were begun and have not ended, oldest first, and whether each is escalated."""
    with home.look() as work:
        cases.one(work, case_number)
        wanted = select(tables.Filing.id, tables.Filing.draft).where(
            tables.Filing.case_id == case_number, tables.Filing.state.not_in(ENDED)
        )
        rows = work.session.execute(wanted.order_by(tables.Filing.id)).all()
    return [(facts.asks_to_be_read_at_once(Draft.from_json(text)), number) for number, text in rows]


def _begin(home: Home, client: Client, case_number: int, about: Group, actor: str) -> int:
    """Freeze the draft of what is decided and not in a filing yet; one that may not be filed is not frozen.

    The write lock is held from before the items are looked at, so that no two filings ever hold the same item.
    """
    with home.work() as work:
        last = work.session.scalar(select(func.max(tables.Filing.round)).where(tables.Filing.case_id == case_number))
        kind = client.destination.name
        reportable.require_waiting(work, about)
        report = drafted(home, work, about, kind)
        require_policy(report, facts.drawn_policy(home))
        _require_fit(check(report, facts.SqlRecord(home, kind), at=home.clock.now(), schema=client.schema))
        row = tables.Filing(
            case_id=case_number,
            round=1 if last is None else last + 1,
            account=about.name,
            state=FilingState.NEW.value,
            drafted_at=work.clock.now(),
            draft=report.to_json().decode(),
            receipt=None,
        )
        work.session.add(row)
        work.session.flush()
        for part in in_parts(about.items):
            work.session.execute(update(Item).where(Item.id.in_(part)).values(filing_id=row.id))
        work.record(EventType.REPORT_DRAFTED, actor=actor, case=case_number, filing=row.id)
        return row.id


def _require_fit(findings: Findings) -> None:
    """Return if the report may be filed.

    Raises:
        RefusedError: it is invalid, or claims what nobody recorded.
    """
    if not findings.may_be_filed:
        wrong = [*findings.of_kind(FindingKind.INVALID), *findings.of_kind(FindingKind.UNTRUE)]
        raise RefusedError(
            f"The report cannot be filed: {wrong[0].says}",
            hint=wrong[0].do or "`firstlight cybertip draft` shows all findings.",
            code=f"refused.{wrong[0].kind.value}",
            rule=wrong[0].rule,
            findings=len(wrong),
        )


def _alone(home: Home, number: int) -> AbstractContextManager[StillAlone]:
    """One process at a time, of every machine that shares the database, works on a filing."""
    return home.database.alone(f"filing-{number}")


def _go_on(home: Home, number: int, client: Client, retries: RetryPolicy | None) -> Filing:
    with _alone(home, number) as still:
        return _go_on_alone(home, number, client, retries, still)


def _go_on_alone(
    home: Home, number: int, client: Client, retries: RetryPolicy | None, still_alone: StillAlone
) -> Filing:
    with home.look() as work:
        row = work.session.get_one(tables.Filing, number)
        report = Draft.from_json(row.draft)
        case_number = row.case_id
    journal = SqlJournal(home, number, case_number, still_alone=still_alone)
    try:
        filing = file_report(
            client,
            report,
            _opener(home),
            record=facts.SqlRecord(home, client.destination.name),
            journal=journal,
            clock=home.clock,
            retries=retries,
            drawn_policy=facts.drawn_policy(home),
        )
    except RefusedError as e:
        if journal.filing().state is FilingState.NEW:  # nothing is open at the service: let the items be drafted anew
            abandon(client, journal, clock=home.clock, reason=e.diagnostics().message)
        _keep_state(home, number, journal.filing())
        raise
    except BaseException:
        _keep_state(home, number, journal.filing())
        raise
    _keep_state(home, number, filing)
    return filing


def _keep_state(home: Home, number: int, filing: Filing) -> None:
    """Take over what the journal says: an abandoned filing lets its items go, a finished one settles them."""
    with home.work() as work:
        row = work.session.get_one(tables.Filing, number)
        row.state = filing.state.value
        items = work.session.scalars(select(Item).where(Item.filing_id == number).order_by(Item.id)).all()
        if filing.state is FilingState.ABANDONED:
            for item in items:
                item.filing_id = None
        if filing.receipt is not None and row.receipt is None:
            row.receipt = filing.receipt.to_json().decode()
            for item in items:
                item.state = "filed"
                item.owner = "preservation"
                item.deadline = filing.receipt.preserve_until
                retention.extend_by_report(work, item, filing.receipt)
        work.session.flush()
        retention.start_clocks(work, row.case_id)
        cases.place_again(work, cases.one(work, row.case_id))


def _opener(home: Home) -> Callable[[PlannedFile], BinaryIO]:
    def open_file(file: PlannedFile) -> BinaryIO:
        with home.look() as work:
            stored = _bytes_of(work, file.key)
        return home.vault.open(stored)

    return open_file


def _bytes_of(work: Work, key: str) -> Stored:
    """Where the bytes of a draft's file lie: an item's original, or a context file of one."""
    if key.startswith("item-"):
        return Stored.from_json(cases.item(work, int(key.removeprefix("item-"))).stored)
    context = supplements.of_item(work, int(key.split("-")[1]))
    return next(one.stored for one in context if one.key == key)
