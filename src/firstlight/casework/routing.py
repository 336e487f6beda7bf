"""Routing: which case a reviewer gets next, and why this one.

`next_case` weighs the lanes, the reviewer's limits (`exposure`), what they passed on, and what is with somebody else,
and tells its choice in words. A case that was given out stays with its reviewer until it is decided or given back, and
is given to nobody else; asked again, the answer is the same case. Its turn in the lanes was taken when it was given
out; what is given back goes to the next reviewer whom it fits, in the lane it had, so that no reserved turn is lost
and nobody can pass the audit's sample over.

A limit holds against every case, an immediate one included: then the answer says loudly that one waits. Only the rule
against two severe cases in a row yields, to an immediate case and to a queue that has nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import ClassVar, Literal, TypedDict

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, select

from firstlight.casework import cases, exposure, picking, turns
from firstlight.casework.exposure import Standing
from firstlight.casework.home import SERVICE, Home, Work
from firstlight.casework.picking import Wanted
from firstlight.casework.severity import Severity
from firstlight.custody import EventType
from firstlight.store.columns import NUMBER
from firstlight.store.tables import Assignment, Case, Item, Pass
from firstlight.triage import Lane, PriorityTable
from firstlight.values import Document, Instant, Level, Versioned

GIVEN_BACK_AFTER = timedelta(minutes=30)
"""A case goes to somebody else when its reviewer has neither decided it nor asked again for so long."""

MOST_COUNTED = 1000
"""What waits is counted up to this number: a queue of millions is not counted out for each answer."""


class NextCase(Document):
    """What a reviewer works on now, or why there is nothing.

    `severity` and `moving` are what is expected, to be told as text before any picture. `waiting` counts the cases that
    are with nobody, `others_immediate` the immediate ones among them that this reviewer may not be shown: tell a
    colleague. Both are counted up to `MOST_COUNTED`.
    """

    title_for_people: ClassVar[str] = "next case"

    kind: Literal["next-case"] = "next-case"
    version: Versioned = 1
    at: Instant
    reviewer: str
    case: int | None = None
    lane: Lane | None = None
    level: Level | None = None
    severity: Severity | None = None
    moving: bool = False
    items: int = 0
    waiting: int = 0
    others_immediate: int = 0
    standing: Standing
    says: str


def next_case(home: Home, reviewer: str) -> NextCase:
    """Give this reviewer their next case, or the one they have; nothing when nothing waits that they may be shown.

    The choice, its lane and its turn are kept in one transaction with an event in the custody log.

    Raises:
        InputError: nobody is named.
    """
    with home.work() as work:
        standing = exposure.stand(work, exposure.require_name(reviewer), remember=True)
        _give_back_what_lapsed(work)
        has = work.session.scalar(select(Assignment).where(Assignment.reviewer == reviewer))
        if has is not None:
            case = work.session.get_one(Case, has.case_id)
            if case.state == "open" and _fits(work, case, standing):
                has.at = work.clock.now()
                return _answer(work, standing, case, Lane(has.lane), "You have it already.")
            _return(work, has)
        found = _given_back(work, standing) or _chosen(work, home.table, standing)
        if found is None:
            return _answer(work, standing, None, None, "")
        case, lane = found
        work.session.merge(Assignment(case_id=case.id, reviewer=reviewer, lane=lane.value, at=work.clock.now()))
        work.session.flush()
        answer = _answer(work, standing, case, lane, "")
        work.record(EventType.ASSIGN, actor=reviewer, case=case.id, step="given", lane=lane.value, says=answer.says)
        return answer


def pass_on(home: Home, reviewer: str, case_number: int) -> None:
    """Give a case to somebody else: no question is asked, and this reviewer is not given it again.

    The custody log says that it was passed on and not by whom.

    Raises:
        NotFoundError: there is no such case.
        InputError: nobody is named.
    """
    with home.work() as work:
        case = cases.one(work, case_number)
        work.session.merge(Pass(case_id=case.id, reviewer=exposure.require_name(reviewer)))
        has = work.session.get(Assignment, case.id)
        if has is not None and has.reviewer == reviewer:
            _return(work, has)
        work.record(EventType.ASSIGN, actor=SERVICE, case=case.id, step="passed-on")


def hand_back(home: Home, reviewer: str) -> None:
    """Give the case one has to the next reviewer, for instance at the end of a shift; nothing if there is none."""
    with home.work() as work:
        has = work.session.scalar(select(Assignment).where(Assignment.reviewer == reviewer))
        if has is not None:
            number = has.case_id
            _return(work, has)
            work.record(EventType.ASSIGN, actor=reviewer, case=number, step="given-back")


def _chosen(work: Work, table: PriorityTable, standing: Standing) -> tuple[Case, Lane] | None:
    """The next case of those that nobody has; its turn is taken."""
    wanted = _wanted(standing)
    if wanted is None:
        return None
    turn = turns.load(work.session)
    found = picking.pick(work, table, turn, wanted)
    if found is not None and _two_severe(standing, found.case):
        found = picking.pick(work, table, turn, replace(wanted, most=Severity.HEAVY.burden)) or found
    if found is None:
        return None
    turns.save(work.session, found.turns)
    return found.case, found.lane


def _wanted(standing: Standing) -> Wanted | None:
    """What this reviewer may be given now; `None`: nothing."""
    if standing.may_take is None:
        return None
    return Wanted(standing.reviewer, standing.may_take.burden, standing.limits.moving)


@cache
def _fitting(*, moving: bool) -> Select[int]:
    return select(Case.id).where(Case.id == bindparam("case", type_=NUMBER), *picking.rules(moving=moving))


def _fits(work: Work, case: Case, standing: Standing) -> bool:
    wanted = _wanted(standing)
    if wanted is None or case.severity > wanted.most:
        return False
    return work.session.scalar(_fitting(moving=wanted.moving), wanted.values(case=case.id)) is not None


def _two_severe(standing: Standing, case: Case) -> bool:
    """Whether this would be the second severe case in a row, and may wait."""
    return (
        standing.limits.no_two_severe
        and standing.last_severity is Severity.SEVERE
        and case.severity == Severity.SEVERE.burden
        and case.level_rank != Level.IMMEDIATE.rank
    )


def _given_back(work: Work, standing: Standing) -> tuple[Case, Lane] | None:
    """The first case that somebody gave back and that this reviewer may be shown; an immediate one of the queue comes
    before it."""
    rows, urgent = picking.given_back(work), False
    if rows:
        urgent = picking.immediate_waits(work, Wanted(standing.reviewer, moving=standing.limits.moving))
    for row in rows:
        case = work.session.get_one(Case, row.case_id)
        if case.state != "open":
            work.session.delete(row)
        elif _fits(work, case, standing) and (not urgent or case.level_rank == Level.IMMEDIATE.rank):
            return case, Lane(row.lane)
    return None


def _return(work: Work, row: Assignment) -> None:
    """It is with nobody, and keeps its lane; only a reserved or an audit's turn is owed to it."""
    if row.lane in (Lane.RANKED, Lane.NEWEST, Lane.IMMEDIATE):
        work.session.delete(row)
    else:
        row.reviewer = None
    work.session.flush()


