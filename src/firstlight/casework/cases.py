"""Cases: a bundle and its place in the queue, computed anew from its members whenever one of them changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Literal

from sqlalchemy import ColumnElement, Row, exists, func, select
from sqlalchemy.orm import Session

from firstlight.banks import Flood
from firstlight.casework import floods, picking, turns
from firstlight.casework.home import Home, Work
from firstlight.casework.upload import Chat, Upload
from firstlight.errors import NotFoundError, StateError
from firstlight.origin import Verdict
from firstlight.store.tables import Case, Decision, Filing, Item
from firstlight.triage import (
    Lane,
    Member,
    Place,
    Priority,
    Unit,
    Waiting,
    arrange,
    units,
)
from firstlight.values import Document, Instant, Level, Reason, Sha256Hex, Value, Versioned

QUEUE = "queue"
"""The owner of what waits for a reviewer."""

REPORTED_ALREADY = " A report of it was filed before this was known: a supplementary report may be due."
"""What a case says in which something reported waits again."""


def of_bundle(work: Work, bundle: int, received: datetime) -> Case:
    """The case of a bundle, opened now if there is none."""
    case = work.session.scalar(select(Case).where(Case.bundle == bundle))
    if case is None:
        case = Case(
            bundle=bundle,
            state="open",
            level_rank=Level.STANDARD.rank,
            place_order=0.0,
            opened_at=received,
            deadline=received,
            owner=QUEUE,
            says="",
        )
        work.session.add(case)
        work.session.flush()
    return case


def one(work: Work, number: int) -> Case:
    """The case with this number.

    Raises:
        NotFoundError: there is none.
    """
    case = work.session.get(Case, number)
    if case is None:
        raise NotFoundError(f"There is no case {number}.", hint="`firstlight queue` lists the open ones.")
    return case


def item(work: Work, number: int) -> Item:
    """The item with this number.

    Raises:
        NotFoundError: there is none.
    """
    found = work.session.get(Item, number)
    if found is None:
        raise NotFoundError(f"There is no item {number}.", hint="`firstlight case show NUMBER` lists those of a case.")
    return found


def members(work: Work, case: Case) -> Sequence[Item]:
    """The items of a case, oldest first."""
    return work.session.scalars(select(Item).where(Item.case_id == case.id).order_by(Item.id)).all()


def review_units(work: Work, case: Case) -> tuple[Unit, ...]:
    """What is left to be reviewed in a case, soonest first; whatever speaks for a real child stands apart."""
    # Without the verdicts, which are large; and copies mostly have one priority, which then is read once.
    wanted = select(Item.id, Item.sha256, Item.received_at, Item.deadline, Item.priority)
    read = cache(Priority.from_json)
    rows = work.session.execute(wanted.where(Item.case_id == case.id, Item.state == "held").order_by(Item.id))
    return units(case.bundle, [_member(*row, read) for row in rows])


def place_again(work: Work, case: Case) -> None:
    """Give the case the state, level, order and deadline that follow from its members."""
    work.session.flush()
    left = review_units(work, case)
    if not left:
        reported = exists(select(Item.id).where(Item.case_id == case.id, Item.filing_id.is_not(None)))
        filed = work.session.scalar(select(reported)) and not _waits_for_report(work, case)
        case.state, case.waiting = "filed" if filed else "decided", 0
        return
    if case.state != "open":
        case.opened_at = min(unit.received for unit in left)  # it waits from now on, not from the first time
    first = left[0]
    _stand(case, Priority.from_json(work.session.get_one(Item, first.shown).priority or ""))
    case.state = "open"
    case.deadline = min(unit.deadline for unit in left)
    held = (Item.case_id == case.id, Item.state == "held")
    case.severity = work.session.scalar(select(func.max(Item.severity)).where(*held)) or 1
    case.owner = QUEUE
    case.waiting = sum(1 + len(unit.same_bytes) + len(unit.alike) for unit in left)
    case.reported = bool(work.session.scalar(select(exists(select(Item.id).where(*held, Item.filing_id.is_not(None))))))
    case.says = _words(case)


def place_with(work: Work, case: Case, item: Item) -> None:
    """What `place_again` does, for a case in which nothing changed but that this item came last; it costs the same
    however many copies are there."""
    if case.state != "open" or item.state != "held" or not case.waiting or not case.why:
        place_again(work, case)
        return
    priority = Priority.from_json(item.priority or "")
    if priority.sort_key < (case.level_rank, -case.place_order):
        _stand(case, priority)
    case.waiting += 1
    case.deadline = min(case.deadline, item.deadline)
    case.severity = max(case.severity, item.severity)
    case.says = _words(case)


def _stand(case: Case, priority: Priority) -> None:
    """The place of a case whose soonest item has this priority, and why."""
    moving = [reason.says for reason in priority.reasons.because if reason.rule not in ("base", "leads")]
    case.level_rank, case.place_order, case.cause = priority.level.rank, priority.order, priority.asked_by
    case.why = " ".join(moving or [NOTHING_MOVES_IT])


def _words(case: Case) -> str:
    copies = f" {case.waiting} copies in one case." if case.waiting > 1 else ""
    return case.why + copies + (REPORTED_ALREADY if case.reported else "")


def in_no_filing() -> ColumnElement[bool]:
    """That an item is in no filing that was begun; what was reported and then came back to a person is in none."""
    return Item.filing_id.is_(None) | Item.filing_id.in_(select(Filing.id).where(Filing.receipt.is_not(None)))


def _waits_for_report(work: Work, case: Case) -> bool:
    wanted = (
        select(Item.id)
        .join(Decision, Decision.item_id == Item.id)
        .where(Item.case_id == case.id, Item.state == "decided", Decision.finding == "report")
        .where(Decision.withdrawn_at.is_(None))
    )
    return work.session.scalar(wanted.limit(1)) is not None


def _member(
    key: int,
    sha256: str,
    received: datetime,
    deadline: datetime,
    priority: str | None,
    read: Callable[[str], Priority],
) -> Member:
    known = read(priority or "")
    return Member(key, sha256, known.level, known.order, received, deadline, known.raising)


NOTHING_MOVES_IT = "It counts as a real child until something else is known."
"""Read before a reviewer's own judgement, so it does not tell whether signs of origin were found."""


