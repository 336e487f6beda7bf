"""The custody log on screen: what is in it, and the proof of any entry."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from firstlight.casework import logbook
from firstlight.web.access.policy import Permission
from firstlight.web.callers import Caller, ThePages, TheService, require
from firstlight.web.console.numbers import LARGEST
from firstlight.web.forms import about

router = APIRouter()
Reader = Annotated[Caller, Depends(require(Permission.CUSTODY_READ))]


@router.get("/custody")
def custody(
    request: Request,
    service: TheService,
    pages: ThePages,
    _caller: Reader,
    before: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
    case: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    """The newest entries, or those of a case."""
    view = logbook.entries(service.home, case=case) if case else logbook.recent(service.home, before=before)
    return pages.render(request, "custody.html", view=view, case=case, before=before, checked=None)


@router.post("/custody/verify")
def verify(request: Request, service: TheService, pages: ThePages, _caller: Reader) -> Response:
    """Walk the whole log."""
    return pages.render(
        request,
        "custody.html",
        view=logbook.recent(service.home),
        case=None,
        before=None,
        checked=logbook.verify(service.home),
    )


@router.post("/custody/proof")
def proof(
    request: Request, service: TheService, pages: ThePages, _caller: Reader, seq: Annotated[int, Form(ge=0, le=LARGEST)]
) -> Response:
    """The proof of one entry, to be checked anywhere."""
    with about("seq"):
        return pages.render(request, "proof.html", proof=logbook.prove(service.home, seq))
