"""What every test shares: no host but loopback, a fixed clock, the public test pictures where they are at hand."""

from __future__ import annotations

import ipaddress
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firstlight.clock import FixedClock

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


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 6: a connection or a name look-up beyond loopback fails the test that made it."""
    real_connect, real_connect_ex, real_lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def connect(self: socket.socket, address: Any) -> None:
        if not _is_local(address):
            raise OutboundConnectionError(str(address))
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        if not _is_local(address):
            raise OutboundConnectionError(str(address))
        return real_connect_ex(self, address)

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not _is_local((host.decode() if isinstance(host, bytes) else host,)):
            raise OutboundConnectionError(str(host))
        return real_lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still until it is told to move."""
    return FixedClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def public_pictures() -> Path:
    """The folder of public test pictures (`pdq/`, `c2pa/`, ...), which a plain clone does not have."""
    folder = _SHARED / "fixtures"
    if not folder.is_dir():
        pytest.skip(
            "the public test pictures are not at hand: set FIRSTLIGHT_SHARED to the folder that holds fixtures/"
        )
    return folder
