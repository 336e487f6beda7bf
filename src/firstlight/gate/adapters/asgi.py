"""ASGI middleware: puts the gate around the image endpoints of a service of your own.

It stands where the proxy would, in one process: requests to OpenAI's image paths under `prefix` are read, decided,
handed to the service, and its answer is decided, marked and remembered. Other paths are the service's own business:
a picture that leaves by another path is not seen.
"""

from __future__ import annotations

from typing import Any, Final

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from firstlight.gate.http.proxy import ImageProxy
from firstlight.gate.pipeline import Gate

_INSIDE: Final = "http://inside.invalid"
"""The service's name within this process; nothing of it ever reaches a network."""


class GateMiddleware:
    """Wrap the service: `app.add_middleware(GateMiddleware, gate=gate)`. Fails closed, as the proxy does."""

    def __init__(self, app: ASGIApp, *, gate: Gate, prefix: str = "/v1/images/", public_url: str = "") -> None:
        self._app = app
        self._prefix = prefix
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), trust_env=False)
        self._proxy = ImageProxy(gate, _INSIDE, client=client, public_url=public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide on image requests; pass on everything else."""
        path: Any = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith((self._prefix, "/v1/gate/pictures/")):
            await self._app(scope, receive, send)
            return
        request = Request({**scope, "path_params": {"name": path.rsplit("/", 1)[-1]}}, receive)
        answer = self._proxy.picture if path.startswith("/v1/gate/pictures/") else self._proxy.images
        response = await answer(request)
        await response(scope, receive, send)
