"""The ledger's files: records and sealed words in segments of a fixed size, and the sorted digests of full segments.

    segment-00000.records     records of 192 bytes, only ever appended to
    segment-00000.words       sealed prompts and accounts
    segment-00000.sorted      once it is full: the beginnings of its SHA-256 in order, then the row of each

What is written is in the page cache, where every reader finds it; `sync` makes it durable.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from firstlight.custody.files import Disk, storage_error, write_whole
from firstlight.errors import IntegrityError
from firstlight.gate.ledger.record import SIZE, GenerationRecord

SEGMENT: Final = 1 << 20
"""Records of one segment: its digests are sorted within a second, and a hundred segments hold a hundred million."""

_REACH: Final = 8192
"""How far around the expected place a digest is looked for first. Digests are spread evenly: of a million the farthest
lies some two thousand places off."""

_BASE_WIDTH, _ROW_WIDTH = 8, 4


class Segments:
    """The files in a folder. Readers may come from any thread, writers one at a time."""

    def __init__(self, folder: Path, disk: Disk, *, writing: bool = True) -> None:
        """`writing` is for the one process that holds them; others read what was there when they came.

        Raises:
            IntegrityError: a segment is missing, or was cut off.
        """
        self._folder = folder
        self._writing = writing
        self._disk = disk
        self._lock = threading.Lock()
        self._files: dict[str, int] = {}
        self._sorted: dict[int, _Sorted] = {}
        self._count = self._counted()
        self._words_end = 0
        self._tail = np.zeros(SEGMENT, dtype=np.uint64)
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        """How many records are written."""
        return self._count

    @property
    def room(self) -> int:
        """How many records the segment at hand still takes; more go in a call of their own."""
        return SEGMENT - self._count % SEGMENT

    @property
    def words_end(self) -> int:
        """Where the next sealed words will lie in the segment at hand."""
        return self._words_end

    # --- writing ---

    def write(self, records: bytes, words: bytes) -> None:
        """Append records, at most `room`, and their words. A segment that is full is durable, with its digests sorted.

        Raises:
            StorageError: the disk refused; nothing counts as written then.
        """
        segment, row = divmod(self._count, SEGMENT)
        if words:
            self._put(segment, "words", words, self._words_end)
        self._put(segment, "records", records, row * SIZE)
        prefixes = _prefixes(records)
        with self._lock:
            self._tail[row : row + len(prefixes)] = prefixes
            self._count += len(prefixes)
            self._words_end += len(words)
        if self._count % SEGMENT == 0:
            self._sync(segment)
            self._settle(segment)

    def sync(self) -> None:
        """Return when everything that was written before is on the medium.

        Raises:
            StorageError: the disk refused. Nobody knows then what is on it.
        """
        self._sync(self._count // SEGMENT)

    def _sync(self, segment: int) -> None:
        for kind in ("words", "records"):
            path = self._path(segment, kind)
            fd = self._files.get(path.name)
            if fd is not None:
                try:
                    os.fdatasync(fd)
                except OSError as e:
                    raise storage_error(path, "write", e) from e

    def _put(self, segment: int, kind: str, data: bytes, at: int) -> None:
        fd, view = self._file(segment, kind), memoryview(data)
        try:
            while view:
                done = os.pwrite(fd, view, at)
                view, at = view[done:], at + done
        except OSError as e:
            raise storage_error(self._path(segment, kind), "write", e) from e

    def _settle(self, segment: int) -> None:
        """Sort the digests of a full segment, and begin the next."""
        order = np.argsort(self._tail, kind="stable")
        found = _Sorted(self._tail[order].astype("<u8"), order.astype("<u4"))
        if self._writing:
            path = self._path(segment, "sorted")
            write_whole(self._disk, path, [found.prefixes.tobytes(), found.numbers.tobytes()], replace=True)
            found = _Sorted.mapped(path)
        with self._lock:
            self._sorted[segment] = found
            self._tail = np.zeros(SEGMENT, dtype=np.uint64)
            self._words_end = 0

    # --- reading ---

    def raw(self, first: int, count: int) -> Iterator[bytes]:
        """The bytes of so many records, in pieces of whole records.

        Raises:
            IntegrityError: a segment was cut off.
        """
        while count:
            segment, row = divmod(first, SEGMENT)
            part = min(count, SEGMENT - row)
            data = self._taken(segment, "records", part * SIZE, row * SIZE)
            if len(data) != part * SIZE:
                raise IntegrityError("A segment of the ledger was cut off.", code="integrity.ledger")
            yield data
            first, count = first + part, count - part

    def words(self, number: int, at: int, size: int) -> bytes:
        """Sealed words of a record."""
        return self._taken(number // SEGMENT, "words", size, at)

    def _taken(self, segment: int, kind: str, size: int, at: int) -> bytes:
        try:
            return os.pread(self._file(segment, kind, write=False), size, at)
        except OSError as e:
            raise storage_error(self._path(segment, kind), "read", e) from e

    def beginning_with(self, prefix: int) -> list[int]:
        """The numbers of the records whose SHA-256 begins with these 64 bits, in order."""
        with self._lock:
            full, tail, count = list(self._sorted.items()), self._tail, self._count
        rows = [segment * SEGMENT + row for segment, table in full for row in table.rows(prefix)]
        first = len(full) * SEGMENT
        rows += [first + int(row) for row in np.flatnonzero(tail[: max(0, count - first)] == np.uint64(prefix))]
        return sorted(rows)

    def close(self) -> None:
        """Let go of the files."""
        for fd in self._files.values():
            os.close(fd)
        self._files.clear()

    # --- opening ---

    def _load(self) -> None:
        """The tables of full segments, made again where a crash came between; the digests of the last one."""
        last, rest = divmod(self._count, SEGMENT)
        for segment in range(last):
            path = self._path(segment, "sorted")
            if path.exists() and path.stat().st_size == SEGMENT * (_BASE_WIDTH + _ROW_WIDTH):
                self._sorted[segment] = _Sorted.mapped(path)
                continue
            self._tail[:] = _prefixes(b"".join(self.raw(segment * SEGMENT, SEGMENT)))
            self._settle(segment)
        if rest:
            data = b"".join(self.raw(last * SEGMENT, rest))
            self._tail[:rest] = _prefixes(data)
            self._words_end = self._end_of_words(last, data)

    def _end_of_words(self, segment: int, data: bytes) -> int:
        """Behind the file's end, and behind what a record names: a crash may have kept the words from the disk, and the
        place is not given to the words of another."""
        path = self._path(segment, "words")
        size = path.stat().st_size if path.exists() else 0
        try:
            last = GenerationRecord.from_bytes(data[-SIZE:])
        except IntegrityError:
            return size  # a check of the ledger tells; what is written from now on is none the worse for it
        return max(size, last.words_at + last.words_size)

    def _counted(self) -> int:
        """How many whole records there are. A torn last one was never answered for, and is written over."""
        paths = sorted(self._folder.glob("segment-*.records"))
        sizes = [path.stat().st_size // SIZE for path in paths]
        if any(size != SEGMENT for size in sizes[:-1]) or (
            paths and paths[-1] != self._path(len(paths) - 1, "records")
        ):
            raise IntegrityError("A segment of the ledger is missing or was cut off.", code="integrity.ledger")
        return sum(sizes)

    def _path(self, segment: int, kind: str) -> Path:
        return self._folder / f"segment-{segment:05}.{kind}"

    def _file(self, segment: int, kind: str, *, write: bool = True) -> int:
        path = self._path(segment, kind)
        with self._lock:
            if path.name not in self._files:
                flags = (os.O_RDWR if self._writing else os.O_RDONLY) | os.O_CLOEXEC | (os.O_CREAT if write else 0)
                try:
                    self._files[path.name] = os.open(path, flags, 0o600)
                except OSError as e:
                    raise storage_error(path, "open", e) from e
                if write:
                    self._disk.sync_folder(self._folder)
            return self._files[path.name]


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The digests of one full segment in order, and the row of each."""

    prefixes: npt.NDArray[np.uint64]
    numbers: npt.NDArray[np.uint32]

    @classmethod
    def mapped(cls, path: Path) -> Self:
        """Those that lie in a file, mapped."""
        with path.open("rb") as file:
            found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        rows = np.frombuffer(found, "<u4", SEGMENT, SEGMENT * _BASE_WIDTH)
        return cls(np.frombuffer(found, "<u8", SEGMENT), rows)

    def rows(self, prefix: int) -> list[int]:
        """The rows of the digests that begin so."""
        at = self._first(prefix)
        out = []
        while at < SEGMENT and int(self.prefixes[at]) == prefix:
            out.append(int(self.numbers[at]))
            at += 1
        return out

    def _first(self, prefix: int) -> int:
        """The first place whose digest is not smaller: near where an even spread has it, else anywhere."""
        expected = prefix * SEGMENT >> 64
        low, high = max(0, expected - _REACH), min(SEGMENT, expected + _REACH)
        if (low and int(self.prefixes[low]) >= prefix) or (high < SEGMENT and int(self.prefixes[high - 1]) < prefix):
            low, high = 0, SEGMENT
        return low + int(np.searchsorted(self.prefixes[low:high], np.uint64(prefix), "left"))


def _prefixes(records: bytes) -> npt.NDArray[np.uint64]:
    rows = np.frombuffer(records, dtype=np.uint8).reshape(-1, SIZE)
    return np.ascontiguousarray(rows[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
