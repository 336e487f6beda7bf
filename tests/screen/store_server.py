"""An S3 store on loopback: as much of the protocol as reading needs, and faults on demand."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Store(ThreadingHTTPServer):
    """`objects` by "bucket/key"; `faults` is how many of the next requests for bytes break."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.asked = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


class _Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _send(self, status: int, body: bytes = b"", *, tag: str = "", cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def _error(self, status: int, code: str) -> None:
        self._send(status, f"<Error><Code>{code}</Code></Error>".encode())

    def do_HEAD(self) -> None:
        found = self.server.objects.get(unquote(urlsplit(self.path).path[1:]))
        if found is None:
            self._error(404, "NoSuchKey")
        else:
            self._send(200, found, tag=etag(found))

    def do_GET(self) -> None:
        self.server.asked += 1
        place = urlsplit(self.path)
        asked = parse_qs(place.query)
        if "list-type" in asked:
            self._list(unquote(place.path[1:].rstrip("/")), asked)
            return
        fault = self.server.faults.pop() if self.server.faults else ""
        if fault == "503":
            self._error(503, "SlowDown")
            return
        found = self.server.objects.get(unquote(place.path[1:]))
        if found is None:
            self._error(404, "NoSuchKey")
        elif self.headers.get("If-Match", etag(found)) != etag(found):
            self._error(412, "PreconditionFailed")
        else:
            start, _, end = self.headers.get("Range", f"bytes=0-{len(found)}").removeprefix("bytes=").partition("-")
            self._send(206, found[int(start) : int(end) + 1], tag=etag(found), cut=fault == "cut")

    def _list(self, bucket: str, asked: dict[str, list[str]]) -> None:
        prefix, after = asked.get("prefix", [""])[0], asked.get("continuation-token", [""])[0]
        names = sorted(n.removeprefix(f"{bucket}/") for n in self.server.objects if n.startswith(f"{bucket}/{prefix}"))
        page = [name for name in names if name > after][:2]
        more = page and page[-1] != names[-1]
        rows = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.server.objects[f'{bucket}/{name}'])}</Size>"
            f"<ETag>{escape(etag(self.server.objects[f'{bucket}/{name}']))}</ETag></Contents>"
            for name in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        body = f"<ListBucketResult><IsTruncated>{str(bool(more)).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        self._send(200, body.encode())


@contextmanager
def store() -> Iterator[Store]:
    """A store that serves until the block ends."""
    server = Store()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
