"""Turns: which share of the reviewing capacity the next review belongs to, and the bound on the wait that follows.

Pure rules over counts, the same for a queue in memory (`lanes.Queue`) and for one that lies in a database.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from firstlight.errors import InputError
from firstlight.triage.table import LaneShares
from firstlight.values import Level

MAX_OWED = 20
"""Reserved turns that may be put off while somebody of level high waits; the bound on the wait counts them in."""

OVERLOAD = 50
"""More immediate items than this at once are more than a team can look at within the hour they are given. Of any other
level, more than this at once are a crowd: then the order alone would let a flood hold up whoever comes after it."""

ONE_IN = 8
"""In an overload of immediate items one turn in so many goes to the others, so that everybody's wait has a bound."""

_PARTS = 10_000
"""Shares are counted in whole parts of this many, so that no rounding can lose a reserved turn."""


class Lane(StrEnum):
    """Which share of the capacity an item is looked at with."""

    IMMEDIATE = "immediate"
    RANKED = "ranked"
    NEWEST = "newest"
    OLDEST = "oldest"
    AUDIT = "audit"


def lane_at(turn: int, shares: LaneShares) -> Lane:
    """The lane of the turn-th review (0 is the first) among those that the immediate lane leaves over.

    Of any `n` turns in a row at least `floor(n * oldest_share)` belong to the oldest. Only the count matters, so the
    answer is the same after a restart and in every process.
    """
    oldest, audit = _parts(shares.oldest_share), _parts(shares.audit_share)
    before = turn * oldest // _PARTS
    if (turn + 1) * oldest // _PARTS > before:
        return Lane.OLDEST
    rest = turn - before  # the audit has its share of the turns that the oldest leave
    left = _PARTS - oldest
    return Lane.AUDIT if (rest + 1) * audit // left > rest * audit // left else Lane.RANKED


def next_lane(turn: int, owed: int, soonest: Level, shares: LaneShares, *, crowded: bool = False) -> tuple[Lane, int]:
    """The lane of this turn and the reserved turns then owed, when `soonest` is the soonest level that waits.

    A reserved turn that falls while somebody of level high waits is put off, at most `MAX_OWED` of them, and made up
    for at the next turn that no one of level high needs. When more than `OVERLOAD` of that level wait (`crowded`),
    every second turn by rank takes the newest of them: a flood then holds up those who came with it, and not those who
    come after it. The immediate lane uses no turn and is not asked for here.
    """
    lane = lane_at(turn, shares)
    urgent = soonest.rank <= Level.HIGH.rank
    if lane is Lane.OLDEST and urgent and owed < MAX_OWED:
        lane, owed = Lane.RANKED, owed + 1
    elif lane is Lane.RANKED and not urgent and owed:
        lane, owed = Lane.OLDEST, owed - 1
    return (Lane.NEWEST if lane is Lane.RANKED and crowded and turn % 2 else lane), owed


@dataclass(frozen=True, slots=True)
class UrgentTurn:
    """Who has a turn that immediate items ask for: the others if `others`, or else an immediate item of this `cause`
    (of any, if `None`), the newest of them or the first by rank."""

    others: bool = False
    cause: str | None = None
    newest: bool = False


def urgent_turn(urgent: int, waiting: int, causes: Iterable[str]) -> UrgentTurn:
    """Who is next while `waiting` immediate items wait, when `urgent` turns were asked for by such items so far.

    The first by rank, as long as no more than `OVERLOAD` wait. When more is called immediate than can be looked at, as
    when a flood comes with faked threats, the first by rank would make each new child wait for the whole flood, and
    everybody else for ever. Then the turns go round the `causes` for which they are immediate, so that what can be
    faked in masses does not stand before what is rare or cannot be faked; of each cause the first by rank and the
    newest take turns; and one turn in `ONE_IN` goes to those who are not immediate, by their own lanes.
    """
    if waiting <= OVERLOAD:
        return UrgentTurn()
    if urgent % ONE_IN == ONE_IN - 1:
        return UrgentTurn(others=True)
    there = sorted(set(causes))
    rounds, place = divmod(urgent - urgent // ONE_IN, len(there))
    return UrgentTurn(cause=there[place], newest=bool(rounds % 2))


def _parts(share: float) -> int:
    return round(share * _PARTS)


@dataclass(frozen=True, slots=True)
class WaitBound:
    """The longest that an item can wait: exact in turns; in hours at the given speed, or `None` when nothing holds."""

    turns: int
    hours: float | None
    says: str


def longest_wait(
    older: int, shares: LaneShares, *, reviews_per_hour: float, immediate_per_hour: float = 0.0
) -> WaitBound:
    """The bound on the wait of an item that finds `older` items waiting, whatever comes in after it.

    The reserved turns take the items by age, so at the latest the `older + 1`-th of them takes this one. Of any `n`
    turns at least `floor(n * share) - MAX_OWED` are given to the oldest. Immediate items take their reviews off the
    top; where more of them come in than can be looked at, one review in `ONE_IN` is left to the others.

    Raises:
        InputError: a number is negative or endless.
    """
    if older < 0 or not 0 <= reviews_per_hour < math.inf or not 0 <= immediate_per_hour < math.inf:
        raise InputError("A backlog or a rate cannot be negative or endless.", hint="Give numbers of 0 and more.")
    turns = -(-(older + 1 + MAX_OWED) * _PARTS // _parts(shares.oldest_share))
    speed, before = reviews_per_hour - immediate_per_hour, 0.0
    if speed < 0 and reviews_per_hour:  # it takes a while until so many wait that one turn in eight goes to others
        before, speed = OVERLOAD / -speed, reviews_per_hour / ONE_IN
    if speed <= 0:
        return WaitBound(
            turns, None, "No bound on the wait: immediate items alone fill the capacity. More reviewers are needed."
        )
    hours = before + turns / speed
    return WaitBound(
        turns,
        hours,
        f"Whatever comes in, an item behind {older} older ones is looked at within {turns} reviews that are not "
        f"immediate: {hours:.1f} h at {speed:g} of them an hour.",
    )
