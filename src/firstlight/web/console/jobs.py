"""What is done later: how the jobs stand, and the dead ones, which wait for a person."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.casework import jobs
from firstlight.web.access.policy import Permission
from firstlight.web.callers import Caller, ThePages, TheService, require
from firstlight.web.console.numbers import Number

router = APIRouter()
Reader = Annotated[Caller, Depends(require(Permission.JOBS))]
Keeper = Annotated[Caller, Depends(require(Permission.SETTINGS_WRITE))]


@router.get("/jobs")
def standing(request: Request, service: TheService, pages: ThePages, _caller: Reader) -> Response:
    """How the jobs stand; every dead one with what went wrong."""
    return pages.render(request, "jobs.html", jobs=jobs.standing(service.home))


@router.post("/jobs/{number}/revive")
def revive(number: Number, service: TheService, caller: Keeper) -> Response:
    """Let a dead job be tried anew."""
    jobs.revive(service.home, number, actor=caller.actor)
    return RedirectResponse("/jobs", HTTPStatus.SEE_OTHER)


@router.post("/jobs/{number}/discard")
def discard(number: Number, service: TheService, caller: Keeper) -> Response:
    """Give a dead job up for good."""
    jobs.discard(service.home, number, actor=caller.actor)
    return RedirectResponse("/jobs", HTTPStatus.SEE_OTHER)
