"""The self-join: every pair of hashes within a threshold, which is what bundling copies needs."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import InputError, LimitError
from firstlight.index import plan
from firstlight.index.rows import as_hashes, permuted

MAX_PAIRS: Final = 100_000_000
"""Some 900 MB of answer. More pairs than this come from hashes that are all alike, such as those of blank pictures."""
_PAIR_COST, _VISIT_COST, _BUCKET_COST = 1.0, 4.0, 4.0
"""Nanoseconds for a pair compared, a row held against a bucket, two buckets brought together; the ratios count."""
_CHUNK_CHOICES: Final = range(8, 25)
_PARTS_PER_THREAD: Final = 8
_ROOM: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Pairs of row numbers with their distance: `left < right`, each pair once, ordered by left, then right."""

    left: NDArray[np.uint32]
    right: NDArray[np.uint32]
    distance: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.left)


def neighbours(
    hashes: NDArray[np.uint8], threshold: int, *, threads: int = 1, max_pairs: int = MAX_PAIRS
) -> Neighbours:
    """Every pair of the hashes (n, 32) at most `threshold` bits apart, 0 to 64.

    Raises:
        InputError: the hashes have another shape, or the threshold is out of range.
        LimitError: there are more than `max_pairs` pairs.
    """
    rows = as_hashes(hashes)
    if not 0 <= threshold <= plan.MAX_THRESHOLD:
        raise InputError(f"A threshold of {threshold} bits is not possible.", hint="Choose 0 to 64.")
    if len(rows) >= 1 << 32:
        raise LimitError("More hashes than can be numbered.", hint="Join them in parts.", code="limit.rows")
    words, count = permuted(rows), len(rows)
    found: list[NDArray[np.uint64]] = []
    total = 0
    chunks = _chunks_for(count, threshold)
    for part in _each_chunk(words, count, threshold, chunks, threads, max_pairs):
        total += len(part)
        if total > max_pairs:
            raise LimitError(
                f"More than {max_pairs} pairs lie within {threshold} bits.",
                hint="Take identical hashes together first, or choose a smaller threshold.",
                code="limit.pairs",
            )
        found.append(part)
    return _as_neighbours(found)


def join_cost(rows: int, chunks: int, threshold: int) -> float:
    """Expected nanoseconds of the join of evenly spread hashes with so many chunks; 1 chunk means all pairs."""
    if chunks == 1:
        return rows * rows / 2 * _PAIR_COST
    cost: float = 0.0
    for length, radius in zip(plan.chunking(chunks).lengths, plan.radii(chunks, threshold), strict=True):
        if radius >= 0:
            ball = plan.ball_size(length, radius)
            pairs, visits, meetings = rows * rows / 2 / (1 << length) * ball, rows * ball / 2, (ball << length) / 2
            cost += pairs * _PAIR_COST + visits * _VISIT_COST + meetings * _BUCKET_COST
    return cost


def _chunks_for(rows: int, threshold: int) -> int:
    choices: list[int] = [1, *_CHUNK_CHOICES]
    return min(choices, key=lambda chunks: join_cost(rows, chunks, threshold))


def _each_chunk(
    words: NDArray[np.uint64], count: int, threshold: int, chunks: int, threads: int, max_pairs: int
) -> list[NDArray[np.uint64]]:
    from firstlight.index import join_kernels as kernels

    if count < 2:
        return []
    cut = plan.chunking(chunks) if chunks > 1 else plan.Chunking(1, (0,), (0,))
    radii = plan.radii(chunks, threshold) if chunks > 1 else (0,)
    reach = np.array([(cut.starts[i], cut.lengths[i], radii[i]) for i in range(cut.count)], dtype=np.int64)
    out: list[NDArray[np.uint64]] = []
    room = max_pairs
    for i in range(cut.count):
        if radii[i] < 0:
            continue
        buckets = 1 << cut.lengths[i]
        offsets, order = np.zeros(buckets + 1, dtype=np.uint32), np.empty(count, dtype=np.uint32)
        planes = np.empty((4, count), dtype=np.uint64)
        kernels.arrange(words, cut.starts[i], cut.lengths[i], offsets, order, planes)
        masks = plan.masks(cut.lengths[i], radii[i])
        parts = min(buckets, max(1, threads * _PARTS_PER_THREAD if threads > 1 else 1))
        edges = [math.floor(buckets * p / parts) for p in range(parts + 1)]

        def work(
            part: int, i: int = i, masks: NDArray[np.uint32] = masks, offsets: NDArray[np.uint32] = offsets,
            order: NDArray[np.uint32] = order, planes: NDArray[np.uint64] = planes, edges: list[int] = edges,
            room: int = room,
        ) -> NDArray[np.uint64]:  # fmt: skip
            return _pairs(planes, order, offsets, masks, edges[part], edges[part + 1], reach, i, threshold, room)

        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                results = list(pool.map(work, range(parts)))
        else:
            results = [work(part) for part in range(parts)]
        out.extend(results)
        room = max(0, room - sum(len(r) for r in results))
    return out


def _pairs(
    planes: NDArray[np.uint64], order: NDArray[np.uint32], offsets: NDArray[np.uint32], masks: NDArray[np.uint32],
    begin: int, end: int, reach: NDArray[np.int64], chunk: int, threshold: int, max_pairs: int,
) -> NDArray[np.uint64]:  # fmt: skip
    """The pairs of one stretch of buckets, each packed as left << 32 | right with the distance in a second column."""
    from firstlight.index import join_kernels as kernels

    blocks: list[NDArray[np.uint64]] = []
    total, bucket, row, mask, other = 0, begin, 0, 0, 0
    while bucket < end and total <= max_pairs:
        pairs = np.empty((_ROOM, 2), dtype=np.uint64)
        count, bucket, row, mask, other = kernels.find_pairs(
            planes, order, offsets, masks, bucket, end, row, mask, other, reach, chunk, threshold, pairs
        )
        blocks.append(pairs[:count].copy())
        total += count
    return np.concatenate(blocks) if blocks else np.zeros((0, 2), dtype=np.uint64)


def _as_neighbours(found: list[NDArray[np.uint64]]) -> Neighbours:
    pairs = np.concatenate([np.zeros((0, 2), dtype=np.uint64), *found])
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    return Neighbours(
        (pairs[:, 0] >> np.uint64(32)).astype(np.uint32),
        (pairs[:, 0] & np.uint64(0xFFFFFFFF)).astype(np.uint32),
        pairs[:, 1].astype(np.uint8),
    )
