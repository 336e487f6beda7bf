"""Drawn scenes: hills, sea, villages, forests, a town at night, vegetables on a table."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from firstlight.cli.demo.canvas import Colour, Rng, Size, axes, cloud, colour, lit, painted, shade, stretched


def _sky(rng: Rng, size: Size) -> Image.Image:
    _, y = axes(size)
    clouds = cloud(rng, size, coarsest=int(rng.integers(2, 5)))
    top, middle, low = colour(rng, (0.25, 0.6)), colour(rng, (0.5, 0.85)), colour(rng, (0.7, 0.95))
    return painted(stretched(y * rng.uniform(0.2, 0.9) + clouds * rng.uniform(0.5, 1.2)), [top, middle, low], size)


def _ridge(rng: Rng, width: int, base: float, swing: float) -> list[tuple[float, float]]:
    """A line across the picture made of random waves, as points."""
    xs = np.linspace(0, width, 60)
    ys = np.full_like(xs, base)
    for waves in (1.3, 2.7, 5.1, 11.0):
        ys += (
            swing
            / waves
            * math.sqrt(2)
            * np.sin(xs / width * waves * 6.3 + rng.uniform(0, 6.3))
            * rng.uniform(0.4, 1.6)
        )
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def _land(picture: Image.Image, line: list[tuple[float, float]], fill: Image.Image) -> None:
    """Paint everything below the line."""
    width, height = picture.size
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).polygon([*line, (width, height), (0, height)], fill=255)
    picture.paste(fill, (0, 0), mask)


def _ground(rng: Rng, size: Size, base: Colour) -> Image.Image:
    return painted(
        cloud(rng, size, coarsest=int(rng.integers(4, 12)), fall=0.8), [shade(base, 0.45), base, shade(base, 1.4)], size
    )


def _tree(pen: ImageDraw.ImageDraw, rng: Rng, x: float, foot: float, tall: float, leaf: Colour) -> None:
    trunk = max(2.0, tall * 0.06)
    pen.rectangle((x - trunk, foot - tall * 0.4, x + trunk, foot), fill=shade((96, 64, 40), rng.uniform(0.6, 1.3)))
    if rng.random() < 0.5:
        for step in range(3):
            wide, top = tall * (0.32 - 0.07 * step), foot - tall * (0.3 + 0.24 * step)
            pen.polygon([(x - wide, top), (x + wide, top), (x, top - tall * 0.38)], fill=shade(leaf, 0.8 + 0.15 * step))
    else:
        for _ in range(7):
            cx, cy = x + rng.normal() * tall * 0.14, foot - tall * rng.uniform(0.45, 0.9)
            r = tall * rng.uniform(0.1, 0.22)
            pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=shade(leaf, rng.uniform(0.6, 1.4)))


def _house(pen: ImageDraw.ImageDraw, rng: Rng, x: float, foot: float, wide: float) -> None:
    tall = wide * rng.uniform(0.6, 1.4)
    wall, roof = colour(rng, (0.45, 0.9), (0.1, 0.6)), colour(rng, (0.2, 0.45))
    pen.rectangle((x, foot - tall, x + wide, foot), fill=wall)
    over, peak = wide * 0.1, wide * rng.uniform(0.3, 0.8)
    pen.polygon(
        [(x - over, foot - tall), (x + wide + over, foot - tall), (x + wide / 2, foot - tall - peak)], fill=roof
    )
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(2, 4))
    glass = colour(rng, (0.1, 0.4), (0.1, 0.4)) if rng.random() < 0.6 else (250, 225, 130)
    for row in range(rows):
        for column in range(columns):
            left, top = x + wide * (column + 0.3) / columns, foot - tall * (1 - (row + 0.25) / (rows + 0.5))
            pen.rectangle((left, top, left + wide * 0.4 / columns, top + tall * 0.5 / (rows + 0.5)), fill=glass)


def hills(rng: Rng, size: Size) -> Image.Image:
    """Ranges of hills behind each other, with a sun and some trees."""
    picture = _sky(rng, size)
    width, height = size
    pen = ImageDraw.Draw(picture)
    sun, r = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.08, 0.4) * height), rng.uniform(0.04, 0.13) * height
    pen.ellipse((sun[0] - r, sun[1] - r, sun[0] + r, sun[1] + r), fill=(255, 240, int(rng.integers(120, 220))))
    ranges = int(rng.integers(2, 5))
    for number in range(ranges):
        base = height * (0.35 + 0.55 * (number + rng.random()) / ranges)
        line = _ridge(rng, width, base, height * rng.uniform(0.06, 0.2))
        _land(picture, line, _ground(rng, size, colour(rng, (0.2, 0.6), (0.2, 0.6))))
        leaf = colour(rng, (0.15, 0.4))
        for _ in range(int(rng.integers(0, 9))):
            x, foot = line[int(rng.integers(len(line)))]
            _tree(pen, rng, x, foot + height * 0.03, height * rng.uniform(0.08, 0.3), leaf)
    return picture


def sea(rng: Rng, size: Size) -> Image.Image:
    """Water with waves and boats under a cloudy sky."""
    picture = _sky(rng, size)
    width, height = size
    horizon = int(height * rng.uniform(0.3, 0.65))
    x, y = axes(size)
    waves = np.sin(y * y * rng.uniform(30, 90) + cloud(rng, size) * rng.uniform(6, 16) + x * rng.uniform(-6, 6))
    water = stretched((waves * rng.uniform(0.3, 0.7) + cloud(rng, size, 4, 0.75) * 1.5).astype(np.float32))
    deep = colour(rng, (0.15, 0.35), (0.3, 0.8))
    _land(picture, [(0, horizon), (width, horizon)], painted(water, [deep, shade(deep, 1.7), shade(deep, 2.8)], size))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(1, 5))):
        long = width * rng.uniform(0.06, 0.3)
        at, foot = rng.uniform(0, width), horizon + rng.uniform(0, 0.35) * height
        hull, sail = colour(rng, (0.1, 0.5)), colour(rng, (0.6, 0.95))
        pen.polygon(
            [(at, foot), (at + long, foot), (at + long * 0.8, foot + long * 0.2), (at + long * 0.2, foot + long * 0.2)],
            hull,
        )
        pen.polygon(
            [(at + long * 0.5, foot - long * rng.uniform(0.6, 1.3)), (at + long * 0.5, foot), (at + long, foot)], sail
        )
    return picture


def village(rng: Rng, size: Size) -> Image.Image:
    """Rows of houses among trees."""
    picture = _sky(rng, size)
    width, height = size
    pen = ImageDraw.Draw(picture)
    for row in range(int(rng.integers(2, 4))):
        base = height * (0.5 + 0.18 * row)
        _land(
            picture, _ridge(rng, width, base, height * 0.05), _ground(rng, size, colour(rng, (0.25, 0.6), (0.15, 0.6)))
        )
        leaf = colour(rng, (0.15, 0.45))
        for _ in range(int(rng.integers(3, 8))):
            x, foot = rng.uniform(-0.05, 1) * width, base + height * rng.uniform(0.02, 0.14)
            if rng.random() < 0.65:
                _house(pen, rng, x, foot, width * rng.uniform(0.07, 0.2) * (0.7 + 0.4 * row))
            else:
                _tree(pen, rng, x, foot, height * rng.uniform(0.15, 0.4), leaf)
    return picture


def forest(rng: Rng, size: Size) -> Image.Image:
    """Many trees, the near ones larger."""
    picture = _sky(rng, size)
    width, height = size
    _land(
        picture,
        _ridge(rng, width, height * rng.uniform(0.3, 0.6), height * 0.1),
        _ground(rng, size, colour(rng, (0.2, 0.5))),
    )
    pen = ImageDraw.Draw(picture)
    leaf = colour(rng, (0.15, 0.45), (0.3, 0.8))
    for depth in np.sort(rng.random(int(rng.integers(12, 40)))).tolist():
        foot = height * (0.45 + 0.6 * depth)
        _tree(pen, rng, rng.random() * width, foot, height * (0.12 + 0.6 * depth), shade(leaf, rng.uniform(0.4, 1.8)))
    return lit(picture, cloud(rng, size, 2), rng.uniform(0.2, 0.6))


def town_at_night(rng: Rng, size: Size) -> Image.Image:
    """Towers with lit windows under a dark sky, and a moon."""
    width, height = size
    dark = colour(rng, (0.08, 0.25), (0.3, 0.8))
    picture = painted(cloud(rng, size, 2), [shade(dark, 0.5), dark, shade(dark, 2.5)], size)
    pen = ImageDraw.Draw(picture)
    moon, r = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.35) * height), rng.uniform(0.04, 0.1) * height
    pen.ellipse((moon[0] - r, moon[1] - r, moon[0] + r, moon[1] + r), fill=(240, 238, 215))
    for _ in range(int(rng.integers(7, 16))):
        left, wide, top = rng.uniform(-0.1, 1) * width, width * rng.uniform(0.06, 0.22), height * rng.uniform(0.2, 0.8)
        pen.rectangle((left, top, left + wide, height), fill=colour(rng, (0.08, 0.4), (0.05, 0.4)))
        step, lamp = max(8.0, wide / rng.integers(3, 7)), colour(rng, (0.6, 0.9), (0.5, 1.0))
        for wx in np.arange(left + step * 0.3, left + wide - step * 0.5, step).tolist():
            for wy in np.arange(top + step * 0.4, height, step * 1.3).tolist():
                if rng.random() < 0.55:
                    pen.rectangle((wx, wy, wx + step * 0.5, wy + step * 0.7), fill=lamp)
    return picture


def vegetables(rng: Rng, size: Size) -> Image.Image:
    """Pumpkins, carrots and tomatoes on a table."""
    width, height = size
    wall = colour(rng, (0.35, 0.85), (0.1, 0.5))
    picture = painted(cloud(rng, size, 2, 0.7), [shade(wall, 0.5), wall, shade(wall, 1.3)], size)
    edge = height * rng.uniform(0.35, 0.6)
    _land(
        picture,
        [(0, edge), (width, edge * rng.uniform(0.85, 1.15))],
        _ground(rng, size, colour(rng, (0.3, 0.5), (0.3, 0.6))),
    )
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(5, 12))):
        x, y, r = rng.uniform(0.05, 0.95) * width, rng.uniform(0.35, 0.92) * height, rng.uniform(0.05, 0.17) * height
        kind = int(rng.integers(3))
        if kind == 0:  # a pumpkin: ribs beside each other
            skin = (230, int(rng.integers(100, 170)), 40)
            for rib in np.linspace(-1, 1, 5).tolist():
                pen.ellipse(
                    (x + rib * r - r * 0.6, y - r * 0.9, x + rib * r + r * 0.6, y + r * 0.9),
                    shade(skin, 1 - 0.3 * abs(rib)),
                )
            pen.rectangle((x - r * 0.1, y - r * 1.2, x + r * 0.1, y - r * 0.8), fill=(70, 110, 50))
        elif kind == 1:  # a carrot: a long triangle and its green
            tilt = rng.uniform(0, math.tau)
            ex, ey, sx, sy = (
                math.cos(tilt) * r * 2.4,
                math.sin(tilt) * r * 2.4,
                -math.sin(tilt) * r * 0.4,
                math.cos(tilt) * r * 0.4,
            )
            pen.polygon(
                [(x + sx, y + sy), (x - sx, y - sy), (x + ex, y + ey)], fill=(240, int(rng.integers(110, 150)), 30)
            )
            pen.line((x, y, x - ex * 0.4 + sx, y - ey * 0.4 + sy), fill=(60, 140, 50), width=max(2, int(r * 0.2)))
        else:  # a tomato, an aubergine, a cabbage: something round with a light on it
            skin = colour(rng, (0.2, 0.55), (0.5, 0.95))
            pen.ellipse((x - r, y - r, x + r, y + r), fill=skin)
            pen.ellipse((x - r * 0.6, y - r * 0.7, x - r * 0.1, y - r * 0.3), fill=shade(skin, 1.9))
    return lit(picture, cloud(rng, size, 2), rng.uniform(0.1, 0.5))
