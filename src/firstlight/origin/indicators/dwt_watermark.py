"""The open watermark of Stable Diffusion, SDXL and FLUX programs: known bits in the blue-difference channel.

The picture's U channel is halved by a Haar transform; in each block of 4 x 4 coefficients the largest one (the first
left out) tells one bit by where it falls within a step of 36. The bits repeat over the picture and are decided by
vote. The payloads are public, so a hit is a statement that anyone can plant; a miss is no information.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from firstlight.errors import Fact
from firstlight.origin.evidence import Evidence
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.statement import PLANTABLE, Kind, Statement, own_source

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

SEEN: Final = Statement(
    name="pixels.dwt_watermark",
    claim=Claim.SYNTHETIC,
    strength=PLANTABLE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.PIXELS,
    family=Family.PIXELS,
    says="The pixels hold the open watermark of {who} ({right} of {bits} bits). Its payload is public: anyone can put "
    "it into any picture.",
    does_not_say="That the picture was made by that program, or that no photograph of a child went in.",
)

KIND: Final = Kind(
    name="dwt_watermark",
    title="Open watermark in the pixels",
    reads="the U channel of pictures from 256 x 256 pixels on (dwtDct, payloads of 32, 46, 48 and 136 bits)",
    statements=(SEEN,),
)


@dataclass(frozen=True, slots=True)
class Payload:
    """A known message, and how many of its bits have to be right.

    `chance` is how often independent fair bits would reach that; real pictures' bits are not independent, so a hit
    also needs a mixed decode and a clear vote.
    """

    name: str
    who: str
    bits: tuple[int, ...]
    needed: int
    chance: float


def _of_text(text: bytes) -> tuple[int, ...]:
    return tuple(int(bit) for byte in text for bit in f"{byte:08b}")


def _of_number(number: int) -> tuple[int, ...]:
    return tuple(int(bit) for bit in f"{number:b}")  # leading zeros are dropped, as those programs do


PAYLOADS: Final = (
    Payload("sd1", "Stable Diffusion 1", _of_text(b"StableDiffusionV1"), 120, 3.5e-21),
    Payload("sd2", "Stable Diffusion 2", _of_text(b"SDV2"), 32, 2.3e-10),
    Payload("sdxl", "Stable Diffusion XL", _of_number(0xB3EC907BB19E), 45, 6.6e-11),
    Payload("flux", "FLUX", _of_number(0x2AFE879CF52E), 44, 1.5e-11),
)

MIN_SIDE: Final = 256
"""The programs do not mark smaller pictures."""

_STEP: Final = 36
_BLOCK: Final = 4

MIN_MARGIN: Final = 0.25
"""How clear the votes have to be on average: 0 for a coin, 1 for unanimous blocks."""

MIXED: Final = (0.15, 0.85)
"""The share of ones in a decode that is not an artefact: flat pictures decode to all ones or all zeros."""


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for each payload that is there."""
    picture = evidence.picture()
    if picture is None or min(picture.size) < MIN_SIDE:
        return []
    found = block_bits(picture)
    out = []
    for payload in PAYLOADS:
        right, margin = decode(found, payload)
        if right >= payload.needed and margin >= MIN_MARGIN:
            bits = len(payload.bits)
            facts: dict[str, Fact] = {"payload": payload.name, "right": right, "bits": bits, "margin": round(margin, 3)}
            words = {"who": payload.who, "right": str(right), "bits": str(bits)}
            out.append(SEEN.indicator(own_source("U channel"), facts=facts, **words))
    return out


def block_bits(picture: Image.Image) -> npt.NDArray[np.bool_]:
    """One bit for each block of the picture, row by row."""
    import numpy as np

    colours = picture.convert("RGB")
    rows, columns = colours.height // 4 * 4, colours.width // 4 * 4
    blue = np.asarray(colours.getchannel("B"), dtype=np.int16)[:rows, :columns]
    luma = np.asarray(colours.convert("L"), dtype=np.int16)[:rows, :columns]
    differences = np.arange(-255, 256)
    u_of = np.clip(np.rint(differences * 0.492 + 128), 0, 255).astype(np.int16)
    u = u_of[blue - luma + 255]
    halved = (u[0::2, 0::2] + u[0::2, 1::2] + u[1::2, 0::2] + u[1::2, 1::2]) / np.float32(2)
    down, across = halved.shape[0] // _BLOCK, halved.shape[1] // _BLOCK
    blocks = halved[: down * _BLOCK, : across * _BLOCK].reshape(down, _BLOCK, across, _BLOCK)
    flat = blocks.transpose(0, 2, 1, 3).reshape(down * across, _BLOCK * _BLOCK)[:, 1:]
    largest: npt.NDArray[Any] = flat.max(axis=1)
    bits: npt.NDArray[np.bool_] = largest % _STEP > _STEP / 2
    return bits


def decode(found: npt.NDArray[np.bool_], payload: Payload) -> tuple[int, float]:
    """How many bits of a payload are right, and how clear the votes are; (0, 0) when the decode is an artefact."""
    import numpy as np

    length = len(payload.bits)
    place = np.arange(len(found)) % length
    voters = np.bincount(place, minlength=length)
    if voters.min() == 0:
        return 0, 0.0
    shares = np.bincount(place, weights=found, minlength=length) / voters
    bits = shares * 255 > 127
    if not MIXED[0] <= bits.mean() <= MIXED[1]:
        return 0, 0.0
    return int((bits == np.array(payload.bits, dtype=bool)).sum()), float(np.abs(shares - 0.5).mean() * 2)