class QueuePlace(Value):
    """One case in the queue: its place (1 is next), and why it stands there."""

    place: int
    case: int
    lane: Lane
    level: Level
    order: float
    items: int
    deadline: Instant
    overdue: bool
    says: str


class QueueView(Document):
    """The queue as it stands: every open case, each exactly once, or the first of them; `waiting` counts all."""

    title_for_people: ClassVar[str] = "queue"

    kind: Literal["queue"] = "queue"
    version: Versioned = 1
    at: Instant
    unexamined: int
    waiting: int = 0
    floods: tuple[Flood, ...] = ()
    places: tuple[QueuePlace, ...]


def queue(home: Home, *, seed: int = 0, limit: int | None = None) -> QueueView:
    """Every open case in the order in which reviewers get them, or the first `limit` of them, which costs the same
    however many wait. `seed` decides the audit's draws and nothing else; the draws that count are those of seed 0, and
    they are made when their turn comes: beyond the first place a draw is an example."""
    now = home.clock.now()
    with home.look() as work:
        rows: Sequence[Case | Row[Any]] = open_cases(work.session) if limit is None else picking.ahead(work, limit)
        waiting = work.session.scalar(select(func.count()).where(Case.state == "open")) or 0
        unexamined = work.session.scalar(select(func.count()).where(Item.verdict.is_(None))) or 0
        taken = turns.load(work.session)
        first = picking.upcoming(work, home.table) if seed == 0 else None
        taken = first.turns if first else taken
    by_id: dict[int, Case | Row[Any]] = {case.id: case for case in rows}
    if first is not None:
        by_id[first.case.id] = first.case
    places = arrange(
        map(as_waiting, by_id.values()),
        now,
        home.table,
        taken.draws(seed),
        turn=taken.count,
        owed=taken.owed,
        urgent=taken.urgent,
        first=None if first is None else (first.case.id, first.lane),
        limit=limit,
    )
    with home.look() as work:
        counts = _held(work, None if limit is None else [place.key for place in places])
    return QueueView(
        at=now,
        unexamined=unexamined,
        waiting=waiting,
        floods=floods.asking(home),
        places=tuple(_queue_place(place, by_id[place.key], counts.get(place.key, 0)) for place in places),
    )


