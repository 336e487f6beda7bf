"""Packed bytes of a Parquet page, unpacked as they are read, in constant memory."""

from __future__ import annotations

import importlib
import os
from typing import Any, BinaryIO, Final, Protocol, cast

import numpy as np

from firstlight.errors import InputError
from firstlight.screen.reader import read_exactly, reading

PACKED_BYTES: Final = 128 * 1024
UNPACKED_BYTES: Final = 512 * 1024
"""Packed bytes and unpacked ones that are at work at a time: both stay in a processor's own cache."""
HISTORY_BYTES: Final = 64 * 1024
"""How far back a Snappy stream refers: every known writer packs blocks of this size by themselves."""


class Bytes(Protocol):
    """Bytes that are read once from front to back."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer only at the end."""
        ...


class Range:
    """A part of a file, whose place others move."""

    def __init__(self, file: BinaryIO, at: int, end: int) -> None:
        self._file = file
        self.at = at
        self._end = end
        try:
            self._fd = file.fileno()
        except OSError:  # it lies in a store
            self._fd = -1

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer only at its end."""
        size = min(size, self._end - self.at)
        if self._fd >= 0:
            with reading():
                data = os.pread(self._fd, size, self.at)  # at once to where it is needed, past the file's buffer
        else:
            self._file.seek(self.at)
            data = read_exactly(self._file, size)
        self.at += len(data)
        return data


def unpacked(packed: Bytes, codec: str) -> Bytes:
    """What these bytes unpack to.

    Raises:
        InputError: they do not begin as they should. Reading raises it where they make no sense further on.
    """
    if codec == "UNCOMPRESSED":
        return packed
    if codec == "SNAPPY":
        return Snappy(packed)
    pyarrow: Any = importlib.import_module("pyarrow")
    return cast("Bytes", pyarrow.CompressedInputStream(pyarrow.PythonFile(_File(packed), "r"), codec.lower()))


class _File:
    """What Arrow asks of a file."""

    closed = False

    def __init__(self, source: Bytes) -> None:
        self.read = source.read

    def close(self) -> None:
        """The file is not Arrow's to close."""


class Snappy:
    """Unpacks a raw Snappy stream in constant memory."""

    def __init__(self, packed: Bytes) -> None:
        """Raises InputError where it does not begin as such a stream."""
        self._packed = packed
        self._in = np.frombuffer(packed.read(PACKED_BYTES), np.uint8)
        self._at = 0
        while self._at < len(self._in) and self._in[self._at] & 0x80:  # the size, which the page's header tells
            self._at += 1
        self._at += 1
        self._out = np.zeros(HISTORY_BYTES + UNPACKED_BYTES, np.uint8)
        self._view = memoryview(self._out)  # type: ignore[arg-type] # an array is a buffer
        self._begin = self._end = HISTORY_BYTES
        self._state = np.array([0, 0, 0, HISTORY_BYTES], np.int64)

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer only at the end."""
        pieces = []
        while size:
            if self._begin == self._end and not self._fill():
                break
            last = min(self._end, self._begin + size)
            pieces.append(bytes(self._view[self._begin : last]))
            size -= last - self._begin
            self._begin = last
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _fill(self) -> bool:
        from firstlight.screen._unpacking import unsnap

        self._out[:HISTORY_BYTES] = self._out[self._end - HISTORY_BYTES : self._end]
        self._state[3] = max(0, int(self._state[3]) - (self._end - HISTORY_BYTES))
        self._begin = self._end = HISTORY_BYTES
        while True:
            self._at, self._end, whole = unsnap(self._in, self._at, self._out, self._end, self._state)
            if not whole:
                raise damaged("a page cannot be unpacked")
            if self._end == len(self._out):
                return True
            more = self._packed.read(PACKED_BYTES)
            if not more:
                if self._state[:2].any() or self._at < len(self._in):
                    raise damaged("a page breaks off")
                return self._end > self._begin
            left = self._in[self._at :].tobytes()
            self._in = np.frombuffer(left + more if left else more, np.uint8)
            self._at = 0


def damaged(how: str) -> InputError:
    """The error for pages that do not make sense."""
    return InputError(
        f"A part of the table cannot be read as Parquet: {how}.",
        hint="It is cut off, damaged or encrypted; get a whole copy.",
        code="input.shard",
    )
