"""The demonstration runs to its end, also after it was killed, and only reads the user's own pictures."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from casework.making import jpeg, put
from firstlight.casework import reconcile
from firstlight.casework.home import Home

COMMAND = "from firstlight.cli.main import run; run()"
KILLS = 3


def _start(folder: Path, *more: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "demo", "--count", "12", "--folder", str(folder), *map(str, more)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_killed_at_random_and_run_again_it_comes_to_its_end(tmp_path: Path) -> None:
    own = put(tmp_path / "own", {"holiday.jpg": jpeg(77), "broken.jpg": b"no picture"})
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in own.iterdir()}
    chance = random.Random(5)
    for _ in range(KILLS):
        process = _start(tmp_path / "demo", "--pictures", own)
        time.sleep(chance.uniform(0.5, 6))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = _start(tmp_path / "demo", "--pictures", own)
    said, _ = process.communicate(timeout=280)
    assert process.returncode == 0, said
    assert "Everything adds up" in said
    assert "The forged mark has not moved it down" in said
    assert "is filed with the simulator" in said
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in own.iterdir()} == before
    with Home.open(tmp_path / "demo" / "home") as home:
        account = reconcile.reconcile(home, originals=True)
    assert account.adds_up, account.discrepancies
    assert account.came_in == len(list((tmp_path / "demo" / "pictures").iterdir())) + len(before)
    assert account.filed >= 1


def test_a_folder_of_pictures_that_is_not_there_is_refused(tmp_path: Path) -> None:
    process = _start(tmp_path / "demo", "--pictures", tmp_path / "none")
    said, _ = process.communicate(timeout=280)
    assert process.returncode == 2, said
    assert "There is no folder" in said
