"""The pixels of a file, decoded once and only when a detector asks, within limits of this room's own.

Call it in the caged worker alone: a decoder sees foreign bytes here.
"""

from __future__ import annotations

import io
import struct
import warnings
from typing import Final

from PIL import Image

from firstlight.origin.container import Container

MAX_PIXELS: Final = 2048 * 2048
"""Pixels decoded at full size. Marks in pixels come from generators, whose pictures have up to two million; a larger
photograph is not searched for them, which saves a second for each and is no loss: their absence says nothing."""

MAX_SMALL: Final = 200_000_000
"""Pixels of a picture that is decoded small, to be compared with its preview. Only JPEG can be, at an eighth."""

_FORMATS: Final = {Container.JPEG: "JPEG", Container.PNG: "PNG", Container.WEBP: "WEBP"}

TROUBLE: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for files that are damaged or too large."""


def open_picture(data: bytes, container: Container) -> Image.Image | None:
    """The first frame in its own mode, or None when it cannot be decoded or is too large. Never raises."""
    kind = _FORMATS.get(container)
    if kind is None:
        return None
    try:
        picture = _opened(data, kind)
        if picture.width * picture.height > MAX_PIXELS:
            return None
        picture.load()
    except TROUBLE:
        return None
    return picture


def _opened(data: bytes, kind: str) -> Image.Image:
    with warnings.catch_warnings():
        # Pillow warns of sizes, which are limited here, and of oddities, which are no business of a log.
        warnings.simplefilter("ignore")
        return Image.open(io.BytesIO(data), formats=(kind,))


def small_grey(data: bytes, container: Container, side: int) -> Image.Image | None:
    """The picture in grey with its longer side at `side` or little more, decoded small where the format allows it."""
    kind = _FORMATS.get(container)
    if kind is None:
        return None
    try:
        picture = _opened(data, kind)
        full = picture.width * picture.height
        picture.draft("L", (side * 2, side * 2))
        if full > MAX_SMALL or picture.width * picture.height > MAX_SMALL // 16:
            return None
        grey = picture.convert("L")
        grey.thumbnail((side, side), Image.Resampling.BOX)
    except TROUBLE:
        return None
    return grey
