"""Messages between the house and a worker; the worker's side may send anything."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.media import _wire

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def _message(text: bytes) -> bytes:
    return struct.pack("!I", len(text)) + text


@given(
    st.dictionaries(st.text().filter(lambda name: name != "parts"), JSON, max_size=4),
    st.dictionaries(st.text(), st.binary(max_size=3000), max_size=3),
)
def test_what_is_sent_arrives(head: dict[str, Any], parts: dict[str, bytes]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _wire.send(theirs, head, parts)
        assert _wire.receive(ours, reply_bytes=10_000) == (head, parts, [])


def test_a_large_part_arrives_whole(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    data = os.urandom(3 * 2**20)
    sender = threading.Thread(target=_wire.send, args=(theirs, {}, {"a": data}))
    sender.start()
    _, parts, _ = _wire.receive(ours, reply_bytes=len(data))
    sender.join()
    assert parts == {"a": data}


def test_descriptors_ride_along(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    read, write = os.pipe()
    _wire.send(theirs, {"x": 1}, fds=[write])
    _, _, fds = _wire.receive(ours, reply_bytes=0, max_fds=1)
    os.write(fds[0], b"leek")
    assert os.read(read, 10) == b"leek"
    for fd in (read, write, *fds):
        os.close(fd)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\0\0",
        _message(b"no json"),
        _message(b"[]"),
        _message(b"{}"),
        _message(b'{"parts": 1}'),
        _message(b'{"parts": [["a"]]}'),
        _message(b'{"parts": [[1, 2]]}'),
        _message(b'{"parts": [["a", -1]]}'),
        _message(b'{"parts": [["a", 1.5]]}'),
        _message(b'{"parts": [["a", 101]]}'),
        _message(b'{"parts": [["a", 60], ["b", 60]]}'),
        _message(b'{"parts": [["a", 50]]}') + b"too few",
        _message(b"[" * 100_000),
        _message(b"\xff\xfe"),
        struct.pack("!I", _wire.HEAD_BYTES + 1),
        b"\xff" * 50,
    ],
)
def test_nonsense_is_refused(ends: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    ours, theirs = ends
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(_wire.WireError):
        _wire.receive(ours, reply_bytes=100)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_refused(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.close()
        try:
            head, parts, fds = _wire.receive(ours, reply_bytes=100)
        except _wire.WireError:
            return
        assert isinstance(head, dict)
        assert sum(map(len, parts.values())) <= 100
        assert fds == []


def test_a_deadline_and_a_stop_end_the_waiting(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(b"\0")
    with pytest.raises(_wire.OverdueError):
        _wire.receive(ours, reply_bytes=0, deadline=time.monotonic())
    stop = os.eventfd(1)
    with pytest.raises(_wire.StoppedError):
        _wire.receive(ours, reply_bytes=0, stop_fd=stop)
    os.close(stop)


def test_a_descriptor_of_a_refused_message_is_closed(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    read, write = os.pipe()
    socket.send_fds(theirs, [b"\xff" * 50], [write])
    os.close(write)
    with pytest.raises(_wire.WireError):
        _wire.receive(ours, reply_bytes=0, max_fds=1)
    assert os.read(read, 1) == b""  # no writer is left
    os.close(read)