def _give_back_what_lapsed(work: Work) -> None:
    before = work.clock.now() - GIVEN_BACK_AFTER
    for row in work.session.scalars(select(Assignment).where(Assignment.reviewer.is_not(None), Assignment.at < before)):
        number = row.case_id
        _return(work, row)
        work.record(EventType.ASSIGN, actor=SERVICE, case=number, step="lapsed")


class _Facts(TypedDict, total=False):
    """What is told of a case that is given."""

    case: int
    lane: Lane
    level: Level
    severity: Severity
    moving: bool
    items: int


def _answer(work: Work, standing: Standing, case: Case | None, lane: Lane | None, before: str) -> NextCase:
    waiting = _count(work, Case.state == "open", picking.with_nobody())
    kept = 0
    if case is None or case.level_rank != Level.IMMEDIATE.rank:
        has = select(Assignment.case_id).where(Assignment.case_id == Case.id, Assignment.reviewer.is_not(None))
        kept = _count(work, Case.state == "open", Case.level_rank == Level.IMMEDIATE.rank, ~exists(has))
    facts: _Facts = {} if case is None or lane is None else _facts(work, case, lane)
    return NextCase(
        at=standing.at,
        reviewer=standing.reviewer,
        waiting=waiting,
        others_immediate=kept,
        standing=standing,
        says=_says(standing, case, lane, before, waiting, kept),
        **facts,
    )


def _count(work: Work, *rules: ColumnElement[bool]) -> int:
    """How many cases these rules leave, up to `MOST_COUNTED`."""
    some = select(Case.id).where(*rules).limit(MOST_COUNTED).subquery()
    return work.session.scalar(select(func.count()).select_from(some)) or 0


def _facts(work: Work, case: Case, lane: Lane) -> _Facts:
    held = (Item.case_id == case.id, Item.state == "held")
    return {
        "case": case.id,
        "lane": lane,
        "level": list(Level)[case.level_rank],
        "severity": Severity.of(case.severity),
        "moving": work.session.scalar(select(Case.id).where(Case.id == case.id, picking.films())) is not None,
        "items": work.session.scalar(select(func.count()).select_from(Item).where(*held)) or 0,
    }


_WHY = {
    Lane.IMMEDIATE: "it comes before everything else",
    Lane.RANKED: "it is next by rank",
    Lane.NEWEST: "it is the newest of a crowd, so that a flood holds nobody up who comes after it",
    Lane.OLDEST: "this turn is reserved for what has waited longest",
    Lane.AUDIT: "it was drawn at random, to measure what the rest hides",
}


def _says(standing: Standing, case: Case | None, lane: Lane | None, before: str, waiting: int, kept: int) -> str:
    loud = ""
    if kept:
        loud = f" {_many(kept)} immediate case(s) wait that a limit keeps from you: tell a colleague now."
    if case is not None and lane is not None:
        expected = "" if case.severity == 1 else f" Expect it to be {Severity.of(case.severity)}."
        return f"Case {case.id}: {_WHY[lane]}.{' ' + before if before else ''} {case.says}{expected}{loud}"
    if not waiting and not kept:
        return "Nobody waits."
    return f"No case for you: {standing.says} {_many(waiting)} case(s) wait for others.{loud}"


def _many(count: int) -> str:
    return f"{count} or more" if count >= MOST_COUNTED else str(count)
