"""The limit of bundling by pixels, measured on drawn scenes: what the threshold keeps together and what it keeps apart.

PDQ sees the whole scene. Two people photographed in one place can be closer than a copy of one of them is to itself
after a strong edit. The threshold is chosen for that, and what it cannot tell apart is never taken as seen.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from firstlight.triage import Bundler, Joined, Member, PriorityTable, units
from firstlight.values import Level, Pdq, PdqMode
from triage.cases import AT, PlainHashes

pdqhash = pytest.importorskip("pdqhash", reason="the reference PDQ needs a C++ compiler: apt install g++ python3-dev")

RULE = PriorityTable.load().bundling
SCENES = 20


@cache
def scene(seed: int) -> Image.Image:
    """A textured place: a noise ground at several scales, and some boxes."""
    rng = np.random.default_rng(seed)
    total = np.zeros((384, 512, 3))
    for size in (3, 6, 12, 24):
        coarse = Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8))
        total += np.asarray(coarse.resize((512, 384), Image.Resampling.BICUBIC), dtype=float) / size**0.7
    picture = Image.fromarray((255 * total / total.max()).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(8):
        x, y = (int(v) for v in rng.integers(0, 400, 2))
        w, h = (int(v) for v in rng.integers(20, 120, 2))
        r, g, b = (int(v) for v in rng.integers(0, 256, 3))
        draw.rectangle((x, y, x + w, y + h), fill=(r, g, b))
    return picture


def with_figure(picture: Image.Image, share: float, seed: int) -> Image.Image:
    """The place with somebody standing in it, `share` of its height tall."""
    rng = Random(seed)
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    tall = picture.height * share
    wide, x, y = tall * 0.35, picture.width / 2, picture.height * 0.95
    coat, legs, head = [tuple(rng.randint(0, 255) for _ in range(3)) for _ in range(3)]
    draw.rectangle((x - wide / 2, y - tall * 0.75, x + wide / 2, y - tall * 0.35), fill=coat)
    draw.rectangle((x - wide * 0.4, y - tall * 0.35, x + wide * 0.4, y), fill=legs)
    draw.ellipse((x - wide * 0.3, y - tall, x + wide * 0.3, y - tall * 0.74), fill=head)
    return picture


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def hashed(picture: Image.Image) -> tuple[bytes, int]:
    bits, quality = pdqhash.compute(np.asarray(picture.convert("RGB")))
    return np.packbits(bits).tobytes(), int(quality)


def together(left: Image.Image, right: Image.Image, threshold: int) -> bool:
    one, other = hashed(left)[0], hashed(right)[0]
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count() <= threshold


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "re-encoded": lambda p: jpeg(p, 50),
    "a little smaller": lambda p: jpeg(p.resize((p.width * 3 // 4, p.height * 3 // 4), Image.Resampling.LANCZOS), 80),
    "grey": lambda p: p.convert("L"),
    "softened": lambda p: p.filter(ImageFilter.GaussianBlur(1)),
}


@pytest.mark.parametrize("edit", EDITS)
def test_everyday_copies_stay_together(edit: str) -> None:
    kept = sum(together(p, EDITS[edit](p), RULE.threshold) for p in map(scene, range(SCENES)))
    assert kept >= 0.9 * SCENES


def test_the_threshold_keeps_most_people_in_one_place_apart_and_that_of_hash_lists_does_not() -> None:
    pairs = [(with_figure(scene(i), 0.7, 2 * i), with_figure(scene(i), 0.7, 2 * i + 1)) for i in range(SCENES)]
    ours = sum(together(*pair, RULE.threshold) for pair in pairs)
    lists = sum(together(*pair, 31) for pair in pairs)
    assert ours <= 0.1 * SCENES
    assert lists >= 3 * ours


def test_who_cannot_be_told_apart_is_bundled_and_never_taken_as_seen() -> None:
    """The limit itself: a small figure changes few bits, so two people can end up in one bundle."""
    pairs = ((with_figure(scene(i), 0.12, 2 * i), with_figure(scene(i), 0.12, 2 * i + 1)) for i in range(SCENES))
    pair = next((left, right) for left, right in pairs if together(left, right, RULE.threshold))
    bundler = Bundler(PlainHashes(), {}, RULE)
    placed = []
    for key, picture in enumerate(pair):
        raw, quality = hashed(picture)
        placed.append(bundler.place(key, f"{key:064x}", Pdq(hex=raw.hex(), quality=quality, mode=PdqMode.EXACT)))
    assert [(p.bundle, p.joined) for p in placed] == [(0, Joined.NEW), (0, Joined.PDQ)]
    (unit,) = units(0, [Member(key, f"{key:064x}", Level.STANDARD, 10, AT, AT) for key in range(2)])
    assert (unit.shown, unit.same_bytes, unit.alike) == (0, (), (1,))
    assert "not yet seen" in unit.says
