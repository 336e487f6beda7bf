"""Picking: the next case of the lanes, by a few looks into the tables' indexes, however many wait.

The same rules as `triage.Queue`, for a queue that lies in the database and is shared by many processes. A case that
was given out (`routing`) has its turn taken; a review that nobody was given takes its turn when it is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import ColumnElement, exists, func, select

from firstlight.casework import turns
from firstlight.casework.home import Work
from firstlight.casework.severity import Severity
from firstlight.casework.turns import Turns
from firstlight.store.tables import Assignment, Case
from firstlight.triage import OVERLOAD, Lane, PriorityTable, next_lane, urgent_turn
from firstlight.values import Level

_TRIES = 64
"""Blind draws of the audit before the cases are counted out; enough where one number in ten still waits."""

_IMMEDIATE = Case.level_rank == Level.IMMEDIATE.rank
_OTHERS = Case.level_rank > Level.IMMEDIATE.rank

Rules = Sequence[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Picked:
    """A case, the lane it comes from, and the turns once it is given out."""

    case: Case
    lane: Lane
    turns: Turns


def with_nobody() -> ColumnElement[bool]:
    """Neither given out, nor given back: what was given back goes out before any new turn, in the lane it had."""
    return ~exists(select(Assignment.case_id).where(Assignment.case_id == Case.id))


def pick(work: Work, table: PriorityTable, taken: Turns, rules: Rules, most: int) -> Picked | None:
    """The case of this turn among the open ones that these rules leave and that are no more severe than `most`."""
    immediate, others = (*rules, _IMMEDIATE), (*rules, _OTHERS)
    first = first_ranked(work, immediate, most)
    if first is not None:
        crowded = _crowded(work, Level.IMMEDIATE.rank)
        whose = urgent_turn(taken.urgent, crowded, _causes(work, immediate, most) if crowded > OVERLOAD else ())
        taken = taken.model_copy(update={"urgent": taken.urgent + 1})
        if not whose.others or first_ranked(work, others, most) is None:
            of = immediate if whose.cause is None else (*immediate, Case.cause == whose.cause)
            return Picked(_newest(work, of, most) if whose.newest else _first(work, of, most), Lane.IMMEDIATE, taken)
    first = first_ranked(work, others, most)
    if first is None:
        return None
    level = first.level_rank
    lane, owed = next_lane(
        taken.count, taken.owed, list(Level)[level], table.lanes, crowded=_crowded(work, level) > OVERLOAD
    )
    if lane is Lane.OLDEST:
        first = min(_by_age(work, rules, most), key=_age)
    elif lane is Lane.NEWEST:
        first = _newest(work, (*rules, Case.level_rank == level), most)
    elif lane is Lane.AUDIT:
        first = _drawn(work, rules, most, taken.draws())
    return Picked(first, lane, taken.model_copy(update={"count": taken.count + 1, "owed": owed}))


def upcoming(work: Work, table: PriorityTable) -> Picked | None:
    """What goes to the next reviewer whom no limit holds. Nothing is changed."""
    taken = turns.load(work.session)
    fresh = pick(work, table, taken, (with_nobody(),), Severity.SEVERE.burden)
    if fresh is None or fresh.lane is not Lane.IMMEDIATE:
        for row in given_back(work):
            case = work.session.get_one(Case, row.case_id)
            if case.state == "open":
                return Picked(case, Lane(row.lane), taken)
    return fresh


def given_back(work: Work) -> Sequence[Assignment]:
    """What waits for another reviewer, in the order in which it was given out first."""
    wanted = select(Assignment).where(Assignment.reviewer.is_(None)).order_by(Assignment.at, Assignment.case_id)
    return work.session.scalars(wanted).all()


def take_turn(work: Work, table: PriorityTable, case: Case, *, found: bool) -> Lane | None:
    """Count a review of this open case, just before it is decided; `found` says that it turned out to be reportable.

    Answers the lane whose turn it was. A case that was given out has its turn already. Otherwise a reserved turn is
    used up only by the case it is reserved for: whoever takes another one first (`None`) leaves it to the next
    reviewer, so that no share of the capacity gets lost. An immediate case uses no turn.
    """
    given = work.session.get(Assignment, case.id)
    if given is not None:
        lane = Lane(given.lane)
        work.session.delete(given)
        work.session.flush()
        _count_audit(work, turns.load(work.session), lane, found=found)
        return lane
    taken = turns.load(work.session)
    if case.level_rank == Level.IMMEDIATE.rank:
        turns.save(work.session, taken.model_copy(update={"urgent": taken.urgent + 1}))
        return Lane.IMMEDIATE
    # A case that nobody was given, and that is not immediate, waits for the immediate ones, as it would in the queue.
    next_one = pick(work, table, taken, (with_nobody(),), Severity.SEVERE.burden)
    if next_one is None or next_one.lane is Lane.IMMEDIATE:
        return None
    if next_one.lane is not Lane.RANKED and next_one.case.id != case.id:
        return None
    turns.save(work.session, next_one.turns)
    _count_audit(work, next_one.turns, next_one.lane, found=found)
    return next_one.lane


def _count_audit(work: Work, taken: Turns, lane: Lane, *, found: bool) -> None:
    if lane is Lane.AUDIT:
        counts = {"audited": taken.audited + 1, "found": taken.found + found}
        turns.save(work.session, taken.model_copy(update=counts))


def first_ranked(work: Work, rules: Rules, most: int) -> Case | None:
    """The first by rank of the open cases that these rules leave."""
    return min(_ranked(work, rules, most), key=_rank, default=None)


def _first(work: Work, rules: Rules, most: int) -> Case:
    return min(_ranked(work, rules, most), key=_rank)


def _newest(work: Work, rules: Rules, most: int) -> Case:
    return max(_by_age(work, rules, most, newest=True), key=_age)


def _rank(case: Case) -> tuple[int, float, datetime, int]:
    return (case.level_rank, -case.place_order, case.opened_at, case.id)


def _ranked(work: Work, rules: Rules, most: int) -> Iterator[Case]:
    """The first by rank of each severity; every step is one look into an index."""
    for burden in range(1, most + 1):
        here = [Case.state == "open", Case.severity == burden, *rules]
        level = work.session.scalar(select(Case.level_rank).where(*here).order_by(Case.level_rank).limit(1))
        if level is None:
            continue
        here.append(Case.level_rank == level)
        # Compared inside the database: a float that went out and came back need not be the one that is stored.
        highest = select(Case.place_order).where(*here).order_by(Case.place_order.desc()).limit(1)
        here.append(Case.place_order == highest.correlate(None).scalar_subquery())
        yield work.session.scalars(select(Case).where(*here).order_by(Case.opened_at, Case.id).limit(1)).one()


def ahead(work: Work, places: int) -> Sequence[Case]:
    """Cases among which the first `places` of the queue are, whatever the turns; enough of each level that a crowd is
    seen to be one. Every step is one look into an index."""
    most = places + OVERLOAD + 1
    found: dict[int, Case] = {}
    rank = (Case.place_order.desc(), Case.opened_at, Case.id)
    oldest, newest = (Case.opened_at, Case.id), (Case.opened_at.desc(), Case.id.desc())
    kinds: list[Rules] = [(Case.level_rank == level.rank,) for level in Level]
    if _crowded(work, Level.IMMEDIATE.rank) > OVERLOAD:
        kinds += [(_IMMEDIATE, Case.cause == cause) for cause in _causes(work, (_IMMEDIATE,), Severity.SEVERE.burden)]
    for kind in kinds:
        for burden in range(1, Severity.SEVERE.burden + 1):
            here = (Case.state == "open", Case.severity == burden, *kind)
            for order in (rank, oldest, newest):
                rows = work.session.scalars(select(Case).where(*here).order_by(*order).limit(most))
                found.update((case.id, case) for case in rows)
    return [found[key] for key in sorted(found)]


def _age(case: Case) -> tuple[datetime, int]:
    return (case.opened_at, case.id)


def _by_age(work: Work, rules: Rules, most: int, *, newest: bool = False) -> Iterator[Case]:
    """The oldest, or the newest, of each severity."""
    order = (Case.opened_at.desc(), Case.id.desc()) if newest else (Case.opened_at, Case.id)
    for burden in range(1, most + 1):
        here = (Case.state == "open", Case.severity == burden, *rules)
        yield from work.session.scalars(select(Case).where(*here).order_by(*order).limit(1))


def _crowded(work: Work, level_rank: int) -> int:
    """How many cases of this level are with nobody, counted up to where they are a crowd."""
    here = (Case.state == "open", Case.level_rank == level_rank, with_nobody())
    some = select(Case.id).where(*here).limit(OVERLOAD + 1).subquery()
    return work.session.scalar(select(func.count()).select_from(some)) or 0


def _causes(work: Work, rules: Rules, most: int) -> Iterator[str]:
    """The causes of the cases that these rules leave, in their order; each step is one look into an index."""
    here = (Case.state == "open", Case.severity <= most, *rules)
    cause = work.session.scalar(select(func.min(Case.cause)).where(*here))
    while cause is not None:
        yield cause
        cause = work.session.scalar(select(func.min(Case.cause)).where(*here, Case.cause > cause))


def _drawn(work: Work, rules: Rules, most: int, rng: Random) -> Case:
    """One of them at random, each as likely as any other; at least one has to be there."""
    here = (Case.state == "open", Case.severity <= most, *rules)
    ends = [
        work.session.scalars(select(Case.id).where(Case.state == "open").order_by(way).limit(1)).one()
        for way in (Case.id.asc(), Case.id.desc())
    ]
    for _ in range(_TRIES):
        case = work.session.scalar(select(Case).where(Case.id == rng.randint(*ends), *here))
        if case is not None:
            return case
    count = work.session.scalar(select(func.count()).select_from(Case).where(*here)) or 1
    return work.session.scalars(select(Case).where(*here).order_by(Case.id).offset(rng.randrange(count)).limit(1)).one()
