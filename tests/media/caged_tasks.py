"""Tasks for the tests of the cage: honest ones, and ones that do what broken or hostile decoders do."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np

from firstlight.errors import RefusedError, UnreadableError
from firstlight.media import CagedFile, Limits


def describe(file: CagedFile, limits: Limits, **params: Any) -> dict[str, Any]:
    return {"size": file.size, "media_type": str(file.media_type), "text": file.read().decode("latin-1"), **params}


def attach(file: CagedFile, limits: Limits) -> dict[str, Any]:
    return {"copy": file.read(), "twice": file.read() * 2, "n": file.size}


def who(file: CagedFile, limits: Limits) -> dict[str, Any]:
    return {"pid": os.getpid()}


def refuse(file: CagedFile, limits: Limits) -> dict[str, Any]:
    raise UnreadableError("No good.", hint="Try\nanother.", code="unreadable.no-good", width=3)


def forbid(file: CagedFile, limits: Limits) -> dict[str, Any]:
    raise RefusedError("Not allowed.")


def stumble(file: CagedFile, limits: Limits) -> dict[str, Any]:
    raise KeyError("secret words of a decoder")


def leave(file: CagedFile, limits: Limits) -> dict[str, Any]:
    os._exit(7)


def crash(file: CagedFile, limits: Limits) -> dict[str, Any]:
    ctypes.string_at(0)
    return {}


def die_if_used(file: CagedFile, limits: Limits) -> dict[str, Any]:
    """As after a picture that broke the heap: the next one fails, whatever it is."""
    if not hasattr(Path, "used"):
        Path.used = True  # type: ignore[attr-defined]
        return {"pid": os.getpid()}
    os._exit(1)


def hang(file: CagedFile, limits: Limits) -> dict[str, Any]:
    time.sleep(3600)
    return {}


def hang_unless(file: CagedFile, limits: Limits) -> dict[str, Any]:
    return {} if file.read() == b"go" else hang(file, limits)


def spin(file: CagedFile, limits: Limits) -> dict[str, Any]:
    while True:
        pass


def hog(file: CagedFile, limits: Limits) -> dict[str, Any]:
    return {"size": len(bytearray(2 * limits.memory_bytes))}


def flood(file: CagedFile, limits: Limits) -> dict[str, Any]:
    return {"data": bytes(limits.reply_bytes + 1)}


def chatter(file: CagedFile, limits: Limits) -> dict[str, Any]:
    """Writes to every descriptor it finds, the one to the house included."""
    for fd in range(3, 64):
        try:
            os.write(fd, file.read() * 10_000)
        except OSError:
            continue
    return {}


def nothing_json(file: CagedFile, limits: Limits) -> dict[str, Any]:
    return {"x": {1, 2}}


def attempt(file: CagedFile, limits: Limits) -> dict[str, Any]:
    """Try everything that a taken-over decoder would like to do; answers what worked."""
    worked: list[str] = []

    def tried(name: str, act: Any) -> None:
        try:
            act()
        except (OSError, ValueError):
            return
        worked.append(name)

    tried("socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    tried("unix socket", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    tried("read", lambda: Path("/etc/passwd").read_bytes())
    tried("list", lambda: list(Path("/etc").iterdir()))
    tried("write", lambda: Path("/tmp/firstlight-caged").write_bytes(b"x"))
    tried("fork", lambda: os.fork() or os._exit(0))
    tried("program", lambda: os.execv("/bin/true", ["true"]))
    tried("spawn", lambda: os.posix_spawn("/bin/true", ["true"], {}))
    tried("kill", lambda: os.kill(os.getppid(), 0))
    for fd in range(3, 64):
        tried("change source", lambda fd=fd: os.pwrite(fd, b"x", 0))
        tried("cut source", lambda fd=fd: os.ftruncate(fd, 0))
        tried("lengthen source", lambda fd=fd: os.ftruncate(fd, 2**30))
        tried("map source", lambda fd=fd: mmap.mmap(fd, 1))
    return {"worked": worked, "core": resource.getrlimit(resource.RLIMIT_CORE)[0]}


def overwrite(file: CagedFile, limits: Limits) -> dict[str, Any]:
    """Try to make the memory that the source lies in writable; the error number that the kernel answers."""
    fetch: Any = file._fetch
    tray = next(cell.cell_contents for cell in fetch.__closure__ if isinstance(cell.cell_contents, mmap.mmap))
    libc = ctypes.CDLL(None, use_errno=True)
    address = np.frombuffer(tray, np.uint8).ctypes.data
    refused = libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), mmap.PROT_READ | mmap.PROT_WRITE)
    return {"refused": ctypes.get_errno() if refused else 0}


def cut(file: CagedFile, limits: Limits, *, sizes: list[int]) -> dict[str, Any]:
    """Each piece of a source of several, read in both ways."""
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    parts = [file.part(start, size) for start, size in zip(starts, sizes, strict=True)]
    opened = [part.open() for part in parts]
    return {"read": [part.read().hex() for part in parts], "opened": [one.read().hex() for one in opened]}


def environment(file: CagedFile, limits: Limits) -> dict[str, Any]:
    return {"environment": dict(os.environ)}
