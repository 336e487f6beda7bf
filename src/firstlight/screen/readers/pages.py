"""The cells of one column of bytes in a Parquet file, read page by page, so that no row group is ever held whole.

Arrow holds a page three times over while it unpacks it, and writers put all pictures of a row group into one page. This
reader unpacks as it goes: it holds one picture, and of a dictionary up to `HELD_BYTES`. It reads what writers make of
pictures (plain and dictionary encodings, in the codecs of `footer.Column.can_be_read`); Arrow reads the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt

from firstlight.screen.member import Member
from firstlight.screen.reader import MAX_MEMBER_BYTES, Part, large_member
from firstlight.screen.readers import thrift
from firstlight.screen.readers.unpacked import Bytes, Range, damaged, unpacked

HELD_BYTES: Final = 32 * 2**20
"""A dictionary that is larger is read along with its rows: a picture that comes twice then comes at its first place."""
MAX_LEVELS: Final = 1 << 24
"""Cells of one page; writers put some thousands into one."""
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_PLAIN = 0

Cell = tuple[int, int, "bytes | Member | None"]
"""Row of its row group, number in its list (-1 where the cell is no element of one), and the bytes; of those that are
too many to hold a nameless member with their digests; none of an empty cell."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where the cells of a column lie in a row group, and how."""

    start: int
    size: int
    codec: str
    max_definition: int
    max_repetition: int
    element_definition: int
    """The level from which a list has an element at this place, if only a null one."""


def cells_of(file: BinaryIO, chunk: Chunk) -> Iterator[Cell]:
    """Every cell of a chunk, in the order of the rows but for what `HELD_BYTES` says.

    Raises:
        InputError: the pages are damaged; the cells before the damage have been given.
        StorageError, UpstreamError: the disk or the store failed.
    """
    at, end, row = chunk.start, chunk.start + chunk.size, -1
    if at < 0 or end > file.seek(0, 2):
        raise damaged("it says that it lies outside the file")
    held: list[bytes | Member] | None = None
    while at < end:
        page = _header(file, at, end)
        at = page.body + page.packed_size
        if page.kind == _DICTIONARY:
            if page.size > HELD_BYTES:
                row, at = yield from _along(file, chunk, page, at, row)
            else:
                held = list(_plain(_stream(file, chunk, page), page.values, page.size))
        elif page.kind in (_DATA, _DATA_V2):
            body, places, row = _levels(file, chunk, page, row)
            if page.encoding == _PLAIN:
                yield from _spread(places, _plain(body, page.values, page.size))
            else:
                yield from _spread(places, _held(held, _indices(body, page.size, _count(places))))


@dataclass(frozen=True, slots=True)
class _Page:
    kind: int
    size: int
    packed_size: int
    values: int
    encoding: int
    body: int
    is_packed: bool = True
    levels: tuple[int, int] | None = None
    """Bytes of the levels of repetition and definition that stand unpacked before the values (second version)."""


def _header(file: BinaryIO, at: int, end: int) -> _Page:
    source = Range(file, at, end)
    try:
        fields = thrift.struct(source)
        kind, size, packed = (int(fields[number]) for number in (1, 2, 3))
        if kind == _DATA_V2:
            of = fields[8]
            levels, is_packed, encoding = (int(of[6]), int(of[5])), bool(of.get(7, True)), int(of[4])
        else:
            of = fields.get(5) or fields.get(7) or {1: 0, 2: _PLAIN}
            levels, is_packed, encoding = None, True, int(of[2])
        page = _Page(kind, size, packed, int(of[1]), encoding, source.at, is_packed, levels)
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise damaged("a page has no header") from e
    if min(size, packed, page.values) < 0 or page.values > MAX_LEVELS or page.body + packed > end:
        raise damaged("a page says that it is larger than its column")
    return page


def _stream(file: BinaryIO, chunk: Chunk, page: _Page, before: int = 0) -> Bytes:
    """What is packed in a page, behind the levels that stand `before` it."""
    packed = Range(file, page.body + before, page.body + page.packed_size)
    return unpacked(packed, chunk.codec) if page.is_packed else packed


def _levels(file: BinaryIO, chunk: Chunk, page: _Page, row: int) -> tuple[Bytes, list[tuple[int, int, int]], int]:
    """The values of a page as a stream; for each of its places the row, the number and 1 for a value, 0 for a null and
    -1 for a list without elements; and the last row."""
    repeats: npt.NDArray[np.int64] | None = None
    if page.levels is not None:
        before = sum(page.levels)
        if not 0 <= before <= page.packed_size:
            raise damaged("a page says that it is larger than its column")
        plain = Range(file, page.body, page.body + before)
        if chunk.max_repetition:
            repeats = hybrid(plain.read(page.levels[0]), 1, page.values)
        defined = hybrid(plain.read(page.levels[1]), chunk.max_definition.bit_length(), page.values)
        body = _stream(file, chunk, page, before)
    else:
        body = _stream(file, chunk, page)
        if chunk.max_repetition:
            repeats = hybrid(_sized(body, page.size), 1, page.values)
        width = chunk.max_definition.bit_length()
        defined = hybrid(_sized(body, page.size) if width else b"", width, page.values)
    kinds = np.where(defined == chunk.max_definition, 1, np.where(defined >= chunk.element_definition, 0, -1)).tolist()
    if repeats is None:
        return body, [(row + 1 + n, -1, kind) for n, kind in enumerate(kinds)], row + page.values
    if row < 0 and len(repeats) and repeats[0]:
        raise damaged("its first cell goes on with a row that is not there")
    places, number = [], 0
    for again, kind in zip(repeats.tolist(), kinds, strict=True):
        row, number = (row, number + 1) if again else (row + 1, 0)
        places.append((row, number, kind))
    return body, places, row


