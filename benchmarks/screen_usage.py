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
        self._strangers: set[tuple[int, int]] = set()
        self._spent: dict[tuple[int, int], float] = {}
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
        return [pid for pid, _ in self._there()]

    def _there(self) -> list[tuple[int, int]]:
        """Its processes, each with when it started: on a busy machine numbers are soon given to others, which are
        neither counted nor ended."""
        out = []
        for place in Path("/proc").iterdir():
            if not place.name.isdigit():
                continue
            with contextlib.suppress(OSError, IndexError, ValueError):
                key = int(place.name), int(_stat(place)[19])
                if key in self._strangers:
                    continue
                if key in self._spent or self._is_ours(place):
                    self._spent.setdefault(key, 0.0)
                    out.append(key)
                else:
                    self._strangers.add(key)
        return out

    def _is_ours(self, place: Path) -> bool:
        try:
            if self._mark.encode() in (place / "environ").read_bytes().split(b"\0"):
                return True
        except OSError:
            return False
        parent = int(_stat(place)[1])  # of a caged worker or another program that keeps no variables
        return (parent, int(_stat(Path(f"/proc/{parent}"))[19])) in self._spent

    def look(self, *, memory: bool) -> None:
        """Take down what has been spent so far."""
        total = 0
        for key in self._there():
            place = Path(f"/proc/{key[0]}")
            with contextlib.suppress(OSError, StopIteration, IndexError):
                parts = _stat(place)
                spent = (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
                self._spent[key] = max(spent, self._spent.get(key, 0.0))
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


def _stat(place: Path) -> list[str]:
    """The fields of a process's `stat` behind its name."""
    return (place / "stat").read_text().rpartition(")")[2].split()


def _is_alive(pid: int) -> bool:
    try:
        return _stat(Path(f"/proc/{pid}"))[0] not in ("Z", "X")
    except OSError:
        return False


def say(name: str, value: str, goal: str, hit: bool | None) -> None:
    """One line of a table of goals."""
    print(f"{name:52} {value:>26}   goal {goal:12} {'' if hit is None else 'hit' if hit else 'MISS'}", flush=True)
