"""A decoded picture's memory as an array."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from PIL import Image

from firstlight.media.pixels import grey, packed


def _channels(image: Image.Image) -> np.ndarray:
    array = packed(image)
    return np.stack([(array >> shift) & 255 for shift in (0, 8, 16)], axis=2)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (640, 481)])
def test_pixels_are_those_of_the_picture(mode: str, size: tuple[int, int]) -> None:
    image = Image.effect_noise(size, 90).convert("RGB")
    image.putpixel((0, 0), (1, 2, 3))
    assert np.array_equal(_channels(image.convert(mode)), np.asarray(image))


@pytest.mark.parametrize("size", [(1, 1), (4, 3), (5, 3), (6, 2), (7, 9), (640, 481), (5001, 4001)])
def test_grey_pixels_are_those_of_the_picture(size: tuple[int, int]) -> None:
    image = Image.effect_noise((min(size[0], 640), min(size[1], 480)), 90).resize(size)
    pixels = grey(image)
    assert np.array_equal(pixels, np.asarray(image))
    assert not pixels.flags.writeable


def test_a_picture_in_several_blocks_is_copied() -> None:
    image = Image.linear_gradient("L").resize((3000, 2000)).convert("RGB")  # more than the usual block of 16 MB
    assert np.array_equal(_channels(image), np.asarray(image))


def test_the_memory_outlives_the_picture() -> None:
    image = Image.new("RGB", (500, 400), (9, 8, 7))
    pixels = packed(image)
    image.close()
    del image
    gc.collect()
    Image.new("RGB", (500, 400), (255, 255, 255))
    assert pixels.min() & 0xFFFFFF == 0x070809
    assert not pixels.flags.writeable
