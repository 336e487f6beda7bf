"""All bundles from scratch, by the same rule as live placement: the same items in the same order give the same bundles.

Items come in chunks, in order of arrival. A chunk is first held against the founders of all earlier bundles, which
absorb their copies; what is left is joined with itself. A plain self-join of everything would list every pair of
copies, and a picture that came a hundred thousand times has five thousand million pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import InputError, LimitError
from firstlight.triage.bundle import HASH_BYTES, Joined
from firstlight.triage.table import BundleRule

Hashes: TypeAlias = NDArray[np.uint8]
Numbers: TypeAlias = NDArray[np.int64]
Pairs: TypeAlias = tuple[Numbers, Numbers, Numbers]


class ManyHits(Protocol):
    """Answers to many queries: rows of queries, keys found, and distances, in three arrays of one length."""

    @property
    def query(self) -> NDArray[Any]:
        """The row of the query."""
        ...

    @property
    def key(self) -> NDArray[Any]:
        """The key found."""
        ...

    @property
    def distance(self) -> NDArray[Any]:
        """Differing bits."""
        ...


class Founders(Protocol):
    """An index of the first pictures of bundles; `firstlight.index.HammingIndex` is one.

    Give one that does not compact by itself: it is told when.
    """

    def add(self, hashes: Hashes, keys: NDArray[np.uint64]) -> object:
        """Take these hashes, shape (n, 32), under these keys."""
        ...

    def search_many(self, hashes: Hashes, threshold: int) -> ManyHits:
        """Everything within the threshold of each."""
        ...

    def compact(self) -> object:
        """Make what was added quick to search."""
        ...


class SelfPairs(Protocol):
    """Pairs of rows, `left < right`, each once, ordered by `left`, with their distance."""

    @property
    def left(self) -> NDArray[Any]:
        """The earlier row."""
        ...

    @property
    def right(self) -> NDArray[Any]:
        """The later row."""
        ...

    @property
    def distance(self) -> NDArray[Any]:
        """Differing bits."""
        ...


SelfJoin: TypeAlias = Callable[[Hashes, int], SelfPairs]
"""`join(hashes, threshold)`: every pair within the threshold; `firstlight.index.neighbours` is one. It may raise
`LimitError` when there are too many: then the rows are halved."""

CHUNK = 131_072
"""Items held against the founders at once; the index is compacted about once for each."""

COMPACT_AT = 8_192
"""Founders added since the last compaction that make the next one worth its time."""

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
    sha256: Hashes,
    pdq: Hashes,
    quality: NDArray[np.uint8],
    rule: BundleRule,
    *,
    founders: Founders | None = None,
    join: SelfJoin | None = None,
) -> Bundles:
    """The bundles of these items, given in order of arrival.

    `sha256` and `pdq` have shape (n, 32); `quality` has shape (n,), and is 0 where there is no hash and `min_quality`
    is above 0. `founders` is an empty index and `join` a self-join; both default to plain scans, which do for some
    ten thousand items. Afterwards `founders` holds the first picture of each bundle under its row, as live placement
    wants it.

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
    if founders is None:  # an empty index may well be false
        founders = PlainFounders()
    names = rows[own]
    work = _Work(distinct, names, rule.threshold, founders, join or plain_self_join)
    for start in range(0, len(distinct), CHUNK):
        work.settle(np.arange(start, min(start + CHUNK, len(distinct)), dtype=np.int64))

    # Back through the three steps: distinct hashes -> items with a hash -> all items.
    position = np.full(len(rows), -1, dtype=np.int64)
    position[own] = np.arange(len(own))
    of_row = position[by_pixels]
    first = by_bytes.copy()
    first[rows] = names[work.leader[of_row]]
    far = np.zeros(n, dtype=np.uint8)
    far[rows] = work.distance[of_row]
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


@dataclass(frozen=True, slots=True)
class PlainPairs:
    """Pairs found by a plain scan."""

    left: Numbers
    right: Numbers
    distance: Numbers


def plain_self_join(hashes: Hashes, threshold: int) -> PlainPairs:
    """Every pair among at most `BLOCK` hashes, by comparing each with each.

    Raises:
        LimitError: there are more hashes than that.
    """
    if len(hashes) > BLOCK:
        raise LimitError(f"More than {BLOCK} hashes for a plain join.", hint="Join them in parts.")
    words = hashes.view(np.uint64)
    distance = _distances(words, words)
    left, right = np.nonzero(np.triu(distance <= threshold, 1))
    return PlainPairs(left, right, distance[left, right].astype(np.int64))


@dataclass(frozen=True, slots=True)
class PlainHits:
    """Answers found by a plain scan."""

    query: Numbers
    key: Numbers
    distance: Numbers


