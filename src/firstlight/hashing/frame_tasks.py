"""The frame hashing task: what runs inside the cage. Animations are Pillow's, videos are PyAV's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from firstlight.errors import LimitError, UnreadableError
from firstlight.hashing import pdq
from firstlight.hashing.tasks import pixels_of
from firstlight.hashing.tasks import prepare as prepare
from firstlight.media.limits import Limits
from firstlight.media.pictures import check_pixels, decoding, frame_total, open_picture
from firstlight.media.task import CagedFile
from firstlight.media.videos import length, open_video
from firstlight.values import PdqMode

_DEFAULT_FRAME_SECONDS = 0.1
_LONGEST_FRAME = 86_400_000  # milliseconds: what claims more than a day claims nonsense


@dataclass(frozen=True, slots=True)
class _Head:
    width: int
    height: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class _Frame:
    seconds: float
    made: pdq.RawPdq
    mode: PdqMode


def hash_frames(file: CagedFile, limits: Limits, *, key_distance: int, most: int) -> dict[str, Any]:
    """PDQ of the frames that differ, one after the other, until the end, the first damage or the caps."""
    head, frames = _video(file, limits) if file.media_type.is_video else _animation(file, limits)
    kept: list[_Frame] = []
    rows: list[list[Any]] = []
    looked_at, complete = 0, True
    try:
        for frame in frames:
            if len(kept) >= most or looked_at >= limits.frames:
                complete = False
                break
            if not kept or _apart(frame.made.hash, kept[-1].made.hash) > key_distance:
                kept.append(frame)
                turned = [one.hex() for one in frame.made.orientations]
                rows.append([looked_at, frame.seconds, turned, frame.made.quality, frame.mode.value])
            looked_at += 1
    except UnreadableError:
        if not kept:
            raise
        complete = False
    if not kept:
        raise UnreadableError("It holds no frame that can be decoded.", code="unreadable.no-frame")
    return {
        "media_type": file.media_type.value,
        "width": head.width,
        "height": head.height,
        "seconds": head.seconds,
        "frames": rows,
        "looked_at": looked_at,
        "complete": complete,
    }


def _apart(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def _animation(file: CagedFile, limits: Limits) -> tuple[_Head, Iterator[_Frame]]:
    with open_picture(file, limits) as image:
        head = _Head(image.width, image.height, None)
    return head, _animation_frames(file, limits)


def _animation_frames(file: CagedFile, limits: Limits) -> Iterator[_Frame]:
    seconds = 0.0
    with open_picture(file, limits) as counted:
        total = frame_total(counted)
    with open_picture(file, limits) as image:
        for index in range(limits.frames + 1 if total is None else total):
            with decoding(file.media_type):
                image.seek(index)
                check_pixels(image, limits)
                image.load()
                made = pdq.exact(pixels_of(image))
                told = image.info.get("duration")
            yield _Frame(seconds, made, PdqMode.EXACT)
            seconds += _frame_seconds(told)


def _frame_seconds(told: object) -> float:
    if isinstance(told, int | float) and 0 <= told <= _LONGEST_FRAME:
        return told / 1000
    return _DEFAULT_FRAME_SECONDS


def _video(file: CagedFile, limits: Limits) -> tuple[_Head, Iterator[_Frame]]:
    container, stream = open_video(file, limits)
    width, height = int(stream.codec_context.width), int(stream.codec_context.height)
    return _Head(width, height, length(container)), _video_frames(file, container, stream, limits)


def _video_frames(file: CagedFile, container: Any, stream: Any, limits: Limits) -> Iterator[_Frame]:  # noqa: ANN401
    """Only packets that begin a group of pictures are decoded: they need no other frame."""
    with decoding(file.media_type):
        packets = (packet for packet in container.demux(stream) if packet.is_keyframe or packet.dts is None)
        decoded = (frame for packet in packets for frame in packet.decode())
    while True:
        with decoding(file.media_type):
            frame = next(decoded, None)
            if frame is None:
                return
            if frame.width * frame.height > limits.pixels:
                raise LimitError("A frame has too many pixels.", code="limit.pixels")
            plane = np.ascontiguousarray(frame.to_ndarray(format="gray"))
            seconds = max(0.0, float(frame.time or 0.0))
            made = _hash_plane(plane)
        yield _Frame(seconds, made, PdqMode.SCALED)


def _hash_plane(plane: np.ndarray[Any, np.dtype[np.uint8]]) -> pdq.RawPdq:
    """A video's own luma: not the reference's way from RGB, but the same up to a few bits."""
    height, width = plane.shape
    if min(plane.shape) < pdq.MIN_SIDE:
        return pdq.exact(plane)
    return pdq.scaled(plane, (width, height), 1)
