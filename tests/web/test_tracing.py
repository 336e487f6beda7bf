"""Traces: of each request its method, route and status, and nothing that came in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from banks.exchanges.servers import Answer, Asked, Fake, serving
from firstlight.casework.home import Home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.errors import InputError
from firstlight.web.access import api_keys
from firstlight.web.access.policy import Permission
from firstlight.web.app import create_app
from firstlight.web.service import Service
from firstlight.web.tracing import ATTRIBUTES, Traces, traces
from web.conftest import ADDRESS

pytest.importorskip("opentelemetry.sdk", reason="the extra [telemetry] is not installed")

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

CANARIES = ("leek-and-potato", "a5" * 32, "203.0.113.9", "fl_")


@pytest.fixture
def kept() -> InMemorySpanExporter:
    """Where spans go."""
    return InMemorySpanExporter()


@pytest.fixture
def service(home: Home, kept: InMemorySpanExporter) -> Iterator[Service]:
    """A service that makes them."""
    made = Traces(SimpleSpanProcessor(kept))
    yield Service(home=home, settings=ServiceSettings(), traces=made)
    made.close()


def test_a_span_says_what_a_log_line_says_and_no_more(service: Service, kept: InMemorySpanExporter) -> None:
    _, key = api_keys.add(service.home, "machine", [Permission.MATCH, Permission.CASES_READ])
    client = TestClient(create_app(service), ADDRESS, headers={"Authorization": f"Bearer {key}"})
    answer = client.get(f"/v1/items/7?word={CANARIES[0]}", headers={"x-forwarded-for": CANARIES[2]})
    client.post("/v1/match", json={"pdq": CANARIES[1]}, headers={"traceparent": f"00-{'7' * 32}-{'8' * 16}-01"})
    client.get(f"/{CANARIES[0]}")
    spans = kept.get_finished_spans()
    assert [span.name for span in spans] == ["GET /v1/items/{item}", "POST /v1/match", "GET none"]
    first = dict(spans[0].attributes or {})
    assert set(first) == set(ATTRIBUTES)
    assert first["firstlight.request"] == answer.headers["x-request-id"]
    assert first["http.response.status_code"] == 404
    assert all(span.parent is None for span in spans)
    assert all((span.end_time or 0) >= (span.start_time or 0) for span in spans)
    assert dict(spans[0].resource.attributes) == {"service.name": "firstlight"}
    said = " ".join(span.to_json() for span in spans)
    assert not [word for word in CANARIES if word in said]


class Collector(Fake):
    """Takes spans."""

    def answer(self, _asked: Asked) -> Answer:
        """Thanks."""
        return Answer(200)


def test_spans_go_to_the_named_collector_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector()
    with serving(collector):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-secret=leek")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "host.name=leek")
        made = traces(f"{collector.url}/v1/traces")
        client = TestClient(create_app(Service(home=home, settings=ServiceSettings(), traces=made)), ADDRESS)
        assert client.get("/status/live").status_code == 200
        made.close()
    (asked,) = collector.asked
    assert asked.path == "/v1/traces"
    assert b"leek" not in asked.body


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://127.0.0.1/", "http://", "http://a:b@127.0.0.1/"])
def test_an_address_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(InputError, match="no address"):
        traces(endpoint)