class PlainFounders:
    """Founders kept in a list and found by a plain scan."""

    def __init__(self) -> None:
        self._hashes: Hashes = np.zeros((0, HASH_BYTES), dtype=np.uint8)
        self._keys: Numbers = np.zeros(0, dtype=np.int64)

    def add(self, hashes: Hashes, keys: NDArray[np.uint64]) -> None:
        """Take these hashes under these keys."""
        self._hashes = np.concatenate([self._hashes, hashes])
        self._keys = np.concatenate([self._keys, keys.astype(np.int64)])

    def search_many(self, hashes: Hashes, threshold: int) -> PlainHits:
        """Everything within the threshold of each."""
        query, row, distance = plain_join(hashes, self._hashes, threshold)
        return PlainHits(query, self._keys[row], distance)

    def compact(self) -> None:
        """There is nothing to make quicker."""


def plain_join(queries: Hashes, base: Hashes, threshold: int) -> Pairs:
    """Every pair (row of query, row of base, distance) within the threshold, in blocks of bounded memory."""
    q, b = queries.view(np.uint64), base.view(np.uint64)
    empty = np.zeros(0, dtype=np.int64)
    out: list[Pairs] = [(empty, empty, empty)]
    for i in range(0, len(q), BLOCK):
        for j in range(0, len(b), BLOCK):
            distance = _distances(q[i : i + BLOCK], b[j : j + BLOCK])
            left, right = np.nonzero(distance <= threshold)
            out.append((left + i, right + j, distance[left, right].astype(np.int64)))
    query, row, found = (np.concatenate(part) for part in zip(*out, strict=True))
    return query, row, found


def _distances(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.uint16]:
    total = np.zeros((len(left), len(right)), dtype=np.uint16)
    for word in range(left.shape[1]):
        total += np.bitwise_count(left[:, word, None] ^ right[None, :, word])
    return total


class _Work:
    """The distinct hashes, the items they stand for, and for each the founder it got so far and its distance."""

    def __init__(self, hashes: Hashes, names: Numbers, threshold: int, founders: Founders, join: SelfJoin) -> None:
        self._hashes = hashes
        self._names = names
        self._threshold = threshold
        self._founders = founders
        self._join = join
        self._founded = 0
        self._fresh = 0
        self.leader = np.full(len(hashes), -1, dtype=np.int64)
        self.distance = np.zeros(len(hashes), dtype=np.uint8)

    def settle(self, rows: Numbers) -> None:
        """Give each of these rows its leader; all rows before them have theirs."""
        rest = self._absorbed(rows) if self._founded else rows
        try:
            pairs = self._join(np.ascontiguousarray(self._hashes[rest]), self._threshold)
        except LimitError:
            if len(rest) < 2:
                raise
            half = len(rest) // 2
            self.settle(rest[:half])
            self.settle(rest[half:])
            return
        self._found(rest, pairs)

    def _absorbed(self, rows: Numbers) -> Numbers:
        """Give each row that is near founders the oldest of them; answer the rows that are near none."""
        hits = self._founders.search_many(np.ascontiguousarray(self._hashes[rows]), self._threshold)
        order = np.lexsort((hits.key, hits.query))
        query, distance = hits.query[order], hits.distance[order]
        founder = np.searchsorted(self._names, hits.key[order].astype(np.int64))
        first = np.ones(len(query), dtype=np.bool_)
        first[1:] = query[1:] != query[:-1]
        taken = rows[query[first]]
        self.leader[taken] = founder[first]
        self.distance[taken] = distance[first]
        free = np.ones(len(rows), dtype=np.bool_)
        free[query[first]] = False
        return rows[free]

    def _found(self, rows: Numbers, pairs: SelfPairs) -> None:
        """Let the rows that are near no older one found bundles, and take in those that are."""
        taken = np.zeros(len(rows), dtype=np.bool_)
        self.leader[rows] = rows
        lefts, starts = np.unique(pairs.left, return_index=True)
        ends = np.append(starts, len(pairs.left))[1:]
        for left, start, end in zip(lefts.tolist(), starts.tolist(), ends.tolist(), strict=True):
            if taken[left]:
                continue
            near = pairs.right[start:end]
            free = ~taken[near]
            near = near[free]
            taken[near] = True
            self.leader[rows[near]] = rows[left]
            self.distance[rows[near]] = pairs.distance[start:end][free]
        new = rows[~taken]
        self._founders.add(np.ascontiguousarray(self._hashes[new]), self._names[new].astype(np.uint64))
        self._founded += len(new)
        self._fresh += len(new)
        if self._fresh >= COMPACT_AT:
            self._founders.compact()
            self._fresh = 0
