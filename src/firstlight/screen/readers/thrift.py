"""As much of Thrift's compact protocol as the footer and the pages of a Parquet file need."""

from __future__ import annotations

from typing import Any, Final, Protocol

MAX_DEPTH: Final = 8
MAX_BYTES: Final = 1 << 20
"""Of a text or list in a head: statistics hold the least and the greatest value of a page."""

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS: Final = (4, 5, 6)


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


def struct(source: _Source, depth: int = 0) -> dict[int, Any]:
    """The fields of a struct by their numbers; of texts, none.

    Raises:
        ValueError: this is no struct.
    """
    if depth > MAX_DEPTH:
        raise ValueError("too deep")
    out: dict[int, Any] = {}
    number = 0
    while head := _byte(source):
        number = number + (head >> 4) if head >> 4 else _signed(source)
        out[number] = _value(source, head & 15, depth)
    return out


def _value(source: _Source, kind: int, depth: int) -> Any:  # noqa: ANN401 - whatever stands there
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE
    if kind == _BYTE:
        return _byte(source)
    if kind in _INTEGERS:
        return _signed(source)
    if kind in (_DOUBLE, _BINARY):
        _skip(source, 8 if kind == _DOUBLE else _unsigned(source))
        return None
    if kind in (_LIST, _SET):
        head = _byte(source)
        count = head >> 4 if head >> 4 != 15 else _unsigned(source)
        if count > MAX_BYTES:
            raise ValueError("too long")
        kind = _BYTE if head & 15 in (_TRUE, _FALSE) else head & 15
        return [_value(source, kind, depth + 1) for _ in range(count)]
    if kind == _STRUCT:
        return struct(source, depth + 1)
    raise ValueError("no type")


def _skip(source: _Source, size: int) -> None:
    if size > MAX_BYTES or len(source.read(size)) != size:
        raise ValueError("too long")


def _byte(source: _Source) -> int:
    one = source.read(1)
    if not one:
        raise ValueError("cut off")
    return one[0]


def _unsigned(source: _Source) -> int:
    out = shift = 0
    while True:
        byte = _byte(source)
        out |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return out
        if shift > 63:
            raise ValueError("too long")


def _signed(source: _Source) -> int:
    number = _unsigned(source)
    return number >> 1 ^ -(number & 1)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at a place, and the place behind it; what is not there counts as zero."""
    out = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        out |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift > 63:
            break
    return out, at
