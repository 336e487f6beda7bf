"""What the service knows about how an item came in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, IPvAnyAddress, TypeAdapter, ValidationError

from firstlight.errors import InputError
from firstlight.triage import Context
from firstlight.values import Document, Instant, Versioned

LARGEST_ABOUT_FILE = 256 * 1024 * 1024  # bytes; a hundred thousand uploads fit many times over


class Upload(Document):
    """Facts of the upload, as the service states them. Nothing here is read from the file itself."""

    title_for_people: ClassVar[str] = "upload"

    kind: Literal["upload"] = "upload"
    version: Versioned = 1
    name: str = ""
    account: str = ""
    url: str = ""
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
        if path.stat().st_size > LARGEST_ABOUT_FILE:
            raise InputError(f"{path} is too large for an about file.", hint="Split it, one for each folder.")
        data = json.loads(path.read_bytes())
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}.") from e
    except ValueError as e:
        raise InputError(f"{path} is no JSON: {e}.", hint=hint) from e
    try:
        return _ABOUT.validate_python(data)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = " > ".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {where}: {first['msg']}.", hint=hint) from e
