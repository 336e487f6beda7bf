"""Undoing PNG's row filters (PNG, third edition, section 9), for pixels of three or four bytes. Compiled.

Each pixel waits for the one to its left, so that a row by itself is a chain of steps in which the processor idles. So
eight rows go side by side, each a pixel behind the one above it: what stands above and in the corner is then what the
row above made one step and two steps ago. Every channel of the eight pixels is a lane of 16 bits of one vector, and
each row takes what its own filter says out of what all filters say.
"""

# ruff: noqa: ANN401 - what is handed to a compiler has no types

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from firstlight.media.compiling import compiled_for

_ROWS: Final = 8
"""Rows that go side by side: their channels fill the widest vectors that there are."""

_SUB, _UP, _AVERAGE, _PAETH = range(1, 5)

_i8, _u1, _u4 = numba.int64, numba.uint8, numba.uint32
_BYTES = numba.types.Array(_u1, 1, "C", readonly=True)

_BYTE, _LANE, _WORD, _LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_NARROW, _WIDE = ir.VectorType(_BYTE, 4 * _ROWS), ir.VectorType(_LANE, 4 * _ROWS)
_WORDS, _LONGS = ir.VectorType(_WORD, _ROWS), ir.VectorType(_LONG, _ROWS)

_kept: Any = cgutils.alloca_once_value
"""A place for a value that each step leaves to the next; the compiler makes a register of it."""


class _Wave:
    """Writes down, for the compiler, how eight rows are gone through. Values are llvmlite's, which has no types."""

    def __init__(self, build: Any, bytes_: Any, out: Any, above: Any, spare: Any, *numbers: Any) -> None:
        first, top, live, self.width, self.size, opaque = numbers
        self.build, self.above, self.spare = build, above, spare
        stride = build.add(build.mul(self.width, self.size), _LONG(1))
        self.sources, self.targets, kinds = [], [], []
        for row in range(_ROWS):  # rows beyond the last are read from the first and written where nobody looks
            is_live = build.icmp_signed("<", _LONG(row), live)
            begin = build.add(first, build.mul(build.select(is_live, _LONG(row), _LONG(0)), stride))
            kinds.append(build.load(build.gep(bytes_, [begin])))
            self.sources.append(build.gep(bytes_, [build.add(begin, build.sub(self.size, _LONG(3)))]))
            line = build.gep(out, [build.mul(build.add(top, _LONG(row)), self.width)])
            self.targets.append(build.select(is_live, line, spare))
        self.filters = {kind: self._rows_with(kinds, kind) for kind in (_SUB, _UP, _AVERAGE, _PAETH)}
        unused = build.trunc(build.mul(build.sub(_LONG(4), self.size), _LONG(8)), _WORD)
        self.unused, self.opaque = self._all(unused), self._all(opaque)
        self.made = _kept(build, ir.Constant(_LONGS, [0] * _ROWS))
        self.corner = _kept(build, ir.Constant(_WIDE, [0] * (4 * _ROWS)))

    def go(self) -> None:
        """All columns: first those where not every row has begun, last those where not every row is still going."""
        build, begun = self.build, _LONG(_ROWS - 1)
        ending = build.select(build.icmp_signed("<", self.width, begun), begun, self.width)
        for start, stop, careful in (
            (_LONG(0), begun, True),
            (begun, self.width, False),
            (ending, build.add(self.width, begun), True),
        ):
            with cgutils.for_range(build, stop, start=start) as loop:
                self._step(loop.index, careful=careful)

    def _step(self, x: Any, *, careful: bool) -> None:
        build = self.build
        places = [self._place(x, row, careful=careful) for row in range(_ROWS)]
        read = ir.Constant(_WORDS, ir.Undefined)
        for row, (column, inside) in enumerate(places):
            # four bytes that end with the pixel: before the first one stands the row's filter
            at = build.gep(self.sources[row], [build.mul(column, self.size)])
            word = build.load(build.bitcast(at, _WORD.as_pointer()), align=1)
            read = build.insert_element(read, build.select(inside, word, _WORD(0)) if careful else word, _WORD(row))
        pixels = build.zext(build.bitcast(build.lshr(read, self.unused), _NARROW), _WIDE)
        made = self._made(pixels, build.load(build.gep(self.above, [places[0][0]])))
        out = build.or_(build.bitcast(build.trunc(made, _NARROW), _WORDS), self.opaque)
        for row, (column, inside) in enumerate(places):
            target = build.gep(self.targets[row], [column])
            build.store(
                build.extract_element(out, _WORD(row)), build.select(inside, target, self.spare) if careful else target
            )

    def _place(self, x: Any, row: int, *, careful: bool) -> tuple[Any, Any]:
        """The column at which a row is, and whether it is one: it is made one where it is not."""
        build = self.build
        column = build.sub(x, _LONG(row))
        if not careful:
            return column, None
        inside = build.icmp_unsigned("<", column, self.width)
        return build.select(inside, column, _LONG(0)), inside

    def _made(self, pixels: Any, above: Any) -> Any:
        """Each row's pixel with its filter undone. A row that has not begun has made nothing but zeros."""
        build = self.build
        before = build.load(self.made)
        first = build.bitcast(build.zext(build.bitcast(above, ir.VectorType(_BYTE, 4)), ir.VectorType(_LANE, 4)), _LONG)
        over = build.insert_element(ir.Constant(_LONGS, ir.Undefined), first, _WORD(0))
        down = ir.Constant(ir.VectorType(_WORD, _ROWS), [_ROWS, *range(_ROWS - 1)])
        left, up = build.bitcast(before, _WIDE), build.bitcast(build.shuffle_vector(before, over, down), _WIDE)
        half = build.lshr(build.add(left, up), ir.Constant(_WIDE, [1] * (4 * _ROWS)))
        nearest = self._nearest(left, up, build.load(self.corner))
        said = {_SUB: left, _UP: up, _AVERAGE: half, _PAETH: nearest}
        total = pixels
        for kind, value in said.items():
            total = build.add(total, build.and_(value, self.filters[kind]))
        total = build.and_(total, ir.Constant(_WIDE, [255] * (4 * _ROWS)))
        build.store(build.bitcast(total, _LONGS), self.made)
        build.store(up, self.corner)
        return total

    def _nearest(self, left: Any, up: Any, corner: Any) -> Any:
        """Whichever of the three is closest to left + up - corner."""
        build = self.build
        by_left, by_up = build.sub(up, corner), build.sub(left, corner)
        to_corner, to_left, to_up = self._size(build.add(by_left, by_up)), self._size(by_left), self._size(by_up)
        is_up = build.icmp_signed("<=", to_up, to_corner)
        other, to_other = build.select(is_up, up, corner), build.select(is_up, to_up, to_corner)
        return build.select(build.icmp_signed("<=", to_left, to_other), left, other)

    def _size(self, value: Any) -> Any:
        zero = ir.Constant(_WIDE, [0] * (4 * _ROWS))
        build = self.build
        return build.select(build.icmp_signed("<", value, zero), build.sub(zero, value), value)

    def _rows_with(self, kinds: list[Any], kind: int) -> Any:
        """Ones in the lanes of the rows that have this filter."""
        build, out = self.build, ir.Constant(_LONGS, ir.Undefined)
        for row, own in enumerate(kinds):
            ones = build.sext(build.icmp_unsigned("==", own, _BYTE(kind)), _LONG)
            out = build.insert_element(out, ones, _WORD(row))
        return build.bitcast(out, _WIDE)

    def _all(self, word: Any) -> Any:
        out = ir.Constant(_WORDS, ir.Undefined)
        for row in range(_ROWS):
            out = self.build.insert_element(out, word, _WORD(row))
        return out


