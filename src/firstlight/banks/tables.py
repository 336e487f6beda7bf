"""Look-up tables of one bank: immutable, memory-mapped runs of sorted prints and of places, newest last.

A print is the keyed 64-bit name of a hash or an upstream key; it leads to ordinals, the lasting numbers of entries. A
place is where in the bank's log an entry's latest record stands. A print may lead astray (an old hash of an entry, or
one chance in 2**64), so whoever looks up compares with the record itself.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import IntegrityError
from firstlight.index.disk import TEMPORARY_SUFFIX, Disk, open_file

MAGIC: Final = b"FLrun\r\n\x00"
_HEAD: Final = struct.Struct("<8sIIII")
"""magic, version, length of the JSON, its checksum, checksum of the arrays."""
_VERSION: Final = 2
MERGE_BLOCK: Final = 1 << 18
"""Pairs that are sorted at once when runs are merged."""


@dataclass(frozen=True, slots=True)
class Run:
    """One table file: it covers the frames of the log from `start` to `end`; `meta` is the bank's state at its end."""

    path: Path
    start: int
    end: int
    meta: Mapping[str, Any]
    prints: NDArray[np.uint64]
    owners: NDArray[np.uint32]
    ordinals: NDArray[np.uint32]
    places: NDArray[np.uint64]
    checksum: int

    def find(self, value: int) -> list[int]:
        """The ordinals that a print leads to."""
        at, found = int(np.searchsorted(self.prints, np.uint64(value))), []
        while at < len(self.prints) and int(self.prints[at]) == value:
            found.append(int(self.owners[at]))
            at += 1
        return found

    def place(self, ordinal: int) -> int | None:
        """Where the latest record of the entry stands, if this run knows."""
        at = int(np.searchsorted(self.ordinals, np.uint32(ordinal)))
        if at < len(self.ordinals) and self.ordinals[at] == ordinal:
            return int(self.places[at])
        return None

    def verify(self) -> None:
        """Read everything and compare the checksum.

        Raises:
            IntegrityError: the file is not what was written.
        """
        sections = (self.prints, self.places, self.owners, self.ordinals)
        if _sum_of(zlib.crc32(section.data) for section in sections) != self.checksum:
            raise _damaged(self.path)


def write_run(
    folder: Path, start: int, end: int, meta: Mapping[str, Any], pairs: NDArray[Any], places: NDArray[Any], disk: Disk
) -> Run:
    """Write a run of `pairs` (print, ordinal) and `places` (ordinal, place), both of dtype uint64 and shape (n, 2)."""
    places = places[np.argsort(places[:, 0], kind="stable")]
    return _put(folder, start, end, meta, (len(pairs), len(places)), [_in_order(pairs)], [places], disk)


def merge_runs(folder: Path, runs: Sequence[Run], disk: Disk) -> Run:
    """One run instead of several that follow each other, newest last: of an entry's places the newest counts. The old
    files go. Needs little memory, whatever their size."""
    room = sum(len(r.prints) for r in runs), sum(len(r.ordinals) for r in runs)
    merged = _put(
        folder, runs[0].start, runs[-1].end, runs[-1].meta, room, _merged_pairs(runs), _merged_places(runs), disk
    )  # fmt: skip
    for run in runs:
        if run.path != merged.path:
            disk.remove(run.path)
    return merged


