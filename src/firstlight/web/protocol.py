"""HTTP as the service speaks it: uvicorn's own protocol, with a short way for look-ups.

A plain look-up takes less time than a task, a scope and two writes to the socket; so it is answered as soon as its
headers are read, in one write. Everything else goes uvicorn's way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Answer = Callable[[bytes, list[tuple[bytes, bytes]]], bytes | None]
"""The whole answer to a query of the short way's path, or nothing for what has to go the long way."""
_SPECIAL = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
"""Headers of requests that are not plain: they have a body, or want something of the connection."""


def with_short_way(path: str, answer: Answer) -> type[HttpToolsProtocol]:
    """The protocol for a server whose short way answers `GET` requests to this path."""
    begin = path.encode() + b"?"

    class Protocol(HttpToolsProtocol):
        """See the module."""

        def __init__(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - handed through
            super().__init__(*args, **more)
            self._short = False

        def on_headers_complete(self) -> None:
            """Answer at once, or begin the long way."""
            if self.url.startswith(begin) and self._plain():
                said = answer(self.url[len(begin) :].partition(b"#")[0], self.headers)
                if said is not None:
                    self._short = True
                    self.transport.write(said)
                    return
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            """The request is over; the connection waits for the next one."""
            if not self._short:
                super().on_message_complete()
                return
            self._short = False
            if not self.transport.is_closing():
                self.server_state.total_requests += 1
                self._unset_keepalive_if_required()
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

        def _plain(self) -> bool:
            """Whether nothing is under way on this connection, and the request asks for nothing special."""
            return (
                self.parser.get_method() == b"GET"
                and self.parser.get_http_version() == "1.1"
                and (self.cycle is None or self.cycle.response_complete)  # type: ignore[redundant-expr]
                and self.parser.should_keep_alive()
                and not self.flow.write_paused
                and not self.transport.is_closing()
                and not any(name in _SPECIAL for name, _ in self.headers)
            )

    return Protocol


__all__ = ["Answer", "with_short_way"]
