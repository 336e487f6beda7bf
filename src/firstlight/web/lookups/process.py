"""A look-up process: it answers plain look-ups on the connections that it is given, and gives back all others.

One thread, one loop, no state of its own: what it looks up and answers it tells the service, four times a second, which
writes the record. When the service hangs up, however it ended, the process ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firstlight import logs
from firstlight.casework.home import Home
from firstlight.casework.settings import Given
from firstlight.errors import FirstlightError
from firstlight.logs import get_logger
from firstlight.web import garbage
from firstlight.web.audit import Tally
from firstlight.web.hma.hotpath import PATH, HotPath
from firstlight.web.lookups import plain, report
from firstlight.web.lookups.wire import BACK, CONNECTION, MOST, PACKET, READY, SETUP
from firstlight.web.service import Service

REPORT_EVERY = 0.25
"""Seconds; what a process that is killed takes with it."""
KEEP_ALIVE = 5.0
"""Seconds for which a connection may stay unused, as at the service itself."""
LAST_WORDS = 1.0
"""Seconds for a caller to take the rest of an answer when the process ends."""
_BEGIN = b"GET " + PATH.encode() + b"?"
_END = b"\r\n\r\n"
_log = get_logger("web")


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    used: float
    unread: bytes = b""
    unsent: bytes = b""


class Answering:
    """Answers on the connections that come over `control`, until the other side hangs up."""

    def __init__(self, control: socket.socket, hot: HotPath, service: Service, tally: Tally) -> None:
        self._control = control
        self._hot = hot
        self._meter = service.meter
        self._tally = tally
        self._connections: dict[int, _Connection] = {}
        self._poll = select.epoll()
        self._poll.register(control, select.EPOLLIN)
        self._closed = 0
        self._stop = False
        self._now = time.monotonic()

    def stop(self) -> None:
        """End soon."""
        self._stop = True

    def run(self) -> None:
        """Answer; at the end, what was asked already."""
        told = looked = time.monotonic()
        while not self._stop:
            ready = self._poll.poll(REPORT_EVERY)
            self._now = now = time.monotonic()
            for fd, event in ready:
                connection = self._connections.get(fd)
                if connection is None:
                    self._told()
                elif event & select.EPOLLOUT:
                    self._send(connection, b"")
                else:
                    self._read(connection)
            if now - told >= REPORT_EVERY:
                told = now
                self._report()
            if now - looked >= 1.0:
                looked = now
                self._close_unused()
        self._end()

    # -- connections -------------------------------------------------------------------------------------------------

    def _told(self) -> None:
        """Take what the service says: a connection, or that it is over."""
        packet, fds, _, _ = socket.recv_fds(self._control, PACKET, 1)
        if not packet:
            self._stop = True
        elif packet.startswith(CONNECTION) and fds:
            connection = _Connection(socket.socket(fileno=fds[0]), self._now)
            connection.socket.setblocking(False)
            self._connections[fds[0]] = connection
            self._poll.register(fds[0], select.EPOLLIN)
            self._answer(connection, packet[len(CONNECTION) :])

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(MOST - len(connection.unread))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._answer(connection, connection.unread + data if connection.unread else data)
        else:
            self._close(connection)

    def _answer(self, connection: _Connection, data: bytes) -> None:
        """Answer every whole request; keep the beginning of one; give the connection back before any other."""
        connection.used = self._now
        said: list[bytes] = []
        while data:
            end = data.find(_END) + len(_END)
            if end < len(_END):
                break
            request = data if end == len(data) else data[:end]
            answer = self._answer_to(request)
            if answer is None:
                break
            said.append(answer)
            data = data[end:]
        connection.unread = data
        if said:
            self._send(connection, said[0] if len(said) == 1 else b"".join(said))
        elif data:
            self._go_on(connection)

    def _answer_to(self, request: bytes) -> bytes | None:
        """The whole answer, if it is a plain look-up."""
        if not request.startswith(_BEGIN):
            return None
        try:
            line, _, head = request.partition(b"\r\n")
            answer = self._hot.again(line, head)
            if answer is not None:
                return answer
            asked = plain.read(request)
            if asked is None:
                return None
            answer = self._hot.answer(asked[0][len(_BEGIN) - 4 :].partition(b"#")[0], asked[1])
            if answer is not None:
                self._hot.learn(head)
        except Exception as e:  # noqa: BLE001 - the service answers it, and says what is wrong
            _log.error("look-up.fault", error=e, exc_info=e)
            return None
        return answer

    def _send(self, connection: _Connection, data: bytes) -> None:
        """Send as much as fits, the rest when there is room; then go on with what was read."""
        if connection.unsent:
            data = connection.unsent + data
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(connection)
            return
        if sent:
            connection.used = self._now
        waited = bool(connection.unsent)
        connection.unsent = data[sent:]
        if connection.unsent:
            if not waited:
                self._poll.modify(connection.socket.fileno(), select.EPOLLOUT)
            return
        if waited:
            self._poll.modify(connection.socket.fileno(), select.EPOLLIN)
        if connection.unread:
            self._go_on(connection)

    def _go_on(self, connection: _Connection) -> None:
        """Wait for the rest of what may become a plain look-up; give back anything else."""
        data = connection.unread
        begun = data.startswith(_BEGIN) if len(data) >= len(_BEGIN) else _BEGIN.startswith(data)
        if not begun or _END in data or len(data) >= MOST // 2:
            self._give_back(connection)

    def _give_back(self, connection: _Connection) -> None:
        self._forget(connection)
        with contextlib.suppress(OSError):  # the service is gone, and the next thing read says so
            socket.send_fds(self._control, [BACK + connection.unread], [connection.socket.fileno()])
        connection.socket.close()

    def _close(self, connection: _Connection) -> None:
        self._forget(connection)
        connection.socket.close()
        self._closed += 1

    def _forget(self, connection: _Connection) -> None:
        fd = connection.socket.fileno()
        self._poll.unregister(fd)
        del self._connections[fd]

    def _close_unused(self) -> None:
        for connection in list(self._connections.values()):
            if self._now - connection.used < KEEP_ALIVE:
                continue
            if connection.unread and not connection.unsent:
                self._give_back(connection)  # half a request: how long to wait for the rest is the service's to say
            else:
                self._close(connection)

    def _report(self) -> None:
        closed, self._closed = self._closed, 0
        with contextlib.suppress(OSError):
            for packet in report.packets(self._tally, self._meter, closed):
                self._control.send(packet)

    def _end(self) -> None:
        """Answer what was asked already, and tell of it."""
        for connection in list(self._connections.values()):
            if not connection.unsent:
                self._read(connection)
        for connection in list(self._connections.values()):
            with contextlib.suppress(OSError):
                connection.socket.settimeout(LAST_WORDS)
                connection.socket.sendall(connection.unsent)
            self._close(connection)
        self._report()
        self._poll.close()


def main(control_fd: int) -> None:
    """Get ready and answer look-ups until the service hangs up."""
    garbage.hold()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the service, which then hangs up
    control = socket.socket(fileno=control_fd)
    setup: dict[str, Any] = json.loads(control.recv(PACKET)[len(SETUP) :])
    try:
        logs.configure_file(setup["log"])
        home = Home.open(Path(setup["home"]), create=False, given=Given({}, setup["settings"]))
        tally = Tally()
        service = Service(home=home, settings=home.settings.service)
        hot = HotPath(None, service, tally=tally)
        _get_ready(home)
    except FirstlightError as e:
        _log.error("look-ups.process-not-ready", error=e)
        raise SystemExit(1) from e
    answering = Answering(control, hot, service, tally)
    signal.signal(signal.SIGTERM, lambda *_: answering.stop())
    try:
        control.send(READY)
        answering.run()
    except Exception as e:
        _log.error("look-ups.process-fault", error=e, exc_info=e)
        raise
    os._exit(0)  # nothing here is to be written; closing the home would do what the service does


def _get_ready(home: Home) -> None:
    from firstlight.index import warm_up  # loads the compiler

    warm_up()
    home.library.nearest(bytes(32))
    garbage.settle()


if __name__ == "__main__":
    main(int(sys.argv[1]))


__all__ = ["Answering", "main"]
