"""Law 6, the net under all other tests: the guard in conftest bites, and lets loopback through."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import httpx
import pytest

# Addresses and names set aside for documentation: nobody is there, should the guard ever fail.
ADDRESS, ADDRESS_6, NAME = "192.0.2.1", "2001:db8::1", "host.example"


def outbound(raised: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether the guard, and nothing else, stopped it."""
    return "OutboundConnectionError" in {type(e).__name__ for e in _chain(raised.value)}


def _chain(error: BaseException | None) -> list[BaseException]:
    out: list[BaseException] = []
    while error is not None and error not in out:
        out.append(error)
        error = error.__cause__ or error.__context__
    return out


def _tcp(method: str, family: int, address: str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as s:
        getattr(s, method)((address, 80))


def _udp(method: str, *args: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        getattr(s, method)(*args)


@pytest.mark.parametrize(
    "reach_out",
    [
        lambda: _tcp("connect", socket.AF_INET, ADDRESS),
        lambda: _tcp("connect_ex", socket.AF_INET, ADDRESS),
        lambda: _tcp("connect", socket.AF_INET, NAME),
        lambda: _tcp("connect", socket.AF_INET6, ADDRESS_6),
        lambda: _udp("sendto", b"x", (ADDRESS, 9)),
        lambda: _udp("sendto", b"x", 0, (ADDRESS, 9)),
        lambda: _udp("sendmsg", [b"x"], [], 0, (ADDRESS, 9)),
        lambda: socket.create_connection((ADDRESS, 80), timeout=1),
        lambda: socket.getaddrinfo(NAME, 80),
        lambda: socket.getaddrinfo(NAME.encode(), 80),
        lambda: socket.gethostbyname(NAME),
        lambda: urllib.request.urlopen(f"http://{ADDRESS}/", timeout=1),
        lambda: httpx.get(f"http://{NAME}/", timeout=1, trust_env=False),
    ],
)
def test_no_way_out_is_left_open(reach_out: Callable[[], object]) -> None:
    with pytest.raises(BaseException) as raised:
        reach_out()
    assert outbound(raised)


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname(), timeout=5) as client:
            client.sendall(b"x")
            peer, _ = server.accept()
            with peer:
                assert peer.recv(1) == b"x"
        assert socket.gethostbyname("localhost") == "127.0.0.1"