def _rows_side_by_side(
    _typing: Any, rows: Any, out: Any, above: Any, spare: Any, first: Any, top: Any, live: Any, width: Any,
    size: Any, opaque: Any,
) -> Any:  # fmt: skip
    """Up to eight rows of `rows`, the first one's filter at `first`, into `out` from its row `top` on."""

    def generate(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, build, value).data
            for kind, value in zip(signature.args[:4], arguments[:4], strict=True)
        ]
        _Wave(build, *arrays, *arguments[4:]).go()
        return context.get_dummy_value()

    return numba.void(rows, out, above, spare, first, top, live, width, size, opaque), generate


_go_through: Callable[..., None] = cast("Callable[..., None]", intrinsic(_rows_side_by_side))


@compiled_for(numba.boolean(_BYTES, _u4[:, ::1], _i8, _i8, _u4))
def unfilter(rows: npt.NDArray[np.uint8], out: npt.NDArray[np.uint32], top: int, size: int, opaque: np.uint32) -> bool:
    """Write whole filtered rows into `out` from its row `top` on, a uint32 for each pixel of `size` bytes.

    `opaque` is added to each pixel by "or"; the rows above `top` are those written before. False when a row has a
    filter that there is not: nothing is written then.
    """
    width = out.shape[1]
    stride = width * size + 1
    count = min(rows.size // stride, out.shape[0] - top)
    for y in range(count):
        if rows[y * stride] > _PAETH:
            return False
    nothing, spare = np.zeros(width, np.uint32), np.empty(width, np.uint32)
    for y in range(0, count, _ROWS):
        above = out[top + y - 1] if top + y > 0 else nothing
        _go_through(rows, out, above, spare, y * stride, top + y, count - y, width, size, opaque)
    return True
