"""Ways to choose who is looked at next. All see the same observations; none sees the truth."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firstlight.triage.bundle import reopens
from firstlight.triage.lanes import Queue, Waiting
from firstlight.triage.simulation.world import World
from firstlight.triage.table import PriorityTable
from firstlight.triage.turns import Lane
from firstlight.values import Level

_START = datetime(2026, 1, 1, tzinfo=UTC)
_FULL_ORDER = 200.0
"""An order that a score policy counts as certain; rows of the table seldom add up to more."""

AGEING_PER_HOUR = 0.02
"""Score per hour waited: the rate at which two days make up for the whole scale."""


class Policy(Protocol):
    """A queue with an opinion. Rows are those of the world it was made for."""

    def __len__(self) -> int:
        """How many wait."""
        ...

    def add(self, row: int) -> None:
        """It came in."""
        ...

    def join(self, row: int, leader: int, *, decided: bool) -> bool:
        """A copy of `leader` came in that opens nothing. True if it needs no look of its own, false if it does."""
        ...

    def take(self) -> int:
        """The next to be looked at; asked only when somebody waits."""
        ...


class ByKey:
    """The smallest key first: what most policies come down to, ageing at a constant rate included."""

    def __init__(self, keys: NDArray[np.float64], *, bundles: bool = True) -> None:
        self._keys = keys
        self._bundles = bundles
        self._heap: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, row: int) -> None:
        heapq.heappush(self._heap, (float(self._keys[row]), row))

    def join(self, row: int, leader: int, *, decided: bool) -> bool:  # noqa: ARG002 - same shape for all
        return self._bundles

    def take(self) -> int:
        return heapq.heappop(self._heap)[1]


class Ours:
    """Firstlight: levels and order from the table, bundles that open, lanes."""

    def __init__(self, world: World, table: PriorityTable, seed: int) -> None:
        self._world = world
        self._queue = Queue(table.lanes)
        self._rng = Random(seed)  # noqa: S311 - a model, no secret
        self._levels = list(Level)
        self._since: dict[int, tuple[int, int]] = {}
        self._bundle_level: dict[int, Level] = {}
        self._rank: dict[int, tuple[int, float]] = {}
        self.peak = 0
        self.immediate = 0
        self.spent: list[tuple[int, int]] = []
        """For each item that was not immediate: how many older ones it found, and the turns until it was taken."""

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, row: int) -> None:
        self._put(row, row)
        self._since[row] = (len(self._queue) - 1, self._queue.turn)
        self.peak = max(self.peak, len(self._queue) - 1)

    def _put(self, row: int, like: int) -> None:
        received = _START + timedelta(hours=float(self._world.arrival[row]))
        level = self._levels[self._world.level[like]]
        order = float(self._world.order[like])
        self._queue.add(Waiting(row, level, order, received, cause=str(self._world.cause[like])))
        self._rank[row] = (level.rank, -order)

    def join(self, row: int, leader: int, *, decided: bool) -> bool:
        world = self._world
        level = self._levels[world.level[row]]
        known = self._bundle_level.get(leader, self._levels[world.level[leader]])
        if decided and reopens(level, raising=False, decided_at=known, same_bytes=False):
            self._bundle_level[leader] = min(level, known, key=lambda each: each.rank)
            return False
        if not decided and (level.rank, -world.order[row]) < self._rank[leader]:
            self._queue.remove(leader)
            self._put(leader, row)
            self._bundle_level[leader] = level
        return True

    def take(self) -> int:
        taken = self._queue.take(self._rng)
        if taken is None:
            msg = "take() is asked only when somebody waits"
            raise RuntimeError(msg)
        item, lane = taken
        older, turn = self._since.pop(item.key)
        if lane is Lane.IMMEDIATE:
            self.immediate += 1
        else:
            self.spent.append((older, self._queue.turn - turn))
        return item.key


def _fifo(world: World, _: PriorityTable) -> Policy:
    return ByKey(world.arrival)


def _every_copy(world: World, _: PriorityTable) -> Policy:
    return ByKey(world.arrival, bundles=False)


def _detector(world: World, _: PriorityTable) -> Policy:
    return ByKey(world.ai_score)


def _senders_mark(world: World, _: PriorityTable) -> Policy:
    return ByKey(world.mark * 1e6 + world.arrival)


def _ageing(world: World, _: PriorityTable) -> Policy:
    score = np.minimum(world.order / _FULL_ORDER, 1.0)
    return ByKey(AGEING_PER_HOUR * world.arrival - score)


def _deadlines(world: World, table: PriorityTable) -> Policy:
    hours = np.array([table.levels[level].review_within_hours for level in Level])
    return ByKey(world.arrival + hours[world.level])


OURS = "ours"

OTHERS: dict[str, tuple[str, Callable[[World, PriorityTable], Policy]]] = {
    "fifo": ("first come, first served; copies bundled", _fifo),
    "fifo-every-copy": ("first come, first served; every copy looked at", _every_copy),
    "detector": ("what the AI detector calls real comes first", _detector),
    "senders-mark": ("what says of itself that it is machine-made comes last, camera marks first", _senders_mark),
    "score-ageing": (f"our order as a score, plus {AGEING_PER_HOUR:g} per hour waited", _ageing),
    "deadlines": ("earliest deadline first, with our deadlines", _deadlines),
}
"""What each policy does, and how to make it. All but `fifo-every-copy` bundle copies and open bundles as ours does."""
