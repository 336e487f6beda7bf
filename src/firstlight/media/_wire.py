"""How the house and a caged worker talk: one length-prefixed JSON head a message, with binary parts behind it.

Never pickle: a worker that has opened foreign bytes is not trusted, and JSON can carry values only.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import time
from typing import Any

HEAD_BYTES = 4 * 2**20
"""The JSON part of a message: answers are small documents; binary parts travel beside it."""

_PREFIX = struct.Struct("!I")
_PIECE = 2**18


class WireError(Exception):
    """The other side went away or spoke something else. Never leaves this room."""


class OverdueError(WireError):
    """No whole message came in time."""


class StoppedError(WireError):
    """The caller gave up waiting."""


def encode(head: dict[str, Any], parts: dict[str, bytes]) -> bytes:
    """The bytes before the binary parts."""
    text = json.dumps({**head, "parts": [[name, len(data)] for name, data in parts.items()]}).encode()
    return _PREFIX.pack(len(text)) + text


def send(
    sock: socket.socket, head: dict[str, Any], parts: dict[str, bytes] | None = None, fds: list[int] | None = None
) -> None:
    """Send one message, with file descriptors riding on its first bytes."""
    message = encode(head, parts or {})
    sent = socket.send_fds(sock, [message], fds) if fds else sock.send(message)
    sock.sendall(memoryview(message)[sent:])
    for data in (parts or {}).values():
        sock.sendall(data)


def receive(
    sock: socket.socket,
    *,
    reply_bytes: int,
    deadline: float | None = None,
    stop_fd: int | None = None,
    max_fds: int = 0,
) -> tuple[dict[str, Any], dict[str, bytes], list[int]]:
    """One whole message: its head, its binary parts, and the file descriptors that came along.

    Raises:
        OverdueError, StoppedError: `deadline` (monotonic seconds) passed, or `stop_fd` became readable.
        WireError: the other side closed, or sent something that is no message or too large a one.
    """
    reader = _Reader(sock, deadline, stop_fd, max_fds)
    try:
        (size,) = _PREFIX.unpack(reader.exactly(_PREFIX.size))
        _allow(size, HEAD_BYTES)
        head, sizes = _parse(bytes(reader.exactly(size)))
        _allow(sum(size for _, size in sizes), reply_bytes)
        parts = {name: bytes(reader.exactly(size)) for name, size in sizes}
    except BaseException:
        for fd in reader.fds:
            os.close(fd)
        raise
    return head, parts, reader.fds


def _allow(size: int, most: int) -> None:
    if size > most:
        raise WireError("the message is too large")


def _parse(text: bytes) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    try:
        head = json.loads(text)
        parts = head.pop("parts")
        sizes = [(name, size) for name, size in parts]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as e:
        raise WireError("the message is not in the agreed form") from e
    if not all(isinstance(name, str) and isinstance(size, int) and size >= 0 for name, size in sizes):
        raise WireError("the message is not in the agreed form")
    return head, sizes


class _Reader:
    """Reads exact amounts from a socket without ever waiting past the deadline."""

    def __init__(self, sock: socket.socket, deadline: float | None, stop_fd: int | None, max_fds: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._stop_fd = stop_fd
        self._max_fds = max_fds
        self.fds: list[int] = []
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        if stop_fd is not None:
            self._poll.register(stop_fd, select.POLLIN)
        self._watched = deadline is not None or stop_fd is not None

    def exactly(self, size: int) -> bytearray:
        out = bytearray(size)
        view = memoryview(out)
        at = 0
        while at < size:
            if self._watched:
                self._wait()
            at += self._into(view[at : at + _PIECE])
        return out

    def _wait(self) -> None:
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic()) * 1000
        ready = self._poll.poll(left)
        if not ready:
            raise OverdueError("no answer in time")
        if any(fd == self._stop_fd for fd, _ in ready):
            raise StoppedError("the caller gave up")

    def _into(self, view: memoryview) -> int:
        try:
            if self._max_fds and not self.fds:
                data, self.fds, _, _ = socket.recv_fds(self._sock, len(view), self._max_fds)
                view[: len(data)] = data
                got = len(data)
            else:
                got = self._sock.recv_into(view)
        except OSError as e:
            raise WireError("the other side went away") from e
        if not got:
            raise WireError("the other side went away")
        return got
