"""Whether the service lives and whether it is ready, in the words that load balancers know from HMA."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Depends
from starlette.responses import PlainTextResponse

from firstlight.web.callers import TheService, anybody

ALIVE, NOT_LOADED = "I-AM-ALIVE", "INDEX-NOT-LOADED"

router = APIRouter(include_in_schema=False, dependencies=[Depends(anybody)])


@router.get("/status")
def ready(service: TheService) -> PlainTextResponse:
    """200 once the banks are open and the search kernels compiled; 503 before."""
    if service.ready:
        return PlainTextResponse(ALIVE)
    return PlainTextResponse(NOT_LOADED, HTTPStatus.SERVICE_UNAVAILABLE)


@router.get("/status/live")
def live() -> PlainTextResponse:
    """200 as long as the process answers."""
    return PlainTextResponse(ALIVE)
