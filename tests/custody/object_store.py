"""A real object store for tests: Ceph's gateway with one monitor and one storage daemon, all in memory, on loopback.

Debian: apt install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common. Nothing in it is protected and
nothing survives: it is for tests alone. It enforces Object Lock, which imitations do not.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool")
ACCESS_KEY = SECRET_KEY = "test"
_SECONDS = 120


class StoreNotStartedError(Exception):
    """The programs are there and the store did not come up; the message says where it stopped."""


def missing_programs() -> list[str]:
    return [one for one in PROGRAMS if shutil.which(one) is None]


@contextmanager
def object_store() -> Iterator[str]:
    """The address of a running store."""
    folder = Path(tempfile.mkdtemp(prefix="rgw"))  # its name must be short: sockets lie in it
    try:
        yield _start(folder, _free_port(), _free_port())
    finally:
        _stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, monitor: int, gateway: int) -> str:
    script = Path(__file__).with_suffix(".sh")
    said = folder / "said"
    with said.open("wb") as out:  # a file and no pipe: the daemons would keep that open
        command = ["bash", str(script), str(folder), str(monitor), str(gateway)]
        try:
            done = subprocess.run(command, stdout=out, stderr=out, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired as e:
            raise StoreNotStartedError(f"it did not start within {_SECONDS} s") from e
    if done.returncode:
        raise StoreNotStartedError(said.read_text(errors="replace").strip()[-300:])
    return f"http://127.0.0.1:{gateway}"


def _stop(folder: Path) -> None:
    """End the three daemons that were started with this folder's configuration, and nothing else."""
    for name in ("client.admin", "osd.0", "mon.a"):
        path = folder / "run" / f"{name}.pid"
        if not path.exists() or not path.read_text().strip():
            continue
        process = int(path.read_text())
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command:
            os.kill(process, signal.SIGKILL)  # all of it is in memory: there is nothing to save


def _free_port() -> int:
    """A port that nobody listens at, nor at the one behind it."""
    while True:
        with closing(socket.socket()) as one, closing(socket.socket()) as next_one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                next_one.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
