"""Locks between processes. They go with the process that holds them, however it ends.

Who has to wait longer than a moment is told for whom: a command that stands still without a word looks broken.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from firstlight.logs import get_logger

TELL_AFTER: Final = 1.5
"""Seconds that every wait may last without a word; hardly one does."""
LONGEST_COMMAND: Final = 120
"""Characters that are told of the command of whoever holds a lock."""
_KERNELS_LIST: Final = Path("/proc/locks")
_log = get_logger("locks")
_listeners: Final[list[Callable[[str], None]]] = []


def tell(listener: Callable[[str], None]) -> None:
    """Have this program tell its user, in one line each, for whom it waits. Without it only the log is told."""
    _listeners[:] = [listener]


def hold(fd: int, how: int, path: Path) -> None:
    """Lock the open file at this path (`how` of `fcntl.flock`), and wait for it as long as it takes.

    Raises:
        BlockingIOError: `how` says not to wait, and another one holds it.
        OSError: the system refuses.
    """
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        if how & fcntl.LOCK_NB:
            raise
    else:
        return
    telling = threading.Timer(TELL_AFTER, _tell, (fd, path))
    telling.daemon = True
    telling.start()
    try:
        fcntl.flock(fd, how)
    finally:
        telling.cancel()


def _tell(fd: int, path: Path) -> None:
    holder = _holder(fd)
    if holder == os.getpid():
        return  # a part of this program itself: its other threads go on, and it can be told nothing that helps
    _log.warning("lock.waits", pid=holder or 0)
    who = f"process {holder}{_command(holder)}" if holder else "another process"
    for listener in _listeners:
        listener(f"waiting for {who}, which holds {path}. Ctrl+C stops the waiting.")


def _holder(fd: int) -> int | None:
    """The process that holds the lock, as far as the kernel tells."""
    try:
        found = os.fstat(fd)
        lines = _KERNELS_LIST.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in lines:
        _, kind, _, _, pid, where, *_ = [*line.split(), "", "", "", "", "", ""]
        if kind == "FLOCK" and where == place and pid.isdigit() and int(pid):  # of who waits the kind is "->"
            return int(pid)
    return None


def _command(pid: int) -> str:
    """What the process was called with, in brackets; nothing where that is not told."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return ""
    if len(words) > 1 and Path(words[0]).name.startswith("python"):
        del words[0]
    said = " ".join([Path(words[0]).name, *words[1:]])
    return f" ({said[:LONGEST_COMMAND]})" if said else ""
