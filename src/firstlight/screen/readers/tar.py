"""Tar archives, plain or compressed: WebDataset shards and whatever else was packed with tar.

A walk of its own over the 512-byte headers, because a report has to account for what libraries pass over: hidden and
extensionless members, hard links, names that come twice, an archive that breaks off, bytes behind its end mark.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import posixpath
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final, cast

from firstlight.media import SNIFF_BYTES
from firstlight.screen.member import Findings, Member, Names
from firstlight.screen.pairing import paired
from firstlight.screen.places import Places
from firstlight.screen.reader import (
    MAX_MEMBER_BYTES,
    TAR_BLOCK,
    Part,
    is_tar_header,
    large_member,
    not_what_it_says,
    read_exactly,
    reading,
)
from firstlight.screen.readers import recorded
from firstlight.screen.shards import Shard

BLOCK: Final = TAR_BLOCK
MAX_NAME_BYTES: Final = 1 << 20
"""A long name or extended header: real ones have a few hundred bytes."""
LARGEST: Final = 1 << 44
"""No member is larger: a header that says so is damaged, and its number would fit no result."""
LONGEST_CHAIN: Final = 40
"""Links that lead to links; the kernel follows as many."""
RESYNC_BYTES: Final = 64 * 2**20
"""How far behind damage the next header is looked for."""

_SIZE_DIGITS: Final = len(str(LARGEST))
_REGULAR = (b"0", b"\0", b"7")
_HARD_LINK, _SYMBOLIC_LINK, _FOLDER = b"1", b"2", b"5"
_LONG_NAME, _LONG_LINK, _EXTENDED_ALL, _SPARSE = b"L", b"K", b"g", b"S"
_SAYING = (b"L", b"K", b"x", b"X", b"g")
_ZEROS = bytes(BLOCK)
_BROKEN_STREAM = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, OSError)


@dataclass(slots=True)
class _Header:
    name: bytes
    size: int
    kind: bytes
    link: bytes


@dataclass(slots=True)
class _Said:
    """What long-name and extended headers say of the member that follows."""

    values: dict[str, bytes] = field(default_factory=dict)
    usual: dict[str, bytes] = field(default_factory=dict)

    def of(self, header: _Header) -> _Header:
        values = self.usual | self.values
        self.values = {}
        size = values.get("size", b"")
        return _Header(
            values.get("path", header.name),
            int(size) if size.isdigit() and len(size) <= _SIZE_DIGITS and int(size) <= LARGEST else header.size,
            header.kind,
            values.get("linkpath", header.link),
        )


class _Stream:
    """The bytes of the archive in order, with their place; a broken compression ends them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.at = 0
        self.broken = ""

    def read(self, size: int) -> bytes:
        if self.broken:
            return b""
        try:
            with reading(unless_damaged=True):
                data = self._file.read(size)
        except _BROKEN_STREAM as e:
            self.broken = type(e).__name__
            return b""
        self.at += len(data)
        return data

    def exactly(self, size: int) -> bytes:
        return read_exactly(cast("BinaryIO", self), size)

    def skip(self, size: int) -> int:
        """Read on without keeping; answers how many bytes there were."""
        left = size
        while left and (piece := self.read(min(left, 1 << 20))):
            left -= len(piece)
        return size - left


def read(shard: Shard, places: Places, findings: Findings) -> Iterator[Member]:
    """See `reader`. Side files (`.json` in the archive, `.parquet` beside it) give their pictures' facts."""
    facts = recorded.beside(shard.place, places, findings)
    with closing(places.open(shard.place, shard.mark)) as file:
        head = file.read(SNIFF_BYTES)
        file.seek(0)
        walk = _Walk(_Stream(_unpacked(file, head)), findings)
        first = walk.begin()
        if first is None:
            raise not_what_it_says(shard, head)
        yield from paired(walk.members(first), facts)
        yield from _linked(shard, places, walk)


def _unpacked(file: BinaryIO, head: bytes) -> BinaryIO:
    if head.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="rb"))
    if head.startswith(b"BZh"):
        return cast("BinaryIO", bz2.BZ2File(file))
    if head.startswith(b"\xfd7zXZ\0"):
        return cast("BinaryIO", lzma.LZMAFile(file))
    return file


