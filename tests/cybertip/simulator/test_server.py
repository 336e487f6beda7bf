"""The server as many clients see it at once."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import httpx

from cybertip.small_case import open_bytes
from firstlight.clock import FixedClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    Client,
    Draft,
    FilingState,
    MemoryJournal,
    MemoryRecord,
    Simulator,
    file_report,
)
from firstlight.cybertip.simulator.reports import ReportState


def test_many_clients_at_once_each_get_their_own_report(
    simulator: Simulator, draft: Draft, record: MemoryRecord, clock: FixedClock
) -> None:
    def one(_: int) -> int:
        with Client(simulator.destination, DEMO_CREDENTIALS) as client:
            filing = file_report(client, draft, open_bytes, record=record, journal=MemoryJournal(), clock=clock)
        assert filing.state is FilingState.FINISHED
        assert filing.receipt is not None
        return filing.receipt.report_id

    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(one, range(12)))
    assert len(set(numbers)) == 12
    assert {r.state for r in simulator.reports()} == {ReportState.FINISHED}
    assert sorted(line.number for line in simulator.log()) == list(range(1, len(simulator.log()) + 1))


def test_an_early_refusal_of_a_large_upload_arrives(simulator: Simulator) -> None:
    answer = httpx.post(f"{simulator.url}/upload", content=b"x" * 8_000_000, trust_env=False)
    assert answer.status_code == 401


def test_a_body_that_ends_early_ends_the_connection_and_nothing_else(simulator: Simulator) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as raw:
        raw.sendall(b"POST /ispws/submit HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<rep")
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4096):
            pass
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        assert client.status().succeeded
    assert simulator.reports() == ()
