"""The immutable base of an index: one memory-mapped file of rows, keys and chunk tables, shared by all processes.

Layout: a page of header (magic, version, JSON, checksum), then five sections, each on a page of its own: `rows` (the
permuted hashes in order of their first chunk, so that the first chunk needs no row numbers), `keys`, `order` (row
numbers by key), `offsets` (per chunk where each bucket begins, and a guard), `ids` (per further chunk the row numbers
in bucket order, each with a sketch of the row's next chunk above it). All numbers are little-endian.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import IntegrityError, LimitError, StorageError
from firstlight.index.disk import TEMPORARY_SUFFIX, Disk, open_file
from firstlight.index.plan import BITS, STRIDE, Chunking, chunking, row_bits, sketch_bits

PAGE: Final = 4096
MAGIC: Final = b"FLbase\r\n"
VERSION: Final = 2
WRITE_BLOCK: Final = 16 << 20
"""Written in large blocks, a file can lie in the page cache in pages of 2 MiB. A search touches thousands of places all
over the file, and with small pages it spends most of its time on finding out where they are."""
MAX_ROWS: Final = 1 << 31
"""Row numbers are 32 bits wide; half of that leaves room for offsets everywhere."""

_DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "rows": np.dtype("<u8"),
    "keys": np.dtype("<u8"),
    "order": np.dtype("<u4"),
    "offsets": np.dtype("<u4"),
    "ids": np.dtype("<u4"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Rows to build from: permuted words end to end, keys, and a bitmap of those that are dead."""

    rows: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    dead: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Base:
    """An open base file. The arrays are views of the mapping and cannot be written."""

    path: Path
    mark: int
    cut: Chunking
    rows: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    order: NDArray[np.uint32]
    offsets: NDArray[np.uint32]
    ids: NDArray[np.uint32]
    checksums: dict[str, int]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def size(self) -> int:
        """Bytes of all sections."""
        return sum(getattr(self, name).nbytes for name in _DTYPES)

    def verify(self) -> None:
        """Read the whole file and compare its checksums.

        Raises:
            IntegrityError: a section is not what was written.
        """
        for name, expected in self.checksums.items():
            if zlib.crc32(getattr(self, name).data) != expected:
                raise damaged(self.path, f"the section {name!r} has another checksum")


def damaged(path: Path, what: str) -> IntegrityError:
    """The error for a base file that is not what was written."""
    return IntegrityError(
        f"{path} is damaged: {what}.", hint="Remove the index folder and let it be built again from the banks."
    )


