"""What stands before every request: the host it names, where it comes from, and the headers that every answer carries.

A request that changes something must come from a page of this service. Browsers say so (`Sec-Fetch-Site`); of those
that do not, `Origin` must be the host that was called. Whoever sends neither is no browser, and gets through only
without a session's cookie.
"""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firstlight.errors import Diagnostics, LimitError
from firstlight.web.problems import PROBLEM, problem
from firstlight.web.service import Service, host_named

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FOR_ANY_HOST = ("/status",)  # a load balancer asks by number

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self'",
        "media-src 'self'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
}
FOR_THE_FORM = 1024 * 1024
"""Bytes that a form may need beside the one item in it."""
_STATUS = {"refused.host": HTTPStatus.MISDIRECTED_REQUEST, "limit.body": HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
_KEPT_STATIC = "private, max-age=31536000, immutable"  # the address of a static file changes with its content


class Guard:
    """The outermost layer of the service."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._always = always(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or let it through and put the headers on its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        while path.startswith("//"):  # clients that join an address ending in a slash with a path send two
            path = path[1:]
        scope["path"] = path
        scope["firstlight.request"] = secrets.token_hex(8)
        headers = Headers(scope=scope)
        wrong = self._host(path, headers) or self._site(scope, headers)
        with_headers = self._with_headers(scope, send)
        wrong = wrong or self._size(headers)
        if wrong is not None:
            await _refuse(wrong, scope["firstlight.request"], with_headers)
            return
        await self._app(scope, self._limited(receive), with_headers)

    def _host(self, path: str, headers: Headers) -> Diagnostics | None:
        if path.startswith(FOR_ANY_HOST):
            return None
        if self._service.knows_host(host_named(headers.get("host", ""))):
            return None
        return Diagnostics(
            "refused.host",
            "This service is not known by the name under which it was called.",
            "Call it by the name that it prints at its start, or add the name to [service] also_known_as.",
        )

    def _site(self, scope: Scope, headers: Headers) -> Diagnostics | None:
        if scope["method"] in SAFE_METHODS:
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            fine = site in ("same-origin", "none")
        elif origin is not None:
            fine = origin.partition("://")[2] == headers.get("host", "")
        else:
            fine = self._service.cookie not in cookie_parser(headers.get("cookie", ""))
        if fine:
            return None
        return Diagnostics(
            "refused.site", "Another site asked for this.", "Open the page of this service and do it there."
        )

    def _size(self, headers: Headers) -> Diagnostics | None:
        said = headers.get("content-length", "0")
        if said.isdigit() and int(said) <= self._service.settings.largest_upload + FOR_THE_FORM:
            return None
        return _too_large().diagnostics()

    def _limited(self, receive: Receive) -> Receive:
        """Count what really comes: a request need not say its length, nor say it truly."""
        left = self._service.settings.largest_upload + FOR_THE_FORM

        async def receiving() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _too_large()
            return message

        return receiving

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        static = scope["path"].startswith("/static/")

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if static:
                    headers.setdefault("cache-control", _KEPT_STATIC)
                for name, value in self._always.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = scope["firstlight.request"]
            await send(message)

        return sending


def always(service: Service) -> dict[str, str]:
    """The headers that every answer has, if it says nothing else itself."""
    policy = HEADERS
    if service.provider is not None:  # a form may lead to the page where somebody signs in
        allowed = CONTENT_POLICY.replace("form-action 'self'", f"form-action 'self' {service.provider.pages}")
        policy = {**HEADERS, "content-security-policy": allowed}
    transport = {"strict-transport-security": "max-age=31536000"} if service.secure else {}
    return {**policy, "cache-control": "no-store", **transport}


def _too_large() -> LimitError:
    return LimitError("Content too large.", hint="The limit is [service] largest_upload.", code="limit.body")


async def _refuse(found: Diagnostics, request_id: str, send: Send) -> None:
    status = _STATUS.get(found.code, HTTPStatus.FORBIDDEN)
    body = json.dumps(problem(status, found, request_id) | {"message": found.message}).encode()
    headers = [(b"content-type", PROBLEM.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
