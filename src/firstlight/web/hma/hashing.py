"""`/h/hash`: the hashes of media at a URL, or of an upload."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from firstlight.web.access.policy import Permission
from firstlight.web.hma.calls import Asked, Call, CallError, route
from firstlight.web.hma.fetching import fetch
from firstlight.web.hma.signals import Hashed, content_type_named, hash_media, wanted_types


class UrlAsked(Asked):
    """Media at a URL."""

    url: str
    content_type: str | None = None
    types: str | None = None


@route("GET", "/h/hash", Permission.HASH)
def hash_url(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Hash media at a URL."""
    asked = call.asked(UrlAsked)
    return hashed_url(call, asked.url, asked.content_type, asked.types).hashes


@route("POST", "/h/hash", Permission.HASH)
def hash_upload(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Hash one uploaded file; the name of its field is its content type."""
    return hashed_upload(call).hashes


def hashed_url(call: Call, url: str, content_type: str | None, types: str | None) -> Hashed:
    """The hashes of what a URL holds."""
    if content_type:
        wanted_types(call.home, content_type_named(content_type), types)
    content, data = fetch(call.service.settings, url, content_type or None)
    return hash_media(call.service, content, data, wanted_types(call.home, content, types))


def hashed_upload(call: Call) -> Hashed:
    """The hashes of the one file of a form.

    Raises:
        CallError: there is none, or more than one, or its field names no content type.
    """
    if len(call.files) != 1:
        found = "no file" if not call.files else "more than one file"
        raise CallError(
            HTTPStatus.BAD_REQUEST, f"Exactly one file is expected, in a field photo or video: {found} came"
        )
    (name, data), *_ = call.files
    content = content_type_named(name)
    return hash_media(call.service, content, data, wanted_types(call.home, content, call.query.get("types")))
