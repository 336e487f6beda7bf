"""A seekable file of which only what is read is fetched: an object in a store, a part of a descriptor."""

from __future__ import annotations

import io
from collections.abc import Callable


class Ranged(io.RawIOBase):
    """Reads by position: `read(start, stop)` answers the bytes of a range, or fewer where there are no more."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        super().__init__()
        self._read = read
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position of the next read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, which may lie behind the end.

        Raises:
            OSError: it lies before the start.
        """
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("negative position")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill the buffer from here, with as much as there is; says how much."""
        stop = min(self._at + len(buffer), self._size)
        if stop <= self._at:
            return 0
        data = self._read(self._at, stop)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
