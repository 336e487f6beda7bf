"""Searching one base and one delta: choosing between tables and scan, and room for the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstlight.index import kernels, plan
from firstlight.index.basefile import Base, damaged
from firstlight.index.hits import Hits

QUERY_BLOCK: Final = 256
"""Queries that share one pass over the chunk tables, so that a table stays in the cache; more gain nothing."""
_ROOM: Final = 256


def search_base(
    base: Base, dead: NDArray[np.uint64], queries: NDArray[np.uint64], number: int, threshold: int
) -> list[Hits]:
    """All live rows of the base within the threshold of each query."""
    rows = len(base)
    if plan.search_cost(rows, base.cut.count, threshold) >= plan.scan_cost(rows):
        return [_by_scan(base, dead, queries, np.ones(number, dtype=np.uint8), threshold)]
    budget = int(plan.scan_cost(rows) / plan.CANDIDATE_COST)
    parts: list[Hits] = []
    for at in range(0, number, QUERY_BLOCK):
        size = min(QUERY_BLOCK, number - at)
        block = queries[4 * at : 4 * (at + size)]
        found, given_up = _through_tables(base, dead, block, size, threshold, budget)
        parts.append(_moved(found, at))
        if given_up is not None:
            parts.append(_moved(_by_scan(base, dead, block, given_up, threshold), at))
    return parts


def search_delta(
    planes: NDArray[np.uint64], used: int, keys: NDArray[np.uint64], dead: NDArray[np.uint8],
    queries: NDArray[np.uint64], number: int, threshold: int,
) -> Hits:  # fmt: skip
    """All live rows of the delta within the threshold of each query."""
    return _collected(
        lambda q, k, d: kernels.scan_planes(queries, number, threshold, planes, used, keys, dead, q, k, d)
    )


def _by_scan(
    base: Base, dead: NDArray[np.uint64], queries: NDArray[np.uint64], chosen: NDArray[np.uint8], threshold: int
) -> Hits:
    return _collected(
        lambda q, k, d: kernels.scan_rows(queries, chosen, threshold, base.rows, base.keys, dead, q, k, d)
    )


def _through_tables(
    base: Base, dead: NDArray[np.uint64], queries: NDArray[np.uint64], number: int, threshold: int, budget: int
) -> tuple[Hits, NDArray[np.uint8] | None]:
    """What the tables answer, and which queries they gave up because a scan is cheaper for them, if any."""
    probes = plan.probes(base.cut.count, threshold, len(base))
    over = np.zeros(number + 1, dtype=np.uint8)

    def run(query: NDArray[np.uint32], key: NDArray[np.uint64], distance: NDArray[np.uint8]) -> int:
        count: int = kernels.search_tables(
            queries, threshold, probes.table, probes.masks, base.rows, base.ids, base.offsets, base.keys, dead,
            budget, over, query, key, distance,
        )  # fmt: skip
        if count == kernels.DAMAGED:
            raise damaged(base.path, "a table points outside the rows")
        return count

    found = _collected(run)
    if not over[number]:
        return found, None
    kept = over[found.query] == 0
    return Hits(found.query[kept], found.key[kept], found.distance[kept]), over[:number]


def _collected(run: Callable[[NDArray[np.uint32], NDArray[np.uint64], NDArray[np.uint8]], int]) -> Hits:
    """Run a kernel with room for its answers; again with as much as it needs if that was too little."""
    room = _ROOM
    while True:
        query, key = np.empty(room, dtype=np.uint32), np.empty(room, dtype=np.uint64)
        distance = np.empty(room, dtype=np.uint8)
        count = run(query, key, distance)
        if count <= room:
            return Hits(query[:count], key[:count], distance[:count])
        room = count


def _moved(hits: Hits, by: int) -> Hits:
    return Hits(hits.query + np.uint32(by), hits.key, hits.distance) if by and len(hits) else hits
