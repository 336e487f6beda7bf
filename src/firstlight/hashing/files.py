"""Hashing many files: digests and PDQ, with constant memory and no file that stops the others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from firstlight.errors import FirstlightError, StorageError
from firstlight.hashing.digests import digest_stream
from firstlight.hashing.modes import Mode
from firstlight.hashing.pictures import checked_mode, hash_picture
from firstlight.media import SNIFF_BYTES, Cage, opened, sniff
from firstlight.values import Document, ErrorNote, Md5Hex, PdqHex, PdqMode, Sha1Hex, Sha256Hex


class FileHash(Document):
    """The hashes of one file; as JSON only the fields that are known.

    A file that cannot be opened has an `error` and nothing else; one that is no readable picture has its digests and
    an `error`. `file` is the name as text: bytes that are no UTF-8 are written as `\\xNN`.
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
    error: ErrorNote | None = None

    @model_serializer(mode="wrap")
    def _known_fields(self, standard: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in standard(self).items() if value is not None}


def hash_files(
    cage: Cage, paths: Iterable[Path], mode: Mode | str = Mode.AUTO, *, ordered: bool = True
) -> Iterator[FileHash]:
    """The hashes of each file, in the order given or as they come; the digests first, then PDQ of the same open file.

    Memory is constant, whatever the number of files. A file that cannot be hashed answers its error as a document.

    Raises:
        InputError: there is no such mode.
    """
    checked = checked_mode(mode)
    return cage.each(lambda path: hash_file(cage, path, checked), paths, ordered=ordered)


def hash_file(cage: Cage, path: Path, mode: Mode | str = Mode.AUTO) -> FileHash:
    """The hashes of one file; never raises for what is wrong with the file.

    Raises:
        InputError: there is no such mode.
        StateError: the cage is closed.
    """
    checked = checked_mode(mode)
    known: dict[str, Any] = {"file": os.fsencode(path).decode("utf-8", "backslashreplace")}
    try:
        with opened(path) as file:
            known["media_type"] = sniff(_head(file.fileno())).value
            known |= digest_stream(file).model_dump()
            made = hash_picture(cage, file, checked)
    except FirstlightError as e:
        if e.code == "state":
            raise
        note = e.diagnostics()
        return FileHash(**known, error=ErrorNote(code=note.code, message=note.message, hint=note.hint))
    return FileHash(
        **known,
        pdq=made.pdq.hex,
        pdq_quality=made.pdq.quality,
        pdq_mode=made.pdq.mode,
        width=made.width,
        height=made.height,
    )


def _head(fd: int) -> bytes:
    try:
        return os.pread(fd, SNIFF_BYTES, 0)
    except OSError as e:
        raise StorageError(f"Reading stopped: {e.strerror}.", hint="Check the disk; the file may be damaged.") from e
