"""What a look-up process does with the connections that it is given: it answers look-ups, and gives back the rest."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from firstlight.banks import NewEntry
from firstlight.casework.home import Home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.values import BankPurpose
from firstlight.web.audit import Tally
from firstlight.web.hma import book
from firstlight.web.hma.hotpath import HotPath
from firstlight.web.lookups import plain, process, report, wire
from firstlight.web.lookups.process import Answering
from firstlight.web.measures import Meter
from firstlight.web.service import Service

LISTED, OTHER = "0f" * 32, "a5" * 32
HEAD = "Host: localhost\r\n\r\n"
FOUND, NOTHING = b'{"ROOTS":[{"bank_content_id":1,"distance":"0"}]}', b"{}"


def line(value: str, more: str = "") -> str:
    return f"GET /m/lookup?signal={value}&signal_type=pdq{more} HTTP/1.1\r\n"


class Given:
    """A process, in a thread, and the service's end of the pair."""

    def __init__(self, service: Service) -> None:
        self.control, theirs = wire.pair()
        self.control.settimeout(30)
        tally = Tally()
        self.service = service
        self.answering = Answering(theirs, HotPath(None, service, tally=tally), service, tally)
        self.thread = threading.Thread(target=self.answering.run)
        self.thread.start()
        self.reports: list[bytes] = []

    def connection(self, read: str = "") -> socket.socket:
        """A caller's end of a connection that was given to the process, after so much was read from it."""
        caller, ours = socket.socketpair()
        caller.settimeout(30)
        socket.send_fds(self.control, [wire.CONNECTION + read.encode()], [ours.fileno()])
        ours.close()
        return caller

    def back(self) -> tuple[bytes, socket.socket]:
        """The next connection that comes back, and what came with it."""
        while True:
            packet, fds, _, _ = socket.recv_fds(self.control, wire.PACKET, 1)
            if packet.startswith(wire.BACK):
                return packet[1:], socket.socket(fileno=fds[0])
            assert packet.startswith(wire.REPORT)
            self.reports.append(packet)

    def end(self) -> None:
        """Hang up, and take what is left to tell."""
        self.control.shutdown(socket.SHUT_WR)
        self.thread.join(30)
        self.answering._control.close()
        while packet := self.control.recv(wire.PACKET):
            self.reports.append(packet)
        self.control.close()


@pytest.fixture
def service(home: Home) -> Service:
    """A service whose interface is open, over a bank in which one hash has its number."""
    home.library.create_bank("roots", BankPurpose.KNOWN)
    home.library.add("roots", [NewEntry(key="carrot", pdq=LISTED)])
    book.numbered(home, [("roots", "carrot", "pdq")])
    return Service(home=home, settings=ServiceSettings(hma_open_on_loopback=True))


@pytest.fixture
def given(service: Service) -> Iterator[Given]:
    """The process."""
    given = Given(service)
    yield given
    if given.thread.is_alive():
        given.end()


def answers(caller: socket.socket, count: int) -> list[bytes]:
    """The bodies of so many answers."""
    came = b""
    bodies: list[bytes] = []
    while len(bodies) < count:
        piece = caller.recv(65536)
        assert piece, came
        came += piece
        while (end := came.find(b"\r\n\r\n")) >= 0:
            head = came[:end]
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            size = int(head.rsplit(b"content-length: ", 1)[1].split(b"\r\n")[0])
            if len(came) < end + 4 + size:
                break
            bodies.append(came[end + 4 : end + 4 + size])
            came = came[end + 4 + size :]
    assert came == b""
    return bodies


def test_look_ups_are_answered_in_order_however_they_arrive(given: Given) -> None:
    with given.connection(line(OTHER) + HEAD + line(LISTED) + HEAD) as caller:
        assert answers(caller, 2) == [NOTHING, FOUND]
        many = (line(LISTED) + HEAD + line(OTHER) + HEAD).encode() * 3
        caller.sendall(many)
        assert answers(caller, 6) == [FOUND, NOTHING] * 3
        for byte in many:  # the first line and the head in pieces of one byte
            caller.sendall(bytes([byte]))
        assert answers(caller, 6) == [FOUND, NOTHING] * 3
        caller.sendall((line(LISTED, "&banks=ROOTS") + "Accept: */*\r\n" + HEAD).encode())
        assert answers(caller, 1) == [FOUND]
    given.end()
    heard = Meter()
    for packet in given.reports:
        report.join(packet, given.service.audit, heard)
    assert heard.answered == {("GET", "/m/lookup", 200): 15}
    assert (given.service.audit.total, given.service.audit.found) == (15, 8)
    asked = given.service.audit.take()
    assert asked["hma"].counts == {"pdq": 15}
    assert asked["hma"].hits == [("roots", "carrot")] * 8
    given.service.audit.close()


