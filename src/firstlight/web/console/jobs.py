"""What is done later: how the jobs stand, and the dead ones, which wait for a person."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.casework import jobs
from firstlight.errors import FirstlightError
from firstlight.web.access.policy import Permission
from firstlight.web.callers import Caller, ThePages, TheService, require
from firstlight.web.console.numbers import Number
from firstlight.web.problems import status_of
from firstlight.web.service import Service

router = APIRouter()
Reader = Annotated[Caller, Depends(require(Permission.JOBS))]
Keeper = Annotated[Caller, Depends(require(Permission.SETTINGS_WRITE))]


@router.get("/jobs")
def standing(request: Request, service: TheService, pages: ThePages, _caller: Reader) -> Response:
    """How the jobs stand; every dead one with what went wrong."""
    return _jobs(request, service, pages)


def _jobs(request: Request, service: Service, pages: ThePages, wrong: FirstlightError | None = None) -> Response:
    return pages.render(
        request,
        "jobs.html",
        status=status_of(wrong) if wrong else HTTPStatus.OK,
        jobs=jobs.standing(service.home),
        wrong=wrong.diagnostics() if wrong else None,
    )


@router.post("/jobs/{number}/revive")
def revive(number: Number, request: Request, service: TheService, pages: ThePages, caller: Keeper) -> Response:
    """Let a dead job be tried anew."""
    try:
        jobs.revive(service.home, number, actor=caller.actor)
    except FirstlightError as e:
        return _jobs(request, service, pages, e)
    return RedirectResponse("/jobs", HTTPStatus.SEE_OTHER)


@router.post("/jobs/{number}/discard")
def discard(number: Number, request: Request, service: TheService, pages: ThePages, caller: Keeper) -> Response:
    """Give a dead job up for good."""
    try:
        jobs.discard(service.home, number, actor=caller.actor)
    except FirstlightError as e:
        return _jobs(request, service, pages, e)
    return RedirectResponse("/jobs", HTTPStatus.SEE_OTHER)
