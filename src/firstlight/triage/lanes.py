"""Lanes: shares of reviewing capacity, and the order in which the waiting are looked at.

Immediate pre-empts everything, save in an overload of what calls itself immediate (`urgent_turn`). Of the reviews that
are left, a reserved share takes what has waited longest, a small share a random sample, and the rest goes by level and
order. No ageing term: in a flood everything ages, the flood
included, and an ageing queue turns into first come, first served. The reserved share bounds the longest wait instead,
and the bound is a number (`longest_wait`). Nothing is ever dropped.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import TypeVar

from firstlight.clock import in_utc
from firstlight.errors import InputError, StateError
from firstlight.triage.table import LaneShares, PriorityTable
from firstlight.values import Level

MAX_BURDEN = 9
"""Classes of burden. The queue keeps one shelf for each, so that a spent budget never means a long search."""

MAX_OWED = 20
"""Reserved turns that may be put off while somebody of level high waits; the bound on the wait counts them in."""

OVERLOAD = 50
"""More immediate items than this at once are more than a team can look at within the hour they are given."""

ONE_IN = 8
"""In an overload of immediate items one turn in so many goes to the others, so that everybody's wait has a bound."""

_SLACK = 1000
"""Entries of items that have left before a heap is rebuilt at all."""

_PARTS = 10_000
"""Shares are counted in whole parts of this many, so that no rounding can lose a reserved turn."""


class Lane(StrEnum):
    """Which share of the capacity an item is looked at with."""

    IMMEDIATE = "immediate"
    RANKED = "ranked"
    OLDEST = "oldest"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One review unit in the queue.

    `key` is the house's own number, growing with arrival. `burden` is what looking at it costs a reviewer's exposure
    budget. `says` is the one line that tells why it has its level.
    """

    key: int
    level: Level
    order: float
    received: datetime
    deadline: datetime | None = None
    burden: int = 1
    says: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.burden <= MAX_BURDEN:
            raise InputError(f"{self.burden} cannot be a burden.", hint=f"Use 1 to {MAX_BURDEN}.")

    @property
    def rank(self) -> tuple[int, float, datetime, int]:
        """Sorts the sooner item first; a tie goes to the older one, by the house's clock and number alone."""
        return (self.level.rank, -self.order, self.received, self.key)

    @property
    def age(self) -> tuple[datetime, int]:
        """Sorts the older item first."""
        return (self.received, self.key)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What one reviewer may still be shown: a hard limit, not advice. `None` is no limit of that kind."""

    views_left: int | None = None
    burden_left: int | None = None
    no_two_heavy: bool = False
    heavy_from: int = 2
    last_was_heavy: bool = False

    def allows(self, burden: int) -> bool:
        """Whether this reviewer may be shown an item of this burden next."""
        if self.views_left is not None and self.views_left < 1:
            return False
        if self.burden_left is not None and burden > self.burden_left:
            return False
        return not (self.no_two_heavy and self.last_was_heavy and burden >= self.heavy_from)

    def after(self, burden: int) -> Exposure:
        """What is left once such an item was shown."""
        return replace(
            self,
            views_left=None if self.views_left is None else self.views_left - 1,
            burden_left=None if self.burden_left is None else self.burden_left - burden,
            last_was_heavy=burden >= self.heavy_from,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands in the queue: its position (0 is next), its lane, and why, in words.

    `for_other` is set when the reviewer asked for has no budget left for it: it keeps its place for somebody else.
    """

    position: int
    key: int
    lane: Lane
    level: Level
    order: float
    waited: timedelta
    overdue: bool
    for_other: bool
    says: str


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


def next_lane(turn: int, owed: int, soonest: Level, shares: LaneShares) -> tuple[Lane, int]:
    """The lane of this turn and the reserved turns then owed, when `soonest` is the soonest level that waits.

    A reserved turn that falls while somebody of level high waits is put off, at most `MAX_OWED` of them, and made up
    for at the next turn that no one of level high needs. The immediate lane uses no turn and is not asked for here.
    """
    lane = lane_at(turn, shares)
    urgent = soonest.rank <= Level.HIGH.rank
    if lane is Lane.OLDEST and urgent and owed < MAX_OWED:
        return Lane.RANKED, owed + 1
    if lane is Lane.RANKED and not urgent and owed:
        return Lane.OLDEST, owed - 1
    return lane, owed


class UrgentTurn(StrEnum):
    """Who has a turn that immediate items ask for."""

    FIRST = "first"
    NEWEST = "newest"
    OTHERS = "others"


