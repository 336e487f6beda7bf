from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from firstlight.cli.demo.canvas import cloud
from firstlight.cli.demo.drawing import detail, draw, subject_of
from firstlight.hashing.pdq import exact

THRESHOLD = 31  # bits; pictures nearer than this count as the same, so twice this keeps even two edited copies apart
PICTURES = 150


@dataclass(frozen=True)
class Drawn:
    """What is kept of many drawings, so that they are made once."""

    bits: np.ndarray
    qualities: list[int]
    sizes: set[tuple[int, int]]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    bits, qualities, sizes = [], [], set()
    for seed in range(PICTURES):
        picture = draw(seed)
        one, quality = hashed(picture)
        bits.append(one)
        qualities.append(quality)
        sizes.add(picture.size)
    return Drawn(np.array(bits), qualities, sizes)


def hashed(picture: Image.Image) -> tuple[np.ndarray, int]:
    """The PDQ bits and quality."""
    found = exact(np.asarray(picture.convert("L")))
    return np.unpackbits(np.frombuffer(found.hash, np.uint8)).astype(bool), found.quality


def test_pictures_are_told_apart_and_have_the_quality_that_lists_ask_for(drawn: Drawn) -> None:
    distances = (drawn.bits[:, None, :] != drawn.bits[None, :, :]).sum(axis=2)
    between = distances[np.triu_indices(PICTURES, 1)]
    assert between.min() > 2 * THRESHOLD
    assert 120 <= np.median(between) <= 136  # as random hashes
    assert min(drawn.qualities) >= 50


def test_same_seed_same_picture() -> None:
    for seed in (3, 7, 2026):
        one, two = draw(seed), draw(seed)
        assert one.size == two.size
        assert one.mode == "RGB"
        assert one.tobytes() == two.tobytes()
    assert draw(3).tobytes() != draw(18).tobytes()  # the same subject, drawn anew
    assert subject_of(3) == subject_of(18)


def test_sizes_vary_and_some_are_large(drawn: Drawn) -> None:
    assert len(drawn.sizes) >= 5
    assert any(min(size) >= 900 and max(size) >= 1200 for size in drawn.sizes)
    assert any(max(size) <= 800 for size in drawn.sizes)


def test_detail_runs_from_nothing_to_full() -> None:
    assert detail(Image.new("RGB", (300, 200), (90, 90, 90))) == 0
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    assert detail(Image.fromarray(noise)) == 100


@pytest.mark.parametrize("seed", [21, 764])
def test_a_draft_without_detail_is_drawn_anew(seed: int) -> None:
    """The first drafts of these two have colours of nearly one brightness: 25 and 0 of 100."""
    assert detail(draw(seed)) >= 50


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (3000, 2), (1, 1)])
def test_clouds_fill_the_range_at_any_shape(size: tuple[int, int]) -> None:
    field = cloud(np.random.default_rng(5), size)
    assert 0 <= field.min() <= field.max() <= 1
