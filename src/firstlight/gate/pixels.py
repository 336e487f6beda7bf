"""The gate's own task inside the cage: a small square of pixels for the operator's scorers."""

from __future__ import annotations

from typing import Any

from PIL import Image

from firstlight.media.limits import Limits
from firstlight.media.pictures import decoding, open_picture
from firstlight.media.task import CagedFile


def square(file: CagedFile, limits: Limits, *, side: int) -> dict[str, Any]:
    """The middle square of the first frame, at most `side` pixels wide, as RGB bytes row by row."""
    with open_picture(file, limits) as image, decoding(file.media_type):
        image.draft("RGB", (side, side))
        image.load()
        width, height = image.size
        edge = min(width, height)
        x, y = (width - edge) // 2, (height - edge) // 2
        small = image.convert("RGB").crop((x, y, x + edge, y + edge))
        if edge > side:
            small = small.resize((side, side), Image.Resampling.BICUBIC)
    return {"rgb": small.tobytes(), "side": small.width}


def prepare() -> None:
    """Have the usual decoders loaded before the first foreign byte."""
    Image.preinit()