def urgent_turn(urgent: int, waiting: int) -> UrgentTurn:
    """Who is next while `waiting` immediate items wait, when `urgent` turns were asked for by such items so far.

    The first by rank, as long as no more than `OVERLOAD` wait. When more is called immediate than can be looked at, as
    when a flood comes with faked threats, the first by rank would make each new child wait for the whole flood, and
    everybody else for ever. Then every second turn goes to the newest immediate item, and one in `ONE_IN` to those who
    are not immediate, by their own lanes.
    """
    if waiting <= OVERLOAD:
        return UrgentTurn.FIRST
    if urgent % ONE_IN == ONE_IN - 1:
        return UrgentTurn.OTHERS
    return UrgentTurn.NEWEST if urgent % 2 else UrgentTurn.FIRST


def _parts(share: float) -> int:
    return round(share * _PARTS)


_Key = TypeVar("_Key", tuple[int, float, datetime, int], tuple[datetime, int], tuple[float, int])


def _rank(item: Waiting) -> tuple[int, float, datetime, int]:
    return item.rank


def _age(item: Waiting) -> tuple[datetime, int]:
    return item.age


def _freshness(item: Waiting) -> tuple[float, int]:
    """Sorts the newer item first."""
    return (-item.received.timestamp(), -item.key)


@dataclass(slots=True)
class _Shelf:
    """The waiting of one burden, immediate or not, in the orders they are asked for; only the immediate ones are asked
    for by `newest`. Heaps may name what has left already."""

    ranked: list[tuple[tuple[int, float, datetime, int], int]] = field(default_factory=list)
    oldest: list[tuple[tuple[datetime, int], int]] = field(default_factory=list)
    newest: list[tuple[tuple[float, int], int]] = field(default_factory=list)
    pool: list[int] = field(default_factory=list)
    slot: dict[int, int] = field(default_factory=dict)


class Queue:
    """The waiting, ready to be asked for the next one; taking and adding cost the logarithm of their number.

    `turn` counts the reviews that were not immediate, `owed` the reserved turns that were put off, `urgent` the turns
    that immediate items asked for; keep them with the queue's state. An item is held exactly once: it
    leaves by `take` or `remove` and in no other way.
    """

    def __init__(
        self, shares: LaneShares, waiting: Iterable[Waiting] = (), turn: int = 0, owed: int = 0, urgent: int = 0
    ) -> None:
        """A queue of all of these at once.

        Raises:
            InputError: two of them have one key.
        """
        self.turn = turn
        self.owed = owed
        self.urgent = urgent
        self._immediate = 0
        self._shares = shares
        self._held: dict[int, Waiting] = {}
        self._shelves: dict[tuple[int, bool], _Shelf] = {}
        for item in waiting:
            shelf = self._hold(item)
            shelf.ranked.append((item.rank, item.key))
            shelf.oldest.append((item.age, item.key))
            if item.level is Level.IMMEDIATE:
                shelf.newest.append((_freshness(item), item.key))
        for shelf in self._shelves.values():
            heapq.heapify(shelf.ranked)
            heapq.heapify(shelf.oldest)
            heapq.heapify(shelf.newest)

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._held.values())

    def add(self, item: Waiting) -> None:
        """Put it in its place.

        Raises:
            InputError: an item with this key waits already.
        """
        shelf = self._hold(item)
        heapq.heappush(shelf.ranked, (item.rank, item.key))
        heapq.heappush(shelf.oldest, (item.age, item.key))
        if item.level is Level.IMMEDIATE:
            heapq.heappush(shelf.newest, (_freshness(item), item.key))
        if len(shelf.ranked) > 2 * len(shelf.pool) + _SLACK:
            shelf.ranked = [(self._held[key].rank, key) for key in shelf.pool]
            heapq.heapify(shelf.ranked)
        if len(shelf.oldest) > 2 * len(shelf.pool) + _SLACK:
            shelf.oldest = [(self._held[key].age, key) for key in shelf.pool]
            heapq.heapify(shelf.oldest)
        if len(shelf.newest) > 2 * len(shelf.pool) + _SLACK:
            shelf.newest = [(_freshness(self._held[key]), key) for key in shelf.pool]
            heapq.heapify(shelf.newest)

    def remove(self, key: int) -> Waiting:
        """Take it out without a turn, for instance because its priority changed or its bundle was decided.

        Raises:
            StateError: it does not wait.
        """
        item = self._held.pop(key, None)
        if item is None:
            raise StateError(f"Item {key} does not wait.", hint="Look it up: it may be decided already.")
        self._immediate -= item.level is Level.IMMEDIATE
        shelf = self._shelves[item.burden, item.level is Level.IMMEDIATE]
        slot = shelf.slot.pop(key)
        last = shelf.pool.pop()
        if last != key:
            shelf.pool[slot] = last
            shelf.slot[last] = slot
        return item

    def take(self, rng: Random, exposure: Exposure | None = None) -> tuple[Waiting, Lane] | None:
        """The next item and the lane it comes from; nothing when nobody waits, or nothing fits the budget.

        An item that does not fit this reviewer's budget keeps its place for another one.
        """
        budget = exposure or Exposure()
        fitting = [(urgent, shelf) for (burden, urgent), shelf in self._shelves.items() if budget.allows(burden)]
        urgent = [shelf for immediate, shelf in fitting if immediate and shelf.pool]
        others = [shelf for immediate, shelf in fitting if not immediate and shelf.pool]
        if urgent:
            whose = urgent_turn(self.urgent, self._immediate)
            self.urgent += 1
            if whose is not UrgentTurn.OTHERS or not others:
                newest = whose is UrgentTurn.NEWEST
                return self.remove((self._newest if newest else self._first)(urgent).key), Lane.IMMEDIATE
        if not others:
            return None
        chosen = self._first(others)
        lane, self.owed = next_lane(self.turn, self.owed, chosen.level, self._shares)
        self.turn += 1
        shelves = urgent + others
        if lane is Lane.OLDEST:
            chosen = self._oldest(shelves)
        elif lane is Lane.AUDIT:
            pools = [shelf.pool for shelf in shelves]
            (pool,) = rng.choices(pools, weights=[len(pool) for pool in pools])
            chosen = self._held[rng.choice(pool)]
        return self.remove(chosen.key), lane

    def _hold(self, item: Waiting) -> _Shelf:
        if item.key in self._held:
            raise InputError(f"Item {item.key} waits already.", hint="Remove it first to give it another place.")
        urgent = item.level is Level.IMMEDIATE
        shelf = self._shelves.setdefault((item.burden, urgent), _Shelf())
        self._held[item.key] = item
        self._immediate += urgent
        shelf.slot[item.key] = len(shelf.pool)
        shelf.pool.append(item.key)
        return shelf

    def _first(self, shelves: Iterable[_Shelf]) -> Waiting:
        return min((self._top(shelf.ranked, shelf, _rank) for shelf in shelves), key=_rank)

    def _oldest(self, shelves: Iterable[_Shelf]) -> Waiting:
        return min((self._top(shelf.oldest, shelf, _age) for shelf in shelves), key=_age)

    def _newest(self, shelves: Iterable[_Shelf]) -> Waiting:
        return min((self._top(shelf.newest, shelf, _freshness) for shelf in shelves), key=_freshness)

    def _top(self, heap: list[tuple[_Key, int]], shelf: _Shelf, order: Callable[[Waiting], _Key]) -> Waiting:
        """The first on a shelf that is not empty; entries of what has left, or moved, are thrown away on the way."""
        while True:
            place, key = heap[0]
            item = self._held.get(key)
            if item is not None and order(item) == place and key in shelf.slot:
                return item
            heapq.heappop(heap)


