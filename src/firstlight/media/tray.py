"""A tray: memory in which the house lays bytes before one worker, time after time.

The house writes what a worker shall look at into memory that both have mapped, instead of making a file in memory for
each source, whose pages the kernel would have to find, clear and take back again. The kernel sees to it that nobody but
the house writes: the memory is sealed against every further writer before the worker gets it (`F_SEAL_FUTURE_WRITE`,
Linux 5.1), and no worker gets another's.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from typing import Final, Self

TRAY_BYTES: Final = 4 * 2**20
"""Nearly every picture fits; what does not comes as a file of its own."""

_FUTURE_WRITE: Final = 0x10  # linux/fcntl.h
_SEALS: Final = _FUTURE_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Tray:
    """The house's end: the only mapping that can be written."""

    def __init__(self) -> None:
        """Raises `OSError` where the kernel does not know the seal, or has no memory."""
        self._fd = os.memfd_create("tray", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self._fd, TRAY_BYTES)
            self._memory = mmap.mmap(self._fd, TRAY_BYTES)
            fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, _SEALS)
        except BaseException:
            os.close(self._fd)
            raise

    @classmethod
    def made(cls) -> Self | None:
        """A tray, or none on a machine that has no such thing."""
        try:
            return cls()
        except OSError:
            return None

    def fileno(self) -> int:
        """The descriptor that a worker maps; nobody can write by it."""
        return self._fd

    def holds(self, pieces: list[bytes]) -> bool:
        """Whether there is room for these pieces."""
        return sum(map(len, pieces)) <= TRAY_BYTES

    def lay(self, pieces: list[bytes]) -> int:
        """Put the pieces one after the other; how many bytes they are. Behind them lies what this worker saw before."""
        at = 0
        for piece in pieces:
            self._memory[at : at + len(piece)] = piece
            at += len(piece)
        return at

    def close(self) -> None:
        """Give the memory back, as soon as the worker has."""
        self._memory.close()
        os.close(self._fd)


def seen(fd: int) -> mmap.mmap:
    """A worker's end: the tray as memory that can only be read. The descriptor is closed."""
    try:
        return mmap.mmap(fd, TRAY_BYTES, prot=mmap.PROT_READ)
    finally:
        os.close(fd)
