"""HEIC, AVIF and MP4: boxes, and the items that a `meta` box describes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from firstlight.origin.container import MAX_BLOCK, MAX_PARTS, Carries, Walk

_XMP_BOX: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_MOTION_BOX: Final = b"mpvd"
_MAX_ITEMS: Final = 4_096
"""Items of one file. A tiled photograph of 200 megapixels has some eight hundred."""


@dataclass(slots=True)
class _Box:
    kind: bytes
    body: memoryview
    at: int


@dataclass(slots=True)
class _Items:
    """What a `meta` box says: which items there are, of which sort, and where their bytes lie."""

    kinds: dict[int, bytes] = field(default_factory=dict)
    media: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, tuple[int, list[tuple[int, int]]]] = field(default_factory=dict)
    inner: memoryview | None = None


def walk(data: memoryview, found: Walk) -> None:
    """Keep EXIF and XMP, name auxiliary pictures, and note a video tail."""
    for box in _boxes(data, found):
        if box.kind == b"meta":
            _meta(box, data, found)
        elif box.kind == b"uuid" and bytes(box.body[:16]) == _XMP_BOX:
            found.keep(Carries.XMP, box.body[16:], f"uuid box at byte {box.at}")
        elif box.kind == _MOTION_BOX:
            found.keep(Carries.VIDEO, box.body[:32], f"mpvd box at byte {box.at}")
        elif box.kind == b"mdat" and not found.pixels_at:
            found.pixels_at = box.at


def _boxes(data: memoryview, found: Walk, base: int = 0) -> Iterator[_Box]:
    at = 0
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            return
        size, head = int.from_bytes(data[at : at + 4]), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        elif size == 0:
            size = len(data) - at
        if size < head or at + size > len(data):
            found.stop(f"the box at byte {base + at} is longer than what holds it")
            return
        yield _Box(bytes(data[at + 4 : at + 8]), data[at + head : at + size], base + at)
        at += size
    found.crowd("boxes")


def _meta(meta: _Box, data: memoryview, found: Walk) -> None:
    items = _Items()
    for box in _boxes(meta.body[4:], found, meta.at):
        if box.kind == b"iinf":
            _item_infos(box.body, items, found)
        elif box.kind == b"iloc":
            _locations(_Reader(box.body), items)
        elif box.kind == b"idat":
            items.inner = box.body
        elif box.kind == b"iprp":
            _auxiliaries(box, found)
    for item, kind in items.kinds.items():
        kept = True
        if kind == b"Exif":
            block = _content(item, items, data)
            # Four bytes say where the TIFF header begins after them.
            kept = found.keep(Carries.EXIF, block[4 + int.from_bytes(block[:4]) :], f"item {item}")
        elif kind == b"mime" and items.media.get(item, b"").startswith(b"application/rdf+xml"):
            kept = found.keep(Carries.XMP, _content(item, items, data), f"item {item}")
        if not kept:
            return


def _item_infos(body: memoryview, items: _Items, found: Walk) -> None:
    start = 6 if bytes(body[:1]) == b"\0" else 8
    for box in _boxes(body[start:], found):
        version = box.body[0] if box.body else 0
        if box.kind != b"infe" or version < 2 or len(items.kinds) >= _MAX_ITEMS:
            continue
        wide = 4 if version == 3 else 2
        item, rest = int.from_bytes(box.body[4 : 4 + wide]), bytes(box.body[6 + wide :])
        items.kinds[item] = rest[:4]
        if rest[:4] == b"mime":
            items.media[item] = rest[4:300].split(b"\0")[1] if rest[4:300].count(b"\0") else b""


class _Reader:
    """Reads whole numbers one after another; beyond the end they are 0."""

    def __init__(self, data: memoryview) -> None:
        self._data, self.at = data, 0

    def number(self, size: int) -> int:
        self.at += size
        return int.from_bytes(self._data[self.at - size : self.at])

    def done(self) -> bool:
        return self.at >= len(self._data)


def _locations(read: _Reader, items: _Items) -> None:
    version = read.number(4) >> 24
    sizes = read.number(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    for _ in range(min(read.number(wide), _MAX_ITEMS)):
        if read.done():
            return
        item = read.number(wide)
        method = read.number(2) & 15 if version else 0
        read.number(2)
        base = read.number(base_size)
        extents: list[tuple[int, int]] = []
        for _ in range(min(read.number(2), _MAX_ITEMS)):
            if read.done():
                break
            read.number(index_size)
            offset = read.number(offset_size)
            extents.append((base + offset, read.number(length_size)))
        items.places[item] = (method, extents)


def _content(item: int, items: _Items, data: memoryview) -> bytes:
    """The bytes of an item, as far as they lie in this file and within the limit."""
    method, extents = items.places.get(item, (0, []))
    source = data if method == 0 else items.inner if method == 1 else None
    if source is None:
        return b""
    out = bytearray()
    for start, length in extents:
        if len(out) + length > MAX_BLOCK:
            break
        out += source[start : start + length]
    return bytes(out)


def _auxiliaries(properties: _Box, found: Walk) -> None:
    """Name what auxiliary pictures are, such as a depth map or a portrait matte."""
    for store in _boxes(properties.body, found, properties.at):
        if store.kind != b"ipco":
            continue
        for box in _boxes(store.body, found, store.at):
            if box.kind == b"auxC" and len(found.auxiliaries) < 64:
                found.auxiliaries.append(bytes(box.body[4:132]).split(b"\0")[0].decode("latin-1"))
