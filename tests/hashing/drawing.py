"""Ordinary pictures drawn by code, and the reference that judges their hashes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

Rgb = npt.NDArray[np.uint8]


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """Hills, a sky and some boxes: smooth and sharp parts as in a photograph, with a little grain."""
    rng = np.random.default_rng(seed)
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    planes = []
    for _ in range(3):
        a, b, c, d = rng.uniform(1, 9, 4)
        planes.append(np.sin(a * x + b * y + c) * 80 + np.cos(d * x * y * 3) * 40 + 128)
    picture = np.stack(planes, axis=2)
    for _ in range(12):
        left, top = rng.integers(0, max(1, width - 2)), rng.integers(0, max(1, height - 2))
        right, bottom = left + rng.integers(1, width // 3 + 2), top + rng.integers(1, height // 3 + 2)
        picture[top:bottom, left:right] = rng.uniform(0, 255, 3)
    picture += rng.normal(0, 3, picture.shape)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def drawn(kind: str, width: int, height: int, seed: int) -> Rgb:
    """Pictures that trip implementations up: flat, symmetric, saturated, noisy, with hard edges."""
    rng = np.random.default_rng(seed)
    if kind == "scene":
        return np.asarray(scene(width, height, seed))
    if kind == "noise":
        return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind == "flat":
        return np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), (height, width, 3)).copy()
    if kind == "ramp":
        ramp = np.add.outer(np.arange(height) * int(rng.integers(1, 5)), np.arange(width)) % 256
        return np.repeat(ramp.astype(np.uint8)[..., None], 3, axis=2)
    if kind == "stripes":
        stripes = (np.arange(width) // int(rng.integers(1, 9)) % 2 * 255).astype(np.uint8)
        return np.ascontiguousarray(np.broadcast_to(stripes[None, :, None], (height, width, 3)))
    picture = np.full((height, width, 3), 250, np.uint8)
    for _ in range(6):
        top, left = rng.integers(0, height), rng.integers(0, width)
        picture[top : top + height // 4 + 1, left : left + width // 4 + 1] = rng.integers(0, 256, 3, dtype=np.uint8)
    return picture


KINDS = ("scene", "noise", "flat", "ramp", "stripes", "boxes")


def reference(rgb: Rgb) -> tuple[bytes, int]:
    """What the reference implementation answers for RGB pixels; the test skips where it could not be built."""
    pdqhash = pytest.importorskip("pdqhash")
    bits, quality = pdqhash.compute(np.ascontiguousarray(rgb))
    return _packed(bits), int(quality)


def reference_orientations(rgb: Rgb) -> tuple[bytes, ...]:
    """The reference's eight hashes."""
    pdqhash = pytest.importorskip("pdqhash")
    hashes, _ = pdqhash.compute_dihedral(np.ascontiguousarray(rgb))
    return tuple(_packed(bits) for bits in hashes)


def _packed(bits: Any) -> bytes:
    return np.packbits(np.asarray(bits, dtype=np.uint8)).tobytes()


def packed_rgb(rgb: Rgb) -> npt.NDArray[np.uint32]:
    """RGB pixels as the kernels take them."""
    four = np.zeros((*rgb.shape[:2], 4), np.uint8)
    four[..., :3] = rgb
    return four.view(np.uint32)[..., 0]


def distance(a: bytes, b: bytes) -> int:
    """Bits that differ."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """The picture as a file's bytes."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def video(seeds: list[int], size: tuple[int, int] = (320, 240), form: str = "mp4") -> bytes:
    """A video with a cut every second; each cut begins a group of pictures."""
    av = pytest.importorskip("av", reason="PyAV is the extra `video`")
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = 10
        stream.bit_rate = 2_000_000
        for number in range(10 * len(seeds)):
            picture = scene(*size, seed=seeds[number // 10])
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
