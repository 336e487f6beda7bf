"""Small faithful servers of the exchanges, on loopback: their paging, their times and words, and faults on demand."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"


@dataclass
class Asked:
    """What came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What goes out. Cut off: the length that was promised is not kept."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_off: bool = False


class Fake:
    """A server of one exchange. `faults` are answered first, one a request; none of them lets a request through."""

    prefix = ""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: list[Answer | None] = []
        self.url = ""

    def answer(self, asked: Asked) -> Answer:
        """The answer to a request that came through."""
        raise NotImplementedError

    def take(self, asked: Asked) -> Answer:
        """Note the request; a fault if there is one (none lets this one through), else the answer."""
        self.asked.append(asked)
        fault = self.faults.pop(0) if self.faults else None
        return self.answer(asked) if fault is None else fault


@contextmanager
def serving(fake: Fake) -> Iterator[None]:
    """The fake, listening on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = parts.path.removeprefix(fake.prefix)
            made = fake.take(Asked(self.command, path, query, headers, body))
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(made.body) + 10 * made.cut_off))
            self.end_headers()
            self.wfile.write(made.body)
            self.close_connection = made.cut_off

        do_GET = do_PUT = do_POST = _serve  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}{fake.prefix}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Listed:
    """An entry of the hash-sharing service."""

    member: int
    ident: str
    at: str
    prints: dict[str, str]
    gone: bool = False

    def xml(self, turn: int) -> str:
        """The entry; the order of its parts varies."""
        kind = "deletedImage" if self.gone else "image"
        parts = [
            f'<member id="{self.member}">Member {self.member}</member>',
            f"<timestamp>{self.at}</timestamp>",
            f"<id>{escape(self.ident)}</id>",
        ]
        parts = parts[turn % 3 :] + parts[: turn % 3]
        if not self.gone:
            prints = "".join(f"<{name}>{value}</{name}>" for name, value in self.prints.items())
            parts.append(f'<fingerprints>{prints}<pdna/><tmk-pdqf rel="self" href="/v2/large/{turn}"/></fingerprints>')
            parts.append("<somethingNew><inside/></somethingNew>")
        return f"<{kind}>{''.join(parts)}</{kind}>"


class NcmecFake(Fake):
    """Hash sharing, version 2: windows open below and closed above, pages in no order of time, a relative `next`."""

    prefix = "/hashsharing"

    def __init__(self, page: int = 2) -> None:
        super().__init__()
        self.entries: list[Listed] = []
        self.reasons = {"guid-1": "not what it is about"}
        self.page = page

    def answer(self, asked: Asked) -> Answer:
        expected = "Basic " + base64.b64encode(b"leek:secret word").decode()
        if asked.headers.get("authorization") != expected:
            return Answer(401, b"no")
        if asked.method == "PUT":
            return Answer(200)
        if asked.path.endswith("/reasons"):
            rows = "".join(f'<reason guid="{guid}" name="{name}" type="Md5"/>' for guid, name in self.reasons.items())
            return Answer(
                body=f'<availableFeedbackReasons xmlns="{NAMESPACE}">{rows}</availableFeedbackReasons>'.encode()
            )
        if asked.path != "/v2/entries":
            return Answer(404)
        query = asked.query
        found = [one for one in self.entries if query["from"] < one.at <= query["to"]]
        found.sort(key=lambda one: one.ident[::-1])
        start = int(query.get("start", "1"))
        part = found[start - 1 : start - 1 + self.page]
        more = start - 1 + self.page < len(found)
        after = f"/v2/entries?from={query['from']}&to={query['to']}&start={start + self.page}&size={self.page}&max=9"
        following = f"<paging><next>{escape(after)}</next></paging>" if more else "<paging/>"
        top = f' maxTimestamp="{max(one.at for one in part)}"' if part else ""
        rows = "".join(one.xml(turn) for turn, one in enumerate(part))
        body = f'<images count="{len(part)}"{top}>{rows}</images><videos count="0"/>{following}'
        return Answer(body=f'<?xml version="1.0"?><queryResult xmlns="{NAMESPACE}">{body}</queryResult>'.encode())


class GraphFake(Fake):
    """ThreatExchange: updates in order of time, an absolute `next` that carries the token."""

    prefix = "/v21.0"

    def __init__(self, page: int = 2) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []
        self.page = page
        self.next_host = ""

    def answer(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            return Answer(body=b'{"success": true}')
        if asked.query.get("access_token") != "1|turnip":
            return Answer(400, b'{"error": {"message": "bad token 1|turnip"}}')
        since, after = int(asked.query["start_time"]), int(asked.query.get("after", "0"))
        found = sorted(
            (one for one in self.rows if one["last_updated"] >= since), key=lambda one: int(one["last_updated"])
        )
        part, more = found[after : after + self.page], after + self.page < len(found)
        answer: dict[str, Any] = {"data": part}
        if more:
            base = self.next_host or self.url.removesuffix(self.prefix)
            kept = {name: value for name, value in asked.query.items() if name != "after"}
            pairs = "&".join(f"{name}={value}" for name, value in {**kept, "after": after + self.page}.items())
            answer["paging"] = {"next": f"{base}{self.prefix}{asked.path}?{pairs}"}
        return Answer(body=json.dumps(answer).encode())


class StopNciiFake(Fake):
    """Sets of records by pages with short-lived tokens."""

    prefix = "/v1"

    def __init__(self, page: int = 2) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []
        self.page = page

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("ocp-apim-subscription-key") != "chard" or not asked.headers.get("x-functions-key"):
            return Answer(401)
        if asked.method == "POST":
            return Answer(body=b"{}")
        begin, at = int(asked.query["startTimestamp"]), int(asked.query.get("nextPageToken", "0"))
        found = [one for one in self.records if one["lastModtimestamp"] >= begin]
        part, more = found[at : at + self.page], at + self.page < len(found)
        answer = {
            "count": len(part), "hashRecords": part, "hasMoreRecords": more,
            "nextPageToken": str(at + self.page) if more else "",
            "nextSetTimestamp": max([begin, *(one["lastModtimestamp"] + 1 for one in found)]),
        }  # fmt: skip
        return Answer(body=json.dumps(answer).encode())


class FileFake(Fake):
    """A file behind an address, with a mark by which it is known."""

    def __init__(self) -> None:
        super().__init__()
        self.content = b""
        self.tag = '"1"'

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("if-none-match") == self.tag:
            return Answer(304)
        return Answer(body=self.content, headers={"ETag": self.tag})
