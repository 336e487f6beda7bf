"""Look-up processes of a real `firstlight up`: one service to its callers, whatever happens to its parts."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from firstlight.banks import NewEntry
from firstlight.casework.home import Home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.custody import EventType
from firstlight.values import BankPurpose
from firstlight.web import server
from firstlight.web.access import api_keys
from firstlight.web.access.policy import Permission
from firstlight.web.lookups.pool import LONGEST_WAIT, Pool, processes
from firstlight.web.service import Service
from web.test_up import PATIENCE, Process, up

LISTED, OTHER, LATER = "0f" * 32, "a5" * 32, "3c" * 32


@dataclass
class House:
    """A running service, the key of a machine, and what it was told and asked."""

    folder: Path
    up: Process
    key: str
    log: Path
    asked: Counter[str] = field(default_factory=Counter)

    def connection(self) -> closing[http.client.HTTPConnection]:
        """A connection that stays open."""
        return closing(
            http.client.HTTPConnection("127.0.0.1", int(self.up.address.rsplit(":", 1)[1]), timeout=PATIENCE)
        )

    def ask(
        self, connection: http.client.HTTPConnection, value: str, key: str = "", more: str = ""
    ) -> tuple[int, object]:
        """A look-up."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        connection.request("GET", f"/m/lookup?signal={value}&signal_type=pdq{more}", headers=headers)
        answer = connection.getresponse()
        said = answer.status, json.loads(answer.read())
        self.asked[value] += said[0] == 200
        return said

    def call(self, method: str, path: str, body: object) -> int:
        """Another request, on a connection of its own."""
        with self.connection() as connection:
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body), headers)
            return connection.getresponse().status

    def children(self) -> set[int]:
        """The processes that answer look-ups, ready or not."""
        return children(self.up.process.pid)

    def ready(self) -> set[int]:
        """Those that said that they are ready, and live."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return {line["pid"] for line in lines if line["event"] == "look-ups.process-ready"} & self.children()


def children(parent: int) -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state = (path / "stat").read_text().rsplit(")", 1)[1].split()
            command = (path / "cmdline").read_bytes()
            if int(state[1]) == parent and b"firstlight.web.lookups.process" in command:
                found.add(int(path.name))
    return found


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A service with two look-up processes, which are ready, and one bank."""
    folder, log = tmp_path / "home", tmp_path / "log"
    with Home.open(folder) as home:
        home.library.create_bank("roots", BankPurpose.KNOWN)
        home.library.add("roots", [NewEntry(key="carrot", pdq=LISTED)])
        _, key = api_keys.add(home, "machine", [Permission.MATCH, Permission.BANKS_READ, Permission.BANKS_WRITE])
    monkeypatch.setenv("FIRSTLIGHT_LOG", str(log))
    monkeypatch.setenv("FIRSTLIGHT_SERVICE_LOOK_UP_PROCESSES", "2")
    with up(folder, "--workers", "0") as process:
        process.ready()
        house = House(folder, process, key, log)
        assert house.children() == set()  # who looks up little has none
        with house.connection() as connection:
            house.ask(connection, LISTED)  # gets its number
            while not house.children():
                assert house.ask(connection, OTHER) == (200, {})
        until(lambda: len(house.ready()) == 2)
        yield house


def answering(house: House) -> dict[int, http.client.HTTPConnection]:
    """A connection at each of the processes, by its number."""
    found: dict[int, http.client.HTTPConnection] = {}
    time.sleep(0.5)  # what was closed before this is told
    for _ in range(2):
        connection = http.client.HTTPConnection("127.0.0.1", int(house.up.address.rsplit(":", 1)[1]), timeout=PATIENCE)
        before = {pid: sockets(pid) for pid in house.ready()}
        house.ask(connection, OTHER)
        until(lambda before=before: any(sockets(pid) > n for pid, n in before.items()))  # type: ignore[misc]
        found[next(pid for pid, count in before.items() if sockets(pid) > count)] = connection
    assert set(found) == house.ready()
    return found


def sockets(pid: int) -> int:
    links = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            links.append(str(path.readlink()))
    return sum(link.startswith("socket:") for link in links)


def recorded(house: House) -> tuple[Counter[str], int, bool]:
    """What the custody log says was looked up, how many hits, and whether it is whole. After the service's end."""
    counts: Counter[str] = Counter()
    hits = 0
    with Home.open(house.folder, create=False) as home, home.look() as work:
        for entry in work.log.entries(types=[EventType.MATCH]):
            assert entry.event is not None
            assert entry.event.actor == "key:machine"
            said: Any = entry.event.payload
            counts.update(said["looked_up"])
            hits += len(said["found"])
        return counts, hits, work.log.verify().ok


