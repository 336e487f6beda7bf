"""Nothing is lost silently: what came in equals what is held, decided and filed, and each claim is checked twice.

The custody log and the tables are written in one transaction but read apart here, so that a fault in one shows
against the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from firstlight.casework.filing import ENDED
from firstlight.casework.home import Home, Work
from firstlight.custody import EventType, Stored
from firstlight.errors import FirstlightError
from firstlight.store.tables import Case, Decision, Filing, Item
from firstlight.values import Document, Instant, Value, Versioned

Count = Annotated[int, Field(ge=0)]


class Discrepancy(Value):
    """Something that does not add up, and what to do about it."""

    about: str
    says: str
    hint: str


class Reconciliation(Document):
    """The account of a home at one time. `discrepancies` is empty when everything adds up."""

    title_for_people: ClassVar[str] = "reconciliation"

    kind: Literal["reconciliation"] = "reconciliation"
    version: Versioned = 1
    at: Instant
    came_in: Count
    held: Count
    decided: Count
    filed: Count
    unexamined: Count
    overdue: Count
    reports_unfinished: Count
    log_entries: Count
    discrepancies: tuple[Discrepancy, ...]

    @property
    def adds_up(self) -> bool:
        """Whether nothing is missing and nothing contradicts."""
        return not self.discrepancies


_RESTORE = "Stop writing to this home, keep it as it is, and compare it with the backup."


def reconcile(home: Home, *, originals: bool = False) -> Reconciliation:
    """Count everything twice and compare; with `originals`, also open and hash every original in the vault."""
    now = home.clock.now()
    with home.look() as work:
        session = work.session
        states = Counter(dict(session.execute(select(Item.state, func.count()).group_by(Item.state)).tuples().all()))
        unexamined = _count(session, select(Item.id).where(Item.verdict.is_(None)))
        overdue = _count(session, select(Item.id).where(Item.state == "held", Item.deadline < now))
        unfinished = _count(session, select(Filing.id).where(Filing.state.not_in(ENDED)))
        check = work.log.verify()
        found = [Discrepancy(about="custody log", says=one.says, hint=_RESTORE) for one in check.findings]
        came_in = 0
        if check.ok:
            logged = _logged(work)
            came_in = logged[EventType.INGEST].total()
            found += _against_the_log(session, logged)
        found += _states(session)
        rows = session.execute(select(Item.id, Item.stored)).tuples().all()
    found += _vault(home, rows, originals=originals)
    return Reconciliation(
        at=now,
        came_in=came_in,
        held=states["held"],
        decided=states["decided"],
        filed=states["filed"],
        unexamined=unexamined,
        overdue=overdue,
        reports_unfinished=unfinished,
        log_entries=check.size,
        discrepancies=tuple(found),
    )


def _count(session: Session, wanted: Select[int]) -> int:
    return session.scalar(select(func.count()).select_from(wanted.subquery())) or 0


def _logged(work: Work) -> dict[EventType, Counter[str]]:
    """How often the log says of which bytes that they came in and that they were decided."""
    found: dict[EventType, Counter[str]] = {EventType.INGEST: Counter(), EventType.DECIDE: Counter()}
    for entry in work.log.entries(types=list(found)):
        if entry.event is not None and entry.event.subject is not None:
            found[entry.event.type][entry.event.subject] += 1
    return found


def _against_the_log(session: Session, logged: dict[EventType, Counter[str]]) -> Iterator[Discrepancy]:
    """Every item was logged when it came in, and every decision was logged as well."""
    rows = {
        EventType.INGEST: ("came in", select(Item.sha256)),
        EventType.DECIDE: ("were decided", select(Item.sha256).join(Decision, Decision.item_id == Item.id)),
    }
    for kind, (what, wanted) in rows.items():
        there = Counter(session.scalars(wanted).all())
        missing, extra = (there - logged[kind]).total(), (logged[kind] - there).total()
        if missing:
            says = f"{missing} items {what}, and the log does not say so."
            yield Discrepancy(about="custody log", says=says, hint=_RESTORE)
        if extra:
            says = f"The log says that {extra} items {what} which are not there."
            yield Discrepancy(about="items", says=says, hint=_RESTORE)


def _states(session: Session) -> Iterator[Discrepancy]:
    """Each state rests on what brings it about, and everything held has a case, an owner and a deadline."""
    decided = select(Decision.id).where(Decision.item_id == Item.id).exists()
    receipt = select(Filing.id).where(Filing.id == Item.filing_id, Filing.receipt.is_not(None)).exists()
    homeless = Item.verdict.is_not(None) & (Item.case_id.is_(None) | (Item.owner == ""))
    closed = select(Case.id).where(Case.id == Item.case_id, Case.state == "open").exists()
    for says, condition in (
        ("are decided or filed without a decision", Item.state.in_(["decided", "filed"]) & ~decided),
        ("are filed without a receipt", (Item.state == "filed") & ~receipt),
        ("were examined and belong to no case or nobody", homeless),
        ("are held in a case that is closed", (Item.state == "held") & Item.case_id.is_not(None) & ~closed),
    ):
        numbers = session.scalars(select(Item.id).where(condition).order_by(Item.id)).all()
        if numbers:
            first = ", ".join(map(str, numbers[:5]))
            yield Discrepancy(about="items", says=f"{len(numbers)} items {says} (first: {first}).", hint=_RESTORE)


def _vault(home: Home, rows: Sequence[tuple[int, str]], *, originals: bool) -> Iterator[Discrepancy]:
    """Every original lies where it was put."""
    there = {object_id for _, object_id in home.vault}
    for number, text in rows:
        stored = Stored.from_json(text)
        if stored.id not in there:
            yield Discrepancy(about="vault", says=f"The original of item {number} is gone.", hint=_RESTORE)
        elif originals:
            try:
                home.vault.check(stored)
            except FirstlightError as e:
                yield Discrepancy(about="vault", says=f"Item {number}: {e.diagnostics().message}", hint=_RESTORE)
