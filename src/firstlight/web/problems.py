"""Errors as answers: a problem document (RFC 9457) for machines, a plain page for people."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.errors import (
    Diagnostics,
    FirstlightError,
    InputError,
    IntegrityError,
    LimitError,
    MissingExtraError,
    NotFoundError,
    RefusedError,
    StateError,
    StorageError,
    UnreadableError,
    UpstreamError,
)
from firstlight.logs import get_logger
from firstlight.web.forms import shown_again
from firstlight.web.pages import Pages

API_PREFIXES = ("/v1/", "/status")
HMA_PREFIXES = ("/h/", "/m/", "/c/", "/site-map", "/openapi/")
PROBLEM = "application/problem+json"
_log = get_logger("web")

# From the special to the general: the first that fits gives the status.
STATUS: Sequence[tuple[type[FirstlightError], HTTPStatus]] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (LimitError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnreadableError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (StateError, HTTPStatus.CONFLICT),
    (InputError, HTTPStatus.BAD_REQUEST),
    (RefusedError, HTTPStatus.FORBIDDEN),
    (IntegrityError, HTTPStatus.INTERNAL_SERVER_ERROR),
    (StorageError, HTTPStatus.SERVICE_UNAVAILABLE),
    (UpstreamError, HTTPStatus.BAD_GATEWAY),
    (MissingExtraError, HTTPStatus.NOT_IMPLEMENTED),
)
_BY_CODE = {
    "refused.sign-in": HTTPStatus.UNAUTHORIZED,
    "limit.rate": HTTPStatus.TOO_MANY_REQUESTS,
    "input.media-type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}


_TITLES = {
    HTTPStatus.BAD_REQUEST: "This cannot be done as it stands",
    HTTPStatus.UNAUTHORIZED: "Nobody is signed in",
    HTTPStatus.FORBIDDEN: "This is not open to you",
    HTTPStatus.NOT_FOUND: "There is nothing here",
    HTTPStatus.CONFLICT: "Something has changed meanwhile",
    HTTPStatus.UNPROCESSABLE_ENTITY: "This cannot be read",
    HTTPStatus.TOO_MANY_REQUESTS: "A moment, please",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault of Firstlight",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not just now",
}
"""What the page of an error is called; others by the name of their status."""


_NO_STORAGE = "The service cannot get at its tables or its disk just now. What was finished is kept."
_ASK_DOCTOR = "Try again in a moment. On its machine, `firstlight doctor` says what is wrong."


class NotSignedInError(RefusedError):
    """Nobody is signed in, or the key opens nothing."""

    code = "refused.sign-in"


def status_of(error: FirstlightError) -> HTTPStatus:
    """The status that says what kind of error this is."""
    found = _BY_CODE.get(error.diagnostics().code)
    return found or next(
        (status for kind, status in STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR
    )


def problem(status: int, found: Diagnostics, request_id: str = "", **more: object) -> dict[str, Any]:
    """The problem document. `code` is stable, `hint` says what to do."""
    out: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": found.message,
        "code": found.code,
    }
    if found.hint:
        out["hint"] = found.hint
    if found.facts:
        out["facts"] = dict(found.facts)
    if request_id:
        out["instance"] = f"urn:firstlight:request:{request_id}"
    return out | more


def _headers(status: int, found: Diagnostics) -> dict[str, str]:
    """What an answer with this status says beside it."""
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return {"Retry-After": str(found.facts.get("seconds", 1))}
    return {}


def _told(error: FirstlightError) -> Diagnostics:
    """What callers may know of an error."""
    found = error.diagnostics()
    if isinstance(error, StorageError):  # its words name hosts, folders and files of the machine
        return Diagnostics(found.code, _NO_STORAGE, _ASK_DOCTOR)
    return found


def for_machines(request: Request) -> bool:
    """Whether whoever asks wants a document: the API always, elsewhere who does not ask for a page."""
    if request.url.path.startswith(API_PREFIXES + HMA_PREFIXES):
        return True
    return "text/html" not in request.headers.get("accept", "")


def _unreadable(error: RequestValidationError) -> tuple[list[dict[str, str]], Diagnostics, str]:
    """All that is wrong with a request, the first of it in words, and the field that is about."""
    wrong = [
        {"where": ".".join(str(part) for part in each["loc"]), "says": str(each["msg"])} for each in error.errors()
    ]
    first = wrong[0] if wrong else {"where": "the request", "says": "it cannot be read"}
    found = Diagnostics("input.request", f"{first['where']}: {first['says']}.", "Mend what it names.")
    return wrong, found, first["where"].rpartition(".")[2]


def install(app: FastAPI, pages: Pages) -> None:
    """Answer every error of this app in its form."""

    async def answer(request: Request, status: int, found: Diagnostics, *, field: str = "", **more: object) -> Response:
        headers = _headers(status, found)
        request_id = request.scope.get("firstlight.request", "")
        if request.url.path.startswith(HMA_PREFIXES):
            return JSONResponse(
                {"message": f"{found.message} {found.hint}".rstrip(), "code": found.code}, status, headers
            )
        if for_machines(request):
            document = problem(status, found, request_id, **more)
            return JSONResponse(document, status, headers, media_type=PROBLEM)
        if status == HTTPStatus.UNAUTHORIZED and request.method == "GET":
            return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        again = await shown_again(request, status, found, field)
        if again is not None:
            return again
        kind = HTTPStatus(status)
        title = _TITLES.get(kind, kind.phrase)
        return pages.render(request, "error.html", status=status, error=found, title=title, request_id=request_id)

    async def house(request: Request, error: Exception) -> Response:
        if not isinstance(error, FirstlightError):
            raise error
        status = status_of(error)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request.failed", error=error, status=int(status))
        return await answer(request, status, _told(error))

    async def http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        code = {404: "not-found", 405: "input.method"}.get(error.status_code, "input")
        message = {404: "There is nothing at this address.", 405: "This address does not take that method."}
        found = Diagnostics(code, message.get(error.status_code, str(error.detail)))
        response = await answer(request, error.status_code, found)
        response.headers.update(error.headers or {})
        return response

    async def invalid(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        wrong, found, field = _unreadable(error)
        return await answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, found, field=field, errors=wrong)

    async def fault(request: Request, error: Exception) -> Response:
        _log.error("request.fault", error=error, exc_info=error)
        found = Diagnostics(
            "error",
            f"A fault of Firstlight itself ({type(error).__name__}). Nothing that was finished is lost.",
            "Try again; if it happens again, report it with the number of this request.",
        )
        return await answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, found)

    app.add_exception_handler(FirstlightError, house)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, fault)
