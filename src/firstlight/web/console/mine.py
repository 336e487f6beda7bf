"""One's own limits and habits, the organisation's limits, and help."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.casework import exposure
from firstlight.casework.exposure import Limits
from firstlight.casework.severity import Severity
from firstlight.web.access.policy import Permission, may
from firstlight.web.callers import Caller, Myself, ThePages, TheService, require

router = APIRouter()
Operator = Annotated[Caller, Depends(require(Permission.SETTINGS_WRITE))]
Reviewer = Annotated[Caller, Depends(require(Permission.DECIDE))]


class LimitsForm:
    """Limits as a browser sends them; an empty field is no limit of one's own."""

    def __init__(
        self,
        files_a_day: Annotated[str, Form()] = "",
        heavy_a_day: Annotated[str, Form()] = "",
        severe_a_day: Annotated[str, Form()] = "",
        severe_before_break: Annotated[str, Form()] = "",
        minutes_before_break: Annotated[str, Form()] = "",
        break_minutes: Annotated[str, Form()] = "",
        no_two_severe: Annotated[bool, Form()] = False,
        no_films: Annotated[bool, Form()] = False,
        severest: Annotated[str, Form()] = Severity.SEVERE.value,
    ) -> None:
        self._numbers = {
            "files_a_day": files_a_day,
            "heavy_a_day": heavy_a_day,
            "severe_a_day": severe_a_day,
            "severe_before_break": severe_before_break,
            "minutes_before_break": minutes_before_break,
            "break_minutes": break_minutes,
        }
        self._rest = {"no_two_severe": no_two_severe, "moving": not no_films, "severest": severest}

    def limits(self) -> Limits:
        """The limits.

        Raises:
            InputError: one of them cannot be.
        """
        given = {name: text.strip() for name, text in self._numbers.items() if text.strip()}
        return Limits.of(**given, **self._rest)


Filled = Annotated[LimitsForm, Depends()]


@router.get("/settings")
def settings(request: Request, service: TheService, pages: ThePages, caller: Myself) -> Response:
    """One's own settings, and the organisation's for those who may read them."""
    return pages.render(
        request,
        "settings.html",
        limits=exposure.limits_of(service.home, caller.actor),
        reviews=may(caller.roles, Permission.DECIDE),
        reads=may(caller.roles, Permission.SETTINGS_READ),
        organisation=service.home.settings.organisation,
        severities=tuple(Severity),
    )


@router.post("/settings/limits")
def limit_myself(service: TheService, caller: Reviewer, form: Filled) -> Response:
    """One's own limits; nobody else is told which."""
    exposure.limit_myself(service.home, caller.actor, form.limits())
    return RedirectResponse("/settings", HTTPStatus.SEE_OTHER)


@router.post("/settings/limits/everybody")
def limit_everybody(service: TheService, caller: Operator, form: Filled) -> Response:
    """The organisation's limits; those that a reviewer set stay where they are stricter."""
    exposure.limit_everybody(service.home, form.limits(), actor=caller.actor)
    return RedirectResponse("/settings", HTTPStatus.SEE_OTHER)


@router.get("/help")
def help_page(request: Request, pages: ThePages, _caller: Myself) -> Response:
    """How to work, the keys, and what is known about care."""
    return pages.render(request, "help.html")
