"""When entries were last brought by their list, and when they last matched: two files of times beside a bank's log.

A time is four bytes at the place of the entry's number: seconds since 1970, 0 for never. They are written in place, by
any process, without a lock. They say nothing about a hash and nothing rests on them: after a power cut they may lag.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from firstlight.errors import StorageError
from firstlight.index.disk import open_file

_TIME: Final = np.dtype("<u4")


class Marks:
    """One file of times."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def put(self, ordinals: Sequence[int], at: datetime) -> None:
        """Note the time for these entries. Never fails: what rests on it is a remark."""
        if not ordinals:
            return
        with contextlib.suppress(OSError, StorageError):
            if self._fd < 0:
                self._fd = open_file(self._path, os.O_RDWR | os.O_CREAT)
            if len(ordinals) == 1:  # as a look-up finds; arrays would cost more than the rest of it
                os.pwrite(self._fd, int(at.timestamp()).to_bytes(4, "little"), ordinals[0] * _TIME.itemsize)
                return
            numbers = np.unique(np.array(ordinals, dtype=np.int64))
            for stretch in np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1):
                times = np.full(len(stretch), int(at.timestamp()), dtype=_TIME)
                os.pwrite(self._fd, times.tobytes(), int(stretch[0]) * _TIME.itemsize)

    def get(self, ordinal: int) -> datetime | None:
        """The time noted for an entry, if any."""
        with contextlib.suppress(OSError, StorageError):
            if self._fd < 0 and self._path.exists():
                self._fd = open_file(self._path, os.O_RDWR)
            if self._fd >= 0:
                found = os.pread(self._fd, _TIME.itemsize, ordinal * _TIME.itemsize)
                seconds = int.from_bytes(found, "little")
                return datetime.fromtimestamp(seconds, UTC) if seconds else None
        return None

    def close(self) -> None:
        """Let go of the file. A second time does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
