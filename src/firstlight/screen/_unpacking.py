"""Unpacking Snappy, compiled. Imported at the first packed page: importing loads the compiler."""

from __future__ import annotations

from typing import Any

import numpy as np

from firstlight.index.jit import kernel

_U = np.uint64
"""Places without a sign: of others the compiler asks at each byte whether it is negative, and copies more slowly."""


@kernel
def unsnap(packed: Any, at: int, out: Any, end: int, state: Any) -> Any:  # noqa: ANN401 - arrays
    """Unpack from `packed[at:]` to `out[end:]` until one of them is used up.

    `state` is what is left of the element at hand: bytes of a literal, bytes of a copy, and how far back it reaches;
    and where in `out` the stream begins.
    Answers where both stand now, and whether all made sense. The head of an element is taken only when it is whole.
    """
    size, room = len(packed), len(out)
    while end < room:
        if state[0] > 0:
            count = min(state[0], size - at, room - end)
            if count == 0:
                return at, end, True
            for place in range(count):
                out[_U(end + place)] = packed[_U(at + place)]
            at += count
            end += count
            state[0] -= count
            continue
        if state[1] > 0:
            back = state[2]
            count = min(state[1], room - end)
            for place in range(count):
                out[_U(end + place)] = out[_U(end + place - back)]
            end += count
            state[1] -= count
            if state[1] == 0:
                state[2] = 0
            continue
        if at >= size:
            return at, end, True
        tag = int(packed[_U(at)])
        kind, value = tag & 3, tag >> 2
        more = value - 59 if kind == 0 and value >= 60 else 0 if kind == 0 else kind if kind < 3 else 4
        if at + 1 + more > size:
            return at, end, True
        number = 0
        for place in range(more):
            number |= int(packed[_U(at + 1 + place)]) << (8 * place)
        at += 1 + more
        if kind == 0:
            state[0] = (number if more else value) + 1
            continue
        state[1] = 4 + (value & 7) if kind == 1 else value + 1
        state[2] = number | (tag >> 5) << 8 if kind == 1 else number
        if state[2] <= 0 or state[2] > end - state[3]:
            return at, end, False
    return at, end, True
