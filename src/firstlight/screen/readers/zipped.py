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
from firstlight.screen.reader import MAX_MEMBER_BYTES, large_member, not_what_it_says, reading
from firstlight.screen.shards import Shard

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
        if not head.startswith(b"PK"):
            raise not_what_it_says(shard, head)
        try:
            with reading(unless_damaged=True):
                archive = zipfile.ZipFile(file)
        except _BROKEN as e:
            raise InputError(
                f"{shard.shown} breaks off before its directory, or the directory is damaged.",
                hint="A zip archive keeps the list of its members at its end: get a whole copy.",
                code="input.shard",
            ) from e
        with archive:
            yield from paired(_members(archive, findings))


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
