"""The compiled loops of the index. Rows are 256-bit hashes in permuted order, four 64-bit words each, end to end.

No kernel trusts a table: an offset or row number beyond the rows is answered with `DAMAGED` and never followed.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firstlight.index.jit import helper, kernel, ones, prefetch
from firstlight.index.plan import BITS, STRIDE

Word: TypeAlias = Any
"""A machine word: which one, the compiler infers."""
U8: TypeAlias = NDArray[Any]
U32: TypeAlias = NDArray[Any]
U64: TypeAlias = NDArray[Any]
I64: TypeAlias = NDArray[Any]

DAMAGED: Final = -1
GIVEN_UP: Final = -2
_AHEAD: Final = 24
"""How many bucket look-ups ahead a cache line is asked for; the processor keeps about so many requests in flight."""
_HELD: Final = 4096
"""Candidates held back so that their rows are on the way before they are looked at."""
_BLOCK: Final = 512


def permutation_table() -> U64:
    """For each byte position and byte value the four words it contributes to a permuted row."""
    table = np.zeros((32, 256, 4), dtype=np.uint64)
    values = np.arange(256, dtype=np.uint64)
    for new in range(BITS):
        old = (new * STRIDE) % BITS
        bit = (values >> np.uint64(7 - old % 8)) & np.uint64(1)
        table[old // 8, :, new // 64] |= bit << np.uint64(new % 64)
    return table


@kernel
def permute(hashes: U8, table: U64, out: U64) -> None:
    """Write the permuted rows of `hashes` (n, 32) to `out` (4 n)."""
    for i in range(hashes.shape[0]):
        a, b, c, d = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        for j in range(32):
            v = hashes[i, j]
            a |= table[j, v, 0]
            b |= table[j, v, 1]
            c |= table[j, v, 2]
            d |= table[j, v, 3]
        out[4 * i], out[4 * i + 1], out[4 * i + 2], out[4 * i + 3] = a, b, c, d


@helper
def chunk_of(rows: U64, first: Word, start: Word, length: Word) -> Word:
    """The chunk of the row whose first word is `rows[first]`."""
    word = first + (start >> 6)
    shift = start & 63
    value = rows[word] >> np.uint64(shift)
    if shift + length > 64:
        value |= rows[word + 1] << np.uint64(64 - shift)
    return np.int64(value & ((np.uint64(1) << np.uint64(length)) - np.uint64(1)))


@helper
def _is_dead(dead: U64, row: Word) -> Word:
    return (dead[row >> 6] >> np.uint64(row & 63)) & np.uint64(1) != np.uint64(0)


@helper
def _seen_before(rows: U64, at: Word, queries: U64, first: Word, table: I64, chunk: Word) -> Word:
    """Whether an earlier chunk reaches the row, so that it was reported there."""
    for j in range(chunk):
        radius = table[j, 4]
        if radius >= 0:
            start, length = table[j, 0], table[j, 1]
            differing = chunk_of(rows, at, start, length) ^ chunk_of(queries, first, start, length)
            if np.int64(ones(np.uint64(differing))) <= radius:
                return True
    return False


@kernel
def search_tables(
    queries: U64, threshold: Word, table: I64, masks: U32, rows: U64, ids: U32, offsets: U32, keys: U64, dead: U64,
    budget: Word, over: U8, out_query: U32, out_key: U64, out_distance: U8,
) -> Word:  # fmt: skip
    """All live rows within the threshold of each query, through the tables.

    Answers how many there are; those beyond the room of the outputs are counted, not written. A query that would look
    at more than `budget` rows is given up and marked in `over`, and in the entry behind the last query. `DAMAGED` if
    a table points outside the rows.
    """
    n = np.int64(keys.shape[0])
    count = 0
    limit = np.uint64(threshold)
    held = np.empty(_HELD, dtype=np.uint32)
    widest = 0
    for k in range(table.shape[0]):
        widest = max(widest, table[k, 6] - table[k, 5])
    low = np.empty(widest, dtype=np.int64)
    high = np.empty(widest, dtype=np.int64)
    over[:] = 0
    spent = np.zeros(over.shape[0] - 1, dtype=np.int64)
    number = spent.shape[0]
    for k in range(table.shape[0]):
        start, length, offset0, id0, radius, mask0, mask1 = table[k]
        if radius < 0:
            continue
        for q in range(number):
            if over[q]:
                continue
            first = 4 * q
            q0, q1, q2, q3 = queries[first], queries[first + 1], queries[first + 2], queries[first + 3]
            value = chunk_of(queries, first, start, length)
            buckets = 0
            for j in range(mask0, mask1):
                if j + _AHEAD < mask1:
                    prefetch(offsets, offset0 + (value ^ np.int64(masks[j + _AHEAD])))
                at = offset0 + (value ^ np.int64(masks[j]))
                lo, hi = np.int64(offsets[at]), np.int64(offsets[at + 1])
                if hi > lo:
                    if hi > n:
                        return DAMAGED
                    if k:
                        prefetch(ids, id0 + lo)
                    else:
                        prefetch(rows, 4 * lo)
                    low[buckets], high[buckets] = lo, hi
                    buckets += 1
                    spent[q] += hi - lo
            if spent[q] > budget:
                over[q], over[number] = 1, 1
                continue
            b, p = 0, np.int64(0)
            if buckets:
                p = low[0]
            while b < buckets:
                waiting = 0
                while b < buckets and waiting < _HELD:
                    if p >= high[b]:
                        b += 1
                        if b < buckets:
                            p = low[b]
                        continue
                    row = np.int64(p)
                    if k:
                        row = np.int64(ids[id0 + p])
                        if row >= n:
                            return DAMAGED
                        prefetch(rows, 4 * row)
                    held[waiting] = row
                    waiting += 1
                    p += 1
                for w in range(waiting):
                    row = np.int64(held[w])
                    at = 4 * row
                    distance = ones(rows[at] ^ q0) + ones(rows[at + 1] ^ q1)
                    if distance > limit:
                        continue
                    distance += ones(rows[at + 2] ^ q2) + ones(rows[at + 3] ^ q3)
                    if distance > limit or _is_dead(dead, row):
                        continue
                    if _seen_before(rows, at, queries, first, table, k):
                        continue
                    if count < out_key.shape[0]:
                        out_query[count], out_key[count], out_distance[count] = q, keys[row], distance
                    count += 1
    return count


@kernel
def scan_rows(
    queries: U64, chosen: U8, threshold: Word, rows: U64, keys: U64, dead: U64,
    out_query: U32, out_key: U64, out_distance: U8,
) -> Word:  # fmt: skip
    """All live rows within the threshold of each query whose `chosen` is set, by looking at every row."""
    count = 0
    limit = np.uint64(threshold)
    for q in range(chosen.shape[0]):
        if not chosen[q]:
            continue
        a, b, c, d = queries[4 * q], queries[4 * q + 1], queries[4 * q + 2], queries[4 * q + 3]
        for row in range(keys.shape[0]):
            at = 4 * row
            distance = ones(rows[at] ^ a) + ones(rows[at + 1] ^ b)
            if distance <= limit:
                distance += ones(rows[at + 2] ^ c) + ones(rows[at + 3] ^ d)
                if distance <= limit and not _is_dead(dead, row):
                    if count < out_key.shape[0]:
                        out_query[count], out_key[count], out_distance[count] = q, keys[row], distance
                    count += 1
    return count


@kernel
def scan_planes(
    queries: U64, number: Word, threshold: Word, planes: U64, used: Word, keys: U64, dead: U8,
    out_query: U32, out_key: U64, out_distance: U8,
) -> Word:  # fmt: skip
    """The same over rows that stand word by word in four planes, which the compiler turns into vector instructions."""
    count = 0
    limit = np.uint64(threshold)
    partial = np.empty(_BLOCK, dtype=np.uint64)
    p0, p1 = planes[0], planes[1]
    for q in range(number):
        a, b, c, d = queries[4 * q], queries[4 * q + 1], queries[4 * q + 2], queries[4 * q + 3]
        for begin in range(0, used, _BLOCK):
            size = min(_BLOCK, used - begin)
            near = 0
            for i in range(size):
                x = ones(p0[begin + i] ^ a) + ones(p1[begin + i] ^ b)
                partial[i] = x
                near += x <= limit
            if near == 0:
                continue
            for i in range(size):
                row = begin + i
                if partial[i] <= limit and not dead[row]:
                    distance = partial[i] + ones(planes[2, row] ^ c) + ones(planes[3, row] ^ d)
                    if distance <= limit:
                        if count < out_key.shape[0]:
                            out_query[count], out_key[count], out_distance[count] = q, keys[row], distance
                        count += 1
    return count


@kernel
def search_one(
    hash_bytes: U8, permutation: U64, threshold: Word, table: I64, masks: U32, rows: U64, ids: U32, offsets: U32,
    keys: U64, dead: U64, budget: Word, planes: U64, used: Word, delta_keys: U64, delta_dead: U8,
    out_query: U32, out_key: U64, out_distance: U8,
) -> Word:  # fmt: skip
    """One hash through tables and delta in a single call, because most of a single search's time would be calls.

    Answers as `search_tables` does, or `GIVEN_UP` where a scan is cheaper.
    """
    query = np.zeros(4, dtype=np.uint64)
    for j in range(32):
        for w in range(4):
            query[w] |= permutation[j, hash_bytes[j], w]
    over = np.zeros(2, dtype=np.uint8)
    count = search_tables(
        query, threshold, table, masks, rows, ids, offsets, keys, dead, budget, over, out_query, out_key, out_distance
    )
    if over[1]:
        return GIVEN_UP
    if used and 0 <= count < out_key.shape[0]:
        count += scan_planes(
            query, 1, threshold, planes, used, delta_keys, delta_dead, out_query, out_key[count:], out_distance[count:]
        )
    return count


@kernel
def count_live(rows: U64, dead: U64, n: Word, start: Word, length: Word, offsets: U32) -> None:
    """Add the live rows to the counts of their buckets: bucket v is counted in `offsets[v + 1]`."""
    for row in range(n):
        if not _is_dead(dead, row):
            offsets[chunk_of(rows, 4 * row, start, length) + 1] += np.uint32(1)


@kernel
def place_live(
    rows: U64, keys: U64, dead: U64, n: Word, start: Word, length: Word, cursor: U32, out_rows: U64, out_keys: U64
) -> None:
    """Copy the live rows to their places in bucket order, moving the cursors on."""
    for row in range(n):
        if not _is_dead(dead, row):
            v = chunk_of(rows, 4 * row, start, length)
            to = np.int64(cursor[v])
            cursor[v] += np.uint32(1)
            for w in range(4):
                out_rows[4 * to + w] = rows[4 * row + w]
            out_keys[to] = keys[row]


@kernel
def fill_table(rows: U64, n: Word, start: Word, length: Word, offsets: U32, ids: U32) -> None:
    """Write one chunk's table: where each bucket begins, and the row numbers in bucket order."""
    size = 1 << length
    for v in range(size + 1):
        offsets[v] = 0
    for row in range(n):
        offsets[chunk_of(rows, 4 * row, start, length)] += np.uint32(1)
    total = np.uint32(0)
    for v in range(size + 1):  # each entry becomes the end of its bucket
        total += offsets[v]
        offsets[v] = total
    for back in range(n):  # from the last row to the first, so that the ends move down to the beginnings
        row = n - 1 - back
        v = chunk_of(rows, 4 * row, start, length)
        offsets[v] -= np.uint32(1)
        ids[offsets[v]] = row


@kernel
def bury(keys: U64, order: U32, dead: U64, gone: U64) -> Word:
    """Mark all rows of the keys in `gone` as dead, by the rows' order by key; answers how many were alive."""
    n = order.shape[0]
    count = 0
    for g in range(gone.shape[0]):
        key = gone[g]
        lo, hi = 0, n
        while lo < hi:
            middle = (lo + hi) // 2
            row = np.int64(order[middle])
            if row >= n:
                return DAMAGED
            if keys[row] < key:
                lo = middle + 1
            else:
                hi = middle
        while lo < n:
            row = np.int64(order[lo])
            if row >= n:
                return DAMAGED
            if keys[row] != key:
                break
            if not _is_dead(dead, row):
                dead[row >> 6] |= np.uint64(1) << np.uint64(row & 63)
                count += 1
            lo += 1
    return count
