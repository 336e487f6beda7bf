"""The hashing task: what runs inside the cage. Imports numba and Pillow; nothing outside the cage imports it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from firstlight.hashing import pdq
from firstlight.hashing.modes import SCALED_MIN_SIDE, Mode
from firstlight.media.kinds import MediaType
from firstlight.media.limits import Limits
from firstlight.media.pictures import count_frames, decoding, open_picture
from firstlight.media.pixels import grey, packed
from firstlight.media.png import plain_pixels
from firstlight.media.task import CagedFile
from firstlight.values import PdqMode

_GREY_MODES = frozenset({"L", "LA", "La"})
_WIDE_MODES = frozenset({"I", "F"})


def hash_pdq(file: CagedFile, limits: Limits, *, mode: str) -> dict[str, Any]:
    """PDQ of the first frame, with the size as stored, the number of frames and the kind of media."""
    kind = file.media_type
    with open_picture(file, limits) as image:
        size = image.size
        made = _hash_scaled(image, kind) if mode == Mode.AUTO and can_scale(image, kind) else None
        used = PdqMode.SCALED
        if made is None:
            made, used = _hash_exact(image, kind), PdqMode.EXACT
        frames = count_frames(image, limits)
    if used is PdqMode.SCALED and made.clearance < pdq.MIN_CLEARANCE:
        return hash_pdq(file, limits, mode=Mode.EXACT)
    return {
        "media_type": kind.value,
        "width": size[0],
        "height": size[1],
        "frames": frames,
        "mode": used.value,
        "quality": made.quality,
        "orientations": [one.hex() for one in made.orientations],
    }


def can_scale(image: Image.Image, kind: MediaType) -> bool:
    """Whether the decoder can deliver this picture's luma reduced without losing what PDQ looks at."""
    return kind is MediaType.JPEG and image.mode in ("RGB", "L") and min(image.size) >= SCALED_MIN_SIDE


def _hash_scaled(image: Image.Image, kind: MediaType) -> pdq.RawPdq:
    full = image.size
    with decoding(kind):
        image.draft("L", (SCALED_MIN_SIDE, SCALED_MIN_SIDE))
        image.load()
        plane = grey(image)
    return pdq.scaled(plane, full, _scale(full, image.size))


def _scale(full: tuple[int, int], reduced: tuple[int, int]) -> int:
    """By how much the decoder reduced: it rounds each side up."""
    return next(scale for scale in (1, 2, 4, 8) if all(-(-n // scale) == m for n, m in zip(full, reduced, strict=True)))


def _hash_exact(image: Image.Image, kind: MediaType) -> pdq.RawPdq:
    with decoding(kind):
        pixels = pixels_of(image)
    return pdq.exact(pixels)


def pixels_of(image: Image.Image) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint32]:
    """The picture's first frame as the pixels that are hashed: grey (uint8) or RGB in Pillow's layout (uint32).

    Colour is what `image.convert("RGB")` makes of it: palettes are looked up, CMYK and YCbCr converted, transparency
    ignored. Grey of 16 bits keeps its upper byte. Grey without a fixed range (32-bit integers, floating point) is
    stretched from its least to its greatest value; PDQ does not depend on brightness or contrast.
    """
    plain = plain_pixels(image)
    if plain is not None:
        return plain
    image.load()
    if image.mode.startswith("I;16"):
        return (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
    if image.mode in _WIDE_MODES:
        return _stretched(np.asarray(image).astype(np.float64))
    if image.mode in _GREY_MODES or image.mode == "1":
        return grey(image if image.mode == "L" else image.convert("L"))
    if image.mode == "RGBa":
        image = image.convert("RGBA")
    if image.mode not in ("RGB", "RGBX", "RGBA"):
        image = image.convert("RGB")
    return packed(image)


def _stretched(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    span = high - low
    if span <= 0:
        return np.zeros(values.shape, np.uint8)
    return np.rint((finite - low) * (255.0 / span)).astype(np.uint8)


def prepare() -> None:
    """Have the usual decoders loaded before the first foreign byte; importing this module has compiled the kernels."""
    Image.preinit()
