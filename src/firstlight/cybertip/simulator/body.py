"""Reads request bodies as they stream in: forms of either encoding, and files that are digested and not kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

MAX_FIELD_BYTES = 64 * 1024
"""A form field holds a number; only the file part may be long."""


class BadBodyError(Exception):
    """The body is not what its content type says, or a part is missing."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file part: its name and what was counted and digested while it streamed by."""

    name: str
    size: int
    md5: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Form:
    """The fields and the file of a form."""

    fields: dict[str, str]
    file: ReceivedFile | None = None


class _Parts:
    """Takes the events of the multipart parser."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.file: ReceivedFile | None = None
        self._reset()

    def _reset(self) -> None:
        self._header, self._value = b"", b""
        self._headers: dict[str, bytes] = {}
        self._name, self._file_name, self._is_file = "", "", False
        self._field = bytearray()
        self._md5, self._sha256, self._size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0

    def on_part_begin(self) -> None:
        self._reset()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value
        self._header, self._value = b"", b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = b"filename" in options or self._name == "file"
        self._file_name = options.get(b"filename", b"").decode("utf-8", "replace")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = data[start:end]
        if self._is_file:
            self._md5.update(part)
            self._sha256.update(part)
            self._size += len(part)
            return
        self._field += part
        if len(self._field) > MAX_FIELD_BYTES:
            raise BadBodyError("A form field is too long.")

    def on_part_end(self) -> None:
        if self._is_file:
            self.file = ReceivedFile(self._file_name, self._size, self._md5.hexdigest(), self._sha256.hexdigest())
        else:
            self.fields[self._name] = self._field.decode("utf-8", "replace")


def _multipart(boundary: bytes, chunks: Iterator[bytes]) -> Form:
    parts = _Parts()
    ended: list[bool] = []
    callbacks: dict[str, Any] = {name: getattr(parts, name) for name in dir(parts) if name.startswith("on_")}
    callbacks["on_end"] = lambda: ended.append(True)
    try:
        parser = MultipartParser(boundary, callbacks=callbacks)  # type: ignore[arg-type]
        for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as e:
        raise BadBodyError(str(e)) from e
    if not ended:
        raise BadBodyError("The multipart body has no end.")
    return Form(parts.fields, parts.file)


def read_all(chunks: Iterator[bytes], limit: int) -> bytes:
    """The whole body.

    Raises:
        BadBodyError: it is longer than the limit.
    """
    out = bytearray()
    for chunk in chunks:
        out += chunk
        if len(out) > limit:
            raise BadBodyError(f"The body is longer than {limit} bytes.")
    return bytes(out)


def require_xml(content_type: str) -> None:
    """Accept a content type that says XML.

    Raises:
        BadBodyError: it says something else.
    """
    if content_type.partition(";")[0].strip().lower() not in ("text/xml", "application/xml"):
        raise BadBodyError(f"Content type {content_type!r} is not supported.")


def read_form(content_type: str, chunks: Iterator[bytes]) -> Form:
    """The form that a body holds, in either encoding.

    Raises:
        BadBodyError: it holds none.
    """
    kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
    if kind == b"multipart/form-data" and options.get(b"boundary"):
        return _multipart(options[b"boundary"], chunks)
    if kind == b"application/x-www-form-urlencoded":
        text = read_all(chunks, MAX_FIELD_BYTES).decode("utf-8", "replace")
        return Form({name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()})
    raise BadBodyError(f"The content type {content_type!r} is no form.")
