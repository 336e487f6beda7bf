"""`bank import` as a process of its own that is killed, and run again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cli.conftest import Run
from firstlight.casework.home import Home
from firstlight.custody import EventType

RECORDS = 80_000
A_STEP = 8_000_000
"""Bytes of the log: more than the import's first step writes, less than all of them do."""
PATIENCE = 60.0  # seconds; far more than it takes on a busy machine


def test_a_killed_import_is_on_record_and_whole_when_it_is_run_again(run: Run, house: Path, tmp_path: Path) -> None:
    listed, log = tmp_path / "list.txt", house / "banks" / "banks" / "roots" / "log"
    listed.write_text("".join(f"{os.urandom(16).hex()}\n" for _ in range(RECORDS)))
    assert run("bank", "create", "roots").code == 0
    begin = [sys.executable, "-c", "from firstlight.cli.main import run; run()"]
    until = time.monotonic() + PATIENCE
    with subprocess.Popen([*begin, "bank", "import", "roots", str(listed)], stdout=subprocess.DEVNULL) as child:
        while log.stat().st_size < A_STEP and child.poll() is None and time.monotonic() < until:
            time.sleep(0.001)
        child.kill()
    held = run("bank", "list", "--json").document[0]["entries"]
    assert 0 < held < RECORDS  # it was stopped in the middle
    told = run("bank", "import", "roots", listed, "--json").document
    assert (told["added"], told["unchanged"]) == (RECORDS - held, held)
    with Home.open(house) as home, home.look() as work:
        events: list[Any] = [
            one.event.payload["report"] for one in work.log.entries(types=(EventType.BANK_CHANGED,)) if one.event
        ]
        home.library.verify()
    assert [one["kind"] for one in events] == ["import-begun", "import-begun", "import-report"]
    assert events[0]["revision"] < events[1]["revision"] == events[2]["revision_before"]
