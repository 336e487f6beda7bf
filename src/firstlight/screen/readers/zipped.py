"""Zip archives."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO, Final, cast

from firstlight.errors import InputError
from firstlight.media import SNIFF_BYTES
from firstlight.screen.member import Findings, Member, Names
from firstlight.screen.pairing import paired
from firstlight.screen.places import Places
from firstlight.screen.reader import (
    MAX_MEMBER_BYTES,
    kind_of,
    large_member,
    not_what_it_says,
    read_exactly,
    reading,
)  # fmt: skip
from firstlight.screen.shards import Kind, Shard

SLACK: Final = 512
"""Bytes that may lie about a member: its name twice, checksum and sizes. No picture worth the name is as small."""
UNNAMED: Final = "Bytes that the directory of an archive does not name: members that were taken out of it, or others."
_LOCAL_HEADER: Final = 30
_ENCRYPTED = 0x1
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError, RuntimeError, IndexError,
    OverflowError, OSError,
)  # fmt: skip
"""What the library raises on damaged archives. Of an `OSError` only what `reading` lets through comes so far."""
FARTHEST: Final = 1 << 44
"""Where a member is said to begin that says it begins farther behind."""
MOST_CLAIMED: Final = 1 << 32
"""Bytes that a member is counted with of which nothing can be had, whatever it says of itself."""


def read(shard: Shard, places: Places, findings: Findings) -> Iterator[Member]:
    """See `reader`. Members are those of the archive's directory, in its order."""
    with closing(places.open(shard.place, shard.mark)) as file:
        head = file.read(SNIFF_BYTES)
        file.seek(0)
        if kind_of(head) not in (Kind.ZIP, None):
            raise not_what_it_says(shard, head)
        try:
            with reading(unless_damaged=True):
                archive = zipfile.ZipFile(file)  # its directory is at its end: anything may stand before it
        except _BROKEN as e:
            if not head.startswith(b"PK"):
                raise not_what_it_says(shard, head) from e
            raise InputError(
                f"{shard.shown} breaks off before its directory, or the directory is damaged.",
                hint="A zip archive keeps the list of its members at its end: get a whole copy.",
                code="input.shard",
            ) from e
        with archive:
            for start, end in _unnamed(archive, file):
                findings.add("unnamed-bytes", UNNAMED, f"bytes {start} to {end}")
            yield from paired(_members(archive, findings))


def _unnamed(archive: zipfile.ZipFile, file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Bytes that are of no member of the directory: readers that go from front to back may find members there."""
    at, before = 0, None
    members = sorted(archive.infolist(), key=lambda one: one.header_offset)
    for info in [*members, None]:
        start = archive.start_dir if info is None else min(max(0, info.header_offset), archive.start_dir)
        if before is not None and start - at > SLACK:  # more than names: what its own header says of it counts
            file.seek(min(max(0, before.header_offset), archive.start_dir))
            lengths = read_exactly(file, _LOCAL_HEADER)[26:30]
            at += int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        if start - at > SLACK:
            yield at, start
        if info is not None:
            at, before = max(at, start + _LOCAL_HEADER + info.compress_size), info


def _members(archive: zipfile.ZipFile, findings: Findings) -> Iterator[Member]:
    names = Names(findings)
    for info in archive.infolist():
        names.take(info.filename)
        yield _member(archive, info)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    at, size, name = min(info.header_offset, FARTHEST), info.file_size, info.filename
    claimed = min(size, MOST_CLAIMED)
    if name.endswith("/"):
        return Member(name, at, 0, reason="folder")
    if info.flag_bits & _ENCRYPTED:
        return Member(name, at, claimed, reason="encrypted")
    try:
        with reading(unless_damaged=True), archive.open(info) as stream:
            if size > MAX_MEMBER_BYTES:
                found = large_member(name, at, size, cast("BinaryIO", stream))
                return found if found.digests is not None else Member(name, at, claimed, reason=found.reason)
            data = stream.read(MAX_MEMBER_BYTES + 1)
    except _BROKEN:
        return Member(name, at, claimed, reason="damaged")
    if len(data) != size:  # it unpacks to more or less than its directory says
        return Member(name, at, claimed, reason="damaged")
    return Member(name, at, size, data)
