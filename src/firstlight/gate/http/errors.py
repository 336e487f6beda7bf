"""Refusals and errors as OpenAI's clients expect them. A refusal is plain: it gives no hint of what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from firstlight.errors import FirstlightError
from firstlight.gate.decision import REFUSAL, Decision, Stage
from firstlight.logs import get_logger

_log = get_logger("gate")

UNAVAILABLE = "This request cannot be checked at the moment."
UNUSABLE = "A picture or text of this request cannot be read."


def refusal(decision: Decision) -> tuple[int, dict[str, Any]]:
    """The status and the body of a refusal. What a person will look at is answered like what is blocked."""
    code = next((note.code for note in decision.checks if note.code), "")
    if not decision.failed_closed:
        return 400, error(f"{REFUSAL} Reference: {decision.id}.", "image_generation_user_error", "moderation_blocked")
    if decision.stage is not Stage.OUTPUT and code.split(".")[0] in ("unreadable", "limit", "input"):
        return 400, error(f"{UNUSABLE} Reference: {decision.id}.", "invalid_request_error", "invalid_input")
    return 503, error(f"{UNAVAILABLE} Reference: {decision.id}.", "server_error", "gate_unavailable")


def unmarked(decision: Decision) -> tuple[int, dict[str, Any]]:
    """The answer when a picture was allowed and could not be marked or remembered."""
    return 503, error(f"{UNAVAILABLE} Reference: {decision.id}.", "server_error", "gate_unavailable")


def error(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def bad_request(e: FirstlightError) -> JSONResponse:
    """The answer to a request that cannot be read."""
    found = e.diagnostics()
    return JSONResponse(error(f"{found.message} {found.hint}".strip(), "invalid_request_error", "invalid_request"), 400)


def upstream_failed() -> JSONResponse:
    """The answer when the generator does not answer, or answers something that nobody can check."""
    return JSONResponse(error("The generator did not answer as agreed.", "server_error", "bad_gateway"), 502)


_NOT_HERE: Final = {
    404: ("The gate does not forward this path.", "not_found"),
    405: ("The gate does not take this method here.", "method_not_allowed"),
}


async def _not_here(_: Request, e: Exception) -> Response:
    status, headers = (e.status_code, e.headers) if isinstance(e, HTTPException) else (404, None)
    says, code = _NOT_HERE.get(status, _NOT_HERE[404])
    return JSONResponse(error(says, "invalid_request_error", code), status, headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


async def _fault(_: Request, e: Exception) -> Response:
    _log.error("gate.fault", error=e, exc_info=True)
    return JSONResponse(error(UNAVAILABLE, "server_error", "gate_unavailable"), 500)


HANDLERS: Final[Mapping[Any, Any]] = {HTTPException: _not_here, ClientDisconnect: _gone, Exception: _fault}
"""What an application of the gate answers where no route does: the handlers of Starlette."""
