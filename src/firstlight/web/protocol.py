"""HTTP as the service speaks it: uvicorn's own protocol, with a short way for look-ups.

A plain look-up takes less time than a task, a scope and two writes to the socket; so it is answered as soon as its
headers are read, in one write. A client that asks again and again sends the same headers each time: once they were
read and found plain, a request with exactly these is answered from its first line alone. Everything else goes uvicorn's
way. Where there are look-up processes, a connection on which a plain look-up arrives goes to one of them.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from firstlight.web.lookups.plain import SPECIAL
from firstlight.web.lookups.pool import Pool

STAY = 1.0
"""Seconds for which a connection that came back from a look-up process stays."""


class ShortWay(Protocol):
    """What answers plain `GET` requests to one path. Answers are whole, with status line and headers."""

    def answer(self, query: bytes, headers: list[tuple[bytes, bytes]]) -> bytes | None:
        """The answer to a query, or nothing for what has to go the long way."""
        ...

    def again(self, line: bytes, head: bytes) -> bytes | None:
        """The answer to a request of this first line, if `head`, all that follows it, was learned."""
        ...

    def learn(self, head: bytes) -> None:
        """A request with this head, just answered by `answer`, was plain from its first byte to its last."""
        ...


class ShortWayProtocol(HttpToolsProtocol):
    """See the module. `with_short_way` gives it its way and its path."""

    way: ClassVar[ShortWay]
    begin: ClassVar[bytes]
    """What the address of a plain request begins with, and what its first line does."""

    first: ClassVar[bytes]
    pool: ClassVar[Pool | None]

    def __init__(self, *args: Any, came_with: bytes = b"", **more: Any) -> None:  # noqa: ANN401 - handed through
        """`came_with` was read from the connection by a look-up process that gave it back."""
        super().__init__(*args, **more)
        self._came_with = came_with
        self._stays = self.loop.time() + STAY if came_with else 0.0
        self._short = False
        self._shorts = 0
        self._begun = self._over = 0  # requests
        self._used = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, with what was read already."""
        super().connection_made(transport)
        if self._came_with:
            data, self._came_with = self._came_with, b""
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Answer what is known already; read everything else."""
        if not (self._begun == self._over and data.startswith(self.first) and self._at_rest()):
            super().data_received(data)
            return
        if self.pool is not None and self.loop.time() >= self._stays and self.pool.offer(self.transport, data):
            return
        line, _, head = data.partition(b"\r\n")
        said = self.way.again(line, head)
        if said is not None:
            self.transport.write(said)
            self._answered()
            return
        before = self._shorts
        super().data_received(data)
        if self._begun == self._over and self._shorts == before + 1 and data.endswith(b"\r\n\r\n"):
            self.way.learn(head)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._begun += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Answer at once, or begin the long way."""
        if self.url.startswith(self.begin) and self._plain():
            said = self.way.answer(self.url[len(self.begin) :].partition(b"#")[0], self.headers)
            if said is not None:
                self._short = True
                self.transport.write(said)
                return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is over; the connection waits for the next one."""
        self._over += 1
        if not self._short:
            self._shorts += 2  # never one more than before
            super().on_message_complete()
            return
        self._short = False
        self._shorts += 1
        if not self.transport.is_closing():
            self._answered()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless it was used meanwhile."""
        left = self._used + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            super().timeout_keep_alive_handler()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)

    def _answered(self) -> None:
        self.server_state.total_requests += 1
        self._used = self.loop.time()
        if self.timeout_keep_alive_task is None:  # one timer serves many requests
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _at_rest(self) -> bool:
        """Whether nothing is under way on this connection."""
        return (
            not self.flow.write_paused
            and not self.transport.is_closing()
            and (self.cycle is None or self.cycle.response_complete)  # type: ignore[redundant-expr]
        )

    def _plain(self) -> bool:
        """Whether nothing is under way on this connection, and the request asks for nothing special."""
        return (
            self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and self._at_rest()
            and not any(name in SPECIAL for name, _ in self.headers)
        )


def with_short_way(path: str, way: ShortWay, pool: Pool | None = None) -> type[HttpToolsProtocol]:
    """The protocol for a server whose short way answers `GET` requests to this path, if not one of the pool does."""
    begin = path.encode() + b"?"
    return type("Protocol", (ShortWayProtocol,), {"way": way, "begin": begin, "first": b"GET " + begin, "pool": pool})


__all__ = ["ShortWay", "with_short_way"]
