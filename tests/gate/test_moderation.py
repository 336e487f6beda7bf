"""The moderation client against a small server on loopback: every answer, and every way of not answering."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from casework.making import jpeg
from firstlight.errors import InputError
from firstlight.gate.decision import Decision
from firstlight.gate.guard import Guard
from firstlight.gate.moderation import LARGEST_ANSWER, Moderation, PictureModeration
from firstlight.gate.rules import Outcome
from firstlight.media import Cage


class Service:
    """A moderation service whose next answer a test sets."""

    def __init__(self) -> None:
        self.status = 200
        self.body = answer()
        self.media_type = "application/json"
        self.location = ""
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.drip = False
        self.base = ""


def answer(**categories: bool) -> bytes:
    return json.dumps({"results": [{"flagged": any(categories.values()), "categories": categories}]}).encode()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            service.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            service.keys.append(self.headers["authorization"])
            if not service.drip:
                service.go_on.wait(10)
            self.send_response(service.status)
            self.send_header("content-type", service.media_type)
            if service.location:
                self.send_header("location", service.location)
            self.send_header("content-length", str(len(service.body)))
            self.end_headers()
            try:
                for byte in service.body if service.drip else ():
                    self.wfile.write(bytes([byte]))
                    if service.go_on.wait(0.05):
                        return
                if not service.drip:
                    self.wfile.write(service.body)
            except OSError:
                pass  # the client went away

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        service.base = f"http://127.0.0.1:{server.server_address[1]}/v1"
        yield service
        service.go_on.set()
        server.shutdown()


def decided(cage: Cage, moderation: Moderation, **more: Any) -> Decision:
    with Guard(cage, prompts=[moderation], **more) as guard:
        try:
            return guard.check_prompt("a lake", negative="fog")
        finally:
            moderation.close()


def failed_with(decision: Decision) -> str:
    """The code with which the check failed; the decision has to block because of that alone."""
    assert decision.outcome is Outcome.BLOCK
    assert decision.failed_closed
    (note,) = decision.checks
    return note.code


def test_what_is_not_flagged_is_allowed(cage: Cage, service: Service) -> None:
    service.body = answer(**{"sexual/minors": False, "violence": True})  # a category that the operator did not name
    decision = decided(cage, Moderation(service.base, key="secret"))
    assert decision.allowed
    assert service.asked == [{"model": "omni-moderation-latest", "input": "a lake"}]
    assert service.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ({}, Outcome.REVIEW),
        ({"blocking": ["sexual/minors"]}, Outcome.BLOCK),
        ({"categories": ["violence"]}, Outcome.ALLOW),
    ],
)
def test_what_is_flagged_is_put_to_a_person_or_blocked(
    cage: Cage, service: Service, options: dict[str, Any], outcome: Outcome
) -> None:
    service.body = answer(**{"sexual/minors": True, "violence": False})
    decision = decided(cage, Moderation(service.base, **options))
    assert decision.outcome is outcome
    assert not decision.failed_closed
    assert "lake" not in decision.to_json().decode()


@pytest.mark.parametrize("drip", [False, True])
def test_one_that_is_slow_closes_the_gate_within_its_budget(cage: Cage, service: Service, drip: bool) -> None:
    service.go_on.clear()
    service.drip = drip  # one byte after the other: no single read takes long
    moderation = Moderation(service.base)
    moderation.budget = 0.3
    decision = decided(cage, moderation)
    assert failed_with(decision) == "upstream.time"
    assert decision.checks[0].milliseconds < 5000


def _set(**values: object) -> Callable[[Service], None]:
    def change(service: Service) -> None:
        for name, value in values.items():
            setattr(service, name, value)

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set(status=500),
        _set(status=429),
        _set(status=204, body=b""),
        _set(status=302, location="http://127.0.0.1:9/v1/moderations"),
        _set(body=b""),
        _set(body=b"no JSON"),
        _set(body=b"\xff\xfe"),
        _set(body=b"[" * 100_000),
        _set(body=b"[]"),
        _set(body=b"null"),
        _set(body=b'{"results": []}'),
        _set(body=b'{"results": {}}'),
        _set(body=b'{"results": [{}]}'),
        _set(body=b'{"results": [3]}'),
        _set(body=b'{"results": [{"categories": ["sexual/minors"]}]}'),
        _set(body=b'{"results": [{"flagged": true, "categories": {"sexual/minors": "true"}}]}'),
        _set(body=b'{"results": [{"flagged": true, "categories": {"sexual/minors": 1}}]}'),
        _set(body=b'{"results": [{"flagged": false, "categories": {}}]}'),
        _set(body=answer(violence=False)),
        _set(media_type="text/html"),
        _set(media_type="text/html", body=b"<html>Sign in</html>"),
        _set(body=answer(**{"sexual/minors": False}) + b" " * LARGEST_ANSWER),
    ],
)
def test_nonsense_closes_the_gate(cage: Cage, service: Service, change: Callable[[Service], None]) -> None:
    service.body = answer(**{"sexual/minors": False})
    change(service)
    assert failed_with(decided(cage, Moderation(service.base))) == "upstream.answer"
    assert len(service.asked) == 1, "no redirect is followed and nothing is asked twice"


def test_nobody_there_closes_the_gate(cage: Cage) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        assert failed_with(decided(cage, Moderation(base))) == "upstream.connection"
        lenient = decided(cage, Moderation(base), on_failure={"moderation": Outcome.REVIEW})
    assert lenient.outcome is Outcome.REVIEW
    assert not lenient.allowed


def test_pictures_are_sent_only_where_the_operator_says_so(cage: Cage, service: Service) -> None:
    service.body = answer(**{"sexual/minors": True})
    moderation = Moderation(service.base)
    with Guard(cage, prompts=[moderation], pictures=[PictureModeration(moderation)]) as guard:
        assert guard.check_output(jpeg(1)).decision.outcome is Outcome.REVIEW
    assert service.asked[0]["input"][0]["image_url"]["url"].startswith("data:image/jpeg;base64,")
    service.asked.clear()
    with Guard(cage, prompts=[moderation]) as guard:
        assert guard.check_output(jpeg(1)).decision.allowed
    assert service.asked == []
    moderation.close()


@pytest.mark.parametrize("base", ["", "host", "ftp://host/v1", "http:///v1"])
def test_an_address_that_is_none(base: str) -> None:
    with pytest.raises(InputError):
        Moderation(base)


def test_half_a_surrogate_pair_is_asked_about_like_anything_else(cage: Cage, service: Service) -> None:
    service.body = answer(**{"sexual/minors": False})
    with Guard(cage, prompts=[Moderation(service.base)]) as guard:
        for _ in range(6):  # more than it takes until a check that fails is given up
            assert guard.check_prompt("a lake \ud83d").allowed
    assert service.asked[0]["input"] == "a lake \ud83d"