def arrange(
    waiting: Iterable[Waiting],
    now: datetime,
    table: PriorityTable,
    rng: Random,
    *,
    turn: int = 0,
    owed: int = 0,
    urgent: int = 0,
    exposure: Exposure | None = None,
    first: tuple[int, Lane] | None = None,
) -> tuple[Place, ...]:
    """Everybody's place in the queue as it stands now: all that wait, each exactly once.

    `rng` decides the audit's draws and nothing else; seed it to get the same order again. `exposure` is the budget of
    the one reviewer this order is for; what does not fit it comes last and is marked `for_other`. `first` is the key
    and lane of the one that was chosen already, where a caller keeps that apart; the counts are those after it.

    Raises:
        StateError: `first` does not wait.
    """
    now = in_utc(now)
    queue = Queue(table.lanes, waiting, turn, owed, urgent)
    places: list[Place] = []
    if first is not None:
        places.append(_place(0, queue.remove(first[0]), first[1], now, for_other=False))
    fits = True
    while queue:
        taken = queue.take(rng, exposure if fits else None)
        if taken is None:
            fits = False
            continue
        item, lane = taken
        if exposure is not None and fits:
            exposure = exposure.after(item.burden)
        places.append(_place(len(places), item, lane, now, for_other=not fits))
    return tuple(places)


def _place(position: int, item: Waiting, lane: Lane, now: datetime, *, for_other: bool) -> Place:
    waited = max(now - item.received, timedelta(0))
    overdue = item.deadline is not None and now > item.deadline
    words = {
        Lane.IMMEDIATE: "Before everything else",
        Lane.RANKED: f"By rank: {item.level}",
        Lane.OLDEST: f"In a turn reserved for what has waited longest ({in_words(waited)}): {item.level}",
        Lane.AUDIT: f"Drawn at random to measure what the rest hides: {item.level}",
    }[lane]
    says = f"{words}. {item.says}".rstrip()
    if overdue and item.deadline is not None:
        says += f" Its deadline passed {in_words(now - item.deadline)} ago."
    if for_other:
        says += " Not for this reviewer now: the exposure limit stands against it; it keeps its place for another."
    return Place(position, item.key, lane, item.level, item.order, waited, overdue, for_other, says)


def in_words(span: timedelta) -> str:
    """A length of time as people say it."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 72 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"


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
