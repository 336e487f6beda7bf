"""The inner loop of list mode, compiled. Only `tables` imports it: importing loads the compiler."""

from __future__ import annotations

from typing import Any

import numpy as np

from firstlight.index.jit import kernel

_BAD = 0x80
_DIGITS = np.full(256, _BAD, dtype=np.uint8)
_DIGITS[48:58] = np.arange(10)
_DIGITS[97:103] = _DIGITS[65:71] = np.arange(10, 16)


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
            text = data[start : start + size]
            bad = np.uint8(0)
            for at in range(16):
                digit = _DIGITS[text[at]]
                bad |= digit
                key = (key << np.uint64(4)) | np.uint64(digit & np.uint8(15))
            for at in range(16, size):
                bad |= _DIGITS[text[at]]
            if bad & np.uint8(_BAD):
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
