"""All routes of HMA's interface, and what they say of themselves."""

from __future__ import annotations

import re
from typing import Any

from fastapi.routing import APIRoute

from firstlight import __version__
from firstlight.web.access.policy import Permission
from firstlight.web.hma import curation, exchanges, hashing, matching, signals
from firstlight.web.hma.calls import Call, route, router

PREFIXES = ("/h/", "/m/", "/c/")
PARTS = (hashing, matching, curation, exchanges, signals)
"""The modules whose import puts their routes here."""
_IN_PATH = re.compile(r"\{(\w+)(?::(\w+))?\}")


@route("GET", "/site-map", Permission.BANKS_READ)
def site_map(_call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The patterns of these routes, sorted."""
    return sorted({str(getattr(each, "path", "")) for each in router.routes} | {"/status", "/status/live"})


@route("GET", "/openapi/openapi.json", Permission.BANKS_READ)
def description(_call: Call) -> Any:  # noqa: ANN401 - any JSON
    """These routes as an OpenAPI document; that of our own API is another one."""
    paths: dict[str, dict[str, Any]] = {}
    for each in router.routes:
        if isinstance(each, APIRoute):
            place = paths.setdefault(_IN_PATH.sub(r"{\1}", each.path), {})
            for method in each.methods or ():
                place[method.lower()] = _described(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Firstlight in the place of HMA", "version": __version__},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {
                "Error": {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }


def _described(each: APIRoute) -> dict[str, Any]:
    done = str(each.status_code or 200)
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "operationId": each.name,
        "summary": (each.endpoint.__doc__ or "").split("\n", 1)[0],
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "integer" if kind == "int" else "string"},
            }
            for name, kind in _IN_PATH.findall(each.path)
        ],
        "responses": {
            done: {"description": "done", "content": {"application/json": {}}},
            "4XX": {"description": "what was wrong with the call", "content": error},
        },
    }


__all__ = ["PARTS", "PREFIXES", "router"]
