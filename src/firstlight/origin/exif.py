"""A small reader of EXIF: the tags that speak of origin, with hard limits on everything a file can announce."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MAX_DIRECTORIES: Final = 8
"""EXIF has five; a chain that is longer, or that runs in a circle, is not followed."""

MAX_ENTRIES: Final = 512
"""Tags in one directory. Cameras write under a hundred."""

MAX_VALUE: Final = 2 << 20
"""Bytes of one value: the text of a generation graph can be long."""

MAX_VALUES: Final = 4 << 20
"""Bytes of all values of one block: values may lie over one another, so that a small block could announce much."""

_WIDTHS: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of one component, by the type of the value."""


class Directory(StrEnum):
    """Which list of tags a tag stands in."""

    PICTURE = "IFD0"
    CAMERA = "Exif"
    PLACE = "GPS"
    THUMBNAIL = "IFD1"


MAKE, MODEL, SOFTWARE, ARTIST, DESCRIPTION, ORIENTATION = 0x010F, 0x0110, 0x0131, 0x013B, 0x010E, 0x0112
EXIF_POINTER, GPS_POINTER = 0x8769, 0x8825
MAKER_NOTE, USER_COMMENT, TAKEN_AT, EXPOSURE, BODY_SERIAL = 0x927C, 0x9286, 0x9003, 0x829A, 0xA431
THUMBNAIL_OFFSET, THUMBNAIL_LENGTH = 0x0201, 0x0202
XP_TITLE, XP_COMMENT, XP_AUTHOR, XP_KEYWORDS, XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F


@dataclass(frozen=True, slots=True)
class Field:
    """One value as it stands in the file."""

    type: int
    count: int
    raw: bytes


@dataclass(slots=True)
class Exif:
    """The tags of one block, and the thumbnail's bytes, if there is one."""

    little: bool
    fields: dict[tuple[Directory, int], Field] = field(default_factory=dict)
    thumbnail: bytes = b""

    def get(self, directory: Directory, tag: int) -> Field | None:
        """The value of a tag."""
        return self.fields.get((directory, tag))

    def has(self, directory: Directory, tag: int) -> bool:
        """Whether the tag is there and not empty."""
        found = self.get(directory, tag)
        return found is not None and bool(found.raw.strip(b"\0 "))

    def text(self, directory: Directory, tag: int) -> str:
        """The text of a tag without its padding; empty when there is none."""
        found = self.get(directory, tag)
        if found is None:
            return ""
        return found.raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()

    def number(self, directory: Directory, tag: int) -> int | None:
        """The first whole number of a tag."""
        found = self.get(directory, tag)
        if found is None or found.type not in (1, 3, 4, 13):
            return None
        return int.from_bytes(found.raw[: _WIDTHS[found.type]], "little" if self.little else "big")


def read_exif(data: bytes | memoryview) -> Exif | None:
    """The tags of a block of EXIF; None when it is none. Never raises: what cannot be read is left out."""
    view = memoryview(data)
    mark = bytes(view[:4])
    if mark not in (b"II*\0", b"MM\0*"):
        return None
    exif = Exif(little=mark[:1] == b"I")
    reader = _Reader(view, exif)
    after = reader.directory(Directory.PICTURE, reader.number(4, 4))
    for pointer, directory in ((EXIF_POINTER, Directory.CAMERA), (GPS_POINTER, Directory.PLACE)):
        at = exif.number(Directory.PICTURE, pointer)
        if at is not None:
            reader.directory(directory, at)
    if after:
        reader.directory(Directory.THUMBNAIL, after)
    start = exif.number(Directory.THUMBNAIL, THUMBNAIL_OFFSET)
    length = exif.number(Directory.THUMBNAIL, THUMBNAIL_LENGTH)
    if start and length and length <= MAX_VALUE:
        exif.thumbnail = bytes(view[start : start + length])
    return exif


class _Reader:
    def __init__(self, data: memoryview, exif: Exif) -> None:
        self._data = data
        self._exif = exif
        self._seen: set[int] = set()
        self._room = MAX_VALUES

    def number(self, at: int, size: int) -> int:
        return int.from_bytes(self._data[at : at + size], "little" if self._exif.little else "big")

    def directory(self, name: Directory, at: int) -> int:
        """Read one directory and answer where the next one lies, 0 for nowhere."""
        if at < 8 or at + 2 > len(self._data) or at in self._seen or len(self._seen) >= MAX_DIRECTORIES:
            return 0
        self._seen.add(at)
        count = self.number(at, 2)
        for i in range(min(count, MAX_ENTRIES)):
            if at + 14 + 12 * i > len(self._data):
                return 0
            self._entry(name, at + 2 + 12 * i)
        return self.number(at + 2 + 12 * count, 4) if count <= MAX_ENTRIES else 0

    def _entry(self, name: Directory, at: int) -> None:
        tag, kind, count = self.number(at, 2), self.number(at + 2, 2), self.number(at + 4, 4)
        size = _WIDTHS.get(kind, 0) * count
        if not 0 < size <= MAX_VALUE:
            return
        start = at + 8 if size <= 4 else self.number(at + 8, 4)
        if start + size > len(self._data) or size > self._room:
            return
        self._room -= size
        self._exif.fields.setdefault((name, tag), Field(kind, count, bytes(self._data[start : start + size])))


_ENCODINGS: Final = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "", b"JIS\0\0\0\0\0": "iso2022_jp", b"\0" * 8: ""}


def user_comment(raw: bytes, *, little: bool) -> str:
    """The text of a UserComment in any of the encodings seen in the wild: marked, unmarked, UTF-16 of either order.

    The standard's mark says only "Unicode", so the order of bytes is told from where the zeros of plain letters stand.
    """
    mark, body = (raw[:8], raw[8:]) if raw[:8] in _ENCODINGS else (b"", raw)
    encoding = _ENCODINGS.get(mark, "")
    if encoding:
        return body.decode(encoding, "replace").strip("\0 ")
    return wide_text(body, little=little)


def wide_text(body: bytes, *, little: bool = True) -> str:
    """The text of bytes that may be UTF-16 of either order, or UTF-8."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "replace").strip("\0 ")
    sample = body[:512]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 4 >= len(sample) and even != odd:
        return body.decode("utf-16-be" if even > odd else "utf-16-le", "replace").strip("\0 ")
    if b"\0" in sample.strip(b"\0") and len(body) % 2 == 0:
        return body.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\0 ")
    return body.decode("utf-8", "replace").strip("\0 ")