def _held(work: Work, of: Sequence[int] | None) -> dict[int | None, int]:
    """How many items wait in each of these cases, or in all."""
    wanted = select(Item.case_id, func.count()).where(Item.state == "held").group_by(Item.case_id)
    rows = work.session.execute(wanted if of is None else wanted.where(Item.case_id.in_(of)))
    return dict(rows.all())


def open_cases(session: Session) -> Sequence[Case]:
    """Every case in which something waits."""
    return session.scalars(select(Case).where(Case.state == "open").order_by(Case.id)).all()


def as_waiting(case: Case | Row[Any]) -> Waiting:
    """The case as the lanes see it."""
    return Waiting(
        key=case.id,
        level=list(Level)[case.level_rank],
        order=case.place_order,
        received=case.opened_at,
        deadline=case.deadline,
        burden=case.severity,
        says=case.says,
        cause=case.cause,
    )


def _queue_place(place: Place, case: Case | Row[Any], items: int) -> QueuePlace:
    return QueuePlace(
        place=place.position + 1,
        case=place.key,
        lane=place.lane,
        level=place.level,
        order=place.order,
        items=items,
        deadline=case.deadline,
        overdue=place.overdue,
        says=place.says,
    )


class ItemView(Value):
    """One item of a case, with what is known of it."""

    item: int
    state: str
    name: str
    account: str
    sha256: Sha256Hex
    size: int
    media_type: str
    received_at: Instant
    deadline: Instant
    priority: Reason
    verdict: Reason
    chats: tuple[Chat, ...] = ()


class CaseView(Document):
    """A case as it stands."""

    title_for_people: ClassVar[str] = "case"

    kind: Literal["case"] = "case"
    version: Versioned = 1
    case: int
    state: str
    level: Level
    order: float
    opened_at: Instant
    deadline: Instant
    says: str
    items: tuple[ItemView, ...]


def show(home: Home, number: int) -> CaseView:
    """The case with this number.

    Raises:
        NotFoundError: there is none.
    """
    with home.look() as work:
        case = one(work, number)
        items = members(work, case)
    return CaseView(
        case=case.id,
        state=case.state,
        level=list(Level)[case.level_rank],
        order=case.place_order,
        opened_at=case.opened_at,
        deadline=case.deadline,
        says=case.says,
        items=tuple(_item_view(each) for each in items),
    )


def _item_view(item: Item) -> ItemView:
    upload = Upload.from_json(item.upload)
    return ItemView(
        item=item.id,
        state=item.state,
        name=upload.name,
        account=upload.account,
        sha256=item.sha256,
        size=item.size,
        media_type=item.media_type,
        received_at=item.received_at,
        deadline=item.deadline,
        priority=Priority.from_json(item.priority or "").reasons,
        verdict=Verdict.from_json(item.verdict or "").reasons,
        chats=upload.chats,
    )


def waiting_for_report(home: Home) -> tuple[int, ...]:
    """The cases in which something was decided to be reported and has no receipt yet, oldest decision first."""
    with home.look() as work:
        rows = work.session.scalars(
            select(Item.case_id)
            .join(Decision, Decision.item_id == Item.id)
            .where(Item.state == "decided", Decision.finding == "report", Decision.withdrawn_at.is_(None))
            .order_by(Decision.id)
        ).all()
    return tuple(dict.fromkeys(number for number in rows if number is not None))


def priority_of(home: Home, source: str) -> Priority:
    """The priority of the latest item from this source.

    Raises:
        NotFoundError: nothing examined came from there.
    """
    with home.look() as work:
        wanted = select(Item.priority).where(Item.source == source, Item.priority.is_not(None))
        text = work.session.scalar(wanted.order_by(Item.id.desc()).limit(1))
    if text is None:
        raise NotFoundError(f"Nothing that was examined came from {source}.")
    return Priority.from_json(text)


def next_unit(home: Home, number: int) -> Unit:
    """What is to be looked at next in a case.

    Raises:
        StateError: nothing in it waits.
    """
    left = units_left(home, number)
    if not left:
        raise StateError(f"Nothing in case {number} waits for a decision.")
    return left[0]


def units_left(home: Home, number: int) -> tuple[Unit, ...]:
    """What is left to be reviewed in a case, soonest first."""
    with home.look() as work:
        return review_units(work, one(work, number))