class _Walk:
    """One pass over an archive."""

    def __init__(self, stream: _Stream, findings: Findings, wanted: frozenset[str] | None = None) -> None:
        self._stream = stream
        self._findings = findings
        self._wanted = wanted
        self._names = Names(findings)
        self.links: list[tuple[str, int, str]] = []

    def begin(self) -> bytes | None:
        """The first block, if an archive begins with it; an empty archive is one too."""
        block = self._stream.exactly(BLOCK)
        return block if len(block) == BLOCK and (block == _ZEROS or _parsed(block) is not None) else None

    def members(self, block: bytes) -> Iterator[Member]:
        said = _Said()
        while True:
            if block == _ZEROS:
                block = self._behind_the_end()
                if not block:
                    return
            header = _parsed(block)
            if header is None:
                block = self._resync()
                if not block:
                    return
                continue
            if header.kind in _SAYING:
                if not self._take_said(header, said):
                    return
            else:
                member = self._member(said.of(header))
                if member is not None:
                    yield member
                if member is not None and member.reason == "cut-off":
                    return
            block = self._stream.exactly(BLOCK)
            if len(block) < BLOCK:
                self._cut_off("it has no end mark" if not block else "in the middle of a header")
                return

    def _take_said(self, header: _Header, said: _Said) -> bool:
        if header.size > MAX_NAME_BYTES:
            self._findings.add("damaged-header", "A header is larger than any name can be.", f"byte {self._stream.at}")
            self._stream.skip(_padded(header.size))
            return True
        data = self._stream.exactly(_padded(header.size))
        if len(data) < _padded(header.size):
            self._cut_off("in the middle of a name")
            return False
        data = data[: header.size]
        if header.kind == _LONG_NAME:
            said.values["path"] = data.rstrip(b"\0")
        elif header.kind == _LONG_LINK:
            said.values["linkpath"] = data.rstrip(b"\0")
        else:
            (said.usual if header.kind == _EXTENDED_ALL else said.values).update(_records(data))
        return True

    def _member(self, header: _Header) -> Member | None:
        name, at = _decoded(header.name), self._stream.at
        self._names.take(name)
        if header.kind == _FOLDER or (header.kind in _REGULAR and name.endswith("/")):
            self._stream.skip(_padded(header.size))
            return Member(name, at, 0, reason="folder")
        if header.kind in (_HARD_LINK, _SYMBOLIC_LINK):
            target = _decoded(header.link)
            if header.kind == _SYMBOLIC_LINK:
                target = posixpath.join(posixpath.dirname(name), target)
            self.links.append((name, at, posixpath.normpath(target)))
            says = "Members that are links, which common readers pass over; what they lead to was screened."
            self._findings.add("link", says, name)
            return None
        if header.kind not in _REGULAR:
            self._stream.skip(_padded(header.size))
            sparse = header.kind == _SPARSE
            return Member(name, at, header.size, reason="damaged" if sparse else "special")
        if self._wanted is not None and posixpath.normpath(name) not in self._wanted:
            there = self._stream.skip(_padded(header.size))
            return Member(name, at, header.size, reason="side-file" if there == _padded(header.size) else "cut-off")
        return self._with_bytes(name, at, header.size)

    def _with_bytes(self, name: str, at: int, size: int) -> Member:
        if size > MAX_MEMBER_BYTES:
            member = large_member(name, at, size, cast("BinaryIO", Part(cast("BinaryIO", self._stream), size)))
            whole = member.digests is not None
        else:
            data = self._stream.exactly(size)
            whole = len(data) == size
            member = Member(name, at, size, data if whole else None, reason="" if whole else "cut-off")
        if whole:
            self._stream.skip(_padded(size) - size)
        else:
            self._cut_off(f"in the middle of {name!r}")
        return member

    def _cut_off(self, where: str) -> None:
        how = f"; its compression is damaged ({self._stream.broken})" if self._stream.broken else ""
        says = f"The archive breaks off at byte {self._stream.at}, {where}{how}. What came before was screened."
        self._findings.add("cut-off", says)

    def _behind_the_end(self) -> bytes:
        """The first block behind the end mark that is not empty: another archive was appended, or there is rubbish."""
        while (block := self._stream.exactly(BLOCK)) == _ZEROS:
            pass
        if len(block) < BLOCK:
            if block.strip(b"\0"):
                self._findings.add("rubbish", f"{len(block)} bytes at the end belong to no member.")
            if self._stream.broken:
                self._cut_off("behind its end mark")
            return b""
        if _parsed(block) is not None:
            self._findings.add("appended", "Another archive follows behind the end mark; its members were screened.")
        return block

    def _resync(self) -> bytes:
        """Skip damage up to the next header."""
        start = self._stream.at - BLOCK
        while self._stream.at - start < RESYNC_BYTES:
            block = self._stream.exactly(BLOCK)
            if len(block) < BLOCK:
                break
            if block != _ZEROS and _parsed(block) is not None:
                says = "Bytes that belong to no member: damage, or members whose header is destroyed."
                self._findings.add("damaged-header", says, f"bytes {start} to {self._stream.at - BLOCK}")
                return block
        says = "Bytes that belong to no member: damage, or members whose header is destroyed."
        self._findings.add("damaged-header", says, f"from byte {start} on")
        return b""


