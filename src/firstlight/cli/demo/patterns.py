"""Drawn pictures that show no scene: clouds of colour, textures, shapes, charts, tilings."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from firstlight.cli.demo.canvas import Field, Rng, Size, axes, cloud, colour, lit, painted, shade, stretched


def plasma(rng: Rng, size: Size) -> Image.Image:
    """Clouds of several colours."""
    colours = [colour(rng) for _ in range(int(rng.integers(3, 6)))]
    return painted(cloud(rng, size, int(rng.integers(2, 6)), rng.uniform(0.55, 0.8)), colours, size)


def marble(rng: Rng, size: Size) -> Image.Image:
    """Veins, as of marble or wood: stripes bent by clouds."""
    x, y = axes(size)
    turn = rng.uniform(0, math.tau)
    along = x * math.cos(turn) + y * math.sin(turn)
    veins = np.sin(along * rng.uniform(10, 30) + cloud(rng, size) * rng.uniform(10, 25)) + cloud(
        rng, size, 3
    ) * rng.uniform(1, 2.5)
    base = colour(rng, (0.3, 0.8), (0.1, 0.6))
    return painted(stretched(veins.astype(np.float32)), [shade(base, 0.3), base, shade(base, 1.5)], size)


def stones(rng: Rng, size: Size) -> Image.Image:
    """A wall of stones: each place belongs to the nearest of some random points."""
    x, y = axes(size)
    count = int(rng.integers(25, 90))
    px, py, tone = rng.random(count), rng.random(count), rng.random(count).astype(np.float32)
    distance = np.stack([(x - a) ** 2 + (y - b) ** 2 for a, b in zip(px, py, strict=True)])
    two = np.partition(distance, 1, axis=0)
    gap = np.clip((np.sqrt(two[1]) - np.sqrt(two[0])) * 30, 0, 1)
    field: Field = (tone[distance.argmin(axis=0)] * 0.7 + cloud(rng, size, 4) * 0.5) * gap
    base = colour(rng, (0.4, 0.7), (0.05, 0.5))
    return painted(stretched(field.astype(np.float32)), [shade(base, 0.2), base, shade(base, 1.6)], size)


def bricks(rng: Rng, size: Size) -> Image.Image:
    """A wall of bricks of many shades under uneven light."""
    width, height = size
    base = colour(rng, (0.3, 0.6), (0.2, 0.7))
    picture = Image.new("RGB", size, shade(base, 0.35))
    pen = ImageDraw.Draw(picture)
    tall = height / rng.integers(6, 14)
    for row in range(math.ceil(height / tall)):
        left = -rng.uniform(0, 2) * tall
        while left < width:
            wide = tall * rng.uniform(1.2, 4)
            pen.rectangle(
                (left, row * tall, left + wide - tall * 0.1, (row + 0.9) * tall),
                fill=shade(base, rng.uniform(0.4, 1.7)),
            )
            left += wide
    return lit(
        picture.rotate(rng.uniform(-12, 12), Image.Resampling.BILINEAR, fillcolor=base),
        cloud(rng, size, 2),
        rng.uniform(0.3, 0.8),
    )


def shapes(rng: Rng, size: Size) -> Image.Image:
    """Polygons and discs over each other."""
    width, height = size
    picture = plasma(rng, size)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(8, 26))):
        x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.05, 0.3) * min(size)
        corners = int(rng.integers(2, 7))
        if corners == 2:
            pen.ellipse((x - r, y - r * rng.uniform(0.4, 1), x + r, y + r * rng.uniform(0.4, 1)), fill=colour(rng))
        else:
            turns = np.sort(rng.uniform(0, math.tau, corners)).tolist()
            pen.polygon([(x + r * math.cos(t), y + r * math.sin(t)) for t in turns], fill=colour(rng))
    return picture


def panes(rng: Rng, size: Size) -> Image.Image:
    """A field cut again and again into panes of colour."""
    picture = Image.new("RGB", size)
    pen = ImageDraw.Draw(picture)
    todo = [(0.0, 0.0, float(size[0]), float(size[1]))]
    smallest = min(size) / rng.uniform(6, 12)
    while todo:
        left, top, right, low = todo.pop()
        wide, tall = right - left, low - top
        if max(wide, tall) < 2 * smallest or (max(wide, tall) < 0.5 * min(size) and rng.random() < 0.15):
            pen.rectangle(
                (left, top, right, low),
                fill=colour(rng, (0.1, 0.95)),
                outline=(20, 20, 24),
                width=max(2, size[0] // 150),
            )
            continue
        cut = rng.uniform(0.3, 0.7)
        if wide > tall:
            todo += [(left, top, left + wide * cut, low), (left + wide * cut, top, right, low)]
        else:
            todo += [(left, top, right, top + tall * cut), (left, top + tall * cut, right, low)]
    return lit(picture, cloud(rng, size, 2), rng.uniform(0.1, 0.4))


def chart(rng: Rng, size: Size) -> Image.Image:
    """Bars, a line and a cake, as in a report."""
    width, height = size
    paper = colour(rng, (0.85, 0.97), (0.1, 0.5))
    picture = painted(cloud(rng, size, 2), [shade(paper, 0.86), paper], size)
    pen = ImageDraw.Draw(picture)
    foot, left = height * rng.uniform(0.7, 0.92), width * rng.uniform(0.05, 0.15)
    bars, thick = int(rng.integers(6, 16)), max(2, width // 200)
    for level in np.linspace(0.1, foot / height, 6).tolist():
        pen.line(
            (left, level * height, width * 0.97, level * height), fill=shade(paper, 0.75), width=max(1, thick // 2)
        )
    step, inks = (width * 0.95 - left) / bars, [colour(rng, (0.25, 0.6)) for _ in range(int(rng.integers(1, 4)))]
    for bar in range(bars):
        for number, ink in enumerate(inks):
            x = left + step * (bar + 0.1 + 0.8 * number / len(inks))
            pen.rectangle((x, foot - rng.uniform(0.03, 0.65) * height, x + step * 0.75 / len(inks), foot), fill=ink)
    points = [(left + step * (bar + 0.5), foot - rng.uniform(0.1, 0.7) * height) for bar in range(bars)]
    pen.line(points, fill=colour(rng, (0.1, 0.4)), width=thick * 3, joint="curve")
    r, turn = min(size) * rng.uniform(0.1, 0.22), 0.0
    x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.5) * height
    while turn < 360:
        slice_of = rng.uniform(20, 120)
        pen.pieslice((x - r, y - r, x + r, y + r), turn, min(360.0, turn + slice_of), fill=colour(rng))
        turn += slice_of
    return picture


def tiling(rng: Rng, size: Size) -> Image.Image:
    """Tiles with arcs and wedges turned at random."""
    width, height = size
    side = min(size) / rng.integers(4, 9)
    inks = [colour(rng, (0.1, 0.95)) for _ in range(int(rng.integers(3, 6)))]
    picture = Image.new("RGB", size, inks[0])
    pen = ImageDraw.Draw(picture)
    for row in range(math.ceil(height / side)):
        for column in range(math.ceil(width / side)):
            x, y, turn = column * side, row * side, int(rng.integers(4)) * 90
            pen.rectangle((x, y, x + side, y + side), fill=inks[int(rng.integers(len(inks)))])
            ink = inks[int(rng.integers(len(inks)))]
            if rng.random() < 0.5:
                pen.pieslice(
                    (x - side * 0.4, y - side * 0.4, x + side * 1.4, y + side * 1.4), turn, turn + 90, fill=ink
                )
            else:
                corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
                pen.polygon([corners[(turn // 90 + k) % 4] for k in range(3)], fill=ink)
    return lit(picture, cloud(rng, size, 2), rng.uniform(0.1, 0.5))


def rings(rng: Rng, size: Size) -> Image.Image:
    """Rings around several centres that run into each other."""
    x, y = axes(size)
    field = cloud(rng, size, 3) * 1.5
    for _ in range(int(rng.integers(2, 5))):
        away = np.hypot(x - rng.random(), (y - rng.random()) * size[1] / size[0])
        field = field + np.sin(away * rng.uniform(20, 60)).astype(np.float32)
    return painted(stretched(field), [colour(rng) for _ in range(int(rng.integers(3, 7)))], size)
