"""Where a day begins: what waits, the next case, a break, what became of one's reports."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.casework import cases, exposure, opinions, outcomes, outlook, overview, routing
from firstlight.web.access.policy import Permission, may
from firstlight.web.callers import Caller, Myself, ThePages, TheService, require

router = APIRouter()
PAGE = 50
"""Places of the queue on one page."""

Reader = Annotated[Caller, Depends(require(Permission.QUEUE_READ))]
Reviewer = Annotated[Caller, Depends(require(Permission.DECIDE))]


@router.get("/")
def home(request: Request, service: TheService, pages: ThePages, caller: Myself) -> Response:
    """The first page after signing in."""
    reviews = may(caller.roles, Permission.DECIDE)
    reads = may(caller.roles, Permission.FILINGS_READ)
    return pages.render(
        request,
        "home.html",
        roles=caller.roles,
        standing=exposure.standing(service.home, caller.actor) if reviews else None,
        outcomes=outcomes.of(service.home, caller.actor) if reviews else None,
        questions=opinions.asked_by(service.home, caller.actor) if reviews else None,
        asked=opinions.waiting(service.home) if may(caller.roles, Permission.SECOND_OPINION) else None,
        reports=overview.waiting(service.home) if reads else None,
    )


@router.get("/next")
def next_case(request: Request, service: TheService, pages: ThePages, caller: Reviewer) -> Response:
    """What is coming, in words, before anything is given."""
    standing = exposure.standing(service.home, caller.actor)
    return pages.render(request, "next.html", standing=standing, given=None)


@router.post("/next")
def take_next(request: Request, service: TheService, pages: ThePages, caller: Reviewer) -> Response:
    """The next case for whoever asks; told in words before it is opened."""
    given = routing.next_case(service.home, caller.actor)
    return pages.render(request, "next.html", standing=given.standing, given=given)


@router.get("/queue")
def queue(
    request: Request,
    service: TheService,
    pages: ThePages,
    _caller: Reader,
    start: Annotated[int, Query(ge=1, le=10_000)] = 1,
    reviewers: Annotated[int, Query(ge=0, le=10_000)] = 1,
    speed: Annotated[float, Query(gt=0, le=1000)] = 12.0,
) -> Response:
    """The queue with its lanes and reasons, and what to expect of it."""
    view = cases.queue(service.home, limit=start - 1 + PAGE)
    places = view.places[start - 1 :]
    return pages.render(
        request,
        "queue.html",
        view=view,
        places=places,
        start=start,
        page=PAGE,
        reviewers=reviewers,
        speed=speed,
        outlook=outlook.outlook(service.home, reviewers=reviewers, reviews_each_per_hour=speed),
    )


@router.get("/break")
def pause(request: Request, service: TheService, pages: ThePages, caller: Myself) -> Response:
    """A page on which nothing is shown and nothing has to be done."""
    reviews = may(caller.roles, Permission.DECIDE)
    standing = exposure.standing(service.home, caller.actor) if reviews else None
    return pages.render(request, "break.html", standing=standing)


@router.post("/break")
def take_break(service: TheService, caller: Reviewer) -> Response:
    """Hand the case one has back, and rest."""
    routing.hand_back(service.home, caller.actor)
    return RedirectResponse("/break", HTTPStatus.SEE_OTHER)
