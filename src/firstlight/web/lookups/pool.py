"""The look-up processes, seen from the service: it gives them connections, and takes back those that want more.

The service alone listens. A connection on which a plain look-up arrives goes, with what was read, to the process that
has the fewest; everything else never leaves the service. The processes are started when look-ups come in faster than
ten a second, so that who looks up little has one process and its memory. One that ends is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from firstlight import logs
from firstlight.logs import get_logger
from firstlight.web.lookups import report
from firstlight.web.lookups.wire import BACK, CONNECTION, MOST, PACKET, READY, REPORT, SETUP, pair
from firstlight.web.service import Service

BUSY, WITHIN = 100, 10.0
"""So many look-ups in so many seconds are worth the memory of processes of their own."""
MOST_BY_ITSELF = 8
"""On a large machine nobody's memory is taken for more, unless the settings say so."""
SHORT_LIFE, LONGEST_WAIT = 10.0, 60.0
"""Seconds: a process that lived no longer is not started again at once, but after twice as long each time."""
END_WITHIN = 5.0
_MODULE = "firstlight.web.lookups.process"
_log = get_logger("web")


class Transport(Protocol):
    """What is needed of a connection's transport."""

    def get_extra_info(self, name: str) -> socket.socket: ...
    def get_write_buffer_size(self) -> int: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def abort(self) -> None: ...


@dataclass(eq=False, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    control: socket.socket
    begun: float
    ready: bool = False
    connections: int = 0


@dataclass(slots=True)
class Pool:
    """See the module. All but `close` belongs to the event loop's thread."""

    service: Service
    count: int
    adopt: Callable[[socket.socket, bytes], None]
    """Takes a connection that comes back, and what was read from it."""

    _children: list[_Child] = field(default_factory=list)
    _since: float = 0.0
    _seen: int = 0
    _failures: int = 0
    _waiting: bool = False
    _closed: bool = False

    def offer(self, transport: Transport, data: bytes) -> bool:
        """Give the connection away on which this plain look-up arrived; answers whether that was done."""
        ready = [child for child in self._children if child.ready]
        if not ready:
            self._count()
            return False
        if len(data) > MOST or transport.get_write_buffer_size():
            return False
        child = min(ready, key=lambda one: one.connections)
        transport.pause_reading()
        try:
            fd = transport.get_extra_info("socket").fileno()
            socket.send_fds(child.control, [CONNECTION + data], [fd])
        except OSError:  # it has more to do than it can, or is gone
            transport.resume_reading()
            return False
        child.connections += 1
        transport.abort()  # closes our end of it; nothing is sent
        return True

    @property
    def ready(self) -> int:
        """How many processes answer."""
        return sum(child.ready for child in self._children)

    def close(self) -> None:
        """Let them finish and take what they have to tell. After the loop has ended."""
        self._closed = True
        for child in self._children:
            with contextlib.suppress(OSError):
                child.control.shutdown(socket.SHUT_WR)
        for child in self._children:
            child.control.settimeout(END_WITHIN)
            with contextlib.suppress(OSError):
                while self._take(child):
                    pass
            self._end(child)
        self._children.clear()

    # -- processes ---------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._since >= WITHIN:
            self._since, self._seen = now, 0
        self._seen += 1
        if self._seen >= BUSY and not self._children and not self._waiting and self.service.ready:
            self._start()

    def _start(self) -> None:
        """Start those that are missing."""
        self._waiting = False
        while len(self._children) < self.count and not self._closed:
            ours, theirs = pair()
            try:
                self._children.append(self._started(ours, theirs))
            except OSError as e:
                ours.close()
                _log.error("look-ups.process-not-started", error=e)
                self._start_later()
                return
            finally:
                theirs.close()

    def _started(self, ours: socket.socket, theirs: socket.socket) -> _Child:
        loop = asyncio.get_running_loop()
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
            [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno())],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
        )  # fmt: skip
        child = _Child(process, ours, loop.time())
        ours.send(SETUP + json.dumps(self._setup()).encode())
        ours.setblocking(False)
        loop.add_reader(ours.fileno(), self._readable, child)
        return child

    def _setup(self) -> dict[str, object]:
        home = self.service.home
        settings = home.settings.model_copy(update={"service": self.service.settings})
        given = {
            f"{section}.{name}": value
            for section, values in settings.model_dump(mode="json").items()
            for name, value in values.items()
        }
        return {"home": str(home.folder), "settings": given, "log": logs.file()}

    def _readable(self, child: _Child) -> None:
        try:
            while self._take(child):
                pass
        except BlockingIOError:
            return
        except OSError:
            pass
        self._ended(child)

    def _take(self, child: _Child) -> bool:
        """Take one packet; answers whether there was one."""
        packet, fds, _, _ = socket.recv_fds(child.control, PACKET, 1)
        if packet.startswith(BACK) and fds:
            child.connections -= 1
            taken = socket.socket(fileno=fds[0])
            if self._closed:
                taken.close()
            else:
                self.adopt(taken, packet[len(BACK) :])
        elif packet.startswith(REPORT):
            child.connections -= report.join(packet, self.service.audit, self.service.meter)
        elif packet.startswith(READY):
            child.ready = True
            _log.info("look-ups.process-ready", pid=child.process.pid)
        return bool(packet)

    def _ended(self, child: _Child) -> None:
        """A process is gone: its connections with it. Start another one."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(child.control.fileno())
        self._children.remove(child)
        self._end(child)
        _log.warning("look-ups.process-ended", pid=child.process.pid, status=child.process.returncode)
        self._failures = self._failures + 1 if loop.time() - child.begun < SHORT_LIFE else 0
        self._start_later()

    def _start_later(self) -> None:
        if not self._waiting:
            self._waiting = True
            wait = min(LONGEST_WAIT, 2.0 ** min(self._failures, 16) - 1)
            asyncio.get_running_loop().call_later(wait, self._start)

    def _end(self, child: _Child) -> None:
        child.control.close()
        try:
            child.process.wait(END_WITHIN if self._closed else 0)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def processes(wanted: int | str) -> int:
    """How many the settings ask for: a number, or one a core, but no more than `MOST_BY_ITSELF`."""
    return min(len(os.sched_getaffinity(0)), MOST_BY_ITSELF) if isinstance(wanted, str) else wanted


__all__ = ["Pool", "Transport", "processes"]
