"""PDQ against the reference implementation: no bit may differ in exact mode, few in scaled mode."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from firstlight.hashing import pdq
from hashing.drawing import KINDS, distance, drawn, packed_rgb, reference, reference_orientations, scene

SIDES = st.integers(1, 300) | st.sampled_from([1, 4, 5, 63, 64, 65, 127, 128, 129, 255, 256, 257])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), SIDES, SIDES, st.integers(0, 2**32 - 1))
@example("scene", 64, 64, 0)
@example("noise", 5, 700, 0)
@example("noise", 700, 5, 0)
@example("noise", 4, 700, 0)
@example("flat", 640, 480, 3)
def test_exact_is_the_reference_bit_for_bit(kind: str, width: int, height: int, seed: int) -> None:
    rgb = drawn(kind, width, height, seed)
    made = pdq.exact(packed_rgb(rgb))
    assert (made.hash, made.quality) == reference(rgb)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), SIDES, SIDES, st.integers(0, 2**32 - 1))
def test_grey_is_the_same_as_three_equal_channels(kind: str, width: int, height: int, seed: int) -> None:
    grey = np.ascontiguousarray(drawn(kind, width, height, seed)[..., 1])
    made = pdq.exact(grey)
    assert (made.hash, made.quality) == reference(np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize(("width", "height"), [(1632, 1224), (1025, 647), (3000, 70)])
def test_large_pictures_too(width: int, height: int) -> None:
    rgb = np.asarray(scene(width, height))
    made = pdq.exact(packed_rgb(rgb))
    assert (made.hash, made.quality) == reference(rgb)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.integers(5, 200), st.integers(5, 200), st.integers(0, 2**32 - 1))
def test_orientations_are_the_references(kind: str, width: int, height: int, seed: int) -> None:
    rgb = drawn(kind, width, height, seed)
    if (width, height) != (64, 64):  # where the reference filters for its eight hashes, but not for its one
        assert pdq.exact(packed_rgb(rgb)).orientations == reference_orientations(rgb)


def test_orientations_stand_for_turned_pictures() -> None:
    picture = scene(1200, 900, 4)
    made = pdq.exact(packed_rgb(np.asarray(picture))).orientations
    turns = (
        None,
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_180,
        Image.Transpose.ROTATE_270,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
    )
    for index, turn in enumerate(turns):
        turned = picture if turn is None else picture.transpose(turn)
        hashed = pdq.exact(packed_rgb(np.asarray(turned))).hash
        distances = [distance(hashed, one) for one in made]
        assert distances[index] == min(distances) <= 20, turn


def test_every_sum_of_weights_rounds_as_the_references_luma() -> None:
    """The luma shortcut: integer products times 0.001 against float64 products, for all channel sums there are."""
    sums = np.arange(255_001)
    exact_fraction = (sums / 1000).astype(np.float32)
    assert np.array_equal((sums * 0.001).astype(np.float32), exact_fraction)
    rng = np.random.default_rng(1)
    r, g, b = rng.integers(0, 256, (3, 200_000), dtype=np.uint8)
    theirs = (r * 0.299 + g * 0.587 + b * 0.114).astype(np.float32)
    ours = ((299 * r.astype(np.int64) + 587 * g.astype(np.int64) + 114 * b.astype(np.int64)) * 0.001).astype(np.float32)
    assert np.array_equal(ours, theirs)


def test_public_pictures_to_the_last_bit(public_pictures: Path) -> None:
    seen = 0
    for path in sorted(public_pictures.rglob("*")):
        if path.suffix in (".jpg", ".jpeg", ".png", ".webp"):
            with Image.open(path) as image:
                if image.width * image.height > 2_500_000:
                    continue  # the reference takes its time
                rgb = np.asarray(image.convert("RGB"))
            seen += 1
            made = pdq.exact(packed_rgb(rgb))
            assert (made.hash, made.quality) == reference(rgb), path
    assert seen > 40


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
@pytest.mark.parametrize("full", [512, 513, 1000, 1224, 4095, 4000])
def test_weights_of_a_reduced_grid_sum_to_one(full: int, scale: int) -> None:
    first, weights = pdq._weights(full, scale)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)
    last = first + np.array([np.flatnonzero(row)[-1] for row in weights])
    assert first.min() >= 0
    assert last.max() <= (full + scale - 1) // scale - 1


def test_weights_are_two_box_averages_one_after_the_other() -> None:
    full = 300
    window, half = 3, 2
    box = np.zeros((full, full))
    for k in range(full):
        lo, hi = max(0, k - (window - half)), min(full, k + half)
        box[k, lo:hi] = 1 / (hi - lo)
    twice = box @ box
    first, weights = pdq._weights(full, 1)
    for i in range(64):
        row = np.zeros(full)
        row[first[i] : first[i] + weights.shape[1]] = weights[i][: full - first[i]]
        assert np.allclose(row, twice[int((i + 0.5) * full / 64)], atol=1e-6)


@pytest.mark.parametrize("size", [(512, 512), (1024, 768), (1633, 1225), (2049, 515)])
def test_scaled_lies_close_to_exact(size: tuple[int, int]) -> None:
    out = io.BytesIO()
    scene(*size, seed=7).save(out, "JPEG", quality=85)
    with Image.open(out) as image:
        exact = pdq.exact(packed_rgb(np.asarray(image)))
    with Image.open(out) as image:
        image.draft("L", (512, 512))
        plane = np.asarray(image)
    scale = round(size[0] / plane.shape[1])
    assert distance(pdq.scaled(plane, size, scale).hash, exact.hash) <= 6


def test_scaled_without_reduction_filters_as_the_reference_does() -> None:
    """The two kernels are written apart; on the same pixels they differ by rounding only."""
    for seed in range(5):
        grey = np.asarray(scene(900, 700, seed).convert("L"))
        exact, scaled = pdq.exact(grey), pdq.scaled(grey, (900, 700), 1)
        assert distance(exact.hash, scaled.hash) <= 2
        assert abs(exact.quality - scaled.quality) <= 1
