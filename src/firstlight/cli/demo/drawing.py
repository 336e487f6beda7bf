"""Ordinary pictures, drawn by code, so that the demo and the tests need nobody's photographs.

The same seed is the same picture with the same versions of Pillow and NumPy. The pictures differ enough for PDQ to tell
them apart: over the first 300 seeds the nearest two are 90 bits apart, and a match begins at 31.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from firstlight.cli.demo import patterns, scenes
from firstlight.cli.demo.canvas import Rng, Size

_SUBJECTS: tuple[Callable[[Rng, Size], Image.Image], ...] = (
    scenes.hills,
    scenes.sea,
    scenes.village,
    scenes.forest,
    scenes.town_at_night,
    scenes.vegetables,
    patterns.plasma,
    patterns.marble,
    patterns.stones,
    patterns.bricks,
    patterns.shapes,
    patterns.panes,
    patterns.chart,
    patterns.tiling,
    patterns.rings,
)

# Every third size or so is large enough for a JPEG to be decoded at a smaller scale, which is another path.
_SIZES: tuple[Size, ...] = (
    (640, 480),
    (800, 600),
    (1200, 900),
    (480, 640),
    (1024, 768),
    (1600, 1200),
    (720, 720),
    (900, 1200),
)

_TRIES = 6
_DETAIL_WANTED = 70.0  # of 100, the way PDQ measures its quality; lists leave out pictures below 50


def draw(seed: int) -> Image.Image:
    """The RGB picture of this seed. A draft with too little detail for a perceptual hash is drawn anew, by rule."""
    subject = _SUBJECTS[seed % len(_SUBJECTS)]
    picture = _drafted(subject, seed, 0)
    for attempt in range(1, _TRIES):
        if detail(picture) >= _DETAIL_WANTED:
            break
        picture = _drafted(subject, seed, attempt)
    return picture


def _drafted(subject: Callable[[Rng, Size], Image.Image], seed: int, attempt: int) -> Image.Image:
    rng = np.random.default_rng([seed, attempt])
    return subject(rng, _SIZES[int(rng.integers(len(_SIZES)))])


def subject_of(seed: int) -> str:
    """What the picture of this seed shows, in a word or two."""
    return _SUBJECTS[seed % len(_SUBJECTS)].__name__.replace("_", " ")


def detail(picture: Image.Image) -> float:
    """How much a 64 x 64 copy of the picture varies from place to place, 0 to 100, close to PDQ's own quality."""
    small = np.asarray(picture.convert("L").resize((64, 64), Image.Resampling.BOX), np.float32)
    steps = sum(np.trunc(np.abs(np.diff(small, axis=axis)) * (100 / 255)).sum() for axis in (0, 1))
    return min(100.0, float(steps) / 90)
