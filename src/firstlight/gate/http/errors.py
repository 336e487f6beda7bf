"""Refusals and errors as OpenAI's clients expect them. A refusal is plain: it gives no hint of what was found."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from firstlight.errors import FirstlightError
from firstlight.gate.decision import REFUSAL, Decision, Stage

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
