"""The demo's folder of pictures: ordinary, copied with edits, marked, from a camera, and impossible to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import numpy as np

from firstlight.cli.demo import edits, stamps
from firstlight.cli.demo.canvas import Rng
from firstlight.cli.demo.drawing import draw, subject_of
from firstlight.errors import StorageError

_ONE_COPY_IN = 6  # every sixth ordinary picture is there again as an edited copy
_ONE_STAMPED_IN = 25  # for each 25 ordinary pictures, one more that carries a generator's mark
_ONE_PNG_IN = 9
_TAKEN = datetime(2019, 6, 14, 10, 32, 7, tzinfo=UTC)


class Kind(StrEnum):
    """What a file of the demo is."""

    ORDINARY = "ordinary"
    COPY = "copy"
    STAMPED = "stamped"
    CAMERA = "camera"
    FORGED = "forged"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class DemoPicture:
    """One file. `original` is the file it was made from, if any; `how` says in a word or two what was done."""

    path: Path
    kind: Kind
    subject: str
    original: Path | None = None
    how: str = ""


@dataclass(frozen=True, slots=True)
class DemoSet:
    """All files of one demo, in the order in which they were written."""

    folder: Path
    pictures: tuple[DemoPicture, ...]

    def of_kind(self, kind: Kind) -> tuple[DemoPicture, ...]:
        """The files of one kind, in order."""
        return tuple(each for each in self.pictures if each.kind is kind)


def make_pictures(folder: Path, count: int, seed: int, progress: Callable[[int, int], None]) -> DemoSet:
    """Write `count` ordinary pictures into the folder, and beside them copies, marked, camera and unreadable files.

    The same arguments give the same files. `progress(done, total)` is called after each file. A run that was killed
    can be started again: every file is written anew.

    Raises:
        StorageError: the folder cannot be made or written.
    """
    plan = list(_plan(folder, count, seed))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for done, (drawing, picture) in enumerate(plan, 1):
            picture.path.write_bytes(_content(picture, drawing))
            progress(done, len(plan))
    except OSError as e:
        raise StorageError(
            f"The demo's pictures cannot be written to {folder}: {e.strerror or e}.",
            hint="Name another folder, or make room on the disk.",
        ) from e
    return DemoSet(folder, tuple(picture for _, picture in plan))


def _plan(folder: Path, count: int, seed: int) -> Iterator[tuple[int, DemoPicture]]:
    """Each file with the seed of the drawing it shows."""
    for number in range(count):
        drawing, suffix = seed + number, "png" if number % _ONE_PNG_IN == _ONE_PNG_IN - 1 else "jpg"
        path = folder / f"picture-{number:04}.{suffix}"
        yield drawing, DemoPicture(path, Kind.ORDINARY, subject_of(drawing))
        if number % _ONE_COPY_IN == 0:
            how = edits.EDITS[number // _ONE_COPY_IN % len(edits.EDITS)].__name__
            copy = folder / f"picture-{number:04}-{how}.jpg"
            yield drawing, DemoPicture(copy, Kind.COPY, subject_of(drawing), path, how)
    drawing = seed + count
    for turn in range(max(2, count // _ONE_STAMPED_IN)):
        how, suffix = ("parameters", "png") if turn % 2 == 0 else ("source type", "jpg")
        path = folder / f"generated-{turn:02}.{suffix}"
        yield drawing, DemoPicture(path, Kind.STAMPED, subject_of(drawing), how=how)
        drawing += 1
    camera, forged = folder / "camera.jpg", folder / "camera-with-forged-stamp.jpg"
    yield drawing, DemoPicture(camera, Kind.CAMERA, subject_of(drawing))
    yield drawing, DemoPicture(forged, Kind.FORGED, subject_of(drawing), camera, "source type put on afterwards")
    yield drawing, DemoPicture(folder / "empty.jpg", Kind.UNREADABLE, "nothing", how="empty")
    yield drawing + 1, DemoPicture(folder / "cut-off.jpg", Kind.UNREADABLE, subject_of(drawing + 1), how="cut off")


def _content(picture: DemoPicture, seed: int) -> bytes:
    """The bytes of one file; `seed` is that of its drawing."""
    rng: Rng = np.random.default_rng([seed, 1_000_000])
    match picture.kind, picture.how:
        case Kind.UNREADABLE, "empty":
            return b""
        case Kind.UNREADABLE, _:
            whole = edits.as_jpeg(draw(seed))
            return whole[: len(whole) // 2]
        case Kind.COPY, how:
            edit = next(each for each in edits.EDITS if each.__name__ == how)
            return edit(draw(seed), rng)
        case Kind.STAMPED, "parameters":
            return stamps.png_with_parameters(draw(seed), rng)
        case Kind.STAMPED, _:
            return stamps.jpeg_with_source_type(draw(seed))
        case Kind.CAMERA, _:
            return stamps.camera_jpeg(draw(seed), _TAKEN, rng)
        case Kind.FORGED, _:
            return stamps.stamped_as_generated(stamps.camera_jpeg(draw(seed), _TAKEN, rng))
        case _:
            return edits.as_png(draw(seed)) if picture.path.suffix == ".png" else edits.as_jpeg(draw(seed))