def test_they_are_one_service(house: House) -> None:
    at = answering(house)
    for connection in at.values():
        # the same as the service's own answer, which the last parameter asks for
        short, long = house.ask(connection, LISTED), None
        with house.connection() as other:
            long = house.ask(other, LISTED, more="&bypass_coinflip=true")
        assert short == long
        assert "ROOTS" in str(short)
    number = house.ask(at[next(iter(at))], LISTED)[1]["ROOTS"][0]["bank_content_id"]  # type: ignore[index]
    # what one changes counts for all, at once
    for until_ts, seen in ((0, False), (1, True)):
        assert house.call("PUT", f"/c/bank/ROOTS/content/{number}", {"disable_until_ts": until_ts}) == 200
        for connection in at.values():
            assert ("ROOTS" in str(house.ask(connection, LISTED))) is seen
    assert house.call("POST", "/c/bank/ROOTS/signal", {"pdq": LATER}) == 200
    for connection in at.values():
        assert "ROOTS" in str(house.ask(connection, LATER))
    # a key that was made by another program opens, and once it is disabled it opens nothing, at once
    with Home.open(house.folder, create=False) as home:
        _, key = api_keys.add(home, "other", [Permission.MATCH])
        house.asked[OTHER] -= 1
        with house.connection() as third:
            assert house.ask(third, OTHER, key)[0] == 200
            assert house.ask(third, OTHER, key)[0] == 200
            house.asked[OTHER] -= 1
            api_keys.disable(home, "other")
            assert house.ask(third, OTHER, key)[0] == 401
    for connection in at.values():
        connection.close()
    # a connection that wants something else goes to the service, with a large body too
    with house.connection() as connection:
        house.ask(connection, OTHER)
        connection.request("GET", "/status")
        assert connection.getresponse().read() == b"I-AM-ALIVE"
        house.ask(connection, OTHER)
        body = json.dumps({"pdq": [LISTED, OTHER], "much": "x" * 3_000_000})
        connection.request("POST", "/m/compare", body, {"Authorization": f"Bearer {house.key}"})
        answer = connection.getresponse()
        assert answer.status in (400, 415)
        answer.read()
        assert house.ask(connection, LISTED)[0] == 200
    assert house.up.end(signal.SIGTERM) == 0
    until(lambda: not house.children())


def test_a_clean_stop_under_load_loses_no_look_up_that_was_answered(house: House) -> None:
    answered: Counter[str] = Counter()
    lock, stop = threading.Lock(), threading.Event()

    def asking(value: str) -> None:
        count = 0
        with suppress(OSError, http.client.HTTPException), house.connection() as connection:
            while not stop.is_set():
                connection.request(
                    "GET", f"/m/lookup?signal={value}&signal_type=pdq", headers={"Authorization": f"Bearer {house.key}"}
                )
                answer = connection.getresponse()
                assert answer.status == 200
                answer.read()
                count += 1
        with lock:
            answered[value] += count

    threads = [threading.Thread(target=asking, args=(value,)) for value in (LISTED, OTHER, LISTED, OTHER)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    assert house.up.end(signal.SIGTERM) == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert not house.children()
    counts, hits, whole = recorded(house)
    assert whole
    total = house.asked + answered
    # what was answered is recorded; an answer that was under way may not have reached its caller
    assert 0 <= counts["pdq"] - total.total() <= len(threads)
    assert 0 <= hits - total[LISTED] <= len(threads)
    assert answered[LISTED] > 0
    assert answered[OTHER] > 0


def test_one_that_is_killed_is_started_again_and_the_service_goes_on(house: House) -> None:
    at = answering(house)
    killed, other = sorted(at)
    os.kill(killed, signal.SIGKILL)
    with pytest.raises((OSError, http.client.HTTPException)):
        for _ in range(2):
            house.ask(at[killed], OTHER)
    assert "ROOTS" in str(house.ask(at[other], LISTED))
    with house.connection() as connection:
        assert "ROOTS" in str(house.ask(connection, LISTED))
    until(lambda: len(house.ready() - {killed}) == 2)
    for connection in at.values():
        connection.close()
    for connection in answering(house).values():
        assert "ROOTS" in str(house.ask(connection, LISTED))
        connection.close()
    # one that is asked to end tells all it did
    os.kill(other, signal.SIGTERM)
    until(lambda: other not in house.children())
    assert house.up.end(signal.SIGTERM) == 0
    counts, _, whole = recorded(house)
    assert whole
    assert house.asked.total() - 2 <= counts["pdq"] <= house.asked.total() + 2


def test_none_outlives_the_service_that_is_killed(house: House) -> None:
    at = answering(house)
    pids = set(at)
    for _ in range(50):
        for connection in at.values():
            house.ask(connection, LISTED)
    time.sleep(1.5)  # what is older than a second is recorded, however the service ends
    asked = house.asked.total()
    assert house.up.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    counts, _, whole = recorded(house)
    assert whole
    assert counts["pdq"] == asked
    for connection in at.values():
        connection.close()


@pytest.mark.parametrize("settings", [{"look_up_processes": 0}, {"tls_cert": "cert", "tls_key": "key"}])
def test_without_them_the_service_answers_alone(
    service: Service, settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[object] = []
    monkeypatch.setattr(server, "_configured", lambda _service, pool: pools.append(pool))
    monkeypatch.setattr("uvicorn.Server.__init__", lambda *_: None)
    with ExitStack() as stack:
        alone = Service(home=service.home, settings=ServiceSettings.model_validate(settings))
        server._Server(alone, stack)
        server._Server(service, stack)
    assert pools[0] is None
    assert pools[1] is not None


def test_one_a_core_unless_a_number_is_given() -> None:
    assert processes("cores") == min(len(os.sched_getaffinity(0)), 8)
    assert processes(3) == 3
    assert processes(0) == 0


def test_processes_that_fail_for_days_are_tried_all_the_same(home: Home) -> None:
    pool = Pool(Service(home=home, settings=home.settings.service), 1, lambda *_: None)
    pool._failures = 5000

    waits: list[float] = []

    async def later() -> None:
        loop = asyncio.get_running_loop()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "call_later", lambda wait, *_: waits.append(wait))
            pool._start_later()

    asyncio.run(later())
    assert waits == [LONGEST_WAIT]
