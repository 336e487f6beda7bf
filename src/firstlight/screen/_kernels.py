"""The inner loop of list mode, compiled. Only `tables` imports it: importing loads the compiler."""

from __future__ import annotations

from typing import Any

import numpy as np

from firstlight.index.jit import helper, kernel


@helper
def _digit(sign: Any) -> Any:  # noqa: ANN401 - a byte; 255 for what is no hexadecimal digit
    if 48 <= sign <= 57:
        return sign - 48
    low = sign | 32
    if 97 <= low <= 102:
        return low - 87
    return 255


@kernel
def suspects(data: Any, offsets: Any, width: int, bits: Any, shift: int, valid: Any, rows: Any, keys: Any) -> Any:  # noqa: ANN401
    """Which rows a bitmap lets through: their numbers and first 64 bits go to `rows` and `keys`.

    Row n is `data[offsets[n]:offsets[n + 1]]`: `width` raw bytes, or twice as many hexadecimal digits. Rows that hold
    a digest at all are marked in `valid`. Answers how many were let through.
    """
    found = 0
    for row in range(len(offsets) - 1):
        start, size = offsets[row], offsets[row + 1] - offsets[row]
        key = np.uint64(0)
        if size == 2 * width:
            bad = 0
            for at in range(16):
                digit = _digit(data[start + at])
                bad |= digit & 0xF0
                key = (key << np.uint64(4)) | np.uint64(digit & 15)
            for at in range(16, size):
                bad |= _digit(data[start + at]) & 0xF0
            if bad:
                continue
        elif size == width:
            for at in range(8):
                key = (key << np.uint64(8)) | np.uint64(data[start + at])
        else:
            continue
        valid[row] = True
        place = key >> np.uint64(shift)
        if (bits[place >> np.uint64(6)] >> (place & np.uint64(63))) & np.uint64(1):
            rows[found] = row
            keys[found] = key
            found += 1
    return found
