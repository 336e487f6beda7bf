"""What a task sees inside the cage: the bytes of one source, within limits."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import BinaryIO, Self

from firstlight.errors import LimitError
from firstlight.media.kinds import SNIFF_BYTES, MediaType, sniff
from firstlight.media.limits import DEFAULT_LIMITS, Limits
from firstlight.ranged import Ranged

_PIECE = 2**20


class CagedFile:
    """The source of one task. It has no name: a task learns nothing about where the bytes came from."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, limits: Limits = DEFAULT_LIMITS) -> None:
        """`fetch(start, stop)` answers the bytes of a range, or fewer where there are no more."""
        self._fetch = fetch
        self._limits = limits
        self.size = size
        self.head = fetch(0, SNIFF_BYTES)
        self.media_type: MediaType = sniff(self.head)

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Bytes at hand, to try a task on without a cage."""
        return cls(lambda start, stop: data[start:stop], len(data))

    @classmethod
    def behind(cls, fd: int, limits: Limits = DEFAULT_LIMITS) -> Self:
        """What is behind a descriptor, which the caller closes."""
        return cls(lambda start, stop: os.pread(fd, stop - start, start), os.fstat(fd).st_size, limits)

    def part(self, start: int, size: int) -> CagedFile:
        """`size` of its bytes as a file of their own."""
        return CagedFile(lambda first, last: self._fetch(start + first, start + min(last, size)), size, self._limits)

    def read(self) -> bytes:
        """All bytes.

        Raises:
            LimitError: the file is larger than `limits.file_bytes`.
        """
        if self.size > self._limits.file_bytes:
            raise LimitError(
                f"The file has {self.size} bytes; up to {self._limits.file_bytes} are read as a picture.",
                code="limit.bytes",
                size=self.size,
            )
        pieces = []
        at = 0
        while piece := self._fetch(at, max(at + _PIECE, self.size)):
            pieces.append(piece)
            at += len(piece)
            if at > self._limits.file_bytes:  # it grew while it was read
                raise LimitError("The file grew while it was read.", code="limit.bytes", size=at)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def open(self) -> BinaryIO:
        """The bytes as a file at its start, for readers that seek; closed by the caller, without effect on others."""
        return io.BufferedReader(Ranged(self._fetch, self.size))
