"""Hashing many pictures in one call of a caged worker. Nothing outside the cage imports this module.

A call costs a worker and the house some tenths of a millisecond, which is as much as a small picture; so pictures come
in bundles. What breaks a bundle (a worker that dies, time, memory) costs it nothing: the house asks again one by one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from firstlight.errors import FirstlightError
from firstlight.hashing import pdq
from firstlight.hashing.tasks import hash_pdq, pixels_of
from firstlight.hashing.tasks import prepare as prepare
from firstlight.media import CagedFile, Limits
from firstlight.media.pictures import decoding, open_picture

MARGIN_SPREAD: Final = 24
"""Grey levels by which a border may vary: JPEG leaves ringing along the picture's edge."""
MARGIN_SKIP: Final = 2
"""Rows and columns next to the picture that are not looked at, for the same reason."""


def hash_bundle(
    file: CagedFile, limits: Limits, *, sizes: list[int], boxes: list[list[list[int]]], mode: str
) -> dict[str, Any]:
    """PDQ of each picture of a bundle, and of what is inside the first of its `boxes` around which all is plain."""
    out = []
    at = 0
    for size, places in zip(sizes, boxes, strict=True):
        out.append(_hashed(file.part(at, size), limits, places, mode))
        at += size
    return {"pictures": out}


def _hashed(piece: CagedFile, limits: Limits, places: list[list[int]], mode: str) -> dict[str, Any]:
    try:
        made = hash_pdq(piece, limits, mode=mode)
        made["pdq"] = made.pop("orientations")[0]
        if places:
            made |= _inside(piece, limits, places)
    except FirstlightError as e:
        return {"error": e.diagnostics().code, "says": e.diagnostics().message}
    except MemoryError:
        return {"error": "limit.memory", "says": "It takes more memory than is allowed."}
    except Exception as e:  # noqa: BLE001 - a foreign file may make a decoder raise anything; the bundle goes on
        return {"error": "unreadable.broken", "says": f"The decoder failed: {type(e).__name__}."}
    return made


def _inside(piece: CagedFile, limits: Limits, places: list[list[int]]) -> dict[str, Any]:
    with open_picture(piece, limits) as image, decoding(piece.media_type):
        pixels = pixels_of(image)
    grey = _brightness(pixels)
    for left, top, right, bottom in places:
        if _is_plain_around(grey, left, top, right, bottom):
            inner = pdq.exact(cut(pixels, left, top, right, bottom))
            return {"inner_pdq": inner.hash.hex(), "inner_quality": inner.quality}
    return {}


def cut(
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint32], left: int, top: int, right: int, bottom: int
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint32]:
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels[top:bottom, left:right], dtype=np.uint8)
    return np.ascontiguousarray(pixels[top:bottom, left:right], dtype=np.uint32)


def _brightness(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Grey as it is; of colour the green part, which carries most of it."""
    return ((pixels >> 8) & 255).astype(np.uint8) if pixels.dtype == np.uint32 else pixels.astype(np.uint8)


def _is_plain_around(grey: npt.NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> bool:
    """Whether everything outside the box, but for a thin seam, has one brightness."""
    height, width = grey.shape
    bands = [
        grey[: max(0, top - MARGIN_SKIP)],
        grey[bottom + MARGIN_SKIP :],
        grey[:, : max(0, left - MARGIN_SKIP)],
        grey[:, right + MARGIN_SKIP :],
    ]
    seen = [band for band in bands if band.size]
    if not seen:
        return (right - left, bottom - top) != (width, height)  # the borders are as thin as the seam
    low, high = min(int(np.percentile(b, 1)) for b in seen), max(int(np.percentile(b, 99)) for b in seen)
    return high - low <= MARGIN_SPREAD
