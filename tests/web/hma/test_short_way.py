"""Look-ups through the real server's short way: the same answers as by the long way, on one connection."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from firstlight.banks import NewEntry
from firstlight.values import BankPurpose
from firstlight.web import server
from firstlight.web.access import api_keys
from firstlight.web.access.policy import Permission
from firstlight.web.service import Service

LISTED, OTHER = "0f" * 32, "a5" * 32


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    """A connection that stays open."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        yield connection


@pytest.fixture
def port(service: Service) -> Iterator[int]:
    """Where the service answers, as `firstlight up` configures it."""
    service.home.library.create_bank("roots", BankPurpose.KNOWN)
    service.home.library.add("roots", [NewEntry(key="carrot", pdq=LISTED)])
    listening = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(server._configured(service))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    running.should_exit = True
    thread.join()
    listening.close()


def asked(connection: http.client.HTTPConnection, query: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    connection.request("GET", f"/m/lookup?{query}", headers={"Host": "localhost", **headers})
    answer = connection.getresponse()
    return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}


def test_both_ways_answer_alike(
    connection: http.client.HTTPConnection, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(connection, f"signal={LISTED}&signal_type=pdq")  # gets its number, which is the long way
    tasks: list[object] = []
    plain = HttpToolsProtocol._start_asgi_task

    def counted(self: HttpToolsProtocol, cycle: RequestResponseCycle, app: Any) -> None:
        tasks.append(cycle)
        plain(self, cycle, app)

    monkeypatch.setattr(HttpToolsProtocol, "_start_asgi_task", counted)
    for value in (LISTED, OTHER):
        short = asked(connection, f"signal={value}&signal_type=pdq")
        assert tasks == []
        long = asked(connection, f"signal={value}&signal_type=pdq&bypass_coinflip=true")
        assert len(tasks) == 1
        tasks.clear()
        assert short[:2] == long[:2]
        assert {k: v for k, v in short[2].items() if k != "x-request-id"} == {
            k: v for k, v in long[2].items() if k != "x-request-id"
        }
    assert first[:2] == asked(connection, f"signal={LISTED}&signal_type=pdq")[:2]
    assert b"bank_content_id" in first[1]
    service.audit.flush()
    assert service.audit.total == 6


def test_who_may_not_gets_nothing_by_the_short_way(connection: http.client.HTTPConnection, service: Service) -> None:
    query = f"signal={OTHER}&signal_type=pdq"
    for host in ("elsewhere.example", "[", "[::1"):
        assert asked(connection, query, Host=host)[0] == 421
    assert asked(connection, query, Authorization="Bearer fl_nobodys")[0] == 401
    _, secret = api_keys.add(service.home, "machine", [Permission.MATCH])
    key = {"Authorization": f"Bearer {secret}"}
    assert asked(connection, query, **key)[0] == 200
    api_keys.disable(service.home, "machine")
    until = time.monotonic() + 30
    while (status := asked(connection, query, **key)[0]) == 200 and time.monotonic() < until:
        time.sleep(0.1)
    assert status == 401


def test_requests_in_one_piece_are_answered_in_order(port: int) -> None:
    one = f"GET /m/lookup?signal={OTHER}&signal_type=pdq HTTP/1.1\r\nHost: localhost\r\n"
    other = "GET /status/live HTTP/1.1\r\nHost: localhost\r\n"
    last = f"{one}Connection: close\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join([one, other, one, other, last, ""]).encode())
        came = b""
        while piece := connection.recv(65536):
            came += piece
    assert came.count(b"HTTP/1.1 200 OK") == 5
    bodies = [part.split(b"\r\n\r\n", 1)[1] for part in came.split(b"HTTP/1.1 200 OK")[1:]]
    assert [body == b"{}" for body in bodies] == [True, False, True, False, True]


def test_what_was_learned_is_a_whole_request_and_nothing_else(port: int, service: Service) -> None:
    _, secret = api_keys.add(service.home, "machine", [Permission.MATCH])
    line = f"GET /m/lookup?signal={OTHER}&signal_type=pdq HTTP/1.1\r\n"
    listed = line.replace(OTHER, LISTED)
    head = f"Host: localhost\r\nAuthorization: Bearer {secret}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:

        def ask(*pieces: str, answers: int = 1) -> bytes:
            for piece in pieces:
                connection.sendall(piece.encode())
                time.sleep(0.01)
            came = b""
            while came.count(b"HTTP/1.1") < answers or not came.endswith(b"}"):
                came += connection.recv(65536)
            return came

        for _ in range(3):  # read, learned, answered from its first line
            assert b"200 OK" in ask(line + head)
        assert b"roots" not in ask(line + head)
        for _ in range(2):
            assert b"ROOTS" in ask(listed + head)
        assert ask(line + head + listed + head, answers=2).count(b"ROOTS") == 1
        assert b"ROOTS" in ask(listed + head[:20], head[20:])  # in two pieces
        assert b"ROOTS" in ask(listed[:30], listed[30:] + head)
        assert b" 400 " in ask(line.replace(OTHER, "zz") + head)
        assert b" 401 " in ask(line + head.replace(secret, secret[:-1]))
        assert b" 421 " in ask(line + head.replace("localhost", "elsewhere.example"))
        assert b" 405 " in ask(line.replace("GET", "PATCH") + head)
    service.audit.flush()
    assert service.audit.total == 10
    counted = {key: n for key, n in service.meter.answered.items() if key[1] == "/m/lookup"}
    assert counted["GET", "/m/lookup", 200] == 10
