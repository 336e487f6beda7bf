"""Word among the processes of one machine that something they keep in memory may be out of date.

A file of eight bytes in the home, mapped by whoever wants to know: to look costs no system call. Where the home lies on
a network's disk, or another machine changed something, no word comes; what is kept is believed for a second at most.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
from pathlib import Path
from typing import Final

from firstlight.errors import StorageError

FILE: Final = "changes"
_SIZE: Final = 8


class Changes:
    """The word as this process sees it."""

    def __init__(self, home: Path) -> None:
        """Listen in this home.

        Raises:
            StorageError: its file cannot be made or read.
        """
        path = home / FILE
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if os.fstat(fd).st_size < _SIZE:
                    os.pwrite(fd, secrets.token_bytes(_SIZE), 0)
                self._memory = mmap.mmap(fd, _SIZE, prot=mmap.PROT_READ)
            finally:
                os.close(fd)
        except OSError as e:
            raise StorageError(f"{path} cannot be made or read: {e.strerror}.", hint="Check its permissions.") from e

    def now(self) -> bytes:
        """What stands there; another value than before means that something changed."""
        return self._memory[:]


def tell(home: Path) -> None:
    """Something changed, and is in the tables. Never fails: without this word it counts a second later."""
    with contextlib.suppress(OSError):
        fd = os.open(home / FILE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, secrets.token_bytes(_SIZE), 0)
        finally:
            os.close(fd)


__all__ = ["Changes", "tell"]
