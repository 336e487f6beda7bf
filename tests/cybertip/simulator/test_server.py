"""The server as many clients see it at once."""

from __future__ import annotations

import hashlib
import io
import socket
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, cast

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


class Endless(io.RawIOBase):
    """A stream of any size that holds nothing."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        part = min(self._left, size)
        self._left -= part
        return bytes(part)


def test_a_large_upload_streams_through_both_ends(simulator: Simulator, draft: Draft) -> None:
    size = 48 * 1024 * 1024
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        number = client.submit(draft.report).report_id or 0
        tracemalloc.start()
        answer, md5 = client.upload(number, cast("BinaryIO", Endless(size)), size, file_name="large")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert answer.md5 == md5 == hashlib.md5(bytes(size)).hexdigest()
    assert peak < 4 * 1024 * 1024


def test_a_full_disk_is_answered_and_no_more(tmp_path: Path, clock: FixedClock, draft: Draft) -> None:
    folder = tmp_path / "sim"
    with Simulator.of(clock, folder=folder) as sim, Client(sim.destination, DEMO_CREDENTIALS) as client:
        (folder / "simulator.json.new").mkdir()
        answer = client.submit(draft.report)
        assert (answer.status, answer.is_uncertain) == (500, True)
        (folder / "simulator.json.new").rmdir()
        assert client.submit(draft.report).succeeded


def test_a_body_that_ends_early_ends_the_connection_and_nothing_else(simulator: Simulator) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as raw:
        raw.sendall(b"POST /ispws/submit HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<rep")
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4096):
            pass
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        assert client.status().succeeded
    assert simulator.reports() == ()
