"""What every test shares: no host but loopback, a fixed clock, the public test pictures where they are at hand."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from firstlight.clock import FixedClock

if TYPE_CHECKING:
    from postgres import Server

# One profile everywhere, so that a build machine tests what a developer's machine tests: the same examples in each run
# and no deadline on a busy machine. `pytest --hypothesis-profile=explore` looks further.
settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", derandomize=False, deadline=None, max_examples=1000)
settings.load_profile("house")

_SHARED = Path(os.environ.get("FIRSTLIGHT_SHARED", Path(__file__).resolve().parents[2] / "shared"))


class OutboundConnectionError(AssertionError):
    """The code under test tried to reach a host that nobody configured."""


def _is_local(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    host = address[0]
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_GUARDED = {"connect": 0, "connect_ex": 0, "sendto": -1, "sendmsg": 3}  # method of a socket: where its address stands


def _guarded(real: Callable[..., Any], place: int) -> Callable[..., Any]:
    def call(self: socket.socket, *args: Any) -> Any:
        address = args[place] if len(args) > max(place, 0) else None
        if address is not None and not _is_local(address):
            raise OutboundConnectionError(str(address))
        return real(self, *args)

    return call


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 6: a connection, a datagram or a name look-up beyond loopback fails the test that made it."""
    real_lookup = socket.getaddrinfo

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_local((name,)):
            raise OutboundConnectionError(str(name))
        return real_lookup(host, *args, **kwargs)

    def lookup_old(name: str, *_args: Any) -> Any:
        return lookup(name, None)[0][4][0]

    for method, place in _GUARDED.items():
        monkeypatch.setattr(socket.socket, method, _guarded(getattr(socket.socket, method), place))
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(socket, "gethostbyname", lookup_old)


def connections_refused_by_the_kernel() -> int:
    """How often this network namespace was asked for a way to an address that is not loopback."""
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines()[:2])
    refused = int(values[names.index("OutNoRoutes")])
    for line in Path("/proc/net/snmp6").read_text().splitlines():
        if line.startswith("Ip6OutNoRoutes"):
            refused += int(line.split()[1])
    return refused


def _is_counting(config: pytest.Config) -> bool:
    """Whether scripts/no_way_out.py started this run; of several processes the first one counts for all."""
    return os.environ.get("FIRSTLIGHT_NO_WAY_OUT") == "1" and not hasattr(config, "workerinput")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Law 6, below Python: compiled libraries and child processes are seen by the kernel's own counters."""
    if _is_counting(session.config) and connections_refused_by_the_kernel():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the kernel saw."""
    if _is_counting(terminalreporter.config):
        tried = connections_refused_by_the_kernel()
        terminalreporter.write_line(
            f"connections beyond loopback that the kernel saw and refused: {tried}", red=tried > 0
        )


@pytest.fixture(autouse=True)
def opened_lists_stay_here(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sealed lists are opened into files that outlive a process; those of a test go with its folders."""
    monkeypatch.setattr("firstlight.banks.library.MEMORY", tmp_path_factory.getbasetemp())


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still until it is told to move."""
    return FixedClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of this session; tests that need one skip, with a word, where its package is missing."""
    from postgres import Server

    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def public_pictures() -> Path:
    """The folder of public test pictures (`pdq/`, `c2pa/`, ...), which a plain clone does not have."""
    folder = _SHARED / "fixtures"
    if not folder.is_dir():
        pytest.skip(
            "the public test pictures are not at hand: set FIRSTLIGHT_SHARED to the folder that holds fixtures/"
        )
    return folder


@pytest.fixture(scope="session")
def object_store_url() -> Iterator[str]:
    """The address of a real object store on loopback that enforces Object Lock; see `custody.object_store`."""
    from custody.object_store import StoreNotStartedError, missing_programs, object_store

    if lacking := missing_programs():
        pytest.skip(f"no object store is at hand: {', '.join(lacking)} (Debian: ceph-mon ceph-osd radosgw ceph-common)")
    try:
        with object_store() as url:
            yield url
    except StoreNotStartedError as e:
        pytest.skip(f"the object store did not start here: {e}")
