"""What a plain request is: a `GET` without a body, whole, of a connection that stays open."""

from __future__ import annotations

import httptools

SPECIAL = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
"""Headers of requests that are not plain: they have a body, or want something of the connection."""


class _Reader:
    """What the parser tells of one request."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.plain = False
        self.over = 0

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.plain = (
            self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not any(name in SPECIAL for name, _ in self.headers)
        )

    def on_message_complete(self) -> None:
        self.over += 1


def read(request: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]] | None:
    """Address and headers of a plain request; nothing for any other, for half a one, and for more than one."""
    reader = _Reader()
    try:
        reader.parser.feed_data(request)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    if not reader.plain or reader.over != 1 or not request.endswith(b"\r\n\r\n"):
        return None
    return reader.url, reader.headers


__all__ = ["SPECIAL", "read"]
