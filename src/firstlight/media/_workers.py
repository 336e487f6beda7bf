"""The house's side of the cage: the nursery process and the workers it gives birth to."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from firstlight.errors import (
    FirstlightError,
    InputError,
    LimitError,
    MissingExtraError,
    RefusedError,
    StateError,
    StorageError,
    UnreadableError,
)
from firstlight.media import _wire
from firstlight.media._isolation import Isolation
from firstlight.media.limits import Limits
from firstlight.media.sources import descriptor
from firstlight.media.tray import Tray

START_SECONDS = 300.0
"""How long the nursery may take to import the code and compile kernels on a slow, loaded machine without a cache."""

MAX_WORDS = 2_000
"""A message from a worker: it is foreign text."""

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from firstlight.media._nursery import main; main(int(sys.argv[2]))"
)

_PASSED_ON = ("HOME", "LANG", "LD_LIBRARY_PATH", "NUMBA_CACHE_DIR", "PATH", "TMPDIR", "XDG_CACHE_HOME")

_SET = {
    # one thread a worker: the pool is the parallelism, and a process with one thread can fork and leave its namespace
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # keep freed memory for the next picture instead of having the kernel clear it each time
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**28),
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
    # a picture's memory in one piece, so that it can be read in place
    "PILLOW_BLOCK_SIZE": "1024m",
    "PYTHONUTF8": "1",
}

_KINDS: dict[str, type[FirstlightError]] = {
    kind.__name__: kind
    for kind in (
        FirstlightError,
        UnreadableError,
        LimitError,
        InputError,
        StateError,
        RefusedError,
        MissingExtraError,
        StorageError,
    )
}
_CODE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


class WorkerDiedError(Exception):
    """The worker is gone. Never leaves this room."""

    def __init__(self, words: str, *, out_of_time: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.out_of_time = out_of_time


class WorkerOverdueError(Exception):
    """The worker gave no answer within the wall time, and has been ended."""


class WorkerStoppedError(Exception):
    """The caller gave up, and the worker has been ended."""


class Nursery:
    """The fresh interpreter that workers are forked from; started at once, waited for at the first worker.

    Raises:
        StorageError: the interpreter could not be started.
    """

    def __init__(self, limits: Limits, preload: Sequence[str]) -> None:
        self._limits = limits
        self._preload = list(preload)
        self._lock = threading.Lock()
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._ready = False
        self._control, theirs = socket.socketpair()
        self._errors = os.memfd_create("nursery", os.MFD_CLOEXEC)
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        path = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100 - also for entries that do not exist
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
                [sys.executable, "-I", "-c", _BOOT, path, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=environment | _SET,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError as e:
            self._control.close()
            os.close(self._errors)
            raise StorageError(
                f"No worker could be started: {e.strerror}.", hint="Check the limits of this user."
            ) from e
        finally:
            theirs.close()
        _wire.send(self._control, {"limits": self._limits.as_dict(), "preload": self._preload})

    def spawn(self) -> Worker:
        """A new worker that has given up its rights and waits for a task.

        A nursery that was at work and has been ended from outside (out of memory, say) is started anew, once.

        Raises:
            StorageError: the nursery or the worker did not come up; the message carries what it said.
        """
        tray = Tray.made()
        try:
            with self._lock:
                ours, pid, pid_fd = self._born(tray)
        except BaseException:
            if tray is not None:
                tray.close()
            raise
        return Worker(self, ours, pid, pid_fd, self._limits, tray)

    def _born(self, tray: Tray | None) -> tuple[socket.socket, int, int]:
        try:
            return self._birth(tray)
        except (_wire.WireError, OSError) as e:
            if not self._ready:
                raise self._failure() from e
        self._end()
        self._start()
        try:
            return self._birth(tray)
        except (_wire.WireError, OSError) as again:
            raise self._failure() from again

    def _birth(self, tray: Tray | None) -> tuple[socket.socket, int, int]:
        self._wait_until_ready()
        ours, theirs = socket.socketpair()
        try:
            given = [theirs.fileno()] if tray is None else [theirs.fileno(), tray.fileno()]
            _wire.send(self._control, {"do": "spawn"}, fds=given)
            head, _, fds = _wire.receive(
                self._control, reply_bytes=0, deadline=time.monotonic() + START_SECONDS, max_fds=1
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours, int(head["pid"]), fds[0]

    def _wait_until_ready(self) -> None:
        if self._closed:
            raise StateError("The cage is closed.", hint="Make a new one.")
        if not self._ready:
            _wire.receive(self._control, reply_bytes=0, deadline=time.monotonic() + START_SECONDS)
            self._ready = True

    def _failure(self) -> StorageError:
        size = os.fstat(self._errors).st_size if not self._closed else 0
        said = os.pread(self._errors, MAX_WORDS, max(0, size - MAX_WORDS)).decode("utf-8", "replace") if size else ""
        last = said.strip().splitlines()[-1:] or ["it said nothing"]
        return StorageError(
            f"The caged workers could not be started: {last[0]}.",
            hint="Run `firstlight doctor`; it shows what this machine allows.",
        )

    def bury(self, pid: int) -> int:
        """Wait for a killed worker; what ended it, as minus the signal or its exit code (0 when nobody can tell)."""
        with self._lock:
            if self._closed:
                return 0
            try:
                _wire.send(self._control, {"do": "bury", "pid": pid})
                head, _, _ = _wire.receive(self._control, reply_bytes=0, deadline=time.monotonic() + START_SECONDS)
            except (_wire.WireError, OSError):
                return 0
        return int(head["status"])

    def close(self) -> None:
        """Hang up; the nursery ends its workers and itself. Closing twice does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._end()

    def _end(self) -> None:
        self._control.close()
        try:
            self._process.wait(timeout=5 if self._ready else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its workers die with it
            self._process.wait()
        os.close(self._errors)


class Worker:
    """One caged process. Used by one thread at a time."""

    def __init__(
        self, nursery: Nursery, sock: socket.socket, pid: int, pid_fd: int, limits: Limits, tray: Tray | None
    ) -> None:
        self._nursery = nursery
        self._sock = sock
        self._pid = pid
        self._pid_fd = pid_fd
        self._limits = limits
        self._tray = tray
        self.tasks = 0
        self.gone = False
        try:
            head, _, _ = _wire.receive(sock, reply_bytes=0, deadline=time.monotonic() + START_SECONDS)
            self.isolation = Isolation(**head["isolation"])
        except (_wire.WireError, KeyError, TypeError) as e:
            self.end()
            raise StorageError("A worker did not come up.", hint="Check memory and the limits of this user.") from e

    def ask(self, task: str, source: int | list[bytes], params: dict[str, Any], stop_fd: int | None) -> dict[str, Any]:
        """Have it do one task on the bytes behind a descriptor, or on some that are in memory.

        Raises:
            StorageError: the bytes could not be held in memory.
            FirstlightError: the task's own refusal.
            WorkerOverdueError, WorkerStoppedError, WorkerDiedError: there will be no answer; the worker has been
                ended.
        """
        if isinstance(source, int):
            return self._ask({"task": task, "params": params}, [source], stop_fd)
        if self._tray is not None and self._tray.holds(source):
            return self._ask({"task": task, "params": params, "size": self._tray.lay(source)}, [], stop_fd)
        with descriptor(source) as fd:
            return self._ask({"task": task, "params": params}, [fd], stop_fd)

    def _ask(self, order: dict[str, Any], fds: list[int], stop_fd: int | None) -> dict[str, Any]:
        self.tasks += 1
        deadline = time.monotonic() + self._limits.wall_seconds
        try:
            _wire.send(self._sock, order, fds=fds)
            head, parts, _ = _wire.receive(
                self._sock, reply_bytes=self._limits.reply_bytes, deadline=deadline, stop_fd=stop_fd
            )
        except _wire.OverdueError as e:
            self.end()
            raise WorkerOverdueError from e
        except _wire.StoppedError as e:
            self.end()
            raise WorkerStoppedError from e
        except (_wire.WireError, OSError) as e:
            raise self._post_mortem(str(e)) from e
        except BaseException:
            self.end()  # an interrupt in the middle of a message: nobody can tell what comes next on this socket
            raise
        if "error" in head:
            raise _error(head["error"])
        result = head.get("result")
        if not isinstance(result, dict):
            raise self._post_mortem("it answered nonsense")
        return {**result, **parts}

    def _post_mortem(self, words: str) -> WorkerDiedError:
        status = self.end()
        if status == -signal.SIGXCPU:
            return WorkerDiedError("out of processor time", out_of_time=True)
        if status < 0 and status != -signal.SIGKILL:
            return WorkerDiedError(f"signal {signal.Signals(-status).name}")
        return WorkerDiedError(words)

    def retire(self) -> None:
        """Do not use it again."""
        self.gone = True

    def end(self) -> int:
        """Kill it and wait until it is gone; what ended it, as `Nursery.bury` says. Ending twice does nothing."""
        self.gone = True
        if self._pid_fd < 0:
            return 0
        with contextlib.suppress(ProcessLookupError):  # it was dead already
            signal.pidfd_send_signal(self._pid_fd, signal.SIGKILL)
        os.close(self._pid_fd)
        self._pid_fd = -1
        self._sock.close()
        if self._tray is not None:
            self._tray.close()
        return self._nursery.bury(self._pid)


def _error(described: object) -> FirstlightError:
    """The error a worker described. The worker is not trusted: what does not fit becomes a plain `UnreadableError`."""
    told = described if isinstance(described, dict) else {}
    kind = _KINDS.get(str(told.get("kind")), UnreadableError)
    code = str(told.get("code", ""))
    facts = told.get("facts")
    return kind(
        _clean(told.get("message")) or "The decoder failed.",
        hint=_clean(told.get("hint")),
        code=code if _CODE.fullmatch(code) else kind.code,
        **{
            name: _clean(value) if isinstance(value, str) else value
            for name, value in (facts.items() if isinstance(facts, dict) else ())
            if name.isidentifier()
            and name not in ("message", "hint", "code")
            and isinstance(value, str | int | float | None)
        },
    )


def _clean(text: object) -> str:
    """Foreign words as they may stand on a screen: printable, one line, not too long."""
    if not isinstance(text, str):
        return ""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text[:MAX_WORDS])
