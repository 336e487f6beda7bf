"""How 256 bits are cut into chunks, and which buckets of each a search has to look into.

If two hashes are within t bits and the 256 bits are cut into m chunks, write t = r*m + a with 0 <= a < m: then one of
the first a + 1 chunks differs in at most r bits, or one of the others in at most r - 1, for otherwise the distances
would add up to more than t. Looking into these balls of every chunk therefore finds every match.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

BITS: Final = 256
WORD: Final = 32
"""Bits of an entry of a table: a row number, and above it a sketch."""
STRIDE: Final = 37
"""Bit j of a stored row is bit (37 * j) mod 256 of the hash: neighbouring bits of real hashes are not independent, and
this spreads them over the chunks."""
MAX_THRESHOLD: Final = 64
"""Random hashes start to match each other well above this; a search beyond it finds noise."""
USUAL_THRESHOLD: Final = 31
MIN_CHUNKS, MAX_CHUNKS = 10, 16

MAX_BYTES: Final = 130
"""Of a base per hash, tables and all, where there are enough hashes for a choice."""

PROBE_COST: Final = 30.0
ENTRY_COST: Final = 1.5
ROW_COST: Final = 20.0
SCAN_COST: Final = 1.3
"""Nanoseconds for a bucket looked into, an entry held against the query's sketch, a row fetched at random and a row
scanned in order; only their ratios count."""
CROWD_COST: Final = 8.0
"""Nanoseconds for an entry near a crowd of hashes that are all alike, where the sketch holds back none of them."""


@dataclass(frozen=True, slots=True)
class Chunking:
    """The cut of 256 bits into `count` chunks of nearly equal length."""

    count: int
    starts: tuple[int, ...]
    lengths: tuple[int, ...]

    def buckets(self) -> int:
        """Entries of all offset tables together, each with its guard."""
        return sum((1 << length) + 1 for length in self.lengths)


@functools.cache
def chunking(count: int) -> Chunking:
    """Cut into `count` chunks; the first 256 mod count are one bit longer."""
    short, longer = divmod(BITS, count)
    lengths = tuple(short + (i < longer) for i in range(count))
    return Chunking(count, tuple(itertools.accumulate((0, *lengths[:-1]))), lengths)


@functools.lru_cache(maxsize=64)
def chunks_for(rows: int) -> int:
    """The number of chunks for a table of so many rows: what makes the usual search cheapest within `MAX_BYTES`."""
    choices = [n for n in range(MIN_CHUNKS, MAX_CHUNKS) if table_bytes(rows, n) <= MAX_BYTES * rows]
    return min([MAX_CHUNKS, *choices], key=lambda count: search_cost(rows, count, USUAL_THRESHOLD))


def table_bytes(rows: int, count: int) -> int:
    """Bytes of a base of so many rows: rows, keys, their order, and the tables of the chunks."""
    return rows * (BITS // 8 + 8 + 4 + 4 * (count - 1)) + 4 * chunking(count).buckets()


def radii(count: int, threshold: int) -> tuple[int, ...]:
    """How many bits each chunk's ball reaches; -1 for a chunk that need not be looked at."""
    whole, rest = divmod(threshold, count)
    return tuple(whole if i <= rest else whole - 1 for i in range(count))


def ball_size(length: int, radius: int) -> int:
    """How many values of `length` bits lie within `radius` bits of one."""
    return sum(math.comb(length, k) for k in range(radius + 1))


@functools.lru_cache(maxsize=1024)
def search_cost(rows: int, count: int, threshold: int) -> float:
    """Expected nanoseconds of one search through the tables, for evenly spread hashes."""
    cost, reach = 0.0, radii(count, threshold)
    for i, (length, radius) in enumerate(zip(chunking(count).lengths, reach, strict=True)):
        sketch, bound = sketch_bits(rows, count, i), radius + reach[(i + 1) % count] + 1
        for far in range(radius + 1):
            probes = math.comb(length, far)
            entries = probes * rows / (1 << length)
            fetched = entries * ball_size(sketch, min(sketch, bound - far)) / (1 << sketch) if i else entries
            cost += probes * PROBE_COST + entries * ENTRY_COST + fetched * ROW_COST
    return cost


def scan_cost(rows: int) -> float:
    """Expected nanoseconds of one scan of all rows."""
    return rows * SCAN_COST


@functools.cache
def masks(length: int, radius: int) -> NDArray[np.uint32]:
    """All values of `length` bits with at most `radius` bits set, fewest first."""
    out: list[int] = []
    for k in range(radius + 1):
        out.extend(sum(1 << bit for bit in bits) for bits in itertools.combinations(range(length), k))
    return np.array(out, dtype=np.uint32)


def row_bits(rows: int) -> int:
    """Bits that a row number of a table of so many rows takes."""
    return max(1, (rows - 1).bit_length())


def sketch_bits(rows: int, count: int, chunk: int) -> int:
    """How many bits of a row's next chunk (of the last one: the first) stand beside its number in a chunk's table."""
    lengths = chunking(count).lengths
    return min(WORD - row_bits(rows), lengths[(chunk + 1) % count])


@dataclass(frozen=True, slots=True)
class Probes:
    """What a kernel needs to look into every ball: per chunk `(start, length, first offset entry, first row-number
    entry, radius, first mask, last mask, start and length of the sketch, bits that chunk and sketch may differ in)`,
    and the masks."""

    table: NDArray[np.int64]
    masks: NDArray[np.uint32]


@functools.lru_cache(maxsize=256)
def probes(count: int, threshold: int, rows: int) -> Probes:
    """The probes of one search. Only where `search_cost` is below `scan_cost` are the masks worth their memory."""
    cut, reach = chunking(count), radii(count, threshold)
    table = np.zeros((count, 10), dtype=np.int64)
    parts: dict[tuple[int, int], int] = {}
    arrays: list[NDArray[np.uint32]] = []
    offsets, used = 0, 0
    for i, radius in enumerate(reach):
        length, after = cut.lengths[i], (i + 1) % count
        if radius >= 0 and (length, radius) not in parts:
            parts[length, radius] = used
            arrays.append(masks(length, radius))
            used += len(arrays[-1])
        first = parts.get((length, radius), 0)
        table[i] = (
            cut.starts[i], length, offsets, (i - 1) * rows, radius, first, first + ball_size(length, radius),
            cut.starts[after], sketch_bits(rows, count, i), radius + reach[after] + 1,
        )  # fmt: skip
        offsets += (1 << length) + 1
    return Probes(table, np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.uint32))
