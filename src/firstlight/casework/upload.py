"""What the service knows about how an item came in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, IPvAnyAddress, TypeAdapter, ValidationError

from firstlight.errors import InputError
from firstlight.media import opened
from firstlight.triage import Context
from firstlight.values import Document, Instant, Versioned

LARGEST_ABOUT_FILE = 256 * 1024 * 1024  # bytes; a hundred thousand uploads fit many times over
LONGEST_TEXT = 8192  # characters; longer than any name or address in use, and an event of the custody log takes it


class Upload(Document):
    """Facts of the upload, as the service states them. Nothing here is read from the file itself."""

    title_for_people: ClassVar[str] = "upload"

    kind: Literal["upload"] = "upload"
    version: Versioned = 1
    name: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    account: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    url: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    uploaded_at: Instant | None = None
    ip: IPvAnyAddress | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    publicly_available: bool | None = None
    context: Context = Context()


_ABOUT = TypeAdapter(dict[str, Upload])


def read_about(path: Path) -> dict[str, Upload]:
    """What an `--about` file says: a JSON object of file name to upload facts.

    Raises:
        InputError: it cannot be read, or says something that is no upload fact; the message names the place.
    """
    hint = 'It is one JSON object: {"picture.jpg": {"account": "u17", "uploaded_at": "2026-03-01T10:00:00Z"}}.'
    try:
        with opened(path) as file:
            data = file.read(LARGEST_ABOUT_FILE + 1)
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}.") from e
    if len(data) > LARGEST_ABOUT_FILE:
        raise InputError(f"{path} is too large for an about file.", hint="Split it, one for each folder.")
    try:
        return _ABOUT.validate_json(data)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{part} > " for part in first["loc"]).removesuffix(" > ")
        raise InputError(f"{path}: {where + ': ' if where else ''}{first['msg']}.", hint=hint) from e
