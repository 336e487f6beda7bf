"""Lanes: shares of reviewing capacity, and the order in which the waiting are looked at.

Immediate pre-empts everything, save in an overload of what calls itself immediate (`urgent_turn`). Of the reviews that
are left, a reserved share takes what has waited longest, a small share a random sample, and the rest goes by level and
order; where a crowd of one level waits, every second of those takes the newest. No ageing term: in a flood everything
ages, the flood included, and an ageing queue turns into first come, first served. The reserved share bounds the longest
wait instead, and the bound is a number (`longest_wait`). Nothing is ever dropped.
"""

from __future__ import annotations

import gc
import heapq
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from firstlight.clock import in_utc
from firstlight.errors import InputError, StateError
from firstlight.triage.table import LaneShares, PriorityTable
from firstlight.triage.turns import OVERLOAD, Lane, next_lane, urgent_turn
from firstlight.values import Level

MAX_BURDEN = 9
"""Classes of burden. The queue keeps one shelf for each, so that a spent budget never means a long search."""

_SLACK = 1000
"""Entries of items that have left before a heap is rebuilt at all."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One review unit in the queue.

    `key` is the house's own number, growing with arrival. `burden` is what looking at it costs a reviewer's exposure
    budget. `says` is the one line that tells why it has its level, `cause` the name of the row that asks for it.
    """

    key: int
    level: Level
    order: float
    received: datetime
    deadline: datetime | None = None
    burden: int = 1
    says: str = ""
    cause: str = ""

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


def _rank(item: Waiting) -> tuple[int, float, datetime, int]:
    return item.rank


def _age(item: Waiting) -> tuple[datetime, int]:
    return item.age


