"""Serves a witness over HTTP: one route, POST /add-checkpoint. For other machines put a proxy with TLS in front."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from firstlight.custody.witness import LARGEST_REQUEST, Reply, Witness
from firstlight.errors import StorageError

SECONDS = 20
"""How long one request may take to arrive."""


class WitnessServer:
    """A witness at an address, for as long as the context lasts."""

    def __init__(self, witness: Witness, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes any free one.

        Raises:
            StorageError: the port is taken or not permitted.
        """
        self.witness = witness

        class Handler(_Handler):
            server_witness = witness

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as e:
            raise StorageError(f"Nothing can listen at {host}:{port}: {e.strerror}.", hint="Name another port.") from e
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_witness: Witness
    server_version = "firstlight-witness"
    sys_version = ""
    timeout = SECONDS

    def do_POST(self) -> None:
        """Sign, or say why not."""
        if self.path != "/add-checkpoint":
            self._answer(Reply(HTTPStatus.NOT_FOUND, b"There is only /add-checkpoint.\n"))
            return
        try:
            size = int(self.headers.get("Content-Length", ""))
        except ValueError:
            size = -1
        if not 0 <= size <= LARGEST_REQUEST:
            self._answer(Reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"The request states no size, or is too large.\n"))
            return
        self._answer(self.server_witness.add_checkpoint(self.rfile.read(size)))

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: who asks is nobody's business."""
