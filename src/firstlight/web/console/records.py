"""What is on record: search, banks, figures. Facts and numbers; nothing of a person's work."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from firstlight.casework import figures, floods, outlook, overview
from firstlight.casework.search import search
from firstlight.cybertip.statistics import LABELS
from firstlight.web.access.policy import Permission
from firstlight.web.callers import Caller, Limited, ThePages, TheService, require
from firstlight.web.console import plots
from firstlight.web.rates import Asking

router = APIRouter()
Searcher = Annotated[Caller, Depends(require(Permission.SEARCH))]
BankReader = Annotated[Caller, Depends(require(Permission.BANKS_READ))]
Watcher = Annotated[Caller, Depends(require(Permission.DASHBOARD))]


@router.get("/search")
def asking(request: Request, pages: ThePages, _caller: Searcher) -> Response:
    """The form alone: what is looked for never stands in an address."""
    return pages.render(request, "search.html", words="", found=None)


@router.post("/search", dependencies=[Depends(Limited(Asking.SEARCH))])
def found(
    request: Request, service: TheService, pages: ThePages, _caller: Searcher, words: Annotated[str, Form()] = ""
) -> Response:
    """What was found."""
    return pages.render(request, "search.html", words=words.strip(), found=search(service.home, words))


@router.get("/banks")
def banks(request: Request, service: TheService, pages: ThePages, _caller: BankReader) -> Response:
    """The banks: what each is for and how it matches. Of what is in them, the number alone."""
    return pages.render(request, "banks.html", banks=service.home.library.banks(), floods=floods.asking(service.home))


@router.get("/figures")
def dashboard(request: Request, service: TheService, pages: ThePages, _caller: Watcher) -> Response:
    """Figures of the whole house, as plots with their tables."""
    statistics = overview.report_statistics(service.home)
    expected = outlook.outlook(service.home, reviewers=1, reviews_each_per_hour=12.0)
    counted = figures.figures(service.home)
    return pages.render(
        request,
        "figures.html",
        statistics=statistics,
        months=plots.months(statistics),
        labels=LABELS,
        outlook=expected,
        interval=plots.interval(expected.audit),
        figures=counted,
        waits=plots.waits(counted.waits),
    )
