"""The simulated service as a real HTTP server on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from firstlight.clock import Clock
from firstlight.cybertip.client import Credentials
from firstlight.cybertip.destination import PATH, SimulatorDestination
from firstlight.cybertip.simulator.faults import Fault
from firstlight.cybertip.simulator.keep import StateFolder
from firstlight.cybertip.simulator.knobs import Knobs
from firstlight.cybertip.simulator.page import page_of
from firstlight.cybertip.simulator.reports import LogLine, StoredReport
from firstlight.cybertip.simulator.service import Reply, Request, Service
from firstlight.errors import FirstlightError, InputError, StorageError
from firstlight.values import LOOPBACK_NAMES

CHUNK_BYTES = 64 * 1024
MAX_LINE_BYTES = 64
"""A chunk's size line is a short hexadecimal number."""
IDLE_SECONDS = 30.0
"""A connection that says nothing for so long is ended, so that no client can hold a thread for ever."""


MAX_DRAINED_BYTES = 16 * 1024 * 1024
"""What is read and thrown away after an early answer; a client that sends on beyond this is cut off."""

DEMO_CREDENTIALS = Credentials("simulator", "simulator")
"""For the simulator alone; it holds nothing that a password would protect."""


class _BrokenBodyError(Exception):
    """The body ends before its announced length, or its chunks are no chunks."""


def _known_length(read: Callable[[int], bytes], length: int) -> Iterator[bytes]:
    while length:
        chunk = read(min(CHUNK_BYTES, length))
        if not chunk:
            raise _BrokenBodyError
        length -= len(chunk)
        yield chunk


def _chunked(read: Callable[[int], bytes], line: Callable[[int], bytes]) -> Iterator[bytes]:
    while True:
        try:
            size = int(line(MAX_LINE_BYTES).partition(b";")[0].strip() or b"x", 16)
        except ValueError as e:
            raise _BrokenBodyError from e
        if size == 0:
            while line(CHUNK_BYTES).strip():
                pass
            return
        yield from _known_length(read, size)
        line(MAX_LINE_BYTES)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    timeout = IDLE_SECONDS
    service: Service
    page: Callable[[], bytes] | None
    sleep: Callable[[float], None]

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Nothing: the service keeps its own log, without content."""

    def _body(self) -> Iterator[bytes]:
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            return _chunked(self.rfile.read, self.rfile.readline)
        length = self.headers.get("Content-Length") or "0"
        if not length.isascii() or not length.isdigit():
            raise _BrokenBodyError
        return _known_length(self.rfile.read, int(length))

    def _serve(self) -> None:
        try:
            body = self._body()
            page = self._page()
            headers = {k.lower(): v for k, v in self.headers.items()}
            request = Request(self.command, self.path, headers, body, self.client_address[0])
            reply = page or self.service.handle(request)
            if reply is None:
                self._hang_up()
                return
            self._drain(body)
            self._send(reply)
        except (_BrokenBodyError, OSError):
            self.close_connection = True
        except FirstlightError:  # the folder could not be written: nobody can say that the request was carried out
            self.close_connection = True
            self._send(Reply(500, b"", "text/plain"))

    def _drain(self, body: Iterator[bytes]) -> None:
        """Read on what an early answer left unread: a connection closed upon unread bytes may lose the answer too."""
        read = 0
        for chunk in body:
            read += len(chunk)
            if read > MAX_DRAINED_BYTES:
                self.close_connection = True
                return

    def _page(self) -> Reply | None:
        if self.page is None or self.command != "GET" or self.path != "/":
            return None
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return Reply(200, self.page(), "text/html; charset=utf-8", (("Content-Security-Policy", policy),))

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, reply: Reply) -> None:
        if reply.wait:
            self.sleep(reply.wait)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
        if reply.cut:
            self._hang_up()


class _Server(ThreadingHTTPServer):
    """A server that writes nothing about clients that break off, or that do not trust its certificate."""

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's signature
        if not isinstance(sys.exception(), ssl.SSLError | ConnectionError):
            super().handle_error(request, client_address)


class Simulator:
    """A reporting service on loopback. Use it as a context manager, or `start()` and `stop()` it.

    It listens on loopback only, keeps digests instead of files, and forgets everything when it ends unless `service`
    was made with somewhere to keep it.
    """

    def __init__(
        self,
        service: Service,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        page: Callable[[], bytes] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` makes it speak TLS with this context's certificate, for clients that speak nothing else."""
        if host not in LOOPBACK_NAMES:
            raise InputError(f"The simulator listens on this machine only, not on {host}.", hint="Use 127.0.0.1.")
        self.service = service
        self._host, self._port = host, port
        self._page, self._sleep, self._tls = page, sleep, tls
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @classmethod
    def of(
        cls,
        clock: Clock,
        credentials: Credentials = DEMO_CREDENTIALS,
        *,
        knobs: Knobs | None = None,
        faults: tuple[Fault, ...] = (),
        port: int = 0,
        folder: Path | None = None,
        official_xsd: bytes | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """A simulator for one user, with its page; in memory, or kept in a folder.

        Raises:
            InputError: the official schema uses a construct that the simulator does not know.
            StorageError: the folder cannot be used.
        """
        kept = StateFolder(folder) if folder is not None else None
        service = Service(
            {credentials.username: credentials.password},
            clock,
            knobs=knobs,
            faults=faults,
            official_xsd=official_xsd,
            reports=kept.load() if kept is not None else (),
            changed=kept.save if kept is not None else lambda _: None,
        )
        return cls(service, port=port, page=lambda: page_of(service), tls=tls)

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def start(self) -> None:
        """Listen, in a thread of its own.

        Raises:
            StorageError: the port is taken or not allowed.
        """
        attributes = {"service": self.service, "page": self._page_of(), "sleep": staticmethod(self._sleep)}
        handler = type("_BoundHandler", (_Handler,), attributes)
        try:
            server = _Server((self._host, self._port), handler)
        except OSError as e:
            raise StorageError(
                f"Port {self._port} on {self._host} cannot be used: {e.strerror}.", hint="Choose another port, or 0."
            ) from e
        if self._tls is not None:  # the handshake belongs to the connection's own thread, or one client holds up all
            server.socket = self._tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.daemon_threads = True
        server.block_on_close = False
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def _page_of(self) -> Any:  # noqa: ANN401 - a staticmethod or nothing
        return None if self._page is None else staticmethod(self._page)

    def stop(self) -> None:
        """Stop listening; open connections end by themselves."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            InputError: it is not started.
        """
        if self._server is None:
            raise InputError("The simulator is not started.", hint="Start it, or use it as a context manager.")
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base address that a client is given."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{self._host if ':' not in self._host else '[::1]'}:{self.port}{PATH}"

    @property
    def destination(self) -> SimulatorDestination:
        """The destination of this simulator."""
        return SimulatorDestination(self.url)

    def reports(self) -> tuple[StoredReport, ...]:
        """Every report it received."""
        return self.service.reports()

    def doubles(self) -> tuple[tuple[int, ...], ...]:
        """Finished reports that are one document sent more than once."""
        return self.service.doubles()

    def log(self) -> tuple[LogLine, ...]:
        """Every request it received, without content."""
        return self.service.log()
