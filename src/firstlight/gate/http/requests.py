"""Reads a request to an image endpoint into what it asks for, and writes it anew for the generator.

It is read once and written anew from what was read, so that no field can mean one thing here and another there. Files
stay in memory: a picture that will be refused must not lie in a temporary file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from firstlight.errors import InputError
from firstlight.gate.checks import Prompt
from firstlight.gate.pictures import LARGEST_PICTURE
from firstlight.media import SNIFF_BYTES, MediaType, sniff

LARGEST_REQUEST: Final = 4 * LARGEST_PICTURE
"""Bytes of one request, held in memory."""

MOST_FIELDS: Final = 200

LONGEST_NAME: Final = 256
"""Characters of a model's or an account's name."""

_NEGATIVE: Final = ("negative_prompt", "negative")
_PLAIN: Final = frozenset(
    {
        *("model", "size", "quality", "style", "background", "moderation", "output_format", "response_format"),
        *("input_fidelity", "complexity", "user", "safety_identifier", "stream", "n"),
    }
)
"""Fields of a few fixed words, which no generator reads as a wish."""

_LONG: Final = 256
"""Characters from which a text may be a picture in disguise."""

_HIDDEN: Final = ("mask",)


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file."""

    name: str
    filename: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What a request asks for. `inputs` went in as pictures; `masks` only say where to change one."""

    fields: dict[str, Any]
    files: tuple[File, ...]
    inputs: tuple[bytes, ...] = field(repr=False)
    masks: tuple[bytes, ...] = field(repr=False)
    prompt: Prompt
    is_json: bool

    @property
    def model(self) -> str:
        """The model it asks for; empty when it leaves that to the generator."""
        return _whole(str(self.fields.get("model") or ""))[:LONGEST_NAME]

    @property
    def account(self) -> str:
        """The user whom the calling service names; a name that is none is told by its digest."""
        named = str(self.fields.get("safety_identifier") or self.fields.get("user") or "")
        if len(named) <= LONGEST_NAME and named.isprintable():
            return named
        return f"sha256-{hashlib.sha256(named.encode('utf-8', 'surrogatepass')).hexdigest()}"

    @property
    def streams(self) -> bool:
        """Whether it asks for a stream of events."""
        return str(self.fields.get("stream") or "").lower() == "true"

    def forwarded(self) -> dict[str, Any]:
        """The request as arguments for httpx."""
        if self.is_json:
            return as_json(self.fields)
        files = [(one.name, (one.filename, one.data, one.content_type)) for one in self.files]
        return {"data": self.fields, "files": files}


async def read_request(request: Request) -> ImageRequest:
    """The request.

    Raises:
        InputError: it is no such request, is too large, or holds a picture where nobody can look at it.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if int(request.headers.get("content-length") or 0) > LARGEST_REQUEST:
        raise InputError("The request is too large.")
    if kind == "application/json":
        fields = json_object(await body_of(request, LARGEST_REQUEST))
        return _request(fields, (), is_json=True)
    if kind == "multipart/form-data":
        fields, files = await form_of(request)
        return _request(fields, files, is_json=False)
    raise InputError("The request is neither JSON nor a form.", hint="Send application/json or multipart/form-data.")


async def body_of(request: Request, limit: int) -> bytes:
    """The whole body, in memory.

    Raises:
        InputError: it is larger than the limit.
    """
    out = bytearray()
    async for piece in request.stream():
        out += piece
        if len(out) > limit:
            raise InputError("The request is too large.")
    return bytes(out)


