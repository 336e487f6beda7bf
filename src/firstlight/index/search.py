"""Searching one base and one delta: choosing between tables and scan, and room for the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstlight.index import kernels, plan
from firstlight.index.basefile import Base, damaged
from firstlight.index.delta import Delta
from firstlight.index.hits import Hit, Hits, ordered
from firstlight.index.rows import permutation

_ROOM: Final = 64


class Searcher:
    """Single searches of one base at one threshold, with everything that they share made ready."""

    def __init__(self, base: Base, dead: NDArray[np.uint64], threshold: int) -> None:
        rows = len(base)
        self._base = base
        self._probes = plan.probes(base.cut.count, threshold, rows)
        self._fixed = (
            permutation(), threshold, self._probes.table, self._probes.masks, plan.row_bits(rows), base.rows, base.ids,
            base.offsets, base.keys, dead, int(plan.scan_cost(rows) / plan.CROWD_COST),
        )  # fmt: skip

    def one(self, hash_bytes: bytes, delta: Delta) -> list[Hit] | None:
        """What one hash of 32 bytes finds; none where a scan is cheaper or the answer is large."""
        key, distance = np.empty(_ROOM, np.uint64), np.empty(_ROOM, np.uint8)
        used = delta.used if delta.live else 0  # first, so that the arrays hold at least so many rows
        count: int = kernels.search_one(
            np.frombuffer(hash_bytes, np.uint8), *self._fixed, delta.planes, used, delta.keys, delta.dead, key, distance
        )  # fmt: skip
        if count == 0:
            return []
        if count == kernels.DAMAGED:
            raise damaged(self._base.path, "a table points outside the rows")
        if count < 0 or count >= _ROOM:
            return None
        if count == 1:
            return [Hit(int(key[0]), int(distance[0]))]
        return ordered([Hits(np.zeros(count, dtype=np.uint32), key[:count], distance[:count])]).of(0)


def searcher(base: Base, dead: NDArray[np.uint64], threshold: int) -> Searcher | None:
    """A searcher, where the tables are cheaper than a scan."""
    if plan.search_cost(len(base), base.cut.count, threshold) >= plan.scan_cost(len(base)):
        return None
    return Searcher(base, dead, threshold)


def search_base(
    base: Base, dead: NDArray[np.uint64], queries: NDArray[np.uint64], number: int, threshold: int
) -> list[Hits]:
    """All live rows of the base within the threshold of each query."""
    rows = len(base)
    if plan.search_cost(rows, base.cut.count, threshold) >= plan.scan_cost(rows):
        return [_by_scan(base, dead, queries, np.ones(number, dtype=np.uint8), threshold)]
    found, given_up = _through_tables(base, dead, queries, number, threshold)
    if given_up is None:
        return [found]
    return [found, _by_scan(base, dead, queries, given_up, threshold)]


def search_delta(
    planes: NDArray[np.uint64], used: int, keys: NDArray[np.uint64], dead: NDArray[np.uint8],
    queries: NDArray[np.uint64], number: int, threshold: int,
) -> Hits:  # fmt: skip
    """All live rows of the delta within the threshold of each query."""
    return _collected(
        number, lambda q, k, d: kernels.scan_planes(queries, number, threshold, planes, used, keys, dead, q, k, d)
    )


def _by_scan(
    base: Base, dead: NDArray[np.uint64], queries: NDArray[np.uint64], chosen: NDArray[np.uint8], threshold: int
) -> Hits:
    return _collected(
        len(chosen), lambda q, k, d: kernels.scan_rows(queries, chosen, threshold, base.rows, base.keys, dead, q, k, d)
    )


def _through_tables(
    base: Base, dead: NDArray[np.uint64], queries: NDArray[np.uint64], number: int, threshold: int
) -> tuple[Hits, NDArray[np.uint8] | None]:
    """What the tables answer, and which queries they gave up because a scan is cheaper for them, if any."""
    probes = plan.probes(base.cut.count, threshold, len(base))
    budget = int(plan.scan_cost(len(base)) / plan.CROWD_COST)
    over = np.zeros(number + 1, dtype=np.uint8)

    def run(query: NDArray[np.uint32], key: NDArray[np.uint64], distance: NDArray[np.uint8]) -> int:
        count: int = kernels.search_tables(
            queries, threshold, probes.table, probes.masks, plan.row_bits(len(base)), base.rows, base.ids,
            base.offsets, base.keys, dead, budget, over, query, key, distance,
        )  # fmt: skip
        if count == kernels.DAMAGED:
            raise damaged(base.path, "a table points outside the rows")
        return count

    found = _collected(number, run)
    if not over[number]:
        return found, None
    kept = over[found.query] == 0
    return Hits(found.query[kept], found.key[kept], found.distance[kept]), over[:number]


def _collected(number: int, run: Callable[[NDArray[np.uint32], NDArray[np.uint64], NDArray[np.uint8]], int]) -> Hits:
    """Run a kernel for so many queries with room for its answers; again with as much as it needs if that was too
    little."""
    room = max(_ROOM, 4 * number)
    while True:
        query, key = np.empty(room, dtype=np.uint32), np.empty(room, dtype=np.uint64)
        distance = np.empty(room, dtype=np.uint8)
        count = run(query, key, distance)
        if count <= room:
            return Hits(query[:count], key[:count], distance[:count])
        room = count
