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
        quickly = mode == Mode.AUTO and min(size) >= SCALED_MIN_SIDE
        reduced = quickly and _can_reduce(image, kind)
        with decoding(kind):
            pixels = _reduced(image) if reduced else pixels_of(image)
        made = pdq.scaled(pixels, size, _scale(size, image.size)) if quickly else pdq.exact(pixels)
        used = PdqMode.SCALED if quickly else PdqMode.EXACT
        if quickly and made.clearance < pdq.MIN_CLEARANCE:
            if reduced:  # what is exact is made of all of its pixels, and in colour
                return hash_pdq(file, limits, mode=Mode.EXACT)
            made, used = pdq.exact(pixels), PdqMode.EXACT
        frames = count_frames(image, limits)
    return {
        "media_type": kind.value,
        "width": size[0],
        "height": size[1],
        "frames": frames,
        "mode": used.value,
        "quality": made.quality,
        "orientations": [one.hex() for one in made.orientations],
    }


def _can_reduce(image: Image.Image, kind: MediaType) -> bool:
    """Whether the decoder delivers this picture's luma alone, and reduced where it is large enough."""
    return kind is MediaType.JPEG and image.mode in ("RGB", "L")


def _reduced(image: Image.Image) -> npt.NDArray[np.uint8]:
    image.draft("L", (SCALED_MIN_SIDE, SCALED_MIN_SIDE))
    image.load()
    return grey(image)


def _scale(full: tuple[int, int], reduced: tuple[int, int]) -> int:
    """By how much the decoder reduced: it rounds each side up."""
    return next(scale for scale in (1, 2, 4, 8) if all(-(-n // scale) == m for n, m in zip(full, reduced, strict=True)))


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
