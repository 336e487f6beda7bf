"""The inner loop of list mode, compiled. Only `tables` imports it: importing loads the compiler."""

from __future__ import annotations

from typing import Any

import numpy as np

from firstlight.index.jit import helper, kernel, prefetch

_BLOCK = 64
"""Rows whose places in the bitmap are asked for together: it is larger than caches, and waiting for it costs most."""
_BAD = 0x80
_DIGITS = np.full(256, _BAD, dtype=np.uint8)
_DIGITS[48:58] = np.arange(10)
_DIGITS[97:103] = _DIGITS[65:71] = np.arange(10, 16)


@helper
def _first_bits(data: Any, start: int, size: int, width: int) -> Any:  # noqa: ANN401
    """The first 64 bits of a digest, and whether it is one."""
    key = np.uint64(0)
    if size == 2 * width:
        bad = np.uint8(0)
        for at in range(16):
            digit = _DIGITS[data[start + at]]
            bad |= digit
            key = (key << np.uint64(4)) | np.uint64(digit & np.uint8(15))
        for at in range(16, size):
            bad |= _DIGITS[data[start + at]]
        return key, not bad & np.uint8(_BAD)
    if size == width:
        for at in range(8):
            key = (key << np.uint64(8)) | np.uint64(data[start + at])
        return key, True
    return key, False


@kernel
def suspects(
    data: Any, offsets: Any, width: int, filters: Any, shift: int, valid: Any, rows: Any, keys: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401  # fmt: skip
    """Which rows a bitmap lets through: their numbers and first 64 bits go to `rows` and `keys`.

    Row n is `data[offsets[n]:offsets[n + 1]]`: `width` raw bytes, or twice as many hexadecimal digits. Rows that hold
    a digest at all are marked in `valid`. `filters` are a coarse bitmap, of which a bit stands for eight of the other's
    and which stays in the caches, and the bitmap. Answers how many were let through.
    """
    coarse, bits = filters
    found = 0
    count = len(offsets) - 1
    block, there = np.empty(_BLOCK, dtype=np.uint64), np.empty(_BLOCK, dtype=np.bool_)
    for first in range(0, count, _BLOCK):
        last = min(first + _BLOCK, count)
        for row in range(first, last):
            key, is_digest = _first_bits(data, offsets[row], offsets[row + 1] - offsets[row], width)
            there[row - first] = is_digest
            if is_digest:
                valid[row] = True
                block[row - first] = key
                prefetch(coarse, key >> np.uint64(shift) >> np.uint64(6))
        for row in range(first, last):
            if there[row - first]:
                place = block[row - first] >> np.uint64(shift)
                there[row - first] = (coarse[place >> np.uint64(6)] >> (place >> np.uint64(3) & np.uint64(7))) & 1
                if there[row - first]:
                    prefetch(bits, place >> np.uint64(6))
        for row in range(first, last):
            if there[row - first]:
                place = block[row - first] >> np.uint64(shift)
                if (bits[place >> np.uint64(6)] >> (place & np.uint64(63))) & np.uint64(1):
                    rows[found] = row
                    keys[found] = block[row - first]
                    found += 1
    return found
