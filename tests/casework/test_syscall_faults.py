"""Below Python: single system calls fail, or the process dies at one of them, and the log is whole all the same.

strace puts the fault in: the n-th fsync, link or write to the database fails with the kernel's own error, or the kernel
kills the process there, as `kill -9` from outside does.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from casework.making import SETTINGS, png, put
from firstlight.casework import intake, leftovers, logbook, reconcile, retention
from firstlight.casework.home import Home
from firstlight.custody import RetentionClock
from firstlight.store import tables

_TAKE_IN = """
import sys
from pathlib import Path
from firstlight.casework import intake
from firstlight.casework.home import Home
from firstlight.errors import FirstlightError
try:
    with Home.open(Path(sys.argv[1])) as home:
        intake.receive(home, intake.arrivals([Path(sys.argv[2])], {}))
        home.checkpoint()
except FirstlightError as e:
    sys.exit(e.exit_code)
"""
_ROTATE = """
import sys
from pathlib import Path
from firstlight.casework import logbook
from firstlight.casework.home import Home
from firstlight.errors import FirstlightError
try:
    with Home.open(Path(sys.argv[1])) as home:
        logbook.rotate_key(home)
except FirstlightError as e:
    sys.exit(e.exit_code)
"""
_DESTROY = """
import sys
from pathlib import Path
from firstlight.casework import retention
from firstlight.casework.home import Home
with Home.open(Path(sys.argv[1])) as home:
    retention.destroy(home, 1, actor="op")
"""


@cache
def why_not() -> str:
    """Why no fault can be put in here; empty where it can."""
    if shutil.which("strace") is None:
        return "strace is not at hand (Debian: strace)"
    done = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"this machine lets nobody trace: {done.stderr.strip()[:100]}"


def run_with(fault: str, script: str, *arguments: Path, only: Path | None = None) -> int:
    """Run the script with the fault; answers how it ended (negative: by that signal)."""
    if lacking := why_not():
        pytest.skip(lacking)
    watched = ["-P", str(only)] if only else []
    call = fault.partition(":")[0]
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={fault}", *watched]
    done = subprocess.run(
        [*command, sys.executable, "-c", script, *map(str, arguments)], capture_output=True, check=False
    )
    return -(done.returncode - 128) if done.returncode > 128 else done.returncode


def new(folder: Path) -> Path:
    """A home with one item, made without a fault."""
    folder.mkdir(mode=0o700)
    (folder / "settings.toml").write_text(SETTINGS)
    with Home.open(folder):
        return folder


@pytest.mark.parametrize(
    ("fault", "on_database"),
    [
        ("fsync:error=EIO:when=1", False),
        ("fsync:error=EIO:when=4", False),
        ("link:error=ENOSPC:when=1", False),
        ("pwrite64:error=ENOSPC:when=3", True),
        ("fsync:signal=KILL:when=3", False),
        ("unlink:signal=KILL:when=2", False),
    ],
)
def test_a_fault_of_the_kernel_leaves_a_whole_log_and_nothing_half_taken_in(
    tmp_path: Path, fault: str, on_database: bool
) -> None:
    home_folder = new(tmp_path / "home")
    folder = put(tmp_path / "in", {"a.png": png(1), "b.png": png(2)})
    database = home_folder / "firstlight.sqlite3-wal" if on_database else None
    ended = run_with(fault, _TAKE_IN, home_folder, folder, only=database)
    assert ended in (3, -signal.SIGKILL), "the fault was told, or it was the end"
    with Home.open(home_folder) as home:
        account = reconcile.reconcile(home, originals=True)
        assert account.adds_up, account.discrepancies
    with Home.open(home_folder) as home:
        intake.receive(home, intake.arrivals([folder], {}))
        leftovers.leftovers(home, remove=True)
        account = reconcile.reconcile(home, originals=True)
        assert account.adds_up, account.discrepancies
        assert (account.came_in, account.leftovers) == (2, 0)


@pytest.mark.parametrize("fault", ["fsync:signal=KILL:when=2", "fsync:signal=KILL:when=4", "unlink:signal=KILL:when=2"])
def test_a_destruction_that_is_killed_is_finished_by_the_next_call(tmp_path: Path, fault: str) -> None:
    home_folder = new(tmp_path / "home")
    with Home.open(home_folder) as home:
        intake.receive(home, intake.arrivals([put(tmp_path / "in", {"a.png": png(1)})], {}))
    over = RetentionClock(
        policy="house-not-reported", table_version=1, basis="x", started=datetime(2025, 1, 1, tzinfo=UTC),
        not_before=None, ends=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    with Home.open(home_folder) as home, home.work() as work:
        retention._keep_clock(work, work.session.get_one(tables.Item, 1), over, "op")
    assert run_with(fault, _DESTROY, home_folder) == -signal.SIGKILL
    with Home.open(home_folder) as home:
        certificate = retention.destroy(home, 1, actor="op")
        assert home.keyring.destruction(certificate.key.case) is not None
        account = reconcile.reconcile(home, originals=True)
        assert account.adds_up, account.discrepancies


@pytest.mark.parametrize("fault", ["rename:error=EACCES:when=1", "rename:signal=KILL:when=1"])
def test_a_key_that_cannot_be_renewed_leaves_the_old_one_and_a_whole_log(tmp_path: Path, fault: str) -> None:
    home_folder = new(tmp_path / "home")
    with Home.open(home_folder) as home:
        before = home.keyring.log_signer().verifier
    assert run_with(fault, _ROTATE, home_folder) in (3, -signal.SIGKILL)
    with Home.open(home_folder) as home:
        assert home.keyring.log_signer().verifier == before
        assert logbook.verify(home).ok
        logbook.rotate_key(home)
        assert logbook.verify(home).ok
