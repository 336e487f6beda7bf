"""What resizing does to a hash, replayed on ordinary pictures. Nothing outside the cage imports this module."""

from __future__ import annotations

import io
from typing import Any, Final

from PIL import Image

from firstlight.hashing import pdq
from firstlight.hashing.bundle_tasks import cut
from firstlight.hashing.tasks import pixels_of
from firstlight.media import CagedFile, Limits
from firstlight.media.pictures import decoding, open_picture

MIN_REPLAY_QUALITY: Final = 50
STORED_QUALITY: Final = 95
"""JPEG quality that img2dataset writes unless it is told otherwise."""


def replay(file: CagedFile, limits: Limits, *, resizes: list[list[Any]]) -> dict[str, Any]:
    """What each way of resizing does to one ordinary picture's hash: the distances, in bits, by place in `resizes`.

    A resize is (way, side): `keep` shrinks the longer side to it, `border` also pads to a square, `crop` shrinks the
    shorter side to it and cuts a square out of the middle, `none` only writes the picture as a JPEG again.
    """
    with open_picture(file, limits) as image, decoding(file.media_type):
        image.load()
        full = image.convert("RGB")
    reference = pdq.exact(pixels_of(full))
    if reference.quality < MIN_REPLAY_QUALITY:
        return {"quality": reference.quality, "distances": []}
    return {
        "quality": reference.quality,
        "distances": [_replayed(full, str(way), int(side), reference.hash) for way, side in resizes],
    }


def _replayed(full: Image.Image, way: str, side: int, reference: bytes) -> list[int]:
    """The distance of the stored picture's hash, and where there are borders also that of what is inside them."""
    stored = _stored(full, way, side)
    out = [_distance(pdq.exact(pixels_of(stored)).hash, reference)]
    if way == "border":
        width, height = _shrunk(full, side).size
        left, top = (side - width) // 2, (side - height) // 2
        inner = cut(pixels_of(stored), left, top, left + width, top + height)
        out.append(_distance(pdq.exact(inner).hash, reference))
    return out


def _shrunk(full: Image.Image, side: int) -> Image.Image:
    scale = min(1.0, side / max(full.size))
    size = max(1, round(full.width * scale)), max(1, round(full.height * scale))
    return full.resize(size, Image.Resampling.BOX)


def _stored(full: Image.Image, way: str, side: int) -> Image.Image:
    width, height = full.size
    if way == "crop":
        scale = side / min(width, height)
        small = full.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX)
        left, top = (small.width - side) // 2, (small.height - side) // 2
        made = small.crop((left, top, left + side, top + side))
    elif way == "none":
        made = full
    else:
        made = _shrunk(full, side)
        if way == "border":
            square = Image.new("RGB", (side, side), (255, 255, 255))
            square.paste(made, ((side - made.width) // 2, (side - made.height) // 2))
            made = square
    out = io.BytesIO()
    made.save(out, "JPEG", quality=STORED_QUALITY)
    return Image.open(io.BytesIO(out.getvalue())).convert("RGB")


def _distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
