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
_HELD: Final = 4096
"""Candidates held back so that their rows are on the way before they are looked at."""
_LINE: Final = 16
"""Entries of a table in one cache line."""
_ASKED: Final = 4 * _LINE
"""Entries of one bucket whose lines are asked for; of a longer one the processor fetches the rest by itself."""
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
def _far(rows: U64, at: Word, queries: U64, first: Word, start: Word, length: Word) -> Word:
    """In how many bits of a chunk a row and a query differ."""
    differing = chunk_of(rows, at, start, length) ^ chunk_of(queries, first, start, length)
    return np.int64(ones(np.uint64(differing)))


@helper
def _seen_before(rows: U64, at: Word, queries: U64, first: Word, table: I64, chunk: Word) -> Word:
    """Whether an earlier chunk reaches the row and lets it through, so that it was reported there."""
    for j in range(chunk):
        radius = table[j, 4]
        if radius >= 0:
            far = _far(rows, at, queries, first, table[j, 0], table[j, 1])
            if far <= radius:
                if j == 0:
                    return True
                if far + _far(rows, at, queries, first, table[j, 7], table[j, 8]) <= table[j, 9]:
                    return True
    return False


@helper
def _find_spots(queries: U64, first: Word, table: I64, masks: U32, offsets: U32, spots: U32, sketches: U64) -> None:
    """Where each probe of a query finds its bucket's beginning; the query's sketches."""
    at = 0
    for k in range(table.shape[0]):
        if table[k, 4] >= 0:
            value, offset0 = chunk_of(queries, first, table[k, 0], table[k, 1]), table[k, 2]
            sketches[k] = np.uint64(chunk_of(queries, first, table[k, 7], table[k, 8]))
            for j in range(table[k, 5], table[k, 6]):
                spot = offset0 + (value ^ np.int64(masks[j]))
                prefetch(offsets, spot)
                spots[at] = spot
                at += 1


@helper
def _find_buckets(
    table: I64, masks: U32, n: Word, rows: U64, ids: U32, offsets: U32, spots: U32,
    low: U32, high: U32, slack: Word, by: U8,
) -> tuple[Word, Word]:  # fmt: skip
    """The buckets that hold anything: from where to where, how far the next chunk may be, whose they are. Answers how
    many they are, or `DAMAGED`, and how many entries they hold."""
    at, buckets, entries = 0, 0, np.int64(0)
    for k in range(table.shape[0]):
        if table[k, 4] < 0:
            continue
        id0, bound = table[k, 3], table[k, 9]
        for j in range(table[k, 5], table[k, 6]):
            spot = np.int64(spots[at])
            at += 1
            lo, hi = np.int64(offsets[spot]), np.int64(offsets[spot + 1])
            if hi > lo:
                if hi > n:
                    return DAMAGED, entries
                if k:
                    for place in range(id0 + lo, min(id0 + hi, id0 + lo + _ASKED), _LINE):
                        prefetch(ids, place)
                    prefetch(ids, id0 + hi - 1)
                else:
                    prefetch(rows, 4 * lo)
                low[buckets], high[buckets], by[buckets] = lo, hi, k
                slack[buckets] = bound - np.int64(ones(np.uint64(masks[j])))
                buckets += 1
                entries += hi - lo
    return buckets, entries


@helper
def _sift(
    begin: Word, end: Word, sketch: Word, slack: Word, shift: Word, n: Word, rows: U64, ids: U32, chunk: Word,
    waiting: Word, held: U32, held_by: U8,
) -> Word:  # fmt: skip
    """Hold the rows of those entries whose sketch is near enough. Answers how many are held now, or `DAMAGED`."""
    row_mask = (np.uint64(1) << shift) - np.uint64(1)
    for place in range(begin, end):
        entry = np.uint64(ids[place])
        if np.int64(ones((entry >> shift) ^ sketch)) <= slack:
            row = np.int64(entry & row_mask)
            if row >= n:
                return DAMAGED
            prefetch(rows, 4 * row)
            held[waiting], held_by[waiting] = row, chunk
            waiting += 1
    return waiting


@helper
def _compare(
    q: Word, queries: U64, limit: Word, table: I64, rows: U64, keys: U64, dead: U64,
    waiting: Word, held: U32, held_by: U8, count: Word, out_query: U32, out_key: U64, out_distance: U8,
) -> Word:  # fmt: skip
    """Write those of the held rows that match and were not written before; answers the new count."""
    first = 4 * q
    q0, q1, q2, q3 = queries[first], queries[first + 1], queries[first + 2], queries[first + 3]
    for w in range(waiting):
        row = np.int64(held[w])
        at = 4 * row
        distance = ones(rows[at] ^ q0) + ones(rows[at + 1] ^ q1)
        if distance <= limit:
            distance += ones(rows[at + 2] ^ q2) + ones(rows[at + 3] ^ q3)
            if distance > limit or _is_dead(dead, row):
                continue
            if not _seen_before(rows, at, queries, first, table, np.int64(held_by[w])):
                if count < out_key.shape[0]:
                    out_query[count], out_key[count], out_distance[count] = q, keys[row], distance
                count += 1
    return count


