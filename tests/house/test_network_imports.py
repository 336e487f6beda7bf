"""Law 6: only named modules may hold a library that can reach a host, each with its reason."""

from __future__ import annotations

import ast

import pytest

from house import sources

CAN_REACH_A_HOST = frozenset(
    {
        "aiohttp", "asyncssh", "boto3", "botocore", "ftplib", "grpc", "http", "httpcore", "httpx", "imaplib", "nntplib",
        "paramiko", "poplib", "psycopg", "pycurl", "requests", "smtplib", "socket", "socketserver", "ssl", "telnetlib",
        "urllib3", "websockets", "xmlrpc",
    }
)  # fmt: skip
ONLY_WORDS = frozenset({"http.HTTPStatus"})  # the names of statuses reach nobody
CAN_REACH_A_HOST_WITHIN = (
    "sqlalchemy.create_engine",
    "urllib.request",
    "asyncio.open_connection",
    "asyncio.create_server",
)

# Where it is allowed (a module, or a folder with a slash at its end), and why.
ALLOWED: dict[str, str] = {
    "banks/exchanges/transport.py": "fetches lists from the exchanges that the operator configured",
    "cli/gate_serve.py": "listens where the operator says, for the clients of the gate",
    "cybertip/client.py": "files a report to the destination that the operator configured",
    "cybertip/client/": "the same, split over several files",
    "cybertip/simulator.py": "serves the built-in simulator on loopback",
    "cybertip/simulator/": "the same, split over several files",
    "cli/simulator.py": "reads the certificate with which the simulator on loopback speaks TLS",
    "custody/storages/s3_client.py": "keeps originals in the object store that the operator configured",
    "cli/gate_demo.py": "asks the demonstration's own generators, on loopback",
    "gate/adapters/asgi.py": "hands requests to the service in the same process, without a network",
    "gate/adapters/comfyui.py": "forwards workflows to the ComfyUI server that the operator configured",
    "gate/http/proxy.py": "forwards requests to the image generator that the operator configured",
    "gate/moderation.py": "asks the moderation service that the operator configured",
    "store/backends/postgresql.py": "speaks with the database that the operator named",
    "store/backends/sqlite.py": "opens a file of this machine through a library that could also open a host",
    "screen/cluster.py": "hands shards to the Ray cluster that the operator named or started",
    "screen/objects.py": "reads data sets from the S3 store that the operator named",
    "custody/second_parties.py": "asks the witness and the time stamping authority that the operator configured",
    "custody/witness.py": "names the statuses of HTTP, and reaches nothing",
    "custody/witness_server.py": "serves a witness where the operator says, by default on loopback",
    "media/_nursery.py": "speaks with its parent over a socket pair",
    "media/_wire.py": "sends messages over a socket pair",
    "media/_workers.py": "speaks with its workers over socket pairs",
    "web/access/oidc.py": "signs people in through the identity provider that the operator named",
    "web/client.py": "calls the service at the address that its user gives",
    "web/hma/fetching.py": "fetches media to hash from hosts that the operator named, and from no other",
    "web/tracing.py": "sends traces to the collector that the operator named",
    "web/webhooks.py": "sends events to the addresses that the operator named, and to no other",
    "web/lookups/": "gives connections of the service to its own processes over socket pairs, and calls nobody",
    "web/listening.py": "listens where the operator said, and calls nobody",
    "web/metrics.py": "serves figures on loopback, and calls nobody",
    "web/server.py": "listens where the operator said, and calls nobody",
    "web/service.py": "reads a certificate to see whether it can be used, and calls nobody",
}
ONLY_SOCKET_PAIRS = ("media/",)
_OF_SOCKET_PAIRS = {"socketpair", "socket", "send_fds", "recv_fds", "SHUT_RDWR", "SHUT_WR", "timeout"}


def reaching(found: list[sources.Import]) -> list[sources.Import]:
    """Those imports that bring in a way to a host."""
    return [
        each
        for each in found
        if (each.top in CAN_REACH_A_HOST and each.what not in ONLY_WORDS)
        or each.what.startswith(CAN_REACH_A_HOST_WITHIN)
        or each.what == "urllib"
    ]


def test_only_named_modules_can_reach_a_host() -> None:
    wrong = []
    for path in sources.modules():
        place = path.relative_to(sources.PACKAGE).as_posix()
        if not place.startswith(tuple(ALLOWED)):
            wrong += [str(each) for each in reaching(list(sources.imports_of(path)))]
    assert not wrong, "a way to the network where none was agreed (see ALLOWED in this test):\n" + "\n".join(wrong)


def test_the_cage_uses_socket_pairs_and_nothing_that_could_connect() -> None:
    for path in sources.modules():
        if not path.relative_to(sources.PACKAGE).as_posix().startswith(ONLY_SOCKET_PAIRS):
            continue
        for node in ast.walk(sources.tree_of(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "socket":
                assert node.attr in _OF_SOCKET_PAIRS, f"{path}:{node.lineno}: socket.{node.attr}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "socket.socket":
                assert [word.arg for word in node.keywords] == ["fileno"], f"{path}:{node.lineno}: a socket of its own"
                assert not node.args
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in {"connect", "connect_ex", "bind", "sendto"}, f"{path}:{node.lineno}"


def test_every_permission_has_a_reason() -> None:
    assert all(len(reason.split()) > 3 for reason in ALLOWED.values())


@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        ("import socket", True),
        ("from urllib.request import urlopen", True),
        ("from urllib import request", True),
        ("from urllib.parse import quote", False),
        ("import httpx", True),
        ("from http import HTTPStatus", False),
        ("from http import client, HTTPStatus", True),
        ("import http", True),
        ("def f():\n    import requests", True),
        ("import asyncio", False),
    ],
)
def test_each_way_out_is_seen(statement: str, seen: bool) -> None:
    found = list(sources.imports_of(sources.PACKAGE / "media" / "x.py", ast.parse(statement)))
    assert bool(reaching(found)) is seen