@dataclass(slots=True)
class _Shelf:
    """The waiting of one burden, level and, if they are immediate, cause. `ranked` is a heap, `by_age` is sorted from
    `start` on; both may name what has left already. `pool` and `slot` hold exactly what waits."""

    ranked: list[tuple[tuple[int, float, datetime, int], int]] = field(default_factory=list)
    by_age: list[Waiting] = field(default_factory=list)
    start: int = 0
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
        self._count: Counter[Level] = Counter()
        self._shares = shares
        self._held: dict[int, Waiting] = {}
        self._shelves: dict[tuple[int, Level, str], _Shelf] = {}
        for item in waiting:
            shelf = self._hold(item)
            shelf.ranked.append((item.rank, item.key))
            shelf.by_age.append(item)
        for shelf in self._shelves.values():
            heapq.heapify(shelf.ranked)
            shelf.by_age.sort(key=_age)

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._held.values())

    def settle(self) -> None:
        """Keep the garbage collector from walking over everything that is held by now; call it once a large queue is
        built. A full collection over a million waiting takes a third of a second, in the middle of some turn.

        It is the whole process that is frozen (`gc.freeze`): what is garbage in a circle by now stays.
        """
        gc.freeze()

    def add(self, item: Waiting) -> None:
        """Put it in its place.

        Raises:
            InputError: an item with this key waits already.
        """
        shelf = self._hold(item)
        heapq.heappush(shelf.ranked, (item.rank, item.key))
        insort(shelf.by_age, item, lo=shelf.start, key=_age)
        most = 2 * len(shelf.pool) + _SLACK
        if len(shelf.ranked) > most:
            shelf.ranked = [(self._held[key].rank, key) for key in shelf.pool]
            heapq.heapify(shelf.ranked)
        if len(shelf.by_age) > most:
            shelf.by_age = sorted((self._held[key] for key in shelf.pool), key=_age)
            shelf.start = 0

    def remove(self, key: int) -> Waiting:
        """Take it out without a turn, for instance because its priority changed or its bundle was decided.

        Raises:
            StateError: it does not wait.
        """
        item = self._held.pop(key, None)
        if item is None:
            raise StateError(f"Item {key} does not wait.", hint="Look it up: it may be decided already.")
        self._count[item.level] -= 1
        shelf = self._shelf(item)
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
        fitting = [(place, shelf) for place, shelf in self._shelves.items() if shelf.pool and budget.allows(place[0])]
        urgent = {place: shelf for place, shelf in fitting if place[1] is Level.IMMEDIATE}
        others = [shelf for place, shelf in fitting if place not in urgent]
        if urgent:
            whose = urgent_turn(self.urgent, self._count[Level.IMMEDIATE], (cause for _, _, cause in urgent))
            self.urgent += 1
            if not whose.others or not others:
                of = [shelf for (_, _, cause), shelf in urgent.items() if whose.cause in (None, cause)]
                return self.remove((self._newest if whose.newest else self._first)(of).key), Lane.IMMEDIATE
        if not others:
            return None
        return self._by_lane(rng, others, [shelf for _, shelf in fitting])

    def _by_lane(self, rng: Random, others: list[_Shelf], fitting: list[_Shelf]) -> tuple[Waiting, Lane]:
        """The next of those that are not immediate; the reserved and the audited may be immediate all the same."""
        chosen = self._first(others)
        crowded = self._count[chosen.level] > OVERLOAD
        lane, self.owed = next_lane(self.turn, self.owed, chosen.level, self._shares, crowded=crowded)
        self.turn += 1
        if lane is Lane.OLDEST:
            chosen = self._oldest(fitting)
        elif lane is Lane.NEWEST:
            chosen = self._newest(shelf for shelf in others if self._held[shelf.pool[0]].level is chosen.level)
        elif lane is Lane.AUDIT:
            pools = [shelf.pool for shelf in fitting]
            (pool,) = rng.choices(pools, weights=[len(pool) for pool in pools])
            chosen = self._held[rng.choice(pool)]
        return self.remove(chosen.key), lane

    def _shelf(self, item: Waiting) -> _Shelf:
        place = (item.burden, item.level, item.cause if item.level is Level.IMMEDIATE else "")
        return self._shelves.setdefault(place, _Shelf())

    def _hold(self, item: Waiting) -> _Shelf:
        if item.key in self._held:
            raise InputError(f"Item {item.key} waits already.", hint="Remove it first to give it another place.")
        shelf = self._shelf(item)
        self._held[item.key] = item
        self._count[item.level] += 1
        shelf.slot[item.key] = len(shelf.pool)
        shelf.pool.append(item.key)
        return shelf

    def _waits(self, item: Waiting) -> bool:
        return self._held.get(item.key) is item

    def _first(self, shelves: Iterable[_Shelf]) -> Waiting:
        return min(map(self._top, shelves), key=_rank)

    def _oldest(self, shelves: Iterable[_Shelf]) -> Waiting:
        return min(map(self._eldest, shelves), key=_age)

    def _newest(self, shelves: Iterable[_Shelf]) -> Waiting:
        return max(map(self._youngest, shelves), key=_age)

    # Each of these asks a shelf that is not empty, and throws away what has left, or moved, on the way.

    def _top(self, shelf: _Shelf) -> Waiting:
        while True:
            place, key = shelf.ranked[0]
            item = self._held.get(key)
            if item is not None and item.rank == place and key in shelf.slot:
                return item
            heapq.heappop(shelf.ranked)

    def _eldest(self, shelf: _Shelf) -> Waiting:
        while not self._waits(shelf.by_age[shelf.start]):
            shelf.start += 1
        return shelf.by_age[shelf.start]

    def _youngest(self, shelf: _Shelf) -> Waiting:
        while not self._waits(shelf.by_age[-1]):
            shelf.by_age.pop()
        return shelf.by_age[-1]


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
    limit: int | None = None,
) -> tuple[Place, ...]:
    """Everybody's place in the queue as it stands now: all that wait, each exactly once, or the first `limit` places.

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
    while queue and (limit is None or len(places) < limit):
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
        Lane.NEWEST: f"The newest of a crowd, so that a flood holds nobody up who comes after it: {item.level}",
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
