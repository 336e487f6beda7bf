"""Locks between processes: who waits is told for whom, and gets it in the end."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from firstlight import locks

HOLDER = """
import fcntl, sys
lock = open(sys.argv[1], "a")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input ends, or the block."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            let_go(process)


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the user of this program is told; at once, and not after a moment."""
    monkeypatch.setattr(locks, "TELL_AFTER", 0.01)
    before = list(locks._listeners)
    said: list[str] = []
    locks.tell(said.append)
    yield said
    locks._listeners[:] = before


def test_who_waits_is_told_for_whom_and_gets_the_lock(tmp_path: Path, told: list[str]) -> None:
    path = tmp_path / "lock"
    with path.open("a") as lock, held(path) as process:

        def hear(line: str) -> None:
            told.append(line)
            let_go(process)

        locks.tell(hear)
        locks.hold(lock.fileno(), fcntl.LOCK_EX, path)
        process.wait(60)
    [line] = told
    assert line.startswith(f"waiting for process {process.pid} (-c ")
    assert line.endswith(f"which holds {path}. Ctrl+C stops the waiting.")


def test_who_need_not_wait_is_told_nothing(tmp_path: Path, told: list[str]) -> None:
    with (tmp_path / "lock").open("a") as lock, (tmp_path / "lock").open("a") as other:
        locks.hold(lock.fileno(), fcntl.LOCK_SH, tmp_path / "lock")
        locks.hold(other.fileno(), fcntl.LOCK_SH, tmp_path / "lock")
        with pytest.raises(BlockingIOError):
            locks.hold(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB, tmp_path / "lock")
    assert told == []


def test_a_thread_that_waits_for_its_own_program_says_nothing(tmp_path: Path, told: list[str]) -> None:
    with (tmp_path / "lock").open("a") as lock, (tmp_path / "lock").open("a") as other:
        locks.hold(lock.fileno(), fcntl.LOCK_EX, tmp_path / "lock")
        locks._tell(other.fileno(), tmp_path / "lock")
        threading.Timer(0.1, lock.close).start()
        locks.hold(other.fileno(), fcntl.LOCK_EX, tmp_path / "lock")
    assert told == []


def test_where_the_kernel_tells_nothing_it_is_another_process(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_KERNELS_LIST", tmp_path / "none")
    with (tmp_path / "lock").open("a") as lock:
        locks._tell(lock.fileno(), tmp_path / "lock")
    assert told[0].startswith("waiting for another process, which holds")
    assert locks._command(2**30) == ""
    assert locks._command(os.getpid())
