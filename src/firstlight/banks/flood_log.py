"""What the flood guards of several processes share: a file of what matched when, 24 bytes an item and entry."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from firstlight.errors import StorageError
from firstlight.index.disk import locked, open_file

Noted = tuple[datetime, bool, frozenset[int]]
"""When an item matched these entries, or (if true) when a person was asked about them."""

MAX_BYTES: Final = 32 << 20
"""Then the file steps aside for a new one, and what stepped aside before goes."""
_RECORD: Final = struct.Struct("<QIIQ")
"""Microseconds since 1970, a number that an item's records share, whether it is a question, the entry."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SharedLog:
    """The file. Every act on it happens while it is `held`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._former = path.with_name(path.name + ".former")
        self._read_to = (0, 0)
        """The file that was read last, by its inode, and how far."""

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold it against other processes; go on without where the disk does not allow it."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(StorageError):
                stack.enter_context(locked(self._path.with_name(self._path.name + ".lock")))
            yield

    def read(self, since: datetime) -> list[Noted]:
        """What others wrote since the last call, as far as it is younger; at first all that there is."""
        files: list[tuple[int, bytes]] = []
        last = self._read_to
        for path in (self._former, self._path):
            with contextlib.suppress(OSError), path.open("rb") as source:
                inode = os.fstat(source.fileno()).st_ino
                if inode == self._read_to[0]:
                    files.clear()  # what stands before it was read already
                    source.seek(self._read_to[1])
                files.append((source.tell(), source.read()))
                begin, data = files[-1]
                last = (inode, begin + len(data) - len(data) % _RECORD.size)
        self._read_to = last
        return [noted for _, data in files for noted in _decoded(data) if noted[0] > since]

    def write(self, notes: Iterable[Noted]) -> None:
        """Append; what is written here is not read again. A disk that refuses costs the others this note."""
        data = b"".join(_encoded(*note) for note in notes)
        with contextlib.suppress(StorageError, OSError):
            if self._path.exists() and self._path.stat().st_size >= MAX_BYTES:
                self._path.replace(self._former)
            fd = open_file(self._path, os.O_WRONLY | os.O_CREAT)
            try:
                size = os.fstat(fd).st_size
                size -= size % _RECORD.size  # a torn record is written over
                os.pwrite(fd, data, size)
                self._read_to = (os.fstat(fd).st_ino, size + len(data))
            finally:
                os.close(fd)


def _encoded(at: datetime, asked: bool, entries: frozenset[int]) -> bytes:
    stamp, item = (at - _EPOCH) // timedelta(microseconds=1), int.from_bytes(os.urandom(4), "little")
    return b"".join(_RECORD.pack(stamp, item, asked, entry) for entry in entries)


def _decoded(data: bytes) -> Iterator[Noted]:
    whole = memoryview(data)[: len(data) - len(data) % _RECORD.size]
    for (stamp, _, asked), records in groupby(_RECORD.iter_unpack(whole), key=lambda record: record[:3]):
        yield _EPOCH + timedelta(microseconds=stamp), bool(asked), frozenset(record[3] for record in records)
