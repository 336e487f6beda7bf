"""Hashing many files: digests and PDQ, with constant memory and no file that stops the others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from firstlight.errors import FirstlightError, StorageError
from firstlight.hashing.digests import digest_stream
from firstlight.hashing.frames import FrameHash, FramesHash, hash_frames
from firstlight.hashing.modes import Mode
from firstlight.hashing.pictures import PictureHash, checked_mode, hash_picture
from firstlight.media import SNIFF_BYTES, Cage, Source, opened, sniff
from firstlight.values import Document, ErrorNote, Md5Hex, PdqHex, PdqMode, Sha1Hex, Sha256Hex


class FileHash(Document):
    """The hashes of one file; as JSON only the fields that are known.

    A file that cannot be opened has an `error` and nothing else; one that is no readable picture has its digests and
    an `error`. `file` is the name as text: bytes that are no UTF-8 are written as `\\xNN`.

    Where frames were asked for, `frames` are the key frames that differ, in order of time (a still picture has one),
    `seconds` is the length that a video claims, and `frames_complete` is false when its end was not reached.
    """

    title_for_people: ClassVar[str] = "record of a file's hashes"

    file: str
    md5: Md5Hex | None = None
    sha1: Sha1Hex | None = None
    sha256: Sha256Hex | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    media_type: str | None = None
    pdq: PdqHex | None = None
    pdq_quality: Annotated[int, Field(ge=0, le=100)] | None = None
    pdq_mode: PdqMode | None = None
    width: int | None = None
    height: int | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None
    frames: tuple[FrameHash, ...] | None = None
    frames_complete: bool | None = None
    error: ErrorNote | None = None

    @model_serializer(mode="wrap")
    def _known_fields(self, standard: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in standard(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class HashedFile:
    """The record of a file, and what hashing knows of the picture beyond it, such as its eight orientations."""

    record: FileHash
    picture: PictureHash | None = None


def hash_files(
    cage: Cage, paths: Iterable[Path], mode: Mode | str = Mode.AUTO, *, ordered: bool = True, frames: bool = False
) -> Iterator[FileHash]:
    """The hashes of each file, in the order given or as they come; the digests first, then PDQ of the same open file.

    With `frames`, also the key frames of animations and videos; load `FRAMES_PRELOAD` into the cage for it.

    Memory is constant, whatever the number of files. A file that cannot be hashed answers its error as a document.

    Raises:
        InputError: there is no such mode.
    """
    checked = checked_mode(mode)
    return cage.each(lambda path: hash_file(cage, path, checked, frames=frames), paths, ordered=ordered)


def hash_file(cage: Cage, path: Path, mode: Mode | str = Mode.AUTO, *, frames: bool = False) -> FileHash:
    """The record of one file; see `hash_file_whole`."""
    return hash_file_whole(cage, path, mode, frames=frames).record


def hash_file_whole(cage: Cage, path: Path, mode: Mode | str = Mode.AUTO, *, frames: bool = False) -> HashedFile:
    """The hashes of one file; never raises for what is wrong with the file.

    Raises:
        InputError: there is no such mode.
        StateError: the cage is closed.
    """
    checked = checked_mode(mode)
    known: dict[str, Any] = {"file": os.fsencode(path).decode("utf-8", "backslashreplace")}
    picture: PictureHash | None = None
    try:
        with opened(path) as file:
            media_type = sniff(_head(file.fileno()))
            known["media_type"] = media_type.value
            known |= digest_stream(file).model_dump()
            if not (frames and media_type.is_video):
                picture = hash_picture(cage, file, checked)
                known |= _of_picture(picture)
            if frames:
                known |= _of_frames(cage, file, picture)
    except FirstlightError as e:
        if e.code == "state":
            raise
        note = e.diagnostics()
        known["error"] = ErrorNote(code=note.code, message=note.message, hint=note.hint)
    return HashedFile(FileHash(**known), picture)


def key_frames(cage: Cage, source: Source, picture: PictureHash | None) -> FramesHash:
    """The key frames of a source of which `picture` is known; a still picture is not decoded a second time.

    Raises: as `hash_frames`.
    """
    if picture is None or picture.frames > 1:
        return hash_frames(cage, source)
    only = FrameHash(index=0, seconds=0, pdq=picture.pdq, orientations=picture.orientations)
    return FramesHash(
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        frames=(only,),
        looked_at=1,
        complete=True,
    )


def _of_picture(made: PictureHash) -> dict[str, Any]:
    return {
        "pdq": made.pdq.hex,
        "pdq_quality": made.pdq.quality,
        "pdq_mode": made.pdq.mode,
        "width": made.width,
        "height": made.height,
    }


def _of_frames(cage: Cage, source: Source, picture: PictureHash | None) -> dict[str, Any]:
    made = key_frames(cage, source, picture)
    return {
        "width": made.width,
        "height": made.height,
        "seconds": made.seconds,
        "frames": made.frames,
        "frames_complete": made.complete,
    }


def _head(fd: int) -> bytes:
    try:
        return os.pread(fd, SNIFF_BYTES, 0)
    except OSError as e:
        raise StorageError(f"Reading stopped: {e.strerror}.", hint="Check the disk; the file may be damaged.") from e
