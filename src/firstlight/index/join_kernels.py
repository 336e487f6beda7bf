"""The compiled loops of the self-join."""

from __future__ import annotations

from typing import Final

import numpy as np

from firstlight.index.jit import helper, kernel, ones
from firstlight.index.kernels import I64, U32, U64, Word, chunk_of

_LANES: Final = 256


@kernel
def arrange(words: U64, start: Word, length: Word, offsets: U32, order: U32, planes: U64) -> None:
    """Sort the rows by one chunk: where each bucket begins, the row numbers, and the rows in four planes."""
    n = order.shape[0]
    size = 1 << length
    for row in range(n):
        offsets[chunk_of(words, 4 * row, start, length)] += np.uint32(1)
    total = np.uint32(0)
    for v in range(size + 1):
        total += offsets[v]
        offsets[v] = total
    for back in range(n):
        row = n - 1 - back
        v = chunk_of(words, 4 * row, start, length)
        offsets[v] -= np.uint32(1)
        order[offsets[v]] = row
    for at in range(n):
        for w in range(4):
            planes[w, at] = words[4 * np.int64(order[at]) + w]


@helper
def _earlier(x0: Word, x1: Word, x2: Word, x3: Word, reach: I64, chunk: Word) -> Word:
    """Whether an earlier chunk joins the pair with these differing bits."""
    for k in range(chunk):
        start, length, radius = reach[k, 0], reach[k, 1], reach[k, 2]
        if radius < 0:
            continue
        word, shift = start >> 6, np.uint64(start & 63)
        low = x0 if word == 0 else x1 if word == 1 else x2 if word == 2 else x3
        value = low >> shift
        if (start & 63) + length > 64:
            high = x1 if word == 0 else x2 if word == 1 else x3
            value |= high << np.uint64(64 - (start & 63))
        value &= (np.uint64(1) << np.uint64(length)) - np.uint64(1)
        if np.int64(ones(value)) <= radius:
            return True
    return False


@kernel
def find_pairs(
    planes: U64, order: U32, offsets: U32, masks: U32, bucket: Word, last: Word, row: Word, mask: Word, other: Word,
    reach: I64, chunk: Word, threshold: Word, out: U64,
) -> tuple[Word, Word, Word, Word, Word]:  # fmt: skip
    """Pairs of the buckets from `bucket` up to `last` with themselves and with later buckets of their ball.

    Stops when the output is full; answers how many pairs there are and the place to go on from.
    """
    limit = np.uint64(threshold)
    room = out.shape[0]
    count = 0
    p0, p1, p2, p3 = planes[0], planes[1], planes[2], planes[3]
    partial = np.empty(_LANES, dtype=np.uint64)
    while bucket < last:
        low, high = np.int64(offsets[bucket]), np.int64(offsets[bucket + 1])
        if low < high:
            while mask < masks.shape[0]:
                partner = bucket ^ np.int64(masks[mask])
                if partner >= bucket:
                    first, end = np.int64(offsets[partner]), np.int64(offsets[partner + 1])
                    if first < end:
                        i = low + row
                        while i < high:
                            a, b = p0[i], p1[i]
                            j0 = other
                            if j0 == 0:
                                j0 = i + 1 if partner == bucket else first
                            while j0 < end:
                                size = min(np.int64(_LANES), end - j0)
                                near = 0
                                for k in range(size):
                                    x = ones(p0[j0 + k] ^ a) + ones(p1[j0 + k] ^ b)
                                    partial[k] = x
                                    near += x <= limit
                                if near:
                                    if count + size > room:
                                        return count, bucket, i - low, mask, j0
                                    for k in range(size):
                                        if partial[k] > limit:
                                            continue
                                        j = j0 + k
                                        x2, x3 = p2[j] ^ p2[i], p3[j] ^ p3[i]
                                        distance = partial[k] + ones(x2) + ones(x3)
                                        if distance > limit:
                                            continue
                                        if _earlier(p0[j] ^ a, p1[j] ^ b, x2, x3, reach, chunk):
                                            continue
                                        left, right = np.uint64(order[i]), np.uint64(order[j])
                                        out[count, 0] = (min(left, right) << np.uint64(32)) | max(left, right)
                                        out[count, 1] = distance
                                        count += 1
                                j0 += size
                            other = 0
                            i += 1
                        row = 0
                mask += 1
        mask = 0
        bucket += 1
    return count, bucket, 0, 0, 0
