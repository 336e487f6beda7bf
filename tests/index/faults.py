"""A disk that stops or refuses at one chosen write: what a crash, a full disk or a dying one looks like from above."""

from __future__ import annotations

import errno
from pathlib import Path

from firstlight.errors import StorageError
from firstlight.index.disk import Disk


class CrashError(BaseException):
    """The machine stopped. No handler of the code under test may catch this."""


class FaultyDisk(Disk):
    """A disk that never waits for the medium.

    It counts its acts; at number `stop_at` it crashes (a write half done) or, if `refuse`, answers that it is full.
    """

    def __init__(self, stop_at: int | None = None, *, refuse: bool = False) -> None:
        self.acts = 0
        self._stop_at = stop_at
        self._refuse = refuse

    def _now(self, path: Path) -> bool:
        self.acts += 1
        if self.acts != self._stop_at:
            return False
        if self._refuse:
            raise StorageError(f"Could not write {path}: no space.") from OSError(errno.ENOSPC, "no space")
        return True

    def write(self, fd: int, data: bytes | memoryview, path: Path) -> None:
        try:
            crash = self._now(path)
        except StorageError:
            super().write(fd, memoryview(data)[: len(data) // 2], path)  # a full disk takes what it can
            raise
        if crash:
            super().write(fd, memoryview(data)[: len(data) // 2], path)
            raise CrashError
        super().write(fd, data, path)

    def sync(self, fd: int, path: Path) -> None:
        if self._now(path):
            raise CrashError

    def sync_folder(self, path: Path) -> None:
        """Nothing: no power fails in a test, and waiting for the medium takes most of its time."""

    def truncate(self, fd: int, size: int, path: Path) -> None:
        if self._now(path):
            raise CrashError
        super().truncate(fd, size, path)

    def replace(self, source: Path, target: Path) -> None:
        if self._now(target):
            raise CrashError
        super().replace(source, target)
        if self._now(target):
            raise CrashError

    def remove(self, path: Path) -> None:
        if self._now(path):
            raise CrashError
        super().remove(path)

    def make_folder(self, path: Path) -> None:
        if self._now(path):
            raise CrashError
        super().make_folder(path)
