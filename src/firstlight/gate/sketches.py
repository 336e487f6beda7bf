"""Sketches of tensors: 256 bits that stay nearly the same when a model is saved anew in another precision.

Each bit tells on which side of a fixed random plane the numbers lie. A LoRA is two factors whose product is what it
does to a model, and one product can be split in many ways; its own sketch is of the product, whatever the split, the
scale and the names that a trainer gave the tensors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SKETCH_BITS: Final = 256
SIZES: Final = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
"""Bytes of a number of each kind."""

_SAMPLE: Final = 1024
_LARGEST_FACTOR: Final = 1 << 26
"""Numbers of a factor that are held in memory at once; none of a known adapter comes near."""

_READ: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
_UP: Final = {"lora_down": "lora_up", "lora_A": "lora_B", "lora.down": "lora.up"}
"""What trainers call the two factors: kohya's, PEFT's and the older diffusers' words."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor of a file lies: its name, kind and shape, the first byte and the one behind the last."""

    name: str
    kind: str
    shape: tuple[int, ...]
    at: int
    end: int


def model_sketch(file: BinaryIO, tensors: Iterable[Tensor]) -> str:
    """The sketch of all tensors under their names."""
    total = np.zeros(SKETCH_BITS)
    for one in tensors:
        total += _projected(one.name, _sample(file, one))
    return _hex(total)


def product_sketch(file: BinaryIO, tensors: Iterable[Tensor]) -> str:
    """The sketch of a LoRA's products B·A; empty where there are no pairs of factors.

    It does not depend on how a product is split into its factors, on its scale, on names or on order.
    """
    named = {one.name: one for one in tensors}
    total = np.zeros(SKETCH_BITS)
    found = False
    for down, up in _pairs(named):
        values = _product(file, down, up)
        found = found or values is not None
        if values is not None:
            total += _projected(f"{up.shape[0]} x {_width(down)}", values)
    return _hex(total) if found else ""


def _pairs(named: Mapping[str, Tensor]) -> Iterable[tuple[Tensor, Tensor]]:
    """The factors that belong together, by the names that trainers give them."""
    for name, down in named.items():
        for first, second in _UP.items():
            up = named.get(name.replace(first, second)) if first in name else None
            if up is not None:
                yield down, up
                break


def _width(down: Tensor) -> int:
    return int(np.prod(down.shape[1:], dtype=np.int64))


def _product(file: BinaryIO, down: Tensor, up: Tensor) -> Floats | None:
    """Some numbers of B·A at places that its size alone decides; None where the factors do not fit together."""
    if len(down.shape) < 2 or len(up.shape) < 2 or down.shape[0] != _width(up):
        return None
    rank, width, height = down.shape[0], _width(down), up.shape[0]
    if not rank or not width or not height or rank * max(width, height) > _LARGEST_FACTOR:
        return None
    a, b = _whole(file, down), _whole(file, up)
    if a is None or b is None:
        return None
    random = np.random.default_rng(_seed(f"{height} x {width}"))
    rows, columns = random.integers(0, height, _SAMPLE), random.integers(0, width, _SAMPLE)
    picked = np.einsum("nr,rn->n", b.reshape(height, rank)[rows], a.reshape(rank, width)[:, columns])
    return np.asarray(picked, dtype=np.float64)


def _whole(file: BinaryIO, tensor: Tensor) -> Floats | None:
    if tensor.kind not in (*_READ, "BF16"):
        return None
    file.seek(tensor.at)
    return _numbers(file.read(tensor.end - tensor.at), tensor.kind)


def _sample(file: BinaryIO, tensor: Tensor) -> Floats:
    """Up to a thousand numbers of a tensor, evenly spread; none of kinds that hold no such numbers."""
    width = SIZES.get(tensor.kind, 0)
    count = (tensor.end - tensor.at) // width if width else 0
    if tensor.kind not in (*_READ, "BF16") or not count:
        return np.zeros(0)
    places = np.unique(np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.int64))
    raw = bytearray()
    for place in places.tolist():
        file.seek(tensor.at + place * width)
        raw += file.read(width)
    return _numbers(bytes(raw), tensor.kind)


def _numbers(raw: bytes, kind: str) -> Floats:
    if kind == "BF16":
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return np.frombuffer(raw, _READ[kind]).astype(np.float64)


def _projected(name: str, values: Floats) -> Floats:
    """A tensor's part of a sketch: its direction, seen from 256 fixed random sides."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    norm = float(np.linalg.norm(values))
    if not norm:
        return np.zeros(SKETCH_BITS)
    raw = np.random.default_rng(_seed(f"{name} {len(values)}")).bytes(SKETCH_BITS * len(values) // 8 + 1)
    signs = np.unpackbits(np.frombuffer(raw, np.uint8))
    sides = signs[: SKETCH_BITS * len(values)].reshape(SKETCH_BITS, len(values)).astype(np.float64) * 2 - 1
    return np.asarray(sides @ (values / norm))


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _hex(total: Floats) -> str:
    return np.packbits(total > 0).tobytes().hex()
