"""Edited copies: what happens to a picture on its way from one service to the next."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageEnhance

from firstlight.cli.demo.canvas import Rng

FRESH_QUALITY = 88


def resized(picture: Image.Image, rng: Rng) -> bytes:
    """A smaller copy, between half and four fifths of each side."""
    scale = rng.uniform(0.5, 0.8)
    size = round(picture.width * scale), round(picture.height * scale)
    return as_jpeg(picture.resize(size, Image.Resampling.LANCZOS))


def recompressed(picture: Image.Image, rng: Rng) -> bytes:
    """The same size, with visible traces of strong compression."""
    return as_jpeg(picture, quality=int(rng.integers(25, 50)))


def cropped(picture: Image.Image, rng: Rng) -> bytes:
    """A copy that has lost up to one part in a hundred at each edge."""
    left, top, right, low = (rng.uniform(0.002, 0.01) * side for side in (*picture.size, *picture.size))
    return as_jpeg(picture.crop((round(left), round(top), round(picture.width - right), round(picture.height - low))))


def recoloured(picture: Image.Image, rng: Rng) -> bytes:
    """A copy with other brightness, contrast and saturation."""
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = kind(picture).enhance(rng.uniform(0.85, 1.15))
    return as_jpeg(picture)


EDITS: tuple[Callable[[Image.Image, Rng], bytes], ...] = (resized, recompressed, cropped, recoloured)


def as_jpeg(picture: Image.Image, quality: int = FRESH_QUALITY, **options: object) -> bytes:
    """The picture as a JPEG file."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def as_png(picture: Image.Image, **options: object) -> bytes:
    """The picture as a PNG file."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=3, **options)
    return out.getvalue()
