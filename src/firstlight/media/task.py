"""What a task sees inside the cage: the bytes of one source, behind a file descriptor, within limits."""

from __future__ import annotations

import io
import os
from typing import BinaryIO

from firstlight.errors import LimitError
from firstlight.media.kinds import SNIFF_BYTES, MediaType, sniff
from firstlight.media.limits import DEFAULT_LIMITS, Limits
from firstlight.ranged import Ranged

_PIECE = 2**20


class CagedFile:
    """The source of one task. It has no name: a task learns nothing about where the bytes came from."""

    def __init__(self, fd: int, limits: Limits = DEFAULT_LIMITS) -> None:
        self._fd = fd
        self._limits = limits
        self.size = os.fstat(fd).st_size
        self.head = os.pread(fd, SNIFF_BYTES, 0)
        self.media_type: MediaType = sniff(self.head)

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
        while piece := os.pread(self._fd, max(_PIECE, self.size - at), at):
            pieces.append(piece)
            at += len(piece)
            if at > self._limits.file_bytes:  # it grew while it was read
                raise LimitError("The file grew while it was read.", code="limit.bytes", size=at)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def open(self) -> BinaryIO:
        """The bytes as a file at its start, for readers that seek; closed by the caller, without effect on others."""
        return io.BufferedReader(Ranged(lambda start, stop: os.pread(self._fd, stop - start, start), self.size))

    def fileno(self) -> int:
        """The descriptor, opened for reading only."""
        return self._fd
