"""All routes of the API, and its description as OpenAPI."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request

from firstlight import __version__
from firstlight.web.api import banks, cases, items, matching
from firstlight.web.api.models import ItemReference, Problem
from firstlight.web.callers import anybody

PREFIX = "/v1"
_WRONG = {
    400: "what came in cannot be used",
    401: "nobody is signed in, and no key was sent that works",
    403: "the caller may not do this, or a rule of the house forbids it",
    404: "something was named that is not there",
    409: "it does not fit the present state",
    413: "it is larger than the limit",
    415: "it is sent as something else than it should be",
    422: "a field is missing or wrong; `errors` names each",
    503: "the disk or the database refuses",
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": what,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, what in _WRONG.items()
}
ABOUT = """\
Send a key as `Authorization: Bearer fl_...` (`firstlight keys add`). Errors are problem documents (RFC 9457) with a
stable `code` and a `hint`. Nothing is fetched from anywhere: items come as bytes.
"""

router = APIRouter(prefix=PREFIX, responses=_ERRORS)
for _room in (items, matching, cases, banks):
    router.include_router(_room.router)


@router.get("/openapi.json", include_in_schema=False, dependencies=[Depends(anybody)])
def description(request: Request) -> dict[str, Any]:
    """The description of this API as OpenAPI."""
    return described(request.app)


@cache
def described(app: FastAPI) -> dict[str, Any]:
    """The description of an app's API."""
    found = get_openapi(title="Firstlight", version=__version__, description=ABOUT, routes=app.routes)
    parts = found.setdefault("components", {})
    for model in (Problem, ItemReference):  # no route names them in a way that is seen by itself
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        needed = schema.pop("$defs", {})
        schemas = parts.setdefault("schemas", {})
        parts["schemas"] = {**needed, **schemas, model.__name__: schema}
    parts["schemas"].pop("HTTPValidationError", None)
    parts["schemas"].pop("ValidationError", None)
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"key": []}]
    return found