def _linked(shard: Shard, places: Places, walk: _Walk) -> Iterator[Member]:
    """The members that are links, with the bytes of what they lead to, from a second pass over the archive."""
    if not walk.links:
        return
    links = [(name, at, _end_of(target, walk.links)) for name, at, target in walk.links]
    targets = frozenset(target for _, _, target in links)
    found: dict[str, Member] = {}
    with closing(places.open(shard.place, shard.mark)) as file:
        head = file.read(SNIFF_BYTES)
        file.seek(0)
        again = _Walk(_Stream(_unpacked(file, head)), Findings(), targets)
        first = again.begin()
        for member in again.members(first) if first is not None else ():
            here = posixpath.normpath(member.name)
            if here in targets and here not in found and (member.data is not None or member.digests is not None):
                found[here] = member
                yield from (replace(member, name=name, offset=at) for name, at, target in links if target == here)
    for name, at, target in links:
        if target not in found:
            yield Member(name, at, 0, reason="dangling-link")


def _end_of(target: str, links: list[tuple[str, int, str]]) -> str:
    """Where a link to links leads to in the end."""
    leads = {posixpath.normpath(name): to for name, _, to in links}
    for _ in range(LONGEST_CHAIN):
        if target not in leads:
            break
        target = leads[target]
    return target


def _parsed(block: bytes) -> _Header | None:
    """The header of this block; none where its checksum does not hold."""
    if not is_tar_header(block):
        return None
    size = _octal(block[124:136])
    if size is None or not 0 <= size <= LARGEST:
        return None
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0]
    if prefix and block[257:263] == b"ustar\0":
        name = prefix + b"/" + name
    kind = block[156:157]
    if kind in (_HARD_LINK, _SYMBOLIC_LINK):
        size = 0  # some writers put the target's size there; no bytes follow
    return _Header(name, size, kind, block[157:257].split(b"\0", 1)[0])


def _octal(data: bytes) -> int | None:
    if data[:1] in (b"\x80", b"\xff"):
        value = int.from_bytes(data[1:], "big")
        return value if data[:1] == b"\x80" else -1
    text = data.strip(b" \0")
    try:
        return int(text, 8) if text else 0
    except ValueError:
        return None


def _records(data: bytes) -> dict[str, bytes]:
    """The records of an extended header: `length key=value\\n` each; reading stops at the first that is none."""
    out: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        number, space, _ = data[at : at + 20].partition(b" ")
        if not space or not number.isdigit() or int(number) <= len(number) + 1:
            break
        line = data[at + len(number) + 1 : at + int(number)]
        name, equals, value = line.partition(b"=")
        if equals:
            out[name.decode("utf-8", "replace")] = value.removesuffix(b"\n")
        at += int(number)
    return out


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
