"""What a program and all that it starts cost: CPU seconds and proportional memory of every process with its mark.

Processes are told by a variable in their environment, which they all inherit: engines start servers that leave the
tree of processes, and kill workers whose time nobody is told. A process counts with what was last seen of it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

MARK = "SCREEN_BENCHMARK"
LOOK_SECONDS = 0.05
MEMORY_EVERY = 4


class Watched:
    """A command that runs, with everything it has started."""

    def __init__(self, command: Sequence[str], errors: int = subprocess.PIPE) -> None:
        self._mark = f"{MARK}={secrets.token_hex(8)}"
        name, _, value = self._mark.partition("=")
        self._strangers: set[int] = set()
        self._spent: dict[int, float] = {}
        self.peak_bytes = 0
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            list(command), stdout=subprocess.DEVNULL, stderr=errors, env=os.environ | {name: value}
        )

    @property
    def cpu_seconds(self) -> float:
        """Of all its processes, as last seen."""
        return sum(self._spent.values())

    def pids(self) -> list[int]:
        """Its processes that are there now."""
        out = []
        for place in Path("/proc").iterdir():
            if not place.name.isdigit() or (pid := int(place.name)) in self._strangers:
                continue
            if pid in self._spent or self._is_ours(place):
                self._spent.setdefault(pid, 0.0)
                out.append(pid)
            else:
                self._strangers.add(pid)
        return out

    def _is_ours(self, place: Path) -> bool:
        try:
            return self._mark.encode() in (place / "environ").read_bytes().split(b"\0") or (
                self._parent(place) in self._spent  # a caged worker or another program that keeps no variables
            )
        except OSError:
            return False

    def _parent(self, place: Path) -> int:
        return int((place / "stat").read_text().rpartition(")")[2].split()[1])

    def look(self, *, memory: bool) -> None:
        """Take down what has been spent so far."""
        total = 0
        for pid in [self.process.pid, *self.pids()]:
            place = Path(f"/proc/{pid}")
            with contextlib.suppress(OSError, StopIteration, IndexError):
                parts = (place / "stat").read_text().rpartition(")")[2].split()
                spent = (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
                self._spent[pid] = max(spent, self._spent.get(pid, 0.0))
                if memory:
                    rollup = (place / "smaps_rollup").read_text().splitlines()
                    total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) * 1024
        self.peak_bytes = max(self.peak_bytes, total)

    def kill(self) -> None:
        """End all of it at once, as a machine that loses its power does."""
        self.look(memory=False)
        while left := [pid for pid in self.pids() if _is_alive(pid)]:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=0.2)

    def wait(self) -> dict[str, float]:
        """Until it ends: its wall and CPU seconds, and the most memory that was seen."""
        rounds = 0
        while self.process.poll() is None:
            self.look(memory=rounds % MEMORY_EVERY == 0)
            rounds += 1
            time.sleep(LOOK_SECONDS)
        if self.process.returncode:
            said = self.process.stderr.read()[-3000:].decode() if self.process.stderr else ""
            raise SystemExit(f"{self.process.args!r} failed:\n{said}")
        wall = time.monotonic() - self.began
        self.look(memory=False)
        self.kill()  # servers that stayed behind
        return {"wall": wall, "cpu": self.cpu_seconds, "peak_mb": self.peak_bytes / 2**20}


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def say(name: str, value: str, goal: str, hit: bool | None) -> None:
    """One line of a table of goals."""
    print(f"{name:52} {value:>26}   goal {goal:12} {'' if hit is None else 'hit' if hit else 'MISS'}", flush=True)
