"""A picture as the gate sees it: its bytes, their digests, and what a caged worker says of its pixels."""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from firstlight.errors import LimitError, UnreadableError
from firstlight.hashing import (
    FRAMES_PRELOAD,
    ORIENTATIONS,
    PRELOAD,
    FrameHash,
    Mode,
    PictureHash,
    digest_stream,
    hash_frames,
    hash_picture,
)
from firstlight.media import SNIFF_BYTES, Cage, sniff
from firstlight.values import Digests, Pdq

GATE_PRELOAD: Final = (*PRELOAD, *FRAMES_PRELOAD, "firstlight.gate.pixels")
"""What the cage of a gate has to load: `Cage(preload=GATE_PRELOAD)`."""

LARGEST_PICTURE: Final = 64 * 2**20
"""Bytes of one input or output: generators take and answer a tenth of it. Larger ones are refused."""

NEAR: Final = 31
"""Bits up to which two pictures count as near-duplicates: the threshold of PDQ's makers."""

MIN_QUALITY: Final = 50
"""PDQ quality from which a distance between two pictures means anything."""


_WORTH_A_THREAD: Final = 1 << 17
"""Bytes from which the digests are taken while a worker decodes: they take as long as handing them to a thread."""

_decoding = ThreadPoolExecutor(thread_name_prefix="gate-decoding")
"""They wait for workers. The digests stay in the calling thread: woken on its core they would hold up what it hands to
the worker, and that is what takes longest."""


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """A picture that was looked at. `frames` holds the key frames of one that moves."""

    data: bytes = field(repr=False)
    digests: Digests
    media_type: str
    hash: PictureHash
    frames: tuple[FrameHash, ...] = ()

    @property
    def turned(self) -> dict[str, Pdq]:
        """The hashes of the seven other orientations, by name."""
        pairs = zip(ORIENTATIONS[1:], self.hash.orientations[1:], strict=True)
        return {name: self.hash.pdq.model_copy(update={"hex": digits}) for name, digits in pairs}


def look_at(cage: Cage, data: bytes) -> SeenPicture:
    """Digest the bytes, and meanwhile have them decoded and hashed in a caged worker.

    Raises:
        UnreadableError, LimitError: it is no picture that can be decoded here, or moves and its end cannot be reached.
        StateError, ...: the cage is closed.
    """
    if len(data) > LARGEST_PICTURE:
        raise LimitError(f"The picture has {len(data)} bytes; {LARGEST_PICTURE} are taken.", code="limit.bytes")
    at_once = len(data) >= _WORTH_A_THREAD
    hashing = _decoding.submit(hash_picture, cage, data, Mode.AUTO) if at_once else None
    digests = digest_stream(io.BytesIO(data))
    found = hashing.result() if hashing is not None else hash_picture(cage, data, Mode.AUTO)
    frames: tuple[FrameHash, ...] = ()
    if found.frames > 1:
        moving = hash_frames(cage, data)
        if not moving.complete:
            raise UnreadableError("It moves, and its end was not reached.", code="unreadable.incomplete")
        frames = moving.frames
    return SeenPicture(data, digests, sniff(data[:SNIFF_BYTES]).value, found, frames)


def plain_picture(side: int = 64) -> bytes:
    """A small PNG of grey squares, for trying whether pictures can be looked at. It has detail enough to be searched
    for by its pixels: what has none leaves half of the way untried."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\x00" + bytes((x // 8 * 37 + y // 8 * 91) % 256 for x in range(side)) for y in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def square_of(cage: Cage, data: bytes, side: int) -> tuple[bytes, int]:
    """The middle square of a picture as RGB bytes and its side, at most `side`, decoded in a caged worker.

    Raises:
        UnreadableError, LimitError: it cannot be decoded.
    """
    answer: dict[str, Any] = cage.run("firstlight.gate.pixels:square", data, side=side)
    rgb, found = answer.get("rgb"), answer.get("side")
    if not isinstance(rgb, bytes) or not isinstance(found, int) or len(rgb) != found * found * 3:
        raise UnreadableError("The decoder answered nonsense about it.", code="unreadable.worker-died")
    return rgb, found


def distance(first: SeenPicture, second: SeenPicture) -> int | None:
    """Bits between two pictures in the orientation where they are closest; None when they say too little to compare."""
    if min(first.hash.pdq.quality, second.hash.pdq.quality) < MIN_QUALITY:
        return None
    own = int(first.hash.pdq.hex, 16)
    return min((own ^ int(other, 16)).bit_count() for other in second.hash.orientations)
