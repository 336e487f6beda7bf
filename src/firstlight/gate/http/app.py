"""The gate as one ASGI application: the proxy, the endpoints that ask for an opinion, the ledger's answers, status."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstlight.gate.http.asked import Opinions
from firstlight.gate.http.attest import AttestEndpoint
from firstlight.gate.http.errors import HANDLERS
from firstlight.gate.http.proxy import ImageProxy
from firstlight.gate.pipeline import Gate


@dataclass(frozen=True, slots=True)
class GateApp:
    """What the application is made of. Without a `proxy` it only gives opinions; without `attest` it has no ledger."""

    gate: Gate
    proxy: ImageProxy | None = None
    attest: AttestEndpoint | None = None


def gate_app(parts: GateApp) -> Starlette:
    """The application. A path that is not named here is not forwarded: the generator behind has no other way out."""
    opinions = Opinions(parts.gate)

    async def status(_: Request) -> Response:
        guard = parts.gate.guard
        marker = parts.gate.marker
        found = {
            "armed": guard.is_armed,
            "rules": guard.rules_sha256,
            "checks": guard.checks,
            "marks": marker is not None,
            "watermark": marker is not None and marker.has_watermark,
            "remembers": parts.gate.remembers,
        }
        return JSONResponse(found, 200 if guard.is_armed else 503)

    routes = [
        Route("/v1/gate/status", status),
        Route("/v1/moderations", opinions.moderations, methods=["POST"]),
        Route("/beta/litellm_basic_guardrail_api", opinions.litellm, methods=["POST"]),
    ]
    if parts.attest is not None:
        routes.append(Route("/v1/attest", parts.attest.attest, methods=["POST"]))
    if parts.proxy is not None:
        proxy = parts.proxy
        names = ("generations", "edits", "variations")
        routes += [Route(f"/v1/images/{name}", proxy.images, methods=["POST"]) for name in names]
        routes.append(Route("/v1/gate/pictures/{name}", proxy.picture))
        routes.append(Route("/v1/models", proxy.models))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        if parts.proxy is not None:
            await parts.proxy.close()

    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=HANDLERS)
