"""JPEG: the segments before the picture's data."""

from __future__ import annotations

import re
from typing import Final

from firstlight.origin.container import MAX_BLOCK, MAX_PARTS, Carries, Walk

_FILL: Final = re.compile(rb"\xff{2,}")
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN: Final = 0xDA
_END: Final = 0xD9
_COMMENT: Final = 0xFE
_APP: Final = range(0xE0, 0xF0)

_EXIF: Final = b"Exif\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP: Final = b"Photoshop 3.0\0"
_MPF: Final = b"MPF\0"
_LABEL: Final = b"AIGC"
_GUID: Final = 32


def walk(data: memoryview, found: Walk) -> None:
    """Keep EXIF, XMP (extended XMP joined), IPTC-IIM, comments, the index of further pictures and AIGC labels."""
    at, extended = 2, _Extended()
    for _ in range(MAX_PARTS):
        if (fill := _FILL.match(data, at)) is not None:
            at = fill.end() - 1
        if at + 2 > len(data) or data[at] != 0xFF:
            found.stop("the segments end before the picture begins")
            break
        marker = data[at + 1]
        if marker in _ALONE:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        if marker in (_START_OF_SCAN, _END):
            found.pixels_at = at
            break
        if length < 2 or at + 2 + length > len(data):
            found.stop(f"the segment at byte {at} is longer than the file")
            break
        if not _keep(data[at + 4 : at + 2 + length], marker, at, extended, found):
            break
        at += 2 + length
    else:
        found.crowd("segments")
    extended.into(found)


def _keep(body: memoryview, marker: int, at: int, extended: _Extended, found: Walk) -> bool:
    head = bytes(body[:64])
    if marker == _COMMENT:
        return found.keep(Carries.TEXT, body, f"comment at byte {at}", "comment")
    if marker not in _APP:
        return True
    where = f"APP{marker - 0xE0} at byte {at}"
    if head.startswith(_EXIF):
        return found.keep(Carries.EXIF, body[6:], where)
    if head.startswith(_XMP):
        return found.keep(Carries.XMP, body[len(_XMP) :], where)
    if head.startswith(_EXTENDED_XMP):
        extended.add(body[len(_EXTENDED_XMP) :])
        return True
    if head.startswith(_PHOTOSHOP):
        return _resources(body[len(_PHOTOSHOP) :], where, found)
    if head.startswith(_MPF):
        # Offsets in it count from its own start, which only its place in the file tells.
        return found.keep(Carries.PICTURES, body[4:], where, str(at + 8))
    if head.startswith(_LABEL):
        return found.keep(Carries.LABEL, body, where)
    return True


def _resources(body: memoryview, where: str, found: Walk) -> bool:
    """The IPTC-IIM record among Photoshop's image resources."""
    at = 0
    while at + 12 <= len(body) and bytes(body[at : at + 4]) == b"8BIM":
        kind = int.from_bytes(body[at + 4 : at + 6])
        name = body[at + 6]
        start = at + 6 + (name + 2) // 2 * 2
        size = int.from_bytes(body[start : start + 4])
        if kind == 0x0404:
            return found.keep(Carries.IIM, body[start + 4 : start + 4 + size], where)
        at = start + 4 + (size + 1) // 2 * 2
    return True


class _Extended:
    """Extended XMP: portions of a packet too long for one segment, joined in the order of their offsets."""

    def __init__(self) -> None:
        self._portions: dict[bytes, dict[int, memoryview]] = {}
        self._size = 0

    def add(self, body: memoryview) -> None:
        if len(body) < _GUID + 8 or self._size + len(body) > MAX_BLOCK:
            return
        self._size += len(body)
        guid, offset = bytes(body[:_GUID]), int.from_bytes(body[_GUID + 4 : _GUID + 8])
        self._portions.setdefault(guid, {})[offset] = body[_GUID + 8 :]

    def into(self, found: Walk) -> None:
        for portions in self._portions.values():
            packet = b"".join(portions[offset] for offset in sorted(portions))
            if not found.keep(Carries.XMP, packet, "extended XMP"):
                return
