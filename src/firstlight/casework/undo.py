"""Undo: a decision can be taken back for thirty seconds, by whoever made it, as long as nothing has left.

A decision is a record and stays one. Taking it back is an event of its own; the items wait again, as they did. No
picture is shown for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from sqlalchemy import delete, select, update

from firstlight.casework import cases, lowering, turns
from firstlight.casework.home import Home, Work, case_name
from firstlight.casework.parts import in_parts
from firstlight.casework.review import Decision, Finding
from firstlight.clock import to_text
from firstlight.custody import Event, EventType
from firstlight.errors import StateError
from firstlight.store import tables
from firstlight.store.tables import Assignment, Item
from firstlight.triage import Lane
from firstlight.values import Document, Instant, Versioned

UNDO_LIFE = timedelta(seconds=30)
"""How long a decision can be taken back, and how long a report waits before it leaves from a screen."""


class Undoable(Document):
    """What this person may still take back in a case: the items, and until when."""

    title_for_people: ClassVar[str] = "decision that can be undone"

    kind: Literal["undoable"] = "undoable"
    version: Versioned = 1
    at: Instant
    case: int
    items: tuple[int, ...]
    until: Instant

    @property
    def seconds(self) -> int:
        """Seconds that are left, rounded up."""
        return max(0, -int((self.at - self.until) // timedelta(seconds=1)))


def undoable(home: Home, case_number: int, *, actor: str) -> Undoable | None:
    """What this person may still take back in a case, if anything."""
    with home.look() as work:
        now = work.clock.now()
        rows = _recent(work, case_number, actor, now)
    if not rows:
        return None
    latest = max(row.at for row in rows)
    items = tuple(row.item_id for row in rows)
    return Undoable(at=now, case=case_number, items=items, until=latest + UNDO_LIFE)


def undo(home: Home, case_number: int, *, actor: str) -> tuple[Decision, ...]:
    """Take back what this person decided in this case within the last thirty seconds: all of it, or nothing.

    What came in meanwhile and took one of these decisions over waits again as well.

    Raises:
        StateError: there is nothing to take back any more.
    """
    with home.work() as work:
        now = work.clock.now()
        rows = _recent(work, case_number, actor, now)
        if not rows:
            raise StateError(
                f"Nothing in case {case_number} can be taken back any more.",
                hint=f"A decision can be undone for {UNDO_LIFE.seconds} seconds, by whoever made it.",
            )
        rows = [*rows, *_taken_over(work, case_number, rows)]
        taken = tuple(Decision.from_json(row.document) for row in rows)
        _give_back_turn(work, case_number, taken, actor)
        for part in in_parts([row.id for row in rows]):
            mine = tables.Decision.id.in_(part)
            work.session.execute(update(tables.Decision).where(mine).values(withdrawn_at=now))
        wait_again(work, case_number, {one.item: one.sha256 for one in taken}, actor)
        first = {one.sha256: one.item for one in reversed(taken)}
        for sha256 in lowering.compared(work, case_number, first):
            lowering.compare_again(work, work.session.get_one(Item, first[sha256]), actor=actor)
        work.log.append_many([_withdrawn(work, one, actor) for one in taken])
        work.session.flush()
        cases.place_again(work, cases.one(work, case_number))
    return taken


def _withdrawn(work: Work, one: Decision, actor: str) -> Event:
    told: dict[str, object] = {"item": one.item, "decided_at": to_text(one.at)}
    return work.event(EventType.DECISION_WITHDRAWN, actor, one.case, one.sha256, told)


def require_settled(home: Home, case_number: int) -> None:
    """Return if every decision of a case is older than the time in which it can be undone.

    Raises:
        StateError: one is not; the hint says when.
    """
    left = settles_in(home, case_number)
    if left:
        raise StateError("Nothing leaves while its decision can still be undone.", hint=f"File it in {left} seconds.")


def settles_in(home: Home, case_number: int) -> int:
    """Seconds, rounded up, until no decision of a case can be undone any more; 0 when that is so."""
    with home.look() as work:
        now = work.clock.now()
        wanted = select(tables.Decision.at).where(
            tables.Decision.case_id == case_number,
            tables.Decision.withdrawn_at.is_(None),
            tables.Decision.at > now - UNDO_LIFE,
        )
        latest = max(work.session.scalars(wanted), default=None)
    return 0 if latest is None else -int((now - latest - UNDO_LIFE) // timedelta(seconds=1))


def _recent(work: Work, case_number: int, actor: str, now: datetime) -> list[tables.Decision]:
    wanted = (
        select(tables.Decision)
        .join(Item, Item.id == tables.Decision.item_id)
        .where(
            tables.Decision.case_id == case_number,
            tables.Decision.actor == actor,
            tables.Decision.carried.is_(False),
            tables.Decision.withdrawn_at.is_(None),
            tables.Decision.at > now - UNDO_LIFE,
            Item.state == "decided",
            cases.in_no_filing(),
        )
        .order_by(tables.Decision.id)
    )
    return list(work.session.scalars(wanted).all())


def _taken_over(work: Work, case_number: int, rows: Sequence[tables.Decision]) -> list[tables.Decision]:
    """The decisions that copies took over from these."""
    first, items = min(row.id for row in rows), {row.item_id for row in rows}
    later = select(tables.Decision).where(
        tables.Decision.case_id == case_number,
        tables.Decision.id > first,
        tables.Decision.carried.is_(True),
        tables.Decision.withdrawn_at.is_(None),
    )
    found = work.session.scalars(later).all()
    return [row for row in found if Decision.from_json(row.document).carried_from in items]


def wait_again(work: Work, case_number: int | None, items: Mapping[int, str], actor: str) -> None:
    """Let items of a case, given with their SHA-256, wait for a person again; whoever withdraws their decisions calls
    it in that transaction."""
    clock = tables.RetentionClock
    policy = work.policies.not_reported
    gone: list[int] = []
    for part in in_parts(sorted(items)):
        work.session.execute(update(Item).where(Item.id.in_(part)).values(state="held", owner=cases.QUEUE))
        mine = (clock.item_id.in_(part), clock.policy == policy)
        gone += work.session.scalars(delete(clock).where(*mine).returning(clock.item_id)).all()
    # A clock that goes had not begun to count: what waits is kept.
    events = []
    for item in sorted(gone):
        told: dict[str, object] = {"item": item, "clock": None, "policy": policy}
        events.append(work.event(EventType.RETENTION_SET, actor, case_number, items[item], told))
    work.log.append_many(events)


def _give_back_turn(work: Work, case_number: int, taken: Sequence[Decision], actor: str) -> None:
    """The case is with this person again, in the lane it had; the audit counts it when it is decided for good."""
    lane = _lane(work, case_number, taken[0])
    if lane is Lane.AUDIT:
        before = turns.load(work.session)
        found = any(decision.conclusion.finding is Finding.REPORT for decision in taken)
        counts = {"audited": max(0, before.audited - 1), "found": max(0, before.found - found)}
        turns.save(work.session, before.model_copy(update=counts))
    if lane is None or work.session.get(Assignment, case_number) is not None:
        return
    busy = work.session.scalar(select(Assignment.case_id).where(Assignment.reviewer == actor)) is not None
    if not busy or lane in (Lane.OLDEST, Lane.AUDIT):
        reviewer = None if busy else actor
        work.session.add(Assignment(case_id=case_number, reviewer=reviewer, lane=lane.value, at=work.clock.now()))


def _lane(work: Work, case_number: int, decision: Decision) -> Lane | None:
    """The lane whose turn this decision used, as it was logged."""
    for entry in work.log.entries(subjects=[decision.sha256], types=[EventType.DECIDE]):
        event = entry.event
        if event is not None and (event.at, event.case) == (decision.at, case_name(case_number)):
            lane = event.payload.get("lane")
            return Lane(lane) if isinstance(lane, str) else None
    return None
