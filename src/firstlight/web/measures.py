"""What every request leaves behind: a count, how long it took, and one line in the log. Never its address, its caller
or anything that came in with it: a route is named by its template, and there are as many of these as routes."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firstlight.logs import get_logger
from firstlight.web.tracing import Traces

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram, in seconds; above the last there is one more."""
UNKNOWN = "none"
"""The route of what no route answers."""
_STATIC, _LOOK_UP = "/static", "/m/lookup"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")
_log = get_logger("web")


@dataclass(slots=True)
class Took:
    """How long the requests of a route took: how many fell below each bound and above the one before, and the sum."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0


class Meter:
    """Counts requests. One thread counts (that of the event loop); any thread may read."""

    def __init__(self) -> None:
        self.answered: dict[tuple[str, str, int], int] = {}
        self.took: dict[str, Took] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One more request was answered."""
        key = (method, route, status)
        self.answered[key] = self.answered.get(key, 0) + 1
        took = self.took.get(route)
        if took is None:
            took = self.took[route] = Took()
        took.buckets[bisect_left(BOUNDS, seconds)] += 1
        took.seconds += seconds

    def join(self, method: str, route: str, status: int, took: Took) -> None:
        """Requests of one kind that another process answered."""
        key = (method, route, status)
        self.answered[key] = self.answered.get(key, 0) + sum(took.buckets)
        own = self.took.setdefault(route, Took())
        own.buckets = [here + there for here, there in zip(own.buckets, took.buckets, strict=True)]
        own.seconds += took.seconds


class Measured:
    """The layer that measures every request and writes one line on it."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], meter: Meter, traces: Traces | None = None) -> None:
        self._app = app
        # A route knows its own part of the template alone, not what the routers above it put before that.
        self._templates = {id(each.original_route): each.path for each in iter_route_contexts(routes) if each.path}
        self._meter = meter
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through and note what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # what the server answers when nothing else did

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun, since = time.perf_counter(), time.time_ns()
        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - begun
            route = self._route_of(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._meter.count(method, route, status, seconds)
            _log.info(
                "request", method=method, route=as_token(route), status=status, ms=round(seconds * 1000, 1),
                request=scope.get("firstlight.request", ""),
            )  # fmt: skip
            if self._traces is not None:
                ended = since + round(seconds * 1e9)
                self._traces.request(method, route, status, since, ended, scope.get("firstlight.request", ""))

    def _route_of(self, scope: Scope) -> str:
        """The template of the route that answered, such as `/v1/items/{item}`."""
        found = self._templates.get(id(scope.get("route")))
        if found is not None:
            return found
        path = scope["path"]
        if path == _LOOK_UP:  # answered before any routing
            return _LOOK_UP
        return _STATIC if path.startswith(f"{_STATIC}/") else UNKNOWN


def as_token(route: str) -> str:
    """A template as the log takes it: `v1/items/:number`."""
    return _PLACE.sub(r":\1", route).strip("/") or "root"


__all__ = ["BOUNDS", "UNKNOWN", "Measured", "Meter", "Took", "as_token"]
