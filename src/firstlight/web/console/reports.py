"""Reports: the draft with its check, sending it, and every report that waits or has left."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.casework import facts, filing, outcomes, overview, sending, undo
from firstlight.errors import FirstlightError
from firstlight.web.access.policy import Permission
from firstlight.web.callers import Caller, ThePages, TheService, require
from firstlight.web.console import choices
from firstlight.web.console.numbers import Number

router = APIRouter()
Reader = Annotated[Caller, Depends(require(Permission.FILINGS_READ))]
Reporter = Annotated[Caller, Depends(require(Permission.REPORT))]


@router.get("/reports")
def reports(request: Request, service: TheService, pages: ThePages, _caller: Reader) -> Response:
    """What waits to be filed, most urgent first, and what has left."""
    return pages.render(
        request,
        "reports.html",
        waiting=overview.waiting(service.home),
        finished=outcomes.everybody(service.home),
    )


@router.get("/cases/{number}/report")
def report(number: Number, request: Request, service: TheService, pages: ThePages, _caller: Reader) -> Response:
    """The drafts of a case with their check, and the filings it had."""
    unmet = None
    try:
        drafts = filing.draft(service.home, number)
    except FirstlightError as e:  # no contact in the settings: said on the page, with what to do
        drafts, unmet = (), e.diagnostics()
    return pages.render(
        request,
        "report.html",
        number=number,
        drafts=drafts,
        unmet=unmet,
        filings=filing.filings(service.home, number),
        destinations=sending.known_destinations(service.home),
        simulator=facts.SIMULATOR,
        settles_in=undo.settles_in(service.home, number),
        kinds=choices.KIND_WORDS,
    )


@router.post("/cases/{number}/report")
def file(number: Number, service: TheService, caller: Reporter, destination: Annotated[str, Form()]) -> Response:
    """Send every report of the case that may be filed."""
    sending.send(service.home, number, destination=destination, actor=caller.actor)
    return RedirectResponse(f"/cases/{number}/report", HTTPStatus.SEE_OTHER)
