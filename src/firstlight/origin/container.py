"""The parts of a file that say something about it, found by bounded walks and before any decoder sees the bytes.

A walk never raises for bad input: it keeps what it has read, says in `stopped` why it went no further, and costs at
most a pass over the container's own structure. One file per container lies in `containers/`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from firstlight.origin.exif import Exif

MAX_PARTS: Final = 100_000
"""Chunks, segments or boxes looked at in one file. A PNG of a gigabyte in 16 KiB chunks has 65,536."""

MAX_BLOCKS: Final = 512
"""Blocks of metadata kept from one file. Real files hold a handful; extended XMP comes in up to a few hundred parts."""

MAX_BLOCK: Final = 2 << 20
"""Bytes of one block, after inflating. A ComfyUI workflow reaches some hundred kilobytes."""

MAX_TOTAL: Final = 8 << 20
"""Bytes of all blocks of one file, after inflating."""


class Container(StrEnum):
    """What holds the picture, told from the first bytes and never from a name."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    GIF = "image/gif"
    TIFF = "image/tiff"
    HEIC = "image/heic"
    AVIF = "image/avif"
    MP4 = "video/mp4"
    PDF = "application/pdf"
    SVG = "image/svg+xml"
    OTHER = "application/octet-stream"


class Carries(StrEnum):
    """What a block holds."""

    EXIF = "EXIF"
    XMP = "XMP"
    IIM = "IPTC-IIM"
    TEXT = "text"
    LABEL = "AIGC label"
    PICTURES = "index of further pictures"
    VIDEO = "video tail"


@dataclass(frozen=True, slots=True)
class Block:
    """One block of metadata as it stands in the file, inflated where the container deflates it."""

    carries: Carries
    data: bytes
    where: str
    key: str = ""


@dataclass(slots=True)
class Walk:
    """What a walk found: the blocks in their order, and why it stopped early, if it did."""

    container: Container
    blocks: list[Block] = field(default_factory=list)
    stopped: str = ""
    pixels_at: int = 0
    exif: Exif | None = None
    crowded: bool = False
    auxiliaries: list[str] = field(default_factory=list)
    _room: int = MAX_TOTAL

    def keep(self, carries: Carries, data: bytes | memoryview, where: str, key: str = "") -> bool:
        """Keep a block. False, with the reason in `stopped`, once a limit is reached."""
        if len(self.blocks) >= MAX_BLOCKS:
            return self.stop(f"more than {MAX_BLOCKS} blocks of metadata")
        if len(data) > min(MAX_BLOCK, self._room):
            return self.stop(f"{where} holds more metadata than is read")
        self._room -= len(data)
        self.blocks.append(Block(carries, bytes(data), where, key))
        return True

    def spend(self, size: int) -> bool:
        """Count work on a block that could not be kept. False once the limit for all blocks is used up."""
        self._room -= size
        return self._room >= 0

    def crowd(self, what: str) -> None:
        """Note that the file has more parts than are looked at; other readers should not go over them either."""
        self.crowded = True
        self.stop(f"more than {MAX_PARTS} {what}")

    def stop(self, why: str) -> bool:
        """Note the first reason to stop; always False."""
        self.stopped = self.stopped or why
        return False

    def of(self, carries: Carries) -> list[Block]:
        """The blocks of one sort."""
        return [block for block in self.blocks if block.carries is carries]


def inflate(data: bytes | memoryview, limit: int = MAX_BLOCK, *, wbits: int = zlib.MAX_WBITS) -> bytes | None:
    """The inflated bytes, or None when they are damaged or more than `limit`: a bomb costs no more than the limit."""
    inflater = zlib.decompressobj(wbits)
    try:
        out = inflater.decompress(bytes(data), limit + 1)
    except zlib.error:
        return None
    return out if len(out) <= limit and inflater.eof else None


_HEIC_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx"}
_AVIF_BRANDS: Final = {b"avif", b"avis"}


def container_of(data: bytes) -> Container:
    """What the first bytes say that this file is."""
    head = data[:64]
    if head.startswith(b"\xff\xd8\xff"):
        return Container.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Container.PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Container.WEBP
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Container.GIF
    if head.startswith((b"II*\0", b"MM\0*")):
        return Container.TIFF
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[i : i + 4] for i in range(16, min(len(head), int.from_bytes(head[:4])), 4))}
        if brands & _AVIF_BRANDS:
            return Container.AVIF
        return Container.HEIC if brands & _HEIC_BRANDS else Container.MP4
    if head.startswith(b"%PDF-"):
        return Container.PDF
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<?xml")) and b"<svg" in data[:4096]:
        return Container.SVG
    return Container.OTHER