def _merged_pairs(runs: Sequence[Run]) -> Iterator[NDArray[np.uint64]]:
    """All pairs in order, range by range of prints, which are spread evenly."""
    parts = sum(len(r.prints) for r in runs) // MERGE_BLOCK + 1
    edges = np.array([(part << 64) // parts for part in range(1, parts)], dtype=np.uint64)
    cuts = [np.searchsorted(r.prints, edges) for r in runs]
    for part in range(parts):
        found = []
        for run, cut in zip(runs, cuts, strict=True):
            low, high = cut[part - 1] if part else 0, cut[part] if part + 1 < parts else len(run.prints)
            found.append(np.stack([run.prints[low:high], run.owners[low:high].astype(np.uint64)], axis=1))
        yield _in_order(np.concatenate(found))


def _merged_places(runs: Sequence[Run]) -> Iterator[NDArray[np.uint64]]:
    """The newest place of each entry, range by range of ordinals."""
    last = max(int(r.ordinals[-1]) if len(r.ordinals) else 0 for r in runs)
    for begin in range(0, last + 1, MERGE_BLOCK):
        found = []
        for run in reversed(runs):
            low, high = np.searchsorted(run.ordinals, [begin, min(begin + MERGE_BLOCK, 1 << 32)])
            found.append(np.stack([run.ordinals[low:high].astype(np.uint64), run.places[low:high]], axis=1))
        places = np.concatenate(found)
        _, first = np.unique(places[:, 0], return_index=True)
        yield places[first]


def _in_order(pairs: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sorted by print, then ordinal; each once."""
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    keep = np.ones(len(pairs), dtype=bool)
    keep[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return pairs[keep]


def _put(
    folder: Path, start: int, end: int, meta: Mapping[str, Any], room: tuple[int, int],
    pairs: Iterable[NDArray[np.uint64]], places: Iterable[NDArray[np.uint64]], disk: Disk,
) -> Run:  # fmt: skip
    """Write a run block by block, with room for at most so many pairs and places."""
    document = {"start": start, "end": end, "pairs": room[0], "places": room[1], "room": room, "meta": meta}
    length = len(json.dumps(document).encode())
    length += -(length + _HEAD.size) % 8
    bounds = _bounds(_HEAD.size + length, room)
    path = folder / f"run-{start:016d}-{end:016d}"
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    with contextlib.ExitStack() as files:
        fds = []
        for number, at in enumerate((0, *bounds[:4])):
            fd = open_file(temporary, os.O_WRONLY | (os.O_CREAT | os.O_TRUNC if number == 0 else 0))
            files.callback(os.close, fd)
            os.lseek(fd, at, os.SEEK_SET)
            fds.append(fd)
        disk.truncate(fds[0], bounds[4], temporary)
        sums, counts = [0, 0, 0, 0], [0, 0]
        kinds = ((0, np.uint64, 0, 0), (2, np.uint32, 0, 1)), ((3, np.uint32, 1, 0), (1, np.uint64, 1, 1))
        for blocks, sections in zip((pairs, places), kinds, strict=True):
            for block in blocks:
                for section, dtype, which, column in sections:
                    data = np.ascontiguousarray(block[:, column], dtype=dtype).data.cast("B") if len(block) else b""
                    sums[section] = zlib.crc32(data, sums[section])
                    disk.write(fds[section + 1], data, temporary)
                    counts[which] += len(block) if column == 0 else 0
        text = json.dumps({**document, "pairs": counts[0], "places": counts[1]}).encode().ljust(length)
        head = _HEAD.pack(MAGIC, _VERSION, len(text), zlib.crc32(text), _sum_of(sums))
        disk.write(fds[0], head + text, temporary)
        disk.sync(fds[0], temporary)
    disk.replace(temporary, path)
    return open_run(path)


def _bounds(at: int, room: tuple[int, int]) -> tuple[int, int, int, int, int]:
    """Where prints, places, owners and ordinals begin, and where the file ends."""
    pairs, places = room
    spots, owners = at + 8 * pairs, at + 8 * pairs + 8 * places
    return at, spots, owners, owners + 4 * pairs, owners + 4 * pairs + 4 * places


def open_run(path: Path) -> Run:
    """Map a run.

    Raises:
        IntegrityError: it is not whole, or not of this version.
    """
    fd = open_file(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        if size < _HEAD.size:
            raise _damaged(path)
        mapping = mmap.mmap(fd, size, prot=mmap.PROT_READ)
    finally:
        os.close(fd)
    magic, version, length, text_sum, checksum = _HEAD.unpack(mapping[: _HEAD.size])
    text = mapping[_HEAD.size : _HEAD.size + length]
    if magic != MAGIC or version != _VERSION or zlib.crc32(text) != text_sum:
        raise _damaged(path)
    document = json.loads(text)
    pairs, places, room = int(document["pairs"]), int(document["places"]), document["room"]
    bounds = _bounds(_HEAD.size + length, (int(room[0]), int(room[1])))
    if size != bounds[4]:
        raise _damaged(path)
    prints = np.frombuffer(mapping, np.uint64, pairs, bounds[0])
    spots = np.frombuffer(mapping, np.uint64, places, bounds[1])
    owners = np.frombuffer(mapping, np.uint32, pairs, bounds[2])
    ordinals = np.frombuffer(mapping, np.uint32, places, bounds[3])
    return Run(path, document["start"], document["end"], document["meta"], prints, owners, ordinals, spots, checksum)


def chain(folder: Path, start: int) -> list[Run]:
    """The runs that cover the log from `start` on without a gap, with as few files as there are."""
    found: dict[int, list[tuple[int, Path]]] = {}
    for path in folder.glob("run-*-*"):
        parts = path.name.split("-")
        if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
            found.setdefault(int(parts[1]), []).append((int(parts[2]), path))
    runs: list[Run] = []
    while start in found:
        end, path = max(found[start])
        runs.append(open_run(path))
        start = end
    return runs


def as_pairs(numbers: Mapping[int, int]) -> NDArray[np.uint64]:
    """Numbers and what they lead to as an array (n, 2)."""
    pairs = np.empty((len(numbers), 2), dtype=np.uint64)
    pairs[:, 0] = np.fromiter(numbers, dtype=np.uint64, count=len(numbers))
    pairs[:, 1] = np.fromiter(numbers.values(), dtype=np.uint64, count=len(numbers))
    return pairs


def _sum_of(sums: Iterable[int]) -> int:
    """One checksum of those of the sections."""
    return zlib.crc32(b"".join(one.to_bytes(4, "little") for one in sums))


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(f"{path} is damaged.", hint="Remove it: look-up tables are built again from the bank's log.")
