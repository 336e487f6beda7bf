"""The pixels of plain PNG files, three times as fast as Pillow gives them: most generators answer in PNG.

Only what is usual is taken (RGB or RGBA of eight bits, not interlaced, not moving) and only a file without any fault;
everything else is left to Pillow, so that there is one behaviour and one set of errors. For tasks inside the cage.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin

from firstlight.media._unfilter import unfilter

try:
    from isal.igzip_lib import DECOMP_ZLIB, IgzipDecompressor
except ImportError:  # not every processor has a build of it: there Pillow reads alone
    HAS_ISAL = False
else:
    HAS_ISAL = True

_SIZES: Final = {"RGB": 3, "RGBA": 4}
_OPAQUE: Final = {"RGB": np.uint32(0xFF000000), "RGBA": np.uint32(0)}

_SIGNATURE: Final = 8
_END: Final = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
_MOVING: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})

_BAND: Final = 1 << 17
"""Bytes that are inflated at a time: they stay in the processor's cache until they are unfiltered."""

_LARGEST: Final = 1 << 26
"""Compressed bytes up to which a picture is taken: they are held once more, and Pillow reads them piece by piece."""


def plain_pixels(image: Image.Image) -> npt.NDArray[np.uint32] | None:
    """The pixels as `pixels.packed` gives them (opaque where the file has no transparency), when `image` is a plain PNG
    whose pixels were not read yet. None when it is anything else: then Pillow has to read it."""
    file = getattr(image, "fp", None)
    if not HAS_ISAL or not _is_plain(image) or not isinstance(file, io.BytesIO):
        return None
    compressed = _compressed(file.getvalue())  # no copy: the bytes are the ones that it was made of
    if compressed is None:
        return None
    try:
        return _inflated(compressed, image)
    except Exception:  # noqa: BLE001 - whatever the fault is: Pillow will find it again, and name it
        return None


def _is_plain(image: Image.Image) -> bool:
    if not isinstance(image, PngImagePlugin.PngImageFile) or len(image.tile) != 1:
        return False
    tile = image.tile[0]
    whole = tile.codec_name == "zip" and tile.extents == (0, 0, *image.size)
    return whole and image.mode in _SIZES and tile.args == image.mode and not image.info.get("interlace")


def _compressed(data: bytes) -> bytes | None:
    """What the IDAT chunks hold, when they follow one another and nothing but the end follows them."""
    view, at, found = memoryview(data), _SIGNATURE, []
    while at + 12 <= len(data):
        size, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        if kind == b"IDAT":
            found.append(view[at + 8 : at + 8 + size])
        elif found or kind in _MOVING:
            break
        at += 12 + size
    whole = bytes(view[at : at + 12]) == _END
    return b"".join(found) if whole and sum(map(len, found)) <= _LARGEST else None


def _inflated(compressed: bytes, image: Image.Image) -> npt.NDArray[np.uint32] | None:
    width, height = image.size
    size, opaque = _SIZES[image.mode], _OPAQUE[image.mode]
    stride = width * size + 1
    step = max(2, _BAND // stride)
    inflater = IgzipDecompressor(flag=DECOMP_ZLIB)
    out = np.empty((height, width), np.uint32)
    for top in range(0, height, step):
        wanted = stride * min(step, height - top)
        rows = inflater.decompress(b"" if top else compressed, wanted)
        if len(rows) != wanted or not unfilter(np.frombuffer(rows, np.uint8), out, top, size, opaque):
            return None
    if not inflater.eof and inflater.decompress(b"", 1):
        return None
    return out if inflater.eof and not inflater.unused_data else None
