"""Media at a URL: fetched from hosts that the operator named, and from no other."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import httpx

from firstlight.casework.settings import Service as ServiceSettings
from firstlight.web.hma.calls import CallError
from firstlight.web.hma.signals import CONTENTS, content_type_named

MOST_REDIRECTS = 5
WAIT = 30.0  # seconds for each step of a connection


def fetch(settings: ServiceSettings, url: str, content: str | None) -> tuple[str, bytes]:
    """The content type and the bytes of what a URL holds. Redirects lead to named hosts alone.

    Raises:
        CallError: the URL is none of http, its host was not named, it cannot be had, or it is too large.
    """
    wanted = content_type_named(content) if content else None
    with httpx.Client(timeout=WAIT, trust_env=False, follow_redirects=False) as client:
        for _ in range(MOST_REDIRECTS + 1):
            require_named(settings, url)
            try:
                with client.stream("GET", url) as answer:
                    if answer.is_redirect:
                        url = _led_to(url, answer.headers.get("location", ""))
                        continue
                    if answer.status_code != HTTPStatus.OK:
                        raise CallError(HTTPStatus.BAD_REQUEST, f"Failed to fetch URL: it answers {answer.status_code}")
                    return wanted or _content_of(answer), _read(answer, settings.largest_upload)
            except (httpx.HTTPError, httpx.InvalidURL) as e:
                raise CallError(HTTPStatus.BAD_REQUEST, f"Failed to fetch URL: {type(e).__name__}") from e
    raise CallError(HTTPStatus.BAD_REQUEST, "Failed to fetch URL: too many redirects")


def _led_to(url: str, location: str) -> str:
    """Where a redirect leads; nowhere, which is no URL either, if it says nothing of use."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def require_named(settings: ServiceSettings, url: str) -> None:
    """Return if the operator named the URL's host in `service.fetch_hosts`: as `host`, as `host:port`, or as
    `.domain` for every host below it.

    Raises:
        CallError: it is no URL of http or https, or its host was not named.
    """
    try:
        found = urlsplit(url)
        host, port = (found.hostname or "").lower(), found.port
    except ValueError:
        host, port, found = "", None, None
    if found is None or found.scheme not in ("http", "https") or not host or found.username is not None:
        raise CallError(HTTPStatus.BAD_REQUEST, "Invalid or unsafe URL provided")
    default = 443 if found.scheme == "https" else 80
    for named in settings.fetch_hosts:
        name, _, only_port = named.lower().partition(":")
        same = host.endswith(name) if name.startswith(".") else host == name
        if same and (not only_port or only_port == str(port or default)):
            return
    raise CallError(
        HTTPStatus.BAD_REQUEST,
        "Invalid or unsafe URL provided: nothing is fetched from a host that the operator has not named in "
        "[service] fetch_hosts",
    )


def _content_of(answer: httpx.Response) -> str:
    said = answer.headers.get("content-type", "")
    for prefix, content in (("image", "photo"), ("video", "video")):
        if said.startswith(prefix) and content in CONTENTS:
            return content
    raise CallError(HTTPStatus.BAD_REQUEST, f"unsupported url ContentType: {said.split(';')[0][:80]}")


def _read(answer: httpx.Response, limit: int) -> bytes:
    data = bytearray()
    for part in answer.iter_bytes():
        data += part
        if len(data) > limit:
            raise CallError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Content too large")
    return bytes(data)
