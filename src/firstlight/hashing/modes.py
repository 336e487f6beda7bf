"""How PDQ is asked for, apart from how it was made (`PdqMode`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

SCALED_MIN_SIDE: Final = 512
"""The shorter side that a reduced picture keeps: at this size no photograph measured is more than a few bits away."""


class Mode(StrEnum):
    """How PDQ is made.

    `auto` is scaled where the shorter side is at least 512 and the hash does not hang on rounding, and exact for all
    else. `exact` is always exact.
    """

    AUTO = "auto"
    EXACT = "exact"


ORIENTATIONS: Final = (
    "original",
    "rotate90",
    "rotate180",
    "rotate270",
    "flip-top-bottom",
    "flip-left-right",
    "transpose",
    "transverse",
)
"""What the eight hashes of a picture stand for, in order. Rotations are anticlockwise, as Pillow's are."""
