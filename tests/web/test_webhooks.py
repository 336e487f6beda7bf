"""Events reach the addresses that were named, signed, again after a failure, and carry nothing that tells too much."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from casework.making import new_home
from firstlight.casework import banking, intake, jobs
from firstlight.casework.home import Home
from firstlight.casework.settings import Settings
from firstlight.casework.upload import Upload
from firstlight.clock import FixedClock
from firstlight.values import BankPurpose
from firstlight.web import webhooks


class Receiver(HTTPServer):
    """Another service on loopback. It answers with the statuses in `answers`, then 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.came: list[tuple[str, bytes]] = []
        self.answers: list[int] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.came.append((self.headers[webhooks.SIGNATURE], body))
        self.send_response(server.answers.pop(0) if server.answers else 204)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def told(tmp_path: Path, receiver: Receiver) -> Iterator[Home]:
    """A home that tells the receiver."""
    with new_home(tmp_path / "home") as home:
        changed = home.settings.service.model_copy(update={"webhooks": (receiver.address,)})
        home.settings = Settings(organisation=home.settings.organisation, service=changed)
        webhooks.gather(home)  # from now on
        yield home


def work_off(home: Home) -> list[jobs.Standing]:
    worker = jobs.Worker(home, {webhooks.KIND: webhooks.send}, name="test")
    done = []
    while (one := worker.run_once()) is not None:
        done.append(one)
    return done


def test_what_happens_is_told_once_signed_and_without_content(told: Home, receiver: Receiver, tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"canary picture")
    arrival = intake.Arrival("a", picture, Upload(account="canary-account", name="canary-name"))
    intake.receive(told, [arrival], actor="canary-actor")
    banking.create_bank(told, "known", BankPurpose.KNOWN)  # not told
    while webhooks.gather(told):
        pass
    work_off(told)
    assert (jobs.standing(told).waiting, jobs.standing(told).dead) == (0, ())
    webhooks.gather(told)
    assert work_off(told) == []
    ((signed, body),) = receiver.came
    event = json.loads(body)
    assert (event["type"], event["items"], event["case"]) == ("item.received", [1], None)
    assert b"canary" not in body
    at, found = (part.partition("=")[2] for part in signed.split(","))
    assert found == webhooks.signature(webhooks.secret(told), at, body)
    assert webhooks.secret(told) not in body.decode()


def test_an_event_that_is_not_taken_comes_again_and_is_shown_when_it_is_given_up(
    told: Home, receiver: Receiver, tmp_path: Path
) -> None:
    assert isinstance(told.clock, FixedClock)
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"one")
    intake.receive(told, [intake.Arrival("a", picture, Upload())])
    webhooks.gather(told)
    receiver.answers = [500, 302]
    for _ in range(3):
        work_off(told)
        told.clock.advance(timedelta(hours=1))
    assert len({body for _, body in receiver.came}) == 1
    assert len(receiver.came) == 3
    assert jobs.standing(told).dead == ()
    picture.write_bytes(b"two")
    intake.receive(told, [intake.Arrival("b", picture, Upload())])
    webhooks.gather(told)
    receiver.answers = [500] * 50
    for _ in range(jobs.TRIES):
        work_off(told)
        told.clock.advance(timedelta(hours=2))
    (dead,) = jobs.standing(told).dead
    assert dead.kind == webhooks.KIND


def test_an_address_that_is_no_longer_named_is_not_called(told: Home, receiver: Receiver, tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"one")
    intake.receive(told, [intake.Arrival("a", picture, Upload())])
    webhooks.gather(told)
    told.settings = Settings()
    work_off(told)
    assert receiver.came == []


def test_an_answer_without_end_is_not_read(told: Home, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def without_end(hook: BaseHTTPRequestHandler) -> None:
        hook.send_response(200)
        hook.end_headers()
        with suppress(OSError):
            while not over.is_set():
                hook.wfile.write(bytes(1 << 16))

    monkeypatch.setattr(_Hook, "do_POST", without_end)
    with told.work() as work:
        jobs.enqueue(work, webhooks.KIND, {"to": receiver.address, "event": {}})
    worker = threading.Thread(target=work_off, args=(told,), daemon=True)
    worker.start()
    worker.join(30)
    over.set()
    assert not worker.is_alive()
    assert jobs.standing(told).waiting == 0
