"""All bundles from scratch, by the same rule as live placement: the same items in the same order give the same bundles.

A plain self-join would list every pair of copies, and a picture that came a hundred thousand times has five thousand
million pairs. So the items are halved again and again: the later half is first held against the founders of the
earlier half, which absorb their copies, and only what is left goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import InputError
from firstlight.triage.bundle import HASH_BYTES, Joined
from firstlight.triage.table import BundleRule

Hashes: TypeAlias = NDArray[np.uint8]
Numbers: TypeAlias = NDArray[np.int64]
Pairs: TypeAlias = tuple[Numbers, Numbers, Numbers]

Join: TypeAlias = Callable[[Hashes, Hashes, int], Pairs]
"""`join(queries, base, threshold)`: every pair within the threshold, as (row of query, row of base, distance)."""

BLOCK = 2048
"""Items that are compared each with each: small enough for a distance matrix of some 4 million cells."""

JOINED = (Joined.NEW, Joined.SHA256, Joined.PDQ)
"""What the codes in `Bundles.joined` mean."""


@dataclass(frozen=True, slots=True)
class Bundles:
    """For each item: the row of its bundle's first item, how it joined (a row of `JOINED`), and its distance."""

    first: Numbers
    joined: NDArray[np.uint8]
    distance: NDArray[np.uint8]

    @property
    def count(self) -> int:
        """The number of bundles."""
        return int((self.first == np.arange(len(self.first))).sum())


def bundle_all(
    sha256: Hashes, pdq: Hashes, quality: NDArray[np.uint8], rule: BundleRule, join: Join | None = None
) -> Bundles:
    """The bundles of these items, given in order of arrival.

    `sha256` and `pdq` have shape (n, 32); `quality` has shape (n,), and is 0 where there is no hash and `min_quality`
    is above 0. `join` defaults to a plain scan.

    Raises:
        InputError: the shapes do not fit.
    """
    n = len(sha256)
    if sha256.shape != (n, HASH_BYTES) or pdq.shape != (n, HASH_BYTES) or quality.shape != (n,):
        raise InputError(
            f"The arrays do not fit: sha256 {sha256.shape}, pdq {pdq.shape}, quality {quality.shape}.",
            hint="Give (n, 32), (n, 32) and (n,).",
        )
    by_bytes = first_equal(sha256)
    rows = np.flatnonzero((by_bytes == np.arange(n)) & (quality >= rule.min_quality)).astype(np.int64)
    by_pixels = first_equal(pdq[rows])
    own = np.flatnonzero(by_pixels == np.arange(len(rows))).astype(np.int64)
    distinct = np.ascontiguousarray(pdq[rows[own]])
    leader, distance = _leaders(distinct, rule.threshold, join or plain_join)

    # Back through the three steps: distinct hashes -> items with a hash -> all items.
    position = np.full(len(rows), -1, dtype=np.int64)
    position[own] = np.arange(len(own))
    of_row = position[by_pixels]
    first = by_bytes.copy()
    first[rows] = rows[own[leader[of_row]]]
    far = np.zeros(n, dtype=np.uint8)
    far[rows] = distance[of_row]
    joined = np.zeros(n, dtype=np.uint8)
    joined[first != np.arange(n)] = JOINED.index(Joined.PDQ)
    copies = by_bytes != np.arange(n)
    first[copies] = first[by_bytes[copies]]
    joined[copies] = JOINED.index(Joined.SHA256)
    return Bundles(first, joined, far)


def first_equal(rows: Hashes) -> Numbers:
    """For each row of bytes, the first row that equals it."""
    n = len(rows)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    keys = np.ascontiguousarray(rows).view(f"V{rows.shape[1]}").ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


def plain_join(queries: Hashes, base: Hashes, threshold: int) -> Pairs:
    """Every pair within the threshold by comparing each with each, in blocks of bounded memory."""
    q, b = queries.view(np.uint64), base.view(np.uint64)
    out: list[Pairs] = []
    for i in range(0, len(q), BLOCK):
        for j in range(0, len(b), BLOCK):
            distance = _distances(q[i : i + BLOCK], b[j : j + BLOCK])
            left, right = np.nonzero(distance <= threshold)
            out.append((left + i, right + j, distance[left, right].astype(np.int64)))
    if not out:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty
    left, right, found = (np.concatenate(part) for part in zip(*out, strict=True))
    return left, right, found


def _distances(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.uint16]:
    total = np.zeros((len(left), len(right)), dtype=np.uint16)
    for word in range(left.shape[1]):
        total += np.bitwise_count(left[:, word, None] ^ right[None, :, word])
    return total


def _leaders(hashes: Hashes, threshold: int, join: Join) -> tuple[Numbers, NDArray[np.uint8]]:
    """For each hash, the row of the oldest founder within the threshold (itself for a founder), and the distance."""
    n = len(hashes)
    leader = np.full(n, -1, dtype=np.int64)
    distance = np.zeros(n, dtype=np.uint8)

    def settle(rows: Numbers) -> Numbers:
        """Give every one of these rows, none of them near an older founder, its leader; answer the founders."""
        if len(rows) <= BLOCK:
            return _settle_block(hashes, rows, threshold, leader, distance)
        half = len(rows) // 2
        early = settle(rows[:half])
        rest = _absorb(hashes, rows[half:], early, threshold, join, leader, distance)
        return np.concatenate([early, settle(rest)])

    settle(np.arange(n, dtype=np.int64))
    return leader, distance


def _absorb(
    hashes: Hashes,
    rows: Numbers,
    founders: Numbers,
    threshold: int,
    join: Join,
    leader: Numbers,
    distance: NDArray[np.uint8],
) -> Numbers:
    """Give each row that is near a founder the oldest such founder; answer the rows that are near none."""
    left, right, far = join(hashes[rows], hashes[founders], threshold)
    order = np.lexsort((right, left))  # founders stand in order of arrival, so the smallest row is the oldest
    left, right, far = left[order], right[order], far[order]
    start = np.ones(len(left), dtype=bool)
    start[1:] = left[1:] != left[:-1]
    leader[rows[left[start]]] = founders[right[start]]
    distance[rows[left[start]]] = far[start].astype(np.uint8)
    free = np.ones(len(rows), dtype=bool)
    free[left[start]] = False
    return rows[free]


def _settle_block(
    hashes: Hashes, rows: Numbers, threshold: int, leader: Numbers, distance: NDArray[np.uint8]
) -> Numbers:
    """One block, row after row, against the founders that the block has had so far."""
    words = np.ascontiguousarray(hashes[rows]).view(np.uint64)
    matrix = _distances(words, words)
    founders: list[int] = []
    taken = np.zeros(len(rows), dtype=bool)
    for i in range(len(rows)):
        if taken[i]:
            continue
        founders.append(i)
        near = np.flatnonzero((matrix[i] <= threshold) & ~taken)
        near = near[near >= i]
        taken[near] = True
        leader[rows[near]] = rows[i]
        distance[rows[near]] = matrix[i, near].astype(np.uint8)
    return rows[np.array(founders, dtype=np.int64)]
