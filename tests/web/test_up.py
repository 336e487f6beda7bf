"""The whole process: it starts from nothing, stops when told, and loses nothing when it is killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from casework.making import jpeg
from cybertip.test_tls import Authority
from firstlight.casework.home import Home
from firstlight.errors import InputError, StorageError
from firstlight.web.access import api_keys
from firstlight.web.access.policy import Permission
from firstlight.web.listening import address_at, listening_at
from firstlight.web.service import check_reach
from postgres import Server

PATIENCE = 120.0  # seconds, on a busy machine


class Process:
    """A running `firstlight up`."""

    def __init__(self, home: Path, *flags: str) -> None:
        command = [str(Path(sys.executable).with_name("firstlight")), "up", "--home", str(home), *flags]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--metrics-port", "0"], stdout=subprocess.PIPE, text=True, env=environment
        )
        self.said = ""
        self.address = self._until(r"answers at (http://localhost:\d+)/")

    def _until(self, pattern: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            found = re.search(pattern, self.said)
            if found:
                return found[1]
        raise AssertionError(self.said)

    def ready(self) -> None:
        self._until(r"(Ready) after")
        assert httpx.get(f"{self.address}/status").text == "I-AM-ALIVE"

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        self.process.stdout.close()
        return code


@contextlib.contextmanager
def up(home: Path, *flags: str) -> Iterator[Process]:
    process = Process(home, *flags)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.end(signal.SIGKILL)


def test_what_was_answered_survives_a_kill_and_a_stop_is_clean(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    with up(folder) as first:
        first.ready()
        link = re.search(r"(http://localhost:\d+/enter/\S+)", first.said)
        assert link is not None
        assert httpx.get(link[1]).status_code == 200
        with Home.open(folder) as home:  # another process may work on the home meanwhile
            _, key = api_keys.add(home, "uploader", [Permission.ITEMS_WRITE, Permission.CASES_READ])
        headers = {"Authorization": f"Bearer {key}"}
        taken = [
            httpx.post(f"{first.address}/v1/items", files={"file": jpeg(n)}, headers=headers, timeout=60).json()["item"]
            for n in range(3)
        ]
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
    with up(folder) as second:
        second.ready()
        assert "/enter/" in second.said  # nobody has a passkey yet
        begun = time.monotonic()
        waiting = set(taken)
        while waiting and time.monotonic() - begun < PATIENCE:
            for number in list(waiting):
                item = httpx.get(f"{second.address}/v1/items/{number}", headers=headers).json()
                if item["case"] is not None:
                    waiting.discard(number)
            time.sleep(0.1)
        assert not waiting
        assert second.end(signal.SIGTERM) == 0
        assert "Stopped" in second.said
    with Home.open(folder, create=False) as home, home.look() as work:
        assert work.log.verify().ok


def test_two_processes_share_a_postgresql_database_and_one_goes_on_when_the_other_is_killed(
    tmp_path: Path, postgresql: Server
) -> None:
    folder, url = tmp_path / "home", postgresql.database()
    with up(folder, "--database-url", url, "--workers", "0") as front, up(folder, "--database-url", url) as back:
        front.ready()
        back.ready()
        assert not (folder / "firstlight.sqlite3").exists()
        with Home.open(folder, database_url=url) as home:
            _, key = api_keys.add(home, "uploader", [Permission.ITEMS_WRITE, Permission.CASES_READ, Permission.MATCH])
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "upload-1"}
        post = {"files": {"file": jpeg(1)}, "headers": headers, "timeout": 60}
        taken = httpx.post(f"{front.address}/v1/items", **post).json()["item"]  # type: ignore[arg-type]
        again = httpx.post(f"{back.address}/v1/items", **post).json()["item"]  # type: ignore[arg-type]
        assert taken == again  # sent twice, it is one item, whichever process it reaches
        front.end(signal.SIGKILL)
        begun, case = time.monotonic(), None
        while case is None and time.monotonic() - begun < PATIENCE:
            time.sleep(0.1)
            case = httpx.get(f"{back.address}/v1/items/{taken}", headers=headers).json()["case"]
        assert case is not None
        assert back.end(signal.SIGTERM) == 0
    with Home.open(folder, create=False, database_url=url) as home, home.look() as work:
        assert work.log.verify().ok


def test_a_link_names_the_address_at_which_the_service_answers(tmp_path: Path) -> None:
    def link() -> str:
        command = [str(Path(sys.executable).with_name("firstlight")), "users", "link", "operator"]
        asked = subprocess.run([*command, "--home", str(tmp_path / "home")], capture_output=True, text=True, check=True)
        return asked.stdout

    with up(tmp_path / "home") as running:
        assert f"{running.address}/enter/" in link()
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
    assert "http://localhost:8470/enter/" in link()


def test_a_port_that_is_taken_is_said_in_words() -> None:
    with listening_at("::1", 0) as taken:
        port = taken.getsockname()[1]
        assert address_at("::1", taken) == f"http://[::1]:{port}"
        with pytest.raises(StorageError, match=f"Port {port} on ::1 cannot be had"):
            listening_at("::1", port)


@pytest.mark.parametrize("host", ["192.0.2.7", "no name at all"])
def test_an_address_of_another_machine_is_a_slip_of_whoever_gave_it(host: str) -> None:
    with pytest.raises(InputError, match="is no address of this machine"):
        listening_at(host, 0)


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "192.0.2.7"}, False),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0", "behind_proxy": True}, False),
        ({"host": "0.0.0.0", "behind_proxy": True, "public_url": "https://review.example.org"}, True),
        ({"behind_proxy": True, "public_url": "http://review.example.org"}, False),
        ({"tls_cert": "c"}, False),
        ({"host": "0.0.0.0", "tls_cert": "c", "tls_key": "k", "public_url": "https://review.example.org"}, False),
    ],
)
def test_nobody_can_read_along(tmp_path: Path, settings: dict[str, object], fits: bool) -> None:
    from firstlight.casework.settings import Service

    if fits:
        check_reach(Service.model_validate(settings))
    else:
        with pytest.raises(InputError):
            check_reach(Service.model_validate(settings))


def test_a_certificate_that_cannot_be_used_is_said_before_anything_is_begun(tmp_path: Path) -> None:
    from firstlight.casework.settings import Service

    authority = Authority.new()
    for name in ("localhost", "other"):
        authority.server(tmp_path, name)
    cert, key, other = (tmp_path / name for name in ("localhost.pem", "localhost.key", "other.pem"))
    said = Service(tls_cert=str(cert), tls_key=str(key), public_url="https://localhost", host="0.0.0.0")
    check_reach(said)
    for wrong, why in (
        ({"tls_cert": str(tmp_path / "nowhere.pem")}, "No such file"),
        ({"tls_cert": str(key)}, "cannot be used"),
        ({"tls_cert": str(other)}, "cannot be used"),
    ):
        with pytest.raises(InputError, match=why):
            check_reach(said.model_copy(update=wrong))
