"""The outlook of the queue in words: what waits, what the random audit and the second looks say of it, what would clear
it."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

from sqlalchemy import func, select

from firstlight.casework import turns
from firstlight.casework.home import Home, Work
from firstlight.casework.lowering import Rechecks, rechecks
from firstlight.casework.severity import Severity
from firstlight.store.tables import Case, Item
from firstlight.triage import AuditEstimate, Forecast, forecast, hidden_in_the_rest, longest_wait
from firstlight.values import Document, Instant, Level, Value, Versioned

MEASURED_OVER = timedelta(hours=24)
"""How far back arrivals are counted: a whole day, because nights and days differ."""

SHORTEST = timedelta(hours=1)
"""A younger home is measured as if it were this old: the first minutes of an import are no rate."""


_BY_LEVEL = select(Case.level_rank, func.count()).group_by(Case.level_rank)


def waiting_and_overdue(work: Work) -> tuple[dict[int, int], dict[int, int]]:
    """Open cases by the rank of their level, and those of them that wait longer than their deadline."""
    waiting = _BY_LEVEL.where(Case.state == "open")
    late = waiting.where(Case.deadline < work.clock.now())
    return dict(work.session.execute(waiting).all()), dict(work.session.execute(late).all())


def _arrived(work: Work, since: Instant) -> dict[int, int]:
    """Cases that were opened since then. What comes before the time in the index is named, so that only these are
    read."""
    known = (
        Case.state.in_(("open", "decided", "filed")),
        Case.level_rank.in_([level.rank for level in Level]),
        Case.severity.in_([one.burden for one in Severity]),
    )
    return dict(work.session.execute(_BY_LEVEL.where(*known, Case.opened_at > since)).all())


class LevelCount(Value):
    """How many cases of a level wait, and how many of them longer than their deadline."""

    level: Level
    waiting: int
    overdue: int


class Outlook(Document):
    """What waits and what to expect. Counts are of cases: what a reviewer opens at once.

    `audit` speaks of the cases that are not immediate. `longest_wait_hours` is a bound that holds whatever else comes
    in, for a case that comes in now; none holds when immediate cases alone fill the capacity.
    """

    title_for_people: ClassVar[str] = "outlook of the queue"

    kind: Literal["triage-outlook"] = "triage-outlook"
    version: Versioned = 1
    at: Instant
    levels: tuple[LevelCount, ...]
    unexamined: int
    reviews: int
    owed: int
    audit: AuditEstimate
    forecast: Forecast
    longest_wait_hours: float | None
    longest_wait_says: str
    lowered: Rechecks


def outlook(home: Home, *, reviewers: int, reviews_each_per_hour: float) -> Outlook:
    """How the queue stands, with arrivals as measured over the last day and reviewers who work this fast.

    Raises:
        InputError: a number is negative or endless, or a speed is not above 0.
    """
    now = home.clock.now()
    with home.look() as work:
        waiting, overdue = waiting_and_overdue(work)
        unexamined = work.session.scalar(select(func.count()).where(Item.verdict.is_(None))) or 0
        first = work.session.scalar(select(Item.received_at).order_by(Item.id).limit(1)) or now
        opened = _arrived(work, now - MEASURED_OVER)
        taken = turns.load(work.session)
        lowered = rechecks(work)
    hours = min(MEASURED_OVER, max(SHORTEST, now - first)) / timedelta(hours=1)
    total = sum(waiting.values())
    rest = total - waiting.get(Level.IMMEDIATE.rank, 0)
    expected = forecast(
        total,
        arrivals_per_hour=round(sum(opened.values()) / hours, 2),
        reviewers=reviewers,
        reviews_each_per_hour=reviews_each_per_hour,
    )
    bound = longest_wait(
        rest,
        home.table.lanes,
        reviews_per_hour=reviewers * reviews_each_per_hour,
        immediate_per_hour=opened.get(Level.IMMEDIATE.rank, 0) / hours,
    )
    return Outlook(
        at=now,
        levels=tuple(
            LevelCount(
                level=level,
                waiting=waiting.get(level.rank, 0),
                overdue=overdue.get(level.rank, 0),
            )
            for level in Level
        ),
        unexamined=unexamined,
        reviews=taken.count,
        owed=taken.owed,
        audit=hidden_in_the_rest(taken.audited, taken.found, rest),
        forecast=expected,
        longest_wait_hours=bound.hours,
        longest_wait_says=bound.says,
        lowered=lowered,
    )
