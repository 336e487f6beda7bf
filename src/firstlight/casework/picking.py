"""Picking: the next case of the lanes, by a few looks into the tables' indexes, however many wait.

The same rules as `triage.Queue`, for a queue that lies in the database and is shared by many processes. A case that
was given out (`routing`) has its turn taken; a review that nobody was given takes its turn when it is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from random import Random
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, exists, func, literal, select, union_all

from firstlight.casework import turns
from firstlight.casework.home import Work
from firstlight.casework.severity import Severity
from firstlight.casework.turns import Turns
from firstlight.store.columns import NUMBER, TEXT
from firstlight.store.tables import Assignment, Case, Item, Lowering, Pass
from firstlight.triage import OVERLOAD, Lane, PriorityTable, next_lane, urgent_turn
from firstlight.values import Level

_BLIND, _TRIES = 256, 4
"""Blind draws of the audit in one look, and looks before the cases are counted out: where one case in a hundred still
waits they are enough, and where fewer do, those are soon counted."""

_FILMS = "video/"


@dataclass(frozen=True, slots=True)
class Picked:
    """A case, the lane it comes from, and the turns once it is given out."""

    case: Case
    lane: Lane
    turns: Turns


@dataclass(frozen=True, slots=True)
class Wanted:
    """What may be picked: no harder than `most`, films only if `moving`, and for a reviewer nothing that they passed
    on, or lowered where somebody else is to look."""

    reviewer: str = ""
    most: int = Severity.SEVERE.burden
    moving: bool = True

    def values(self, **more: object) -> dict[str, Any]:
        """For the parameters of `rules` and `_looking`."""
        return {"reviewer": self.reviewer, "most": self.most, **more}


ANYBODY = Wanted()
"""For a reviewer whom no limit holds, and who passed nothing on."""


def with_nobody() -> ColumnElement[bool]:
    """Neither given out, nor given back: what was given back goes out before any new turn, in the lane it had."""
    return ~exists(select(Assignment.case_id).where(Assignment.case_id == Case.id))


def films() -> ColumnElement[bool]:
    """That a film waits in the case."""
    here = (Item.case_id == Case.id, Item.state == "held", Item.media_type.startswith(_FILMS))
    return exists(select(Item.id).where(*here))


def rules(*, moving: bool) -> tuple[ColumnElement[bool], ...]:
    """What the reviewer of the parameter `reviewer` may be given, whoever has it now: see `Wanted`."""
    reviewer = bindparam("reviewer", type_=TEXT)
    passed = select(Pass.case_id).where(Pass.case_id == Case.id, Pass.reviewer == reviewer)
    waits = (Lowering.drawn.is_(True), Lowering.result.is_(None), Lowering.undone_at.is_(None))
    lowered = (
        select(Item.case_id)
        .join(Lowering, Lowering.item_id == Item.id)
        .where(Lowering.actor == reviewer, *waits, Item.case_id.is_not(None))
    )
    kept = (~exists(passed), Case.id.not_in(lowered))
    return kept if moving else (*kept, ~films())


class _Of(StrEnum):
    """Which cases are looked at."""

    ALL = "all"
    IMMEDIATE = "immediate"
    OTHERS = "others"
    LEVEL = "level"
    CAUSE = "cause"


class _By(StrEnum):
    """Which of them is meant."""

    RANK = "rank"
    OLDEST = "oldest"
    NEWEST = "newest"


_ORDER = {
    _By.RANK: ("level_rank", "-place_order", "opened_at", "id"),
    _By.OLDEST: ("opened_at", "id"),
    _By.NEWEST: ("-opened_at", "-id"),
}

_KINDS: dict[_Of, tuple[ColumnElement[bool], ...]] = {
    _Of.ALL: (),
    _Of.IMMEDIATE: (Case.level_rank == Level.IMMEDIATE.rank,),
    _Of.OTHERS: (Case.level_rank > Level.IMMEDIATE.rank,),
    _Of.LEVEL: (Case.level_rank == bindparam("level", type_=NUMBER),),
    _Of.CAUSE: (Case.level_rank == Level.IMMEDIATE.rank, Case.cause == bindparam("cause", type_=TEXT)),
}


@cache
def _looking(of: _Of, by: _By, *, moving: bool) -> Select[Case]:
    """The statement that finds one case: the first of each severity, each by one look into an index, and of those the
    first. Made once: making it costs more than running it."""
    firsts = []
    for one in Severity:
        here = (
            Case.state == "open",
            Case.severity == one.burden,
            literal(one.burden) <= bindparam("most", type_=NUMBER),
        )
        found = select(Case.id, Case.level_rank, Case.place_order, Case.opened_at)
        found = found.where(*here, *_KINDS[of], with_nobody(), *rules(moving=moving))
        firsts.append(select(found.order_by(*_order(by, Case)).limit(1).subquery()))
    all_of_them = union_all(*firsts).subquery()
    first = select(all_of_them.c.id).order_by(*_order(by, all_of_them.c)).limit(1)
    return select(Case).where(Case.id == first.scalar_subquery())


def _order(by: _By, columns: Any) -> list[ColumnElement[Any]]:  # noqa: ANN401 - a table's, or a subquery's
    named = [(name.removeprefix("-"), name.startswith("-")) for name in _ORDER[by]]
    return [getattr(columns, name).desc() if last else getattr(columns, name).asc() for name, last in named]


def _look(work: Work, wanted: Wanted, of: _Of, by: _By = _By.RANK, **values: object) -> Case | None:
    return work.session.scalar(_looking(of, by, moving=wanted.moving), wanted.values(**values))


def immediate_waits(work: Work, wanted: Wanted) -> bool:
    """Whether an immediate case is with nobody that may be picked."""
    return _look(work, wanted, _Of.IMMEDIATE) is not None


def pick(work: Work, table: PriorityTable, taken: Turns, wanted: Wanted) -> Picked | None:
    """The case of this turn, of those with nobody that may be picked."""
    urgent = _urgent(work, taken, wanted)
    if isinstance(urgent, Picked):
        return urgent
    taken = urgent
    first = _look(work, wanted, _Of.OTHERS)
    if first is None:
        return None
    level = first.level_rank
    lane, owed = next_lane(
        taken.count, taken.owed, list(Level)[level], table.lanes, crowded=_crowded(work, level) > OVERLOAD
    )
    chosen: Case | None = first
    if lane is Lane.OLDEST:
        chosen = _look(work, wanted, _Of.ALL, _By.OLDEST)
    elif lane is Lane.NEWEST:
        chosen = _look(work, wanted, _Of.LEVEL, _By.NEWEST, level=level)
    elif lane is Lane.AUDIT:
        chosen = _drawn(work, wanted, taken.draws())
    return Picked(chosen or first, lane, taken.model_copy(update={"count": taken.count + 1, "owed": owed}))


def _urgent(work: Work, taken: Turns, wanted: Wanted) -> Picked | Turns:
    """The immediate case of this turn, or the turns with which one of the others is next."""
    waiting = _crowded(work, Level.IMMEDIATE.rank)
    first = _look(work, wanted, _Of.IMMEDIATE) if waiting else None
    if first is None:
        return taken
    whose = urgent_turn(taken.urgent, waiting, _causes(work, wanted) if waiting > OVERLOAD else ())
    after = taken.model_copy(update={"urgent": taken.urgent + 1})
    if whose.others and _look(work, wanted, _Of.OTHERS) is not None:
        return after
    of = _Of.IMMEDIATE if whose.cause is None else _Of.CAUSE
    by = _By.NEWEST if whose.newest else _By.RANK
    chosen = _look(work, wanted, of, by, cause=whose.cause) if (of, by) != (_Of.IMMEDIATE, _By.RANK) else first
    return Picked(chosen or first, Lane.IMMEDIATE, after)


def upcoming(work: Work, table: PriorityTable) -> Picked | None:
    """What goes to the next reviewer whom no limit holds. Nothing is changed."""
    taken = turns.load(work.session)
    fresh = pick(work, table, taken, ANYBODY)
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
    next_one = pick(work, table, taken, ANYBODY)
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


@cache
def _ahead(of: _Of, by: _By) -> Select[Any]:
    """The first cases of one severity: what a queue asks of them, and not their whole rows."""
    here = (Case.state == "open", Case.severity == bindparam("severity", type_=NUMBER), *_KINDS[of])
    names = ("id", "level_rank", "place_order", "opened_at", "deadline", "severity", "says", "cause")
    asked: list[Any] = [getattr(Case, name) for name in names]
    return select(*asked).where(*here).order_by(*_order(by, Case)).limit(bindparam("most", type_=NUMBER))


def ahead(work: Work, places: int) -> list[Row[Any]]:
    """Cases among which the first `places` of the queue are, whatever the turns; enough of each level that a crowd is
    seen to be one. Every step is one look into an index."""
    most = places + OVERLOAD + 1
    found: dict[int, Row[Any]] = {}
    kinds: list[tuple[_Of, dict[str, object]]] = [(_Of.LEVEL, {"level": level.rank}) for level in Level]
    if _crowded(work, Level.IMMEDIATE.rank) > OVERLOAD:
        kinds += [(_Of.CAUSE, {"cause": cause}) for cause in _causes(work, ANYBODY)]
    for of, values in kinds:
        for severity in Severity:
            for by in _By:
                asked = values | {"severity": severity.burden, "most": most}
                rows = work.session.execute(_ahead(of, by), asked).all()
                found.update((row.id, row) for row in rows)
                if len(rows) < most:
                    break  # the other two orders name the same ones
    return [found[key] for key in sorted(found)]


@cache
def _counting() -> Select[int]:
    here = (Case.state == "open", Case.level_rank == bindparam("level", type_=NUMBER), with_nobody())
    return select(func.count()).select_from(select(Case.id).where(*here).limit(OVERLOAD + 1).subquery())


def _crowded(work: Work, level_rank: int) -> int:
    """How many cases of this level are with nobody, counted up to where they are a crowd."""
    return work.session.scalar(_counting(), {"level": level_rank}) or 0


@cache
def _listing(*, moving: bool) -> Select[str]:
    """The causes of immediate cases, one after the other; each step is one look into an index."""
    here = (Case.state == "open", Case.severity <= bindparam("most", type_=NUMBER), *_KINDS[_Of.IMMEDIATE])
    lowest = select(func.min(Case.cause)).where(*here, with_nobody(), *rules(moving=moving))
    found = select(lowest.scalar_subquery().label("cause")).cte("causes", recursive=True)
    following = lowest.where(Case.cause > found.c.cause).correlate(found).scalar_subquery()
    found = found.union_all(select(following).where(found.c.cause.is_not(None)))
    return select(found.c.cause).where(found.c.cause.is_not(None))


def _causes(work: Work, wanted: Wanted) -> Sequence[str]:
    """The causes of the immediate cases that may be picked."""
    return work.session.scalars(_listing(moving=wanted.moving), wanted.values()).all()


def _drawn(work: Work, wanted: Wanted, rng: Random) -> Case | None:
    """One of them at random, each as likely as any other."""
    kept = (with_nobody(), *rules(moving=wanted.moving))
    here = (Case.state == "open", Case.severity <= wanted.most, *kept)
    ends = [
        work.session.scalar(select(Case.id).where(Case.state == "open").order_by(way).limit(1)) or 0
        for way in (Case.id.asc(), Case.id.desc())
    ]
    for _ in range(_TRIES):
        draws = [rng.randint(*ends) for _ in range(_BLIND)]
        wait = set(work.session.scalars(select(Case.id).where(Case.id.in_(draws), *here), wanted.values()))
        if wait:
            return work.session.get(Case, next(number for number in draws if number in wait))
    count = work.session.scalar(select(func.count()).select_from(Case).where(*here), wanted.values())
    if not count:
        return None
    after = select(Case).where(*here).order_by(Case.id).offset(rng.randrange(count)).limit(1)
    return work.session.scalar(after, wanted.values())
