"""Undoing PNG's row filters (PNG, third edition, section 9), for pixels of three or four bytes. Compiled.

Each pixel waits for the one to its left, so that time goes into a chain of steps. A pixel's channels
go through a step side by side, as four 16-bit lanes of one number; and two rows of the slowest filter go side by side,
the lower one a pixel behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.extending import intrinsic

from firstlight.media.compiling import compiled_for

_i8, _u1, _u4, _u8 = numba.int64, numba.uint8, numba.uint32, numba.uint64
_BYTES = numba.types.Array(_u1, 1, "C", readonly=True)

_NARROW = ir.VectorType(ir.IntType(8), 4)
_WIDE = ir.VectorType(ir.IntType(16), 4)

_LOW: Final = np.uint64(0x00FF00FF00FF00FF)
"""The low byte of each lane."""

_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)


def _to_lanes(_typing: Any, _pixel: Any) -> Any:  # noqa: ANN401 - numba's own protocol
    """The four bytes of a uint32 as the lanes of a uint64."""

    def generate(_context: Any, build: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return build.bitcast(build.zext(build.bitcast(arguments[0], _NARROW), _WIDE), ir.IntType(64))

    return _u8(_u4), generate


def _to_pixel(_typing: Any, _lanes: Any) -> Any:  # noqa: ANN401
    """The low bytes of a uint64's lanes as a uint32."""

    def generate(_context: Any, build: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return build.bitcast(build.trunc(build.bitcast(arguments[0], _WIDE), _NARROW), ir.IntType(32))

    return _u4(_u8), generate


def _add_nearest(_typing: Any, _left: Any, _up: Any, _corner: Any, _pixel: Any) -> Any:  # noqa: ANN401
    """A pixel plus whichever of its neighbours is closest to left + up - corner, lane by lane, modulo 256."""

    def generate(_context: Any, build: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        left, up, corner, pixel = (build.bitcast(one, _WIDE) for one in arguments)
        zero = ir.Constant(_WIDE, [0] * 4)

        def size(value: Any) -> Any:  # noqa: ANN401
            return build.select(build.icmp_signed("<", value, zero), build.sub(zero, value), value)

        by_left, by_up = build.sub(up, corner), build.sub(left, corner)
        to_corner = size(build.add(by_left, by_up))
        to_left, to_up = size(by_left), size(by_up)
        is_up = build.icmp_signed("<=", to_up, to_corner)
        other = build.select(is_up, up, corner)
        to_other = build.select(is_up, to_up, to_corner)
        nearest = build.select(build.icmp_signed("<=", to_left, to_other), left, other)
        total = build.and_(build.add(nearest, pixel), ir.Constant(_WIDE, [255] * 4))
        return build.bitcast(total, ir.IntType(64))

    return _u8(_u8, _u8, _u8, _u8), generate


_widen: Callable[[Any], Any] = cast("Callable[[Any], Any]", intrinsic(_to_lanes))
_narrow: Callable[[Any], Any] = cast("Callable[[Any], Any]", intrinsic(_to_pixel))
_paeth: Callable[[Any, Any, Any, Any], Any] = cast("Callable[[Any, Any, Any, Any], Any]", intrinsic(_add_nearest))


@compiled_for(_u4(_u1, _u1, _u1, _u1))
def _joined(red: int, green: int, blue: int, last: int) -> Any:  # noqa: ANN401
    """A pixel's bytes as one number, the first byte lowest. Bytes and not their row are handed over: the compiler would
    count who holds the row, at each pixel."""
    return (
        np.uint32(red)
        | np.uint32(green) << np.uint32(8)
        | np.uint32(blue) << np.uint32(16)
        | np.uint32(last) << np.uint32(24)
    )


@compiled_for(numba.void(_BYTES, _u4[::1], _u4[::1], _i8, _i8, _u4))
def _one_row(
    row: npt.NDArray[np.uint8],
    above: npt.NDArray[np.uint32],
    out: npt.NDArray[np.uint32],
    kind: int,
    size: int,
    opaque: np.uint32,
) -> None:
    step, last = np.uint64(size), np.uint64(size - 1)
    at, one, two = np.uint64(0), np.uint64(1), np.uint64(2)
    left, corner = np.uint64(0), np.uint64(0)
    for x in range(out.size):
        pixel = _joined(row[at], row[at + one], row[at + two], row[at + last])
        at += step
        if kind == _NONE:
            out[x] = pixel | opaque
        elif kind == _UP:
            out[x] = _narrow(_widen(above[x]) + _widen(pixel)) | opaque
        else:
            up = _widen(above[x])
            if kind == _SUB:
                left = (left + _widen(pixel)) & _LOW
            elif kind == _AVERAGE:
                left = ((((left + up) >> one) & _LOW) + _widen(pixel)) & _LOW
            else:
                left = _paeth(left, up, corner, _widen(pixel))
            corner = up
            out[x] = _narrow(left) | opaque


@compiled_for(numba.void(_BYTES, _BYTES, _u4[::1], _u4[::1], _u4[::1], _i8, _u4))
def _two_paeth_rows(
    first: npt.NDArray[np.uint8],
    second: npt.NDArray[np.uint8],
    above: npt.NDArray[np.uint32],
    out: npt.NDArray[np.uint32],
    below: npt.NDArray[np.uint32],
    size: int,
    opaque: np.uint32,
) -> None:
    """Two rows with the Paeth filter: the second one's pixel x - 1 beside the first one's pixel x."""
    step, last = np.uint64(size), np.uint64(size - 1)
    at, one, two = np.uint64(0), np.uint64(1), np.uint64(2)
    left, corner = np.uint64(0), np.uint64(0)
    second_left, second_corner = np.uint64(0), np.uint64(0)
    for x in range(out.size):
        second_up = left
        up = _widen(above[x])
        left = _paeth(left, up, corner, _widen(_joined(first[at], first[at + one], first[at + two], first[at + last])))
        corner = up
        out[x] = _narrow(left) | opaque
        if x > 0:
            before = at - step
            pixel = _joined(second[before], second[before + one], second[before + two], second[before + last])
            second_left = _paeth(second_left, second_up, second_corner, _widen(pixel))
            second_corner = second_up
            below[x - 1] = _narrow(second_left) | opaque
        at += step
    before = at - step
    pixel = _joined(second[before], second[before + one], second[before + two], second[before + last])
    below[out.size - 1] = _narrow(_paeth(second_left, left, second_corner, _widen(pixel))) | opaque


@compiled_for(numba.boolean(_BYTES, _u4[:, ::1], _i8, _i8, _u4))
def unfilter(rows: npt.NDArray[np.uint8], out: npt.NDArray[np.uint32], top: int, size: int, opaque: np.uint32) -> bool:
    """Write whole filtered rows into `out` from its row `top` on, a uint32 for each pixel of `size` bytes.

    `opaque` is added to each pixel by "or"; the rows above `top` are those written before. False when a row has a
    filter that there is not: what was written until then is of no use.
    """
    stride = out.shape[1] * size + 1
    count = rows.size // stride
    nothing = np.zeros(out.shape[1], np.uint32)
    y = 0
    while y < count:
        at = y * stride
        kind = int(rows[at])
        if kind > _PAETH:
            return False
        row = rows[at + 1 : at + stride]
        above = out[top + y - 1] if top + y > 0 else nothing
        if kind == _PAETH and y + 1 < count and rows[at + stride] == _PAETH:
            second = rows[at + stride + 1 : at + 2 * stride]
            _two_paeth_rows(row, second, above, out[top + y], out[top + y + 1], size, opaque)
            y += 2
        else:
            _one_row(row, above, out[top + y], kind, size, opaque)
            y += 1
    return True