def dead_words(rows: int) -> NDArray[np.uint64]:
    """A bitmap for so many rows, all alive. Its memory is only taken where a bit is set."""
    return np.zeros(rows // 64 + 1, dtype=np.uint64)


def gathered(sources: list[Source]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The live rows of all sources as keys and words."""
    keys, rows = [], []
    for source in sources:
        bits = np.unpackbits(source.dead.view(np.uint8), bitorder="little", count=len(source.keys))
        alive = np.flatnonzero(bits == 0)
        keys.append(source.keys[alive])
        rows.append(source.rows.reshape(-1, 4)[alive].reshape(-1))
    return np.concatenate(keys), np.concatenate(rows)


def write_base(path: Path, sources: Sequence[Source], count: int, *, chunks: int, mark: int, disk: Disk) -> None:
    """Build the base of the live rows of all sources (`count` in all); its name appears when it is whole and durable.

    Raises:
        StorageError: the disk refused; nothing is left behind under the name.
    """
    if sys.byteorder != "little":
        raise StorageError("Index files need a little-endian processor.", hint="Use x86-64 or 64-bit ARM.")
    if count > MAX_ROWS:
        raise LimitError(f"An index holds at most {MAX_ROWS} hashes.", hint="Split the bank in two.", code="limit.rows")
    cut = chunking(chunks)
    places, size = _layout(count, cut)
    content = mmap.mmap(-1, size)  # memory of its own, which compactions give back
    sections = {
        name: np.frombuffer(content, dtype, places[name][1], places[name][0]) for name, dtype in _DTYPES.items()
    }
    _fill(sections, sources, count, cut)
    checksums = {name: zlib.crc32(section.data) for name, section in sections.items()}
    content[:PAGE] = _header(count, cut, mark, places, checksums)
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    fd = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        whole = memoryview(content)
        for at in range(0, size, WRITE_BLOCK):
            disk.write(fd, whole[at : at + WRITE_BLOCK], temporary)
        disk.sync(fd, temporary)
    finally:
        os.close(fd)
    disk.replace(temporary, path)


def open_base(path: Path) -> Base:
    """Map a base file; its header is checked here, its sections by `Base.verify`.

    Raises:
        StorageError: it cannot be opened.
        IntegrityError: it is not whole, or not of this version.
    """
    fd = open_file(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        if size < PAGE:
            raise damaged(path, "it is shorter than its header")
        mapping = mmap.mmap(fd, size, prot=mmap.PROT_READ)
        with contextlib.suppress(OSError):  # a kernel without large pages
            mapping.madvise(mmap.MADV_HUGEPAGE)
    finally:
        os.close(fd)
    header = _parse_header(path, mapping[:PAGE])
    count, cut = int(header["rows"]), chunking(int(header["chunks"]))
    places, expected = _layout(count, cut)
    if size != expected:
        raise damaged(path, f"it has {size} bytes and should have {expected}")
    sections: dict[str, Any] = {
        name: np.frombuffer(mapping, dtype, places[name][1], places[name][0]) for name, dtype in _DTYPES.items()
    }
    return Base(path, int(header["mark"]), cut, **sections, checksums=header["checksums"])


def _layout(count: int, cut: Chunking) -> tuple[dict[str, tuple[int, int]], int]:
    """Where each section begins and how many numbers it has, and the size of the file."""
    numbers = {
        "rows": 4 * count, "keys": count, "order": count, "offsets": cut.buckets(), "ids": (cut.count - 1) * count,
    }  # fmt: skip
    places, at = {}, PAGE
    for name, dtype in _DTYPES.items():
        places[name] = (at, numbers[name])
        at += -(-numbers[name] * dtype.itemsize // PAGE) * PAGE
    return places, at


def _fill(sections: dict[str, NDArray[Any]], sources: Sequence[Source], count: int, cut: Chunking) -> None:
    from firstlight.index import kernels

    rows, keys, offsets = sections["rows"], sections["keys"], sections["offsets"]
    length = cut.lengths[0]
    first = offsets[: (1 << length) + 1]
    first[:] = 0
    for source in sources:
        kernels.count_live(source.rows, source.dead, len(source.keys), 0, length, first)
    np.cumsum(first, out=first)
    cursor = first.copy()
    for source in sources:
        kernels.place_live(source.rows, source.keys, source.dead, len(source.keys), 0, length, cursor, rows, keys)
    sections["order"][:] = np.argsort(keys, kind="stable")
    at = len(first)
    for i in range(1, cut.count):
        size = (1 << cut.lengths[i]) + 1
        ids = sections["ids"][(i - 1) * count : i * count]
        after = cut.starts[(i + 1) % cut.count]
        kernels.fill_table(
            rows, count, cut.starts[i], cut.lengths[i], after, sketch_bits(count, cut.count, i), row_bits(count),
            offsets[at : at + size], ids,
        )  # fmt: skip
        at += size


def _header(
    count: int, cut: Chunking, mark: int, places: dict[str, tuple[int, int]], checksums: dict[str, int]
) -> bytes:
    document = {
        "version": VERSION, "bits": BITS, "stride": STRIDE, "rows": count, "chunks": cut.count, "mark": mark,
        "sections": {name: {"offset": at, "count": n} for name, (at, n) in places.items()}, "checksums": checksums,
    }  # fmt: skip
    page = (MAGIC + json.dumps(document).encode()).ljust(PAGE - 4, b"\x00")
    return page + zlib.crc32(page).to_bytes(4, "little")


def _parse_header(path: Path, page: bytes) -> dict[str, Any]:
    if not page.startswith(MAGIC):
        raise damaged(path, "it is no index file")
    if zlib.crc32(page[:-4]) != int.from_bytes(page[-4:], "little"):
        raise damaged(path, "its header has another checksum")
    header: dict[str, Any] = json.loads(page[len(MAGIC) : -4].rstrip(b"\x00"))
    if (header["version"], header["bits"], header["stride"]) != (VERSION, BITS, STRIDE):
        raise IntegrityError(
            f"{path} is an index file of version {header['version']}, this program reads version {VERSION}.",
            hint="Open it with the version that wrote it, or remove the folder and let it be built again.",
        )
    return header
