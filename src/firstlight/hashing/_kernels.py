"""The compiled parts of PDQ. Importing this module imports numba; only the worker and the benchmarks do.

`downsample_exact` does what the reference implementation does, in its order and in its precision (float32, running
sums): each addition rounds as it does there, so that no bit can differ. It only touches memory less often: both box
passes stream through a ring of rows, and the second pass is stored only where the 64x64 samples need it.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import overload

from firstlight.media.compiling import compiled_for

SIDE: Final = 64
"""Samples along each side of the picture before the DCT."""

BITS: Final = 16
"""Frequencies kept in each direction: 1 to 16, without the constant term."""

RGB_WEIGHTS: Final = (299, 587, 114)
"""BT.601 luma in thousandths."""

_LANES: Final = 8
"""Rows that go through the row pass side by side: each running sum waits for itself only."""

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_f4, _i8, _u1, _u4 = numba.float32, numba.int64, numba.uint8, numba.uint32
_PLANE = numba.types.Array(_u1, 2, "C", readonly=True)
_GREY_LINE = numba.types.Array(_u1, 1, "C", readonly=True)
_COLOUR_LINE = numba.types.Array(_u4, 1, "C", readonly=True)
_WEIGHTS = numba.types.Tuple((_i8[::1], _f4[:, ::1]))  # type: ignore[no-untyped-call]
_COLOUR = numba.types.Array(_u4, 2, "C", readonly=True)


@compiled_for(numba.void(_f4[:, ::1], _f4[:, ::1], _i8, _i8, _i8, _i8, _i8, _i8, _f4[::1]))
def _first_row_pass(
    luma: Floats,
    ring: Floats,
    top: int,
    ring_rows: int,
    width: int,
    left: int,
    wx: int,
    hx: int,
    counts: Floats,
) -> None:
    """Box-average eight rows side by side into the ring."""
    a0, a1, a2, a3, a4, a5, a6, a7 = luma[0], luma[1], luma[2], luma[3], luma[4], luma[5], luma[6], luma[7]
    o0, o1 = ring[top % ring_rows], ring[(top + 1) % ring_rows]
    o2, o3 = ring[(top + 2) % ring_rows], ring[(top + 3) % ring_rows]
    o4, o5 = ring[(top + 4) % ring_rows], ring[(top + 5) % ring_rows]
    o6, o7 = ring[(top + 6) % ring_rows], ring[(top + 7) % ring_rows]
    zero = np.float32(0)
    s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
    for k in range(left, left + hx - 1):
        s0 += a0[k]
        s1 += a1[k]
        s2 += a2[k]
        s3 += a3[k]
        s4 += a4[k]
        s5 += a5[k]
        s6 += a6[k]
        s7 += a7[k]
    for k in range(width):
        new = left + k + hx - 1
        old = new - wx
        s0 = (s0 + a0[new]) - a0[old]
        s1 = (s1 + a1[new]) - a1[old]
        s2 = (s2 + a2[new]) - a2[old]
        s3 = (s3 + a3[new]) - a3[old]
        s4 = (s4 + a4[new]) - a4[old]
        s5 = (s5 + a5[new]) - a5[old]
        s6 = (s6 + a6[new]) - a6[old]
        s7 = (s7 + a7[new]) - a7[old]
        o0[k] = s0
        o1[k] = s1
        o2[k] = s2
        o3[k] = s3
        o4[k] = s4
        o5[k] = s5
        o6[k] = s6
        o7[k] = s7
    for r in range(_LANES):
        row = ring[(top + r) % ring_rows]
        for k in range(width):
            row[k] = row[k] / counts[k]


@compiled_for(numba.void(_f4[:, ::1], _f4[:, ::1], _i8, _i8, _i8, _i8, _i8[::1], _f4[::1]))
def _second_row_pass(
    rows: Floats, second: Floats, first: int, left: int, wx: int, hx: int, columns: Ints, counts: Floats
) -> None:
    """Box-average eight rows again, keeping only the 64 columns that are sampled."""
    height = second.shape[0]
    a0, a1, a2, a3, a4, a5, a6, a7 = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
    zero = np.float32(0)
    s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
    for k in range(left, left + hx - 1):
        s0 += a0[k]
        s1 += a1[k]
        s2 += a2[k]
        s3 += a3[k]
        s4 += a4[k]
        s5 += a5[k]
        s6 += a6[k]
        s7 += a7[k]
    sums = np.empty(_LANES, np.float32)
    at = 0
    for j in range(SIDE):
        for k in range(at, columns[j] + 1):
            new = left + k + hx - 1
            old = new - wx
            s0 = (s0 + a0[new]) - a0[old]
            s1 = (s1 + a1[new]) - a1[old]
            s2 = (s2 + a2[new]) - a2[old]
            s3 = (s3 + a3[new]) - a3[old]
            s4 = (s4 + a4[new]) - a4[old]
            s5 = (s5 + a5[new]) - a5[old]
            s6 = (s6 + a6[new]) - a6[old]
            s7 = (s7 + a7[new]) - a7[old]
        at = columns[j] + 1
        sums[0], sums[1], sums[2], sums[3] = s0, s1, s2, s3
        sums[4], sums[5], sums[6], sums[7] = s4, s5, s6, s7
        for r in range(_LANES):
            if 0 <= first + r < height:
                second[first + r, j] = sums[r] / counts[columns[j]]


@compiled_for(_f4[:, ::1](_f4[:, ::1], _i8, _i8))
def _sample_columns(second: Floats, wy: int, hy: int) -> Floats:
    """The second pass along the columns, at the 64 rows that are sampled."""
    height = second.shape[0]
    out = np.empty((SIDE, SIDE), np.float32)
    sums = np.zeros(SIDE, np.float32)
    for y in range(hy - 1):
        for j in range(SIDE):
            sums[j] += second[y, j]
    at = 0
    for i in range(SIDE):
        target = int((i + 0.5) * height / SIDE)
        for y in range(at, target + 1):
            new, old = y + hy - 1, y + hy - 1 - wy
            if new < height:
                for j in range(SIDE):
                    sums[j] += second[new, j]
            if old >= 0:
                for j in range(SIDE):
                    sums[j] -= second[old, j]
        at = target + 1
        count = np.float32(min(height, target + hy) - max(0, target + hy - wy))
        for j in range(SIDE):
            out[i, j] = sums[j] / count
    return out


@compiled_for(
    numba.void(_PLANE, _i8, _i8, _i8, _i8, _i8, _f4[:, ::1]),
    numba.void(_COLOUR, _i8, _i8, _i8, _i8, _i8, _f4[:, ::1]),
)
def _luma_rows(pixels: npt.NDArray[Any], top: int, left: int, red: int, green: int, blue: int, luma: Floats) -> None:
    """Eight rows of luma; rows beyond the picture are zero.

    The reference adds three products in float64 and rounds to float32. The sum of the integer products, times 0.001,
    rounds to the same float32 for every colour, and is faster; a test goes through all sums there are.
    """
    height, width = pixels.shape
    for r in range(_LANES):
        row = luma[r]
        if top + r >= height:
            row[left : left + width] = np.float32(0)
            continue
        for x in range(width):
            pixel = np.uint32(pixels[top + r, x])
            weighted = np.int32(pixel & 255) * np.int32(red)
            weighted += np.int32((pixel >> 8) & 255) * np.int32(green)
            weighted += np.int32((pixel >> 16) & 255) * np.int32(blue)
            row[left + x] = np.float32(np.float64(weighted) * 0.001)


@compiled_for(numba.void(_f4[:, ::1], _f4[:, ::1], _f4[::1], _i8, _i8, _i8, _i8, _i8))
def _column_pass(ring: Floats, rows: Floats, sums: Floats, top: int, height: int, left: int, wy: int, hy: int) -> None:
    """Box-average along the columns: the next eight rows of the ring go in, the eight that are ready come out."""
    ring_rows, width = ring.shape
    for r in range(_LANES):
        newest = top + r
        y = newest - (hy - 1)
        if newest < height:
            new = ring[newest % ring_rows]
            for x in range(width):
                sums[x] += new[x]
        if newest >= wy and y < height:
            old = ring[(newest - wy) % ring_rows]
            for x in range(width):
                sums[x] -= old[x]
        if 0 <= y < height:
            count = np.float32(min(newest, height - 1) - max(newest - wy, -1))
            row = rows[r]
            for x in range(width):
                row[left + x] = sums[x] / count


@compiled_for(_f4[:, ::1](_PLANE, _i8, _i8, _i8), _f4[:, ::1](_COLOUR, _i8, _i8, _i8))
def downsample_exact(pixels: npt.NDArray[Any], red: int, green: int, blue: int) -> Floats:
    """The reference's 64x64 luma samples of a plane of pixels, bit for bit.

    `pixels` is uint32 (R, G and B in the three low bytes, from the lowest up, as Pillow stores them) or uint8 (grey).
    `red`, `green`, `blue` are the luma weights in thousandths; grey has (1000, 0, 0).
    """
    height, width = pixels.shape
    wx, wy = (width + 2 * SIDE - 1) // (2 * SIDE), (height + 2 * SIDE - 1) // (2 * SIDE)
    hx, hy = (wx + 2) // 2, (wy + 2) // 2
    left = wx + 1
    # rows are padded with zeros on both sides: adding or taking off 0.0 changes no bit, and the loops need no branch
    luma = np.zeros((_LANES, left + width + hx), np.float32)
    again = np.zeros((_LANES, left + width + hx), np.float32)
    ring = np.zeros((wy + _LANES, width), np.float32)
    sums = np.zeros(width, np.float32)
    counts = np.empty(width, np.float32)
    for k in range(width):
        counts[k] = min(width, k + hx) - max(0, k + hx - wx)
    columns = np.empty(SIDE, np.int64)
    for j in range(SIDE):
        columns[j] = int((j + 0.5) * width / SIDE)
    second = np.zeros((height, SIDE), np.float32)
    for top in range(0, height + hy - 1, _LANES):
        _luma_rows(pixels, top, left, red, green, blue, luma)
        _first_row_pass(luma, ring, top, wy + _LANES, width, left, wx, hx, counts)
        _column_pass(ring, again, sums, top, height, left, wy, hy)
        _second_row_pass(again, second, top - (hy - 1), left, wx, hx, columns, counts)
    return _sample_columns(second, wy, hy)


@compiled_for(_WEIGHTS(_i8, _i8))
def tent_weights(full: int, scale: int) -> tuple[Ints, Floats]:
    """The 64 rows of the operator for a side of `full` pixels, on a grid where each pixel stands for `scale` of them.

    Answers the first grid pixel of each row and the weights from there on (zero beyond the row's own support). Each
    row is two box averages, one after the other, clipped at the edges as the reference clips them; its sum is 1.
    """
    window = (full + 2 * SIDE - 1) // (2 * SIDE)
    half = (window + 2) // 2
    longest = (2 * window) // scale + 3
    first = np.empty(SIDE, np.int64)
    weights = np.zeros((SIDE, longest), np.float32)
    steps = np.empty(full + 1, np.float64)
    for i in range(SIDE):
        centre = int((i + 0.5) * full / SIDE)
        lo, hi = max(0, centre + half - window), min(full, centre + half)
        begin, end = max(0, lo + half - window), min(full, hi - 1 + half)
        steps[begin : end + 1] = 0.0
        for k in range(lo, hi):
            a, b = max(0, k + half - window), min(full, k + half)
            share = 1.0 / ((hi - lo) * (b - a))
            steps[a] += share
            steps[b] -= share
        first[i] = begin // scale
        running = 0.0
        for x in range(begin, end):
            running += steps[x]
            weights[i, x // scale - first[i]] += np.float32(running)
    return first, weights


def _luma(pixel: Any) -> Any:  # noqa: ANN401 - of either kind of pixel
    """The luma of one pixel, for compiled code: of grey the value itself, of colour the weighted sum of its bytes."""
    raise NotImplementedError


@overload(_luma)
def _luma_of(pixel: Any) -> Any:  # noqa: ANN401 - numba's own protocol
    red, green, blue = (np.int32(weight) for weight in RGB_WEIGHTS)

    def of_grey(pixel: Any) -> Any:  # noqa: ANN401
        return np.float32(pixel)

    def of_colour(pixel: Any) -> Any:  # noqa: ANN401
        weighted = np.int32(pixel & 255) * red
        weighted += np.int32((pixel >> 8) & 255) * green
        weighted += np.int32((pixel >> 16) & 255) * blue
        return np.float32(weighted) * np.float32(0.001)

    return of_grey if pixel == _u1 else of_colour


@compiled_for(numba.void(_f4[::1], _GREY_LINE, _f4), numba.void(_f4[::1], _COLOUR_LINE, _f4), fastmath=True)
def _add_line(row: Floats, line: npt.NDArray[Any], weight: np.float32) -> None:
    """Add a line's luma, so many times, to a row of sums."""
    for x in range(row.size):
        row[x] += weight * _luma(line[x])


@compiled_for(
    _f4[:, ::1](_PLANE, _i8[::1], _f4[:, ::1], _i8[::1], _f4[:, ::1]),
    _f4[:, ::1](_COLOUR, _i8[::1], _f4[:, ::1], _i8[::1], _f4[:, ::1]),
    fastmath=True,
)
def downsample_weighted(
    pixels: npt.NDArray[Any], first_y: Ints, weights_y: Floats, first_x: Ints, weights_x: Floats
) -> Floats:
    """`Wy . L . Wx^T`: 64x64 luma samples of a plane of pixels, whole or as the decoder has reduced it.

    `pixels` is uint32 (R, G and B in the three low bytes) or uint8 (grey).
    """
    height, width = pixels.shape
    out = np.zeros((SIDE, SIDE), np.float32)
    row = np.empty(width, np.float32)
    for i in range(SIDE):
        row[:] = np.float32(0)
        for k in range(weights_y.shape[1]):
            weight = weights_y[i, k]
            y = first_y[i] + k
            if weight != 0 and y < height:
                _add_line(row, pixels[y], weight)
        for j in range(SIDE):
            total = np.float32(0)
            start = first_x[j]
            for k in range(min(weights_x.shape[1], width - start)):
                total += weights_x[j, k] * row[start + k]
            out[i, j] = total
    return out


@compiled_for(_i8(_f4[:, ::1]))
def quality_of(samples: Floats) -> int:
    """0-100: how much the 64x64 samples change from one to the next. Below 50 the hash says little."""
    total = 0
    for i in range(SIDE - 1):
        for j in range(SIDE):
            total += abs(int((samples[i, j] - samples[i + 1, j]) * np.float32(100) / np.float32(255)))
    for i in range(SIDE):
        for j in range(SIDE - 1):
            total += abs(int((samples[i, j] - samples[i, j + 1]) * np.float32(100) / np.float32(255)))
    return min(100, total // 90)


@compiled_for(_f4[:, ::1](_f4[:, ::1], _f4[:, ::1]))
def frequencies(samples: Floats, basis: Floats) -> Floats:
    """The 16x16 lowest frequencies, summed in the reference's order."""
    partial = np.zeros((BITS, SIDE), np.float32)
    for i in range(BITS):
        row = partial[i]
        for k in range(SIDE):
            factor = basis[i, k]
            for j in range(SIDE):
                row[j] += factor * samples[k, j]
    turned = basis.T.copy()
    out = np.zeros((BITS, BITS), np.float32)
    for i in range(BITS):
        row = out[i]
        for k in range(SIDE):
            factor = partial[i, k]
            for j in range(BITS):
                row[j] += factor * turned[k, j]
    return out


def dct_basis() -> Floats:
    """The 16 x 64 basis of the DCT: frequencies 1 to 16, in float32 as the reference rounds it."""
    scale = float(np.float32(math.sqrt(2.0 / SIDE)))
    step = math.pi / 2.0 / SIDE
    rows = [[scale * math.cos(step * (i + 1) * (2 * j + 1)) for j in range(SIDE)] for i in range(BITS)]
    return np.array(rows, dtype=np.float64).astype(np.float32)
