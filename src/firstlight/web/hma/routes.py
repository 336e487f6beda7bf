"""All routes of HMA's interface."""

from __future__ import annotations

from typing import Any

from firstlight.web.access.policy import Permission
from firstlight.web.hma import curation, exchanges, hashing, matching, signals
from firstlight.web.hma.calls import Call, route, router

PREFIXES = ("/h/", "/m/", "/c/")
PARTS = (hashing, matching, curation, exchanges, signals)
"""The modules whose import puts their routes here."""


@route("GET", "/site-map", Permission.BANKS_READ)
def site_map(_call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The patterns of these routes, sorted."""
    return sorted({str(getattr(each, "path", "")) for each in router.routes} | {"/status", "/status/live"})


__all__ = ["PARTS", "PREFIXES", "router"]
