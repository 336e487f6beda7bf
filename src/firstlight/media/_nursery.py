"""The process that workers are born from, and the worker itself.

The nursery is a fresh interpreter. It is started before any secret is loaded, imports the code of the tasks once, and
forks a worker whenever it is asked to: a new worker costs milliseconds, holds no secret and shares the libraries'
memory. The nursery itself never opens a foreign byte; a worker does nothing else.
"""

from __future__ import annotations

import gc
import importlib
import mmap
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firstlight.errors import FirstlightError, LimitError, UnreadableError
from firstlight.media import _isolation, _wire, tray
from firstlight.media.limits import Limits
from firstlight.media.resident import let_go_of_compiler
from firstlight.media.task import CagedFile


@dataclass(frozen=True, slots=True)
class _Orders:
    limits: Limits
    readable: list[str]
    own_network: bool


def main(control_fd: int) -> None:
    """Run the nursery until the house hangs up."""
    control = socket.socket(fileno=control_fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the house, which then ends the workers in order
    head, _, _ = _wire.receive(control, reply_bytes=0)
    readable = _isolation.readable_folders()
    for name in head["preload"]:
        module = importlib.import_module(name)
        prepare = getattr(module, "prepare", None)
        if prepare is not None:
            prepare()
    let_go_of_compiler()
    gc.collect()
    gc.freeze()  # what is loaded now is shared by all workers
    orders = _Orders(Limits(**head["limits"]), readable, _isolation.leave_network())
    _wire.send(control, {"ready": True})
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 2)
    os.close(null)
    _serve(control, orders)


def _serve(control: socket.socket, orders: _Orders) -> None:
    children: set[int] = set()
    while True:
        try:
            head, _, fds = _wire.receive(control, reply_bytes=0, max_fds=2)
        except _wire.WireError:
            break
        if head["do"] == "spawn":
            _spawn(control, fds, orders, children)
        else:
            _bury(control, int(head["pid"]), children)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)


def _spawn(control: socket.socket, fds: list[int], orders: _Orders, children: set[int]) -> None:
    """A worker with its end of a socket and, where the house has one for it, its tray."""
    pid = os.fork()
    if pid == 0:
        try:
            control.close()
            _work(socket.socket(fileno=fds[0]), tray.seen(fds[1]) if fds[1:] else None, orders)
        finally:
            os._exit(0)
    for fd in fds:
        os.close(fd)
    children.add(pid)
    pid_fd = os.pidfd_open(pid)
    try:
        _wire.send(control, {"pid": pid}, fds=[pid_fd])
    finally:
        os.close(pid_fd)


def _bury(control: socket.socket, pid: int, children: set[int]) -> None:
    """Wait for a worker that has been killed; say what ended it: minus the signal, or its exit code."""
    status = 0
    if pid in children:
        _, raw = os.waitpid(pid, 0)
        children.discard(pid)
        status = os.waitstatus_to_exitcode(raw)
    _wire.send(control, {"status": status})


def _work(sock: socket.socket, laid: mmap.mmap | None, orders: _Orders) -> None:
    """One worker's life: lose all rights, then do one task after the other."""
    _isolation.die_with_parent()
    isolation = _isolation.isolate(orders.limits, orders.readable, own_network=orders.own_network)
    _wire.send(sock, {"isolation": isolation.as_dict()})
    while True:
        try:
            head, _, fds = _wire.receive(sock, reply_bytes=0, max_fds=1)
        except _wire.WireError:
            return
        try:
            answer, parts = _answer(head, fds, laid, orders.limits)
        finally:
            for fd in fds:
                os.close(fd)
        _wire.send(sock, answer, parts)


def _source(head: dict[str, Any], fds: list[int], laid: mmap.mmap | None, limits: Limits) -> CagedFile:
    """What the task is about: the file that came along, or the first bytes that lie in the tray."""
    if fds or laid is None:
        return CagedFile.behind(fds[0], limits)
    size = int(head["size"])
    return CagedFile(lambda start, stop: laid[start : min(stop, size)], size, limits)


def _answer(
    head: dict[str, Any], fds: list[int], laid: mmap.mmap | None, limits: Limits
) -> tuple[dict[str, Any], dict[str, bytes]]:
    try:
        _isolation.allow_cpu_seconds(limits.cpu_seconds)
        function = _function(head["task"])
        result = dict(function(_source(head, fds, laid, limits), limits, **head["params"]))
        parts = {name: value for name, value in result.items() if isinstance(value, bytes)}
        answer = {"result": {name: value for name, value in result.items() if name not in parts}}
        _wire.encode(answer, {})
    except FirstlightError as e:
        return {"error": _described(e)}, {}
    except MemoryError:
        return {
            "error": _described(
                LimitError(f"It takes more than {limits.memory_bytes >> 20} MiB of memory.", code="limit.memory")
            )
        }, {}
    except Exception as e:  # noqa: BLE001 - a foreign file may make a decoder raise anything; the worker lives on
        return {
            "error": _described(UnreadableError(f"The decoder failed: {type(e).__name__}.", code="unreadable.broken"))
        }, {}
    return answer, parts


def _described(error: FirstlightError) -> dict[str, Any]:
    return {"kind": type(error).__name__, **error.diagnostics().as_dict()}


def _function(task: str) -> Callable[..., dict[str, Any]]:
    module, _, name = task.partition(":")
    try:
        found: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as e:
        raise FirstlightError(f"There is no caged task {task!r}.", hint="This is a fault of the program.") from e
    return found
