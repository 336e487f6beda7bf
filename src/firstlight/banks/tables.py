"""Look-up tables of one bank: immutable, memory-mapped runs of sorted prints and of places, newest last.

A print is the keyed 64-bit name of a hash or an upstream key; it leads to ordinals, the lasting numbers of entries. A
place is where in the bank's log an entry's latest record stands. A print may lead astray (an old hash of an entry, or
one chance in 2**64), so whoever looks up compares with the record itself.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import IntegrityError
from firstlight.index.disk import Disk, open_file, put_file

MAGIC: Final = b"FLrun\r\n\x00"
_HEAD: Final = struct.Struct("<8sIIII")
"""magic, version, length of the JSON, its checksum, checksum of the arrays."""
_VERSION: Final = 1


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
        wanted = np.uint64(value)
        low, high = np.searchsorted(self.prints, wanted, "left"), np.searchsorted(self.prints, wanted, "right")
        return [int(owner) for owner in self.owners[low:high]]

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
        if _checksum(self.prints, self.owners, self.ordinals, self.places) != self.checksum:
            raise _damaged(self.path)


def write_run(
    folder: Path, start: int, end: int, meta: Mapping[str, Any], pairs: NDArray[Any], places: NDArray[Any], disk: Disk
) -> Run:
    """Write a run of `pairs` (print, ordinal) and `places` (ordinal, place), both of dtype uint64 and shape (n, 2)."""
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    if len(pairs):
        keep = np.ones(len(pairs), dtype=bool)
        keep[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
        pairs = pairs[keep]
    places = places[np.argsort(places[:, 0], kind="stable")]
    arrays = (
        np.ascontiguousarray(pairs[:, 0]),
        np.ascontiguousarray(places[:, 1]),
        pairs[:, 1].astype(np.uint32),
        places[:, 0].astype(np.uint32),
    )
    prints, spots, owners, ordinals = arrays
    document = json.dumps({"start": start, "end": end, "pairs": len(pairs), "places": len(places), "meta": meta})
    text = document.encode()
    text += b" " * (-(len(text) + _HEAD.size) % 8)
    head = _HEAD.pack(MAGIC, _VERSION, len(text), zlib.crc32(text), _checksum(prints, owners, ordinals, spots))
    path = folder / f"run-{start:016d}-{end:016d}"
    put_file(disk, path, b"".join((head, text, *(a.tobytes() for a in arrays))))
    return open_run(path)


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
    pairs, places = int(document["pairs"]), int(document["places"])
    at = _HEAD.size + length
    if size != at + 12 * pairs + 12 * places:
        raise _damaged(path)
    prints = np.frombuffer(mapping, np.uint64, pairs, at)
    spots = np.frombuffer(mapping, np.uint64, places, at + 8 * pairs)
    owners = np.frombuffer(mapping, np.uint32, pairs, at + 8 * pairs + 8 * places)
    ordinals = np.frombuffer(mapping, np.uint32, places, at + 12 * pairs + 8 * places)
    return Run(path, document["start"], document["end"], document["meta"], prints, owners, ordinals, spots, checksum)


def merge_runs(folder: Path, runs: Sequence[Run], disk: Disk) -> Run:
    """One run instead of several, newest last: of an entry's places the newest counts. The old files go."""
    pairs = np.concatenate([np.stack([r.prints, r.owners.astype(np.uint64)], axis=1) for r in runs])
    places = np.concatenate([np.stack([r.ordinals.astype(np.uint64), r.places], axis=1) for r in reversed(runs)])
    _, first = np.unique(places[:, 0], return_index=True)
    merged = write_run(folder, runs[0].start, runs[-1].end, runs[-1].meta, pairs, places[first], disk)
    for run in runs:
        if run.path != merged.path:
            disk.remove(run.path)
    return merged


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


def as_pairs(items: Iterable[tuple[int, int]], count: int) -> NDArray[np.uint64]:
    """Pairs of numbers as an array (n, 2)."""
    flat = np.fromiter((number for pair in items for number in pair), dtype=np.uint64, count=2 * count)
    return flat.reshape(count, 2)


def _checksum(*arrays: NDArray[Any]) -> int:
    value = 0
    for array in arrays:
        value = zlib.crc32(array.data, value)
    return value


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(f"{path} is damaged.", hint="Remove it: look-up tables are built again from the bank's log.")
