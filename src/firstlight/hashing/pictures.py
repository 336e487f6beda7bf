"""The hash of one picture."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from firstlight.errors import InputError, UnreadableError
from firstlight.hashing.modes import Mode
from firstlight.media import Cage, Source
from firstlight.values import Pdq, PdqHex, Value

PRELOAD: Final = ("firstlight.hashing.tasks",)
"""What a cage that hashes should load before its workers start: `Cage(preload=PRELOAD)`."""

_TASK: Final = "firstlight.hashing.tasks:hash_pdq"


class PictureHash(Value):
    """What hashing says about a picture.

    `pdq` is the hash of the first frame. `width` and `height` are as stored: an EXIF rotation is not applied, as it is
    not by the reference. `orientations` are the hashes of the eight rotations and flips, `pdq` first, in the order of
    `firstlight.hashing.ORIENTATIONS`. `frames` counts an animation's frames or a document's pages.
    """

    pdq: Pdq
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    media_type: str
    frames: Annotated[int, Field(gt=0)] = 1
    orientations: Annotated[tuple[PdqHex, ...], Field(min_length=8, max_length=8)]


def hash_picture(cage: Cage, source: Source, mode: Mode | str = Mode.AUTO) -> PictureHash:
    """The PDQ hash of a picture, made in a caged worker.

    Raises:
        UnreadableError, LimitError: it is no picture, a damaged one, or costs more than the cage allows.
        InputError, StorageError: it could not be opened.
    """
    answer = cage.run(_TASK, source, mode=checked_mode(mode).value)
    return _from_answer(answer)


def checked_mode(mode: Mode | str) -> Mode:
    """The mode of this name.

    Raises:
        InputError: there is none.
    """
    try:
        return Mode(mode)
    except ValueError as e:
        raise InputError(f"{mode!r} is no way to hash.", hint="Use auto or exact.") from e


def _from_answer(answer: dict[str, Any]) -> PictureHash:
    """The worker is not trusted: an answer that does not fit is no hash."""
    try:
        orientations = tuple(answer["orientations"])
        pdq = Pdq(hex=orientations[0], quality=answer["quality"], mode=answer["mode"])
        return PictureHash(
            pdq=pdq,
            width=answer["width"],
            height=answer["height"],
            media_type=answer["media_type"],
            frames=answer["frames"],
            orientations=orientations,
        )
    except (KeyError, IndexError, TypeError, ValidationError) as e:
        raise UnreadableError("The decoder answered nonsense about it.", code="unreadable.worker-died") from e
