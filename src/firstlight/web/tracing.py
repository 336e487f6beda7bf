"""Traces for OpenTelemetry, to the collector that the operator named: of each request its method, the template of its
route, its status and how long it took. Nothing that came in, nothing of who sent it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from firstlight.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

NAME = "firstlight"
ATTRIBUTES = ("http.request.method", "http.route", "http.response.status_code", "firstlight.request")
"""All that a span holds."""
_FAULT = 500


class Traces:
    """Makes a span of each request and hands it on; whoever asks never waits for the collector."""

    def __init__(self, processor: SpanProcessor) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        # Its own words and none of the environment's: those name the machine and whoever runs it.
        self._provider = TracerProvider(resource=Resource({"service.name": NAME}), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(NAME)

    def request(self, method: str, route: str, status: int, begun: int, ended: int, request: str) -> None:
        """A request was answered; the times are nanoseconds since 1970."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, StatusCode

        values: dict[str, str | int] = dict(zip(ATTRIBUTES, (method, route, status, request), strict=True))
        # An empty context: what a caller says of the trace it belongs to is not believed.
        span = self._tracer.start_span(
            f"{method} {route}", Context(), SpanKind.SERVER, attributes=values, start_time=begun
        )
        if status >= _FAULT:
            span.set_status(StatusCode.ERROR)
        span.end(ended)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def traces(endpoint: str) -> Traces:
    """Traces that go to a collector, by OTLP over HTTP.

    Raises:
        InputError: this is no address.
        MissingExtraError: the library for it is not installed.
    """
    found = urlsplit(endpoint)
    if found.scheme not in ("http", "https") or not found.hostname or found.username:
        raise InputError("[telemetry] endpoint is no address.", hint="Write it like http://127.0.0.1:4318/v1/traces")
    try:
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as e:
        raise MissingExtraError(
            "Traces need a library that is not installed.", hint="Install it: pip install 'firstlight[telemetry]'"
        ) from e
    # Without a handler of its own the library would print what it could not send.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    session = requests.Session()
    session.trust_env = False  # no proxy that nobody named
    return Traces(BatchSpanProcessor(OTLPSpanExporter(endpoint, session=session, headers={}, timeout=10)))


__all__ = ["ATTRIBUTES", "Traces", "traces"]
