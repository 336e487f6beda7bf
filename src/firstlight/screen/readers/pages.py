"""The cells of one column of bytes in a Parquet file, read page by page, so that no row group is ever held whole.

Arrow holds a page three times over while it unpacks it, and writers put all pictures of a row group into one page. This
reader unpacks as it goes: it holds one picture, and of a dictionary up to `HELD_BYTES`. It reads what writers make of
pictures (plain and dictionary encodings, in the codecs of `footer.Column.can_be_read`); Arrow reads the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

from firstlight.screen.member import Member
from firstlight.screen.reader import MAX_MEMBER_BYTES, Part, large_member
from firstlight.screen.readers import thrift
from firstlight.screen.readers.unpacked import Bytes, Range, damaged, unpacked

HELD_BYTES: Final = 32 * 2**20
"""A dictionary that is larger is read along with its rows: a picture that comes twice then comes at its first place."""
MAX_LEVELS: Final = 1 << 24
"""Cells of one page; writers put some thousands into one, and a whole row group of empty ones."""
_SLICE: Final = 1 << 16
"""Cells of a page that are told apart at a time: as Python's numbers they take fifty times as much as in the page."""
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_PLAIN = 0

_Number = TypeVar("_Number", np.uint8, np.uint32)

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
            body, places = _levels(file, chunk, page, row)
            row = places.last
            if page.encoding == _PLAIN:
                yield from _spread(places, _plain(body, page.values, page.size))
            else:
                yield from _spread(places, _held(held, _indices(body, page.size, places.values)))


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


@dataclass(frozen=True, slots=True)
class _Places:
    """The places of a page. Iterated, each comes with its row, its number, and its kind: 1 for a value, 0 for a null
    and -1 for a list without elements."""

    before: int
    """The row before the first one."""
    kinds: npt.NDArray[np.int8]
    repeats: npt.NDArray[np.uint8] | None
    """Of lists: 1 where a place goes on with the list before it."""

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        row, number = self.before, 0
        for at in range(0, len(self.kinds), _SLICE):
            kinds = self.kinds[at : at + _SLICE].tolist()
            if self.repeats is None:
                for kind in kinds:
                    row += 1
                    yield row, -1, kind
                continue
            for again, kind in zip(self.repeats[at : at + _SLICE].tolist(), kinds, strict=True):
                row, number = (row, number + 1) if again else (row + 1, 0)
                yield row, number, kind

    @property
    def last(self) -> int:
        """The last row."""
        return self.before + len(self.kinds) - (0 if self.repeats is None else int(self.repeats.sum(dtype=np.int64)))

    @property
    def values(self) -> int:
        """How many of them have a value."""
        return int(np.count_nonzero(self.kinds == 1))


def _levels(file: BinaryIO, chunk: Chunk, page: _Page, row: int) -> tuple[Bytes, _Places]:
    """The values of a page as a stream, and its places."""
    repeats: npt.NDArray[np.uint8] | None = None
    width = chunk.max_definition.bit_length()
    if width > 8:
        raise damaged("its columns lie too deep in each other")
    if page.levels is not None:
        before = sum(page.levels)
        if not 0 <= before <= page.packed_size:
            raise damaged("a page says that it is larger than its column")
        plain = Range(file, page.body, page.body + before)
        if chunk.max_repetition:
            repeats = hybrid(plain.read(page.levels[0]), 1, page.values, np.uint8)
        defined = hybrid(plain.read(page.levels[1]), width, page.values, np.uint8)
        body = _stream(file, chunk, page, before)
    else:
        body = _stream(file, chunk, page)
        if chunk.max_repetition:
            repeats = hybrid(_sized(body, page.size), 1, page.values, np.uint8)
        defined = hybrid(_sized(body, page.size) if width else b"", width, page.values, np.uint8)
    kinds = np.full(page.values, -1, np.int8)
    kinds[defined >= chunk.element_definition] = 0
    kinds[defined == chunk.max_definition] = 1
    if repeats is not None and row < 0 and len(repeats) and repeats[0]:
        raise damaged("its first cell goes on with a row that is not there")
    return body, _Places(row, kinds, repeats)


def _sized(body: Bytes, most: int) -> bytes:
    size = int.from_bytes(body.read(4), "little")
    if size > most:
        raise damaged("its levels are larger than their page")
    return body.read(size)


def _spread(places: _Places, values: Iterator[bytes | Member]) -> Iterator[Cell]:
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


def _indices(body: Bytes, size: int, count: int) -> npt.NDArray[np.uint32]:
    width = body.read(1)
    if not width:
        return hybrid(b"", 0, count, np.uint32)
    return hybrid(body.read(size), width[0], count, np.uint32)


def _numbers(indices: npt.NDArray[np.uint32]) -> Iterator[int]:
    for at in range(0, len(indices), _SLICE):
        yield from indices[at : at + _SLICE].tolist()


def _held(held: list[bytes | Member] | None, indices: npt.NDArray[np.uint32]) -> Iterator[bytes | Member]:
    if held is None or (len(indices) and int(indices.max()) >= len(held)):
        raise damaged("a value refers to a dictionary that does not hold it")
    return (held[index] for index in _numbers(indices))


def _along(file: BinaryIO, chunk: Chunk, page: _Page, at: int, row: int) -> Any:  # noqa: ANN401 - a generator's types
    """The rows that refer to a dictionary which is too large to be held, as its values come; answers where the pages
    go on, and the last row."""
    wanted: dict[int, list[tuple[int, int]]] = {}
    end = chunk.start + chunk.size
    while at < end:
        data = _header(file, at, end)
        if data.kind not in (_DATA, _DATA_V2) or data.encoding == _PLAIN:
            break
        body, places = _levels(file, chunk, data, row)
        row = places.last
        indices = _numbers(_indices(body, data.size, places.values))
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


def hybrid(data: bytes, width: int, count: int, kind: type[_Number]) -> npt.NDArray[_Number]:
    """Numbers of `width` bits, in runs and in packed groups of eight, as numbers of a `kind` that holds them.

    Raises:
        InputError: they are not all there.
    """
    out = np.zeros(count, kind)
    if width == 0:
        return out
    if width > 32:
        raise damaged("its numbers are too wide")
    filled = at = 0
    while filled < count:
        head, at = thrift.varint(data, at)
        if head & 1:
            end = min(at + (head >> 1) * width, len(data))
            for start in range(at, end, _SLICE // 8 * width):
                taken = np.frombuffer(data[start : min(start + _SLICE // 8 * width, end)], np.uint8)
                bits = np.unpackbits(taken, bitorder="little")
                made = bits[: len(bits) // width * width].reshape(-1, width) @ (1 << np.arange(width, dtype=np.int64))
                made = made[: count - filled]
                out[filled : filled + len(made)] = made
                filled += len(made)
            at = end
        else:
            size = (width + 7) // 8
            made_count = min(head >> 1, count - filled)
            out[filled : filled + made_count] = int.from_bytes(data[at : at + size], "little")
            at += size
            filled += made_count
        if filled < count and at >= len(data):
            raise damaged("its levels break off")
    return out