def _sized(body: Bytes, most: int) -> bytes:
    size = int.from_bytes(body.read(4), "little")
    if size > most:
        raise damaged("its levels are larger than their page")
    return body.read(size)


def _count(places: list[tuple[int, int, int]]) -> int:
    return sum(kind == 1 for _, _, kind in places)


def _spread(places: list[tuple[int, int, int]], values: Iterator[bytes | Member]) -> Iterator[Cell]:
    for row, number, kind in places:
        if kind == 1:
            value = next(values, None)
            if value is None:
                raise damaged("a page has fewer values than it says")
            yield row, number, value
        else:
            yield row, -1 if kind < 0 else number, None


def _plain(body: Bytes, count: int, most: int) -> Iterator[bytes | Member]:
    """Values one after the other, each behind its size."""
    for _ in range(count):
        head = body.read(4)
        if not head:
            return
        size = int.from_bytes(head, "little")
        if len(head) < 4 or size > most:
            raise damaged("a value is larger than its page")
        if size > MAX_MEMBER_BYTES:
            found = large_member("", 0, size, cast("BinaryIO", Part(cast("BinaryIO", body), size)))
            if found.reason == "cut-off":
                raise damaged("a page breaks off")
            yield found
            continue
        data = body.read(size)
        if len(data) < size:
            raise damaged("a page breaks off")
        yield data


def _indices(body: Bytes, size: int, count: int) -> npt.NDArray[np.int64]:
    width = body.read(1)
    if not width:
        return hybrid(b"", 0, count)
    return hybrid(body.read(size), width[0], count)


def _held(held: list[bytes | Member] | None, indices: npt.NDArray[np.int64]) -> Iterator[bytes | Member]:
    if held is None or (len(indices) and int(indices.max()) >= len(held)):
        raise damaged("a value refers to a dictionary that does not hold it")
    return (held[index] for index in indices.tolist())


def _along(file: BinaryIO, chunk: Chunk, page: _Page, at: int, row: int) -> Any:  # noqa: ANN401 - a generator's types
    """The rows that refer to a dictionary which is too large to be held, as its values come; answers where the pages
    go on, and the last row."""
    wanted: dict[int, list[tuple[int, int]]] = {}
    end = chunk.start + chunk.size
    while at < end:
        data = _header(file, at, end)
        if data.kind not in (_DATA, _DATA_V2) or data.encoding == _PLAIN:
            break
        body, places, row = _levels(file, chunk, data, row)
        indices = iter(_indices(body, data.size, _count(places)).tolist())
        for place, number, kind in places:
            if kind == 1:
                wanted.setdefault(next(indices), []).append((place, number))
            else:
                yield place, -1 if kind < 0 else number, None
        at = data.body + data.packed_size
    for index, value in enumerate(_plain(_stream(file, chunk, page), page.values, page.size)):
        for place, number in wanted.pop(index, ()):
            yield place, number, value
    if wanted:
        raise damaged("a value refers to a dictionary that does not hold it")
    return row, at


def hybrid(data: bytes, width: int, count: int) -> npt.NDArray[np.int64]:
    """Numbers of `width` bits, in runs and in packed groups of eight.

    Raises:
        InputError: they are not all there.
    """
    out = np.zeros(count, np.int64)
    if width == 0:
        return out
    if width > 32:
        raise damaged("its numbers are too wide")
    filled = at = 0
    while filled < count:
        head, at = thrift.varint(data, at)
        if head & 1:
            taken = data[at : at + (head >> 1) * width]
            at += len(taken)
            bits = np.unpackbits(np.frombuffer(taken, np.uint8), bitorder="little")
            made = bits[: len(bits) // width * width].reshape(-1, width) @ (1 << np.arange(width, dtype=np.int64))
            made = made[: count - filled]
            out[filled : filled + len(made)] = made
            filled += len(made)
        else:
            size = (width + 7) // 8
            made_count = min(head >> 1, count - filled)
            out[filled : filled + made_count] = int.from_bytes(data[at : at + size], "little")
            at += size
            filled += made_count
        if filled < count and at >= len(data):
            raise damaged("its levels break off")
    return out
