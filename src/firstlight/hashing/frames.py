"""Hashes of moving pictures: the key frames of animations and videos, with their times, compared as sets."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from firstlight.errors import InputError, UnreadableError
from firstlight.media import Cage, Source
from firstlight.values import Pdq, PdqHex, Value

FRAMES_PRELOAD: Final = ("firstlight.hashing.frame_tasks",)
"""What a cage that hashes moving pictures should load before its workers start."""

KEY_DISTANCE: Final = 15
"""A frame is kept when it is further than this from the one kept before: half of the usual threshold of 31, so that a
frame left out lies closer to a kept one than two copies of a frame may lie apart."""

MAX_KEPT: Final = 500
"""Frames kept of one film: a cut every fifteen seconds for two hours."""

MATCH_THRESHOLD: Final = 31
"""Bits up to which two frames count as copies, as for pictures."""

MATCH_QUALITY: Final = 50
"""Frames below this quality (black, fades, plain titles) are in every film and say nothing."""

MATCH_SHARE: Final = 0.8
"""Share of one film's telling frames that the other must hold to be called a copy or an excerpt of it."""

_TASK: Final = "firstlight.hashing.frame_tasks:hash_frames"


class FrameHash(Value):
    """One key frame: its number among the frames looked at, its time from the start, and its hash.

    `orientations` are the hashes of its eight rotations and flips, `pdq` first, where they are known; they are not part
    of its JSON.
    """

    index: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0)]
    pdq: Pdq
    orientations: tuple[PdqHex, ...] = Field(default=(), exclude=True, repr=False)


class FramesHash(Value):
    """The key frames of a moving picture that differ from one another, in order of time.

    `looked_at` counts the frames that were decoded. `complete` is false when the end was not reached: the file is
    damaged or the limit on frames came first. `seconds` is the length that the file claims, if it does.
    """

    media_type: str
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    seconds: Annotated[float, Field(ge=0)] | None = None
    frames: Annotated[tuple[FrameHash, ...], Field(min_length=1, max_length=MAX_KEPT)]
    looked_at: Annotated[int, Field(gt=0)]
    complete: bool


class FramesMatch(Value):
    """How much of each of two moving pictures is in the other, as shares (0 to 1) of their telling frames."""

    share_of_first: Annotated[float, Field(ge=0, le=1)]
    share_of_second: Annotated[float, Field(ge=0, le=1)]
    closest: Annotated[int, Field(ge=0, le=256)]

    @property
    def is_copy(self) -> bool:
        """Whether one is a copy or an excerpt of the other."""
        return max(self.share_of_first, self.share_of_second) >= MATCH_SHARE


def hash_frames(cage: Cage, source: Source) -> FramesHash:
    """The hashes of an animation's or a video's key frames, made in a caged worker. A still picture has one frame.

    Raises:
        MissingExtraError: it is a video, and PyAV is not installed.
        UnreadableError, LimitError: no frame can be decoded, or it costs more than the cage allows.
        InputError, StorageError: it could not be opened.
    """
    answer = cage.run(_TASK, source, key_distance=KEY_DISTANCE, most=MAX_KEPT)
    return _from_answer(answer)


def _from_answer(answer: dict[str, Any]) -> FramesHash:
    """The worker is not trusted: an answer that does not fit is no hash."""
    try:
        frames = tuple(
            FrameHash(
                index=index,
                seconds=seconds,
                pdq=Pdq(hex=turned[0], quality=quality, mode=mode),
                orientations=tuple(turned),
            )
            for index, seconds, turned, quality, mode in answer.pop("frames")
        )
        return FramesHash(frames=frames, **answer)
    except (KeyError, IndexError, TypeError, ValueError, ValidationError) as e:
        raise UnreadableError("The decoder answered nonsense about it.", code="unreadable.worker-died") from e


def compare_frames(
    first: FramesHash, second: FramesHash, *, threshold: int = MATCH_THRESHOLD, min_quality: int = MATCH_QUALITY
) -> FramesMatch:
    """Compare two moving pictures as sets: each telling frame looks for one within `threshold` in the other.

    Order and time are not looked at, so that a re-cut or slowed copy matches. Films without a telling frame match
    nothing.

    Raises:
        InputError: the threshold is no number of bits.
    """
    if not 0 <= threshold <= 256:
        raise InputError(f"{threshold} is no number of bits.", hint="Use 0 to 256; 31 is usual.")
    ours, theirs = _telling(first, min_quality), _telling(second, min_quality)
    closest_to_ours, closest_to_theirs = [256] * len(ours), [256] * len(theirs)
    for i, one in enumerate(ours):
        for j, other in enumerate(theirs):
            bits = (one ^ other).bit_count()
            closest_to_ours[i] = min(closest_to_ours[i], bits)
            closest_to_theirs[j] = min(closest_to_theirs[j], bits)
    return FramesMatch(
        share_of_first=_share(closest_to_ours, threshold),
        share_of_second=_share(closest_to_theirs, threshold),
        closest=min(closest_to_ours, default=256),
    )


def _telling(film: FramesHash, min_quality: int) -> list[int]:
    return [int(frame.pdq.hex, 16) for frame in film.frames if frame.pdq.quality >= min_quality]


def _share(closest: list[int], threshold: int) -> float:
    return sum(bits <= threshold for bits in closest) / len(closest) if closest else 0.0
