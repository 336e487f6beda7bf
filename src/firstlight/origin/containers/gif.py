"""GIF: comments and the XMP application block."""

from __future__ import annotations

from typing import Final

from firstlight.origin.container import MAX_BLOCK, MAX_PARTS, Carries, Walk

_EXTENSION: Final = 0x21
_PICTURE: Final = 0x2C
_TRAILER: Final = 0x3B
_COMMENT: Final = 0xFE
_APPLICATION: Final = 0xFF
_MAX_SUB_BLOCKS: Final = 500_000
"""Sub-blocks of up to 255 bytes in one file: 127 megabytes of picture when they are full."""

_XMP_MAGIC: Final = 258
"""After an XMP packet stand 258 bytes that lead a reader of sub-blocks to the end of it, wherever it comes in."""


def walk(data: memoryview, found: Walk) -> None:
    """Keep comments and XMP."""
    if len(data) < 13:
        found.stop("the file ends within its header")
        return
    at, walked = 13 + _colours(data[10]), _SubBlocks(data)
    for _ in range(MAX_PARTS):
        if not walked.all_walked:
            break
        if at + 2 > len(data) or data[at] == _TRAILER:
            return
        start = at
        if data[at] == _PICTURE and at + 10 < len(data):
            found.pixels_at = found.pixels_at or at
            at = walked.past(at + 11 + _colours(data[at + 9]))[0]
        elif data[at] == _EXTENSION:
            kind = data[at + 1]
            at, body = walked.past(at + 2)
            if not _keep(kind, body, f"extension at byte {start}", found):
                return
        else:
            found.stop(f"byte {at} begins no block")
            return
    found.crowd("blocks")


def _keep(kind: int, body: memoryview, where: str, found: Walk) -> bool:
    if kind == _COMMENT:
        return found.keep(Carries.TEXT, _joined(body), where, "comment")
    if kind == _APPLICATION and bytes(body[1:12]) == b"XMP DataXMP":
        return found.keep(Carries.XMP, body[12 : max(12, len(body) - _XMP_MAGIC)], where)
    return True


def _colours(flags: int) -> int:
    """The bytes of the colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


class _SubBlocks:
    """Goes over sub-blocks, up to the limit for the whole file."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._left = _MAX_SUB_BLOCKS

    @property
    def all_walked(self) -> bool:
        return self._left > 0

    def past(self, at: int) -> tuple[int, memoryview]:
        """Where the sub-blocks that begin at `at` end, and all their bytes with their lengths."""
        data, start = self._data, at
        while at < len(data) and data[at] and self._left > 0:
            at += data[at] + 1
            self._left -= 1
        return at + 1, data[start : min(at + 1, len(data))]


def _joined(body: memoryview) -> bytes:
    """The content of sub-blocks without their lengths."""
    out, at = bytearray(), 0
    while at < len(body) and body[at] and len(out) <= MAX_BLOCK:
        out += body[at + 1 : at + 1 + body[at]]
        at += body[at] + 1
    return bytes(out)
