"""What all drawn pictures are made with: colours, cloudy fields, and the way from a field to a picture."""

from __future__ import annotations

import colorsys
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Field: TypeAlias = npt.NDArray[np.float32]
Colour: TypeAlias = tuple[int, int, int]
Size: TypeAlias = tuple[int, int]
Rng: TypeAlias = np.random.Generator

FIELD_SIDE = 256
"""Fields are computed this small at their longer side and enlarged once: clouds have no detail to lose."""


def colour(
    rng: Rng, lightness: tuple[float, float] = (0.2, 0.9), saturation: tuple[float, float] = (0.2, 0.9)
) -> Colour:
    """A colour of any hue within these bounds."""
    red, green, blue = colorsys.hls_to_rgb(rng.random(), rng.uniform(*lightness), rng.uniform(*saturation))
    return round(red * 255), round(green * 255), round(blue * 255)


def shade(base: Colour, factor: float) -> Colour:
    """The colour made darker (below 1) or lighter (above 1)."""
    red, green, blue = (max(0, min(255, round(part * factor))) for part in base)
    return red, green, blue


def field_size(size: Size) -> Size:
    """The size at which a field for a picture of this size is computed."""
    scale = FIELD_SIDE / max(size)
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))


def cloud(rng: Rng, size: Size, coarsest: int = 3, fall: float = 0.62, octaves: int = 6) -> Field:
    """A cloudy field from 0 to 1: random grids added up, each finer than the last and `fall` times as strong."""
    width, height = field_size(size)
    out = np.zeros((height, width), np.float32)
    strength = 1.0
    for octave in range(octaves):
        cells = coarsest * 2**octave + 1
        grid = rng.random((max(2, cells * height // width), cells), dtype=np.float32)
        out += strength * np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))
        strength *= fall
    return stretched(out)


def stretched(field: Field) -> Field:
    """The field moved to run from 0 to 1."""
    low, high = float(field.min()), float(field.max())
    return ((field - low) / max(high - low, 1e-6)).astype(np.float32)


def axes(size: Size) -> tuple[Field, Field]:
    """x and y of each place of a field for a picture of this size, from 0 to 1."""
    width, height = field_size(size)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x / np.float32(width - 1), y / np.float32(height - 1)


def painted(field: Field, colours: list[Colour], size: Size) -> Image.Image:
    """The field as a picture of this size: 0 is the first colour, 1 the last, the others lie between."""
    stops = np.linspace(0, 1, len(colours))
    channels = [np.interp(field, stops, [c[part] for c in colours]) for part in range(3)]
    small = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


def lit(picture: Image.Image, light: Field, strength: float) -> Image.Image:
    """The picture under uneven light: full where the field is 1, weaker by `strength` where it is 0."""
    mask = Image.fromarray(((1 - light) * 255 * strength).astype(np.uint8)).resize(
        picture.size, Image.Resampling.BICUBIC
    )
    return Image.composite(Image.new("RGB", picture.size, (12, 12, 18)), picture, mask)