@kernel
def search_tables(
    queries: U64, threshold: Word, table: I64, masks: U32, row_bits: Word, rows: U64, ids: U32, offsets: U32,
    keys: U64, dead: U64, budget: Word, over: U8, out_query: U32, out_key: U64, out_distance: U8,
) -> Word:  # fmt: skip
    """All live rows within the threshold of each query, through the tables.

    Answers how many there are; those beyond the room of the outputs are counted, not written. A query that would look
    at more than `budget` entries is given up and marked in `over`, and in the entry behind the last query. `DAMAGED`
    if a table points outside the rows.

    A query goes over its probes in passes, and each pass asks for the cache lines that the next one reads: where the
    buckets begin, the buckets, the rows. So many of them are on the way at once, and none is waited for alone.
    """
    n, limit, shift = np.int64(keys.shape[0]), np.uint64(threshold), np.uint64(row_bits)
    held, held_by = np.empty(_HELD, dtype=np.uint32), np.empty(_HELD, dtype=np.uint8)
    probes = 0
    for k in range(table.shape[0]):
        if table[k, 4] >= 0:
            probes += table[k, 6] - table[k, 5]
    spots, low, high = np.empty(probes, np.uint32), np.empty(probes, np.uint32), np.empty(probes, np.uint32)
    slack, by = np.empty(probes, dtype=np.int8), np.empty(probes, dtype=np.uint8)
    sketches = np.empty(table.shape[0], dtype=np.uint64)
    over[:] = 0
    count, number = 0, over.shape[0] - 1
    for q in range(number):
        _find_spots(queries, 4 * q, table, masks, offsets, spots, sketches)
        buckets, entries = _find_buckets(table, masks, n, rows, ids, offsets, spots, low, high, slack, by)
        if buckets == DAMAGED:
            return DAMAGED
        if entries > budget:
            over[q], over[number] = 1, 1
            continue
        waiting = 0
        for b in range(buckets):
            chunk, at, end = np.int64(by[b]), int(low[b]), int(high[b])
            while at < end:
                to = min(end, at + _HELD - waiting)
                if chunk:
                    id0 = table[chunk, 3]
                    waiting = _sift(
                        id0 + at, id0 + to, sketches[chunk], np.int64(slack[b]), shift, n, rows, ids, chunk,
                        waiting, held, held_by,
                    )  # fmt: skip
                    if waiting == DAMAGED:
                        return DAMAGED
                else:
                    for row in range(at, to):
                        held[waiting], held_by[waiting] = row, 0
                        waiting += 1
                at = to
                if waiting == _HELD or (b == buckets - 1 and at == end):
                    count = _compare(
                        q, queries, limit, table, rows, keys, dead, waiting, held, held_by,
                        count, out_query, out_key, out_distance,
                    )  # fmt: skip
                    waiting = 0
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
    hash_bytes: U8, permutation: U64, threshold: Word, table: I64, masks: U32, row_bits: Word, rows: U64, ids: U32,
    offsets: U32, keys: U64, dead: U64, budget: Word, planes: U64, used: Word, delta_keys: U64, delta_dead: U8,
    out_key: U64, out_distance: U8,
) -> Word:  # fmt: skip
    """One hash through tables and delta in a single call, because most of a single search's time would be calls.

    Answers as `search_tables` does, or `GIVEN_UP` where a scan is cheaper.
    """
    query = np.zeros(4, dtype=np.uint64)
    for j in range(32):
        for w in range(4):
            query[w] |= permutation[j, hash_bytes[j], w]
    over = np.zeros(2, dtype=np.uint8)
    out_query = np.empty(out_key.shape[0], dtype=np.uint32)
    count = search_tables(
        query,
        threshold,
        table,
        masks,
        row_bits,
        rows,
        ids,
        offsets,
        keys,
        dead,
        budget,
        over,
        out_query,
        out_key,
        out_distance,
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
def fill_table(
    rows: U64, n: Word, start: Word, length: Word, next_start: Word, sketch: Word, row_bits: Word,
    offsets: U32, ids: U32,
) -> None:  # fmt: skip
    """Write one chunk's table: where each bucket begins, and in bucket order the row numbers, each with `sketch` bits
    of the row's next chunk above its `row_bits` bits."""
    size = 1 << length
    shift = np.uint64(row_bits)
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
        ids[offsets[v]] = (np.uint64(chunk_of(rows, 4 * row, next_start, sketch)) << shift) | np.uint64(row)


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