def json_object(data: bytes) -> dict[str, Any]:
    """The JSON object that a body holds.

    Raises:
        InputError: it holds something else.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise InputError("The request holds no JSON.") from e
    if not isinstance(found, dict):
        raise InputError("The request holds no JSON object.")
    return found


def as_json(fields: dict[str, Any]) -> dict[str, Any]:
    """A JSON body as arguments for httpx; halves of surrogate pairs and what is no number go on as they came."""
    return {"content": json.dumps(fields).encode(), "headers": {"content-type": "application/json"}}


async def form_of(request: Request) -> tuple[dict[str, Any], tuple[File, ...]]:
    """The fields and files of a form, in memory.

    Raises:
        InputError: it cannot be read, or is larger than `LARGEST_REQUEST`.
    """

    async def limited() -> Any:  # noqa: ANN401 - an asynchronous generator of bytes
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > LARGEST_REQUEST:
                raise MultiPartException("too large")
            yield piece

    parser = MultiPartParser(request.headers, limited(), max_files=64, max_fields=MOST_FIELDS, max_part_size=2**20)
    parser.spool_max_size = LARGEST_REQUEST + 1  # in memory, whatever happens
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as e:
        raise InputError("The form cannot be read, or is too large.") from e
    fields: dict[str, Any] = {}
    files: list[File] = []
    for key, value in form.multi_items():
        if isinstance(value, UploadFile):
            data = await value.read()
            files.append(File(key, value.filename or "file", value.content_type or "application/octet-stream", data))
        else:
            if key in fields and not isinstance(fields[key], list):
                fields[key] = [fields[key]]
            fields[key] = [*fields[key], value] if key in fields else value
    await form.close()
    if not fields and not files:
        raise InputError("The form is empty, or broke off.")
    return fields, tuple(files)


def _request(fields: dict[str, Any], files: tuple[File, ...], *, is_json: bool) -> ImageRequest:
    inputs = [one.data for one in files if one.name not in _HIDDEN]
    masks = [one.data for one in files if one.name in _HIDDEN]
    words: list[str] = []
    negative: list[str] = []
    for path, text in _texts(fields):
        picture = picture_in(text)
        if picture is not None:
            (masks if path[0] in _HIDDEN else inputs).append(picture)
        elif path[0] in _NEGATIVE:
            negative.append(text)
        elif path[0] not in _PLAIN or len(text) > _LONG:
            words.append(text)
    prompt = Prompt(_whole("\n".join(words)), _whole("\n".join(negative)), seed=seed_in(fields))
    return ImageRequest(fields, files, tuple(inputs), tuple(masks), prompt, is_json)


def seed_in(fields: Mapping[str, Any]) -> str:
    """The seed that a request names, as its digits; empty when it names none."""
    seed = fields.get("seed")
    digits = str(seed) if isinstance(seed, str | int) and not isinstance(seed, bool) else ""
    return digits if re.fullmatch(r"-?[0-9]{1,40}", digits) else ""


def _whole(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON can name and nothing can write."""
    return text.encode("utf-8", "replace").decode()


def _texts(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a request, with the names of the fields it stands in."""
    if len(path) > 32:
        raise InputError("The request is nested too deeply.")
    if isinstance(value, str):
        yield path or ("",), value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)


def picture_in(text: str) -> bytes | None:
    """The picture that a text holds, as a data URL or as base64; None for words.

    Raises:
        InputError: it names a place elsewhere, which a gate does not visit, or holds something that is no picture.
    """
    start = text[:16].strip().lower()
    if start.startswith(("http://", "https://", "file:", "ftp:")) and not any(c.isspace() for c in text.strip()):
        raise InputError("Pictures by address cannot be looked at.", hint="Send the picture itself.", code="input.url")
    if start.startswith("data:"):
        _, _, body = text.partition(",")
        return _decoded(body, must=True)
    return _decoded(text, must=False) if len(text) >= _LONG else None


def _decoded(text: str, *, must: bool) -> bytes | None:
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as e:
        if must:
            raise InputError("The picture in the request is no base64.", code="input.picture") from e
        return None
    is_picture = sniff(data[:SNIFF_BYTES]) not in (MediaType.EMPTY, MediaType.UNKNOWN)
    return data if must or is_picture else None