@pytest.mark.parametrize(
    "request_",
    [
        "GET /status HTTP/1.1\r\n" + HEAD,
        "POST /m/lookup?x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody",
        line(OTHER) + "Connection: close\r\n" + HEAD,
        line(OTHER).replace("1.1", "1.0") + HEAD,
        line(OTHER) + "Content-Length: 0\r\n" + HEAD,
        line(OTHER) + "Expect: 100-continue\r\n" + HEAD,
        line(OTHER) + "Authorization: Bearer fl_nobodys\r\n" + HEAD,
        line(OTHER) + HEAD.replace("localhost", "elsewhere.example"),
        line("zz") + HEAD,
        line(OTHER, "&unknown=1") + HEAD,
        "GET /m/lookup?\0 HTTP/1.1\r\n\r\n",
        "\r\n\r\n",
        "GET /m/lookup/raw",  # half of it is enough to see that it is none
    ],
)
def test_any_other_request_goes_back_with_all_that_follows_it(given: Given, request_: str) -> None:
    after = line(LISTED) + HEAD
    with given.connection(line(LISTED) + HEAD + request_ + after) as caller:
        assert answers(caller, 1) == [FOUND]
        data, ours = given.back()
        assert data.decode() == request_ + after
        with ours:
            ours.sendall(b"here")
            caller.sendall(b"there")
            assert caller.recv(100) == b"here"
            assert ours.recv(100) == b"there"


def test_a_caller_who_does_not_read_gets_everything_once_he_does(given: Given) -> None:
    """And holds up nobody else."""
    times = 2_000
    asked = (line(LISTED) + HEAD).encode() * times + b"GET /status HTTP/1.1\r\n\r\n"
    with given.connection() as slow, given.connection() as other:
        sending = threading.Thread(target=slow.sendall, args=(asked,))
        sending.start()
        for _ in range(100):
            other.sendall((line(LISTED) + HEAD).encode())
            assert answers(other, 1) == [FOUND]
        assert set(answers(slow, times)) == {FOUND}
        sending.join()
        data, ours = given.back()
        ours.close()
        assert data == b"GET /status HTTP/1.1\r\n\r\n"


def test_what_is_not_used_is_closed_and_half_a_request_goes_back(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "KEEP_ALIVE", 0.1)
    with given.connection(line(OTHER) + HEAD) as caller, given.connection(line(OTHER)[:20]) as half:
        assert answers(caller, 1) == [NOTHING]
        assert caller.recv(1) == b""
        data, ours = given.back()
        assert data.decode() == line(OTHER)[:20]
        ours.close()
        assert half.recv(1) == b""


def test_a_fault_is_the_services_to_answer(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    with given.connection(line(OTHER) + HEAD) as caller:
        assert answers(caller, 1) == [NOTHING]
        monkeypatch.setattr(HotPath, "again", broken)
        caller.sendall((line(OTHER) + HEAD).encode())
        data, ours = given.back()
        ours.close()
        assert data.decode() == line(OTHER) + HEAD


def test_a_report_of_many_callers_with_long_names_fits_into_packets() -> None:
    from firstlight.web.audit import LookUp

    tally, meter = Tally(), Meter()
    for number in range(250):
        hits = tuple(("b" * 64, f"\u00e9{number}" * 60) for _ in range(120 if number == 7 else 1))
        tally.add(LookUp(f"key:{'k' * 100}{number}", "pdq", hits))
    packets = list(report.packets(tally, meter, 0))
    assert max(map(len, packets)) < wire.MOST
    assert sum(len(json.loads(packet[1:]).get("counts", ())) for packet in packets) == 250
    assert sum(len(hits) for p in packets for hits in json.loads(p[1:]).get("hits", {}).values()) == 249 + 120
    assert list(report.packets(tally, meter, 0)) == []


def test_only_a_whole_request_is_plain() -> None:
    whole = (line(OTHER) + HEAD).encode()
    assert plain.read(whole) == (b"/m/lookup?signal=" + OTHER.encode() + b"&signal_type=pdq", [(b"host", b"localhost")])
    for end in range(len(whole)):
        assert plain.read(whole[:end]) is None
    assert plain.read(whole * 2) is None
