"""`/v1/cases`, `/v1/filings`: the queue, cases, what people decided, what was filed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from firstlight.casework import cases, filing, overview, review
from firstlight.casework.cases import CaseView, QueueView
from firstlight.casework.overview import WaitingReports
from firstlight.casework.review import Decision
from firstlight.cybertip import Filing
from firstlight.web.access.policy import Permission
from firstlight.web.api.models import DecisionAsked, Number
from firstlight.web.callers import Caller, TheService, require

router = APIRouter(tags=["cases"])
CaseNumber = Annotated[Number, Path()]
Reader = Annotated[Caller, Depends(require(Permission.CASES_READ))]
FilingsReader = Annotated[Caller, Depends(require(Permission.FILINGS_READ))]


@router.get("/queue", response_model=QueueView)
def queue(
    service: TheService,
    _caller: Annotated[Caller, Depends(require(Permission.QUEUE_READ))],
    start: Annotated[int, Query(ge=1, le=10_000, description="the first place wanted; 1 is next")] = 1,
    limit: Annotated[int, Query(ge=1, le=1000, description="how many places")] = 100,
    whole: Annotated[bool, Query(alias="all", description="every open case, whatever that costs")] = False,
) -> QueueView:
    """Open cases in the order in which reviewers get them, each with why it stands there; `waiting` counts all.

    The first places cost the same however many wait. `all` arranges the whole queue: with millions that takes minutes.
    """
    if whole:
        return cases.queue(service.home)
    view = cases.queue(service.home, limit=start - 1 + limit)
    return view.model_copy(update={"places": view.places[start - 1 :]})


@router.get("/cases/{case}", response_model=CaseView)
def show(case: CaseNumber, service: TheService, _caller: Reader) -> CaseView:
    """A case with its items and the reasons of each."""
    return cases.show(service.home, case)


@router.get("/cases/{case}/decisions", response_model=tuple[Decision, ...])
def decisions(case: CaseNumber, service: TheService, _caller: Reader) -> tuple[Decision, ...]:
    """What people decided on a case, oldest first."""
    _known(service, case)
    return review.decisions(service.home, case)


@router.post("/cases/{case}/decisions", response_model=tuple[Decision, ...], status_code=201)
def decide(
    case: CaseNumber,
    asked: DecisionAsked,
    service: TheService,
    caller: Annotated[Caller, Depends(require(Permission.DECIDE))],
) -> tuple[Decision, ...]:
    """Decide on items of a case. Only somebody who is signed in can; no key of a machine can have this permission."""
    return review.decide(service.home, case, asked.conclusion, actor=caller.actor, items=asked.items)


@router.get("/cases/{case}/filings", response_model=tuple[Filing, ...])
def filings(case: CaseNumber, service: TheService, _caller: FilingsReader) -> tuple[Filing, ...]:
    """The reports of a case and how far each has come, with its receipt."""
    _known(service, case)
    return filing.filings(service.home, case)


@router.get("/filings/waiting", response_model=WaitingReports)
def waiting(service: TheService, _caller: FilingsReader) -> WaitingReports:
    """Every report that is decided and not finished, most urgent first."""
    return overview.waiting(service.home)


def _known(service: TheService, case: int) -> None:
    with service.home.look() as work:
        cases.one(work, case)
