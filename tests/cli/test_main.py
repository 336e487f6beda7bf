"""However a command is called and whatever its home is like, it ends with a documented code and a clear word."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from casework.making import put
from cli.conftest import Run
from firstlight.cli import main
from firstlight.cli.main import CONTENTS
from firstlight.store import Database

COMMAND = "import sys; from firstlight.cli.main import run; run()"


def test_the_help_is_a_table_of_contents(run: Run) -> None:
    said = run("--help")
    assert said.code == 0
    assert all(entry.name in said.out for entry in CONTENTS)
    for entry in CONTENTS:
        assert run(entry.name, "--help").code == 0


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"],
        ["hash"],
        ["hash", "--nonsense", "x"],
        ["case", "show", "0"],
        ["case", "show", "one"],
        ["bank", "show"],
    ],
)
def test_bad_usage_ends_with_2(run: Run, args: list[str]) -> None:
    assert run(*args).code == 2
    document = run(*args, "--json").document
    assert document["error"]["message"]


@pytest.mark.parametrize("args", [["queue"], ["reconcile"], ["bank", "list"], ["case", "show", "1"], ["match", "x"]])
def test_no_home_yet_says_how_to_begin(run: Run, tmp_path: Path, args: list[str]) -> None:
    for more in ([], ["--json"]):
        ran = run(*args, "--home", tmp_path / "none", *more)
        assert ran.code == 2
        assert "firstlight" in ran.out + ran.err
    assert not (tmp_path / "none").exists()


def test_a_home_that_is_open_to_others_is_refused(run: Run, house: Path) -> None:
    run("bank", "create", "x")
    house.chmod(0o755)
    ran = run("queue")
    assert ran.code == 3
    assert "chmod 700" in ran.err


def test_a_home_of_a_newer_version_is_refused(run: Run, house: Path) -> None:
    run("bank", "create", "x")
    database = Database.at(house / "firstlight.sqlite3")
    with database.write() as session:
        session.connection().exec_driver_sql("update alembic_version set version_num = '9999'")
    database.close()
    ran = run("queue")
    assert ran.code == 2
    assert "newer version" in ran.err


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[organ", b"colour = 1\n"])
def test_settings_that_cannot_be_read_are_named(run: Run, house: Path, data: bytes) -> None:
    run("bank", "create", "x")
    (house / "settings.toml").write_bytes(data)
    ran = run("queue", "--json")
    assert ran.code == 2
    assert "settings.toml" in ran.document["error"]["message"]


def test_a_fault_of_ours_ends_with_3_and_without_a_traceback(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.cli.doctor._checks", lambda _: 1 / 0)
    assert main.outcome(["doctor"]) == 3
    said = capfd.readouterr()
    assert "fault of Firstlight itself (ZeroDivisionError" in said.err
    assert "Traceback" not in said.err + said.out


def test_half_a_surrogate_pair_breaks_no_json(run: Run, tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"no\xffname")
    calls: list[list[str | Path]] = [["cybertip", "check"], ["evidence", "verify"], ["bank", "import", "x"]]
    for args in calls:
        run("bank", "create", "x")
        ran = run(*args, name, "--json")
        assert ran.code == 2
        assert ran.document["error"]["message"]


def test_doctor_looks_at_the_machine_and_the_home(run: Run) -> None:
    run("bank", "create", "x")
    ran = run("doctor", "--json")
    machine = {"version", "SQLite", "limits", "caged workers", "search kernels", "disk", "clock", "memory for lists"}
    home = {"permissions", "database", "banks", "exchanges", "settings"}
    assert {check["name"] for check in ran.document["checks"]} >= machine | home
    assert ran.code in (0, 1)
    assert run("doctor").out


def _alone(*args: str | Path, home: Path, code: str = COMMAND, **more: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FIRSTLIGHT_HOME": str(home), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-c", code, *map(str, args)],
        env=environment, capture_output=True, text=True, check=False, timeout=120, **more,
    )  # fmt: skip


def test_a_disk_that_is_full_is_said_to_be_full_and_loses_nothing(run: Run, house: Path, tmp_path: Path) -> None:
    run("bank", "create", "x")
    folder = put(tmp_path / "in", {"a.txt": b"words", "b.bin": os.urandom(3_000_000)})

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))

    ran = _alone("intake", folder, home=house, preexec_fn=small)
    assert ran.returncode == 3, ran
    assert "Traceback" not in ran.stderr
    assert "fault of Firstlight" not in ran.stderr
    assert "Cannot write" in ran.stderr
    assert run("reconcile", "--originals").code == 0
    again = run("intake", folder, "--json")
    assert again.code == 0
    assert again.document["received"] + again.document["known"] == 2
    assert "In: 2 = held 2" in run("reconcile", "--originals").out


def test_a_disk_that_takes_no_answer_is_no_fault_of_ours(run: Run, house: Path) -> None:
    run("bank", "create", "x")
    with Path("/dev/full").open("w") as full:
        for more in ([], ["--json"]):
            command = [sys.executable, "-c", COMMAND, "bank", "list", *more, "--home", str(house)]
            ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
            assert ran.returncode == 3
            assert "The answer cannot be written: No space left on device." in ran.stderr
            assert "fault" not in ran.stderr


@pytest.mark.parametrize("args", [["bank", "list"], ["bank", "list", "--json"], ["bank", "show", "none", "--json"]])
def test_an_answer_that_nobody_reads_is_no_finding(run: Run, house: Path, args: list[str]) -> None:
    run("bank", "create", "x")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", COMMAND, *args, "--home", str(house)]
    ran = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, "")


@pytest.mark.parametrize("closed", [1, 2])
def test_a_command_without_standard_output_does_its_work(run: Run, house: Path, closed: int) -> None:
    run("bank", "create", "x")
    for more in ([], ["--json"]):
        command = [sys.executable, "-c", COMMAND, "bank", "list", *more, "--home", str(house)]
        ran = subprocess.run(command, preexec_fn=lambda: os.close(closed), capture_output=True, text=True, timeout=120)
        assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("args", [["case", "show"], ["jobs", "revive"], ["cybertip", "draft"]])
def test_a_number_that_no_table_can_hold_is_a_slip_of_whoever_gave_it(run: Run, args: list[str]) -> None:
    run("bank", "create", "x")
    ran = run(*args, "9" * 20)
    assert ran.code == 2
    assert "fault" not in ran.err


NOBODY = 65534
AS_NOBODY = f"""
import importlib, os, sys
from firstlight.cli import main
for entry in main.CONTENTS:
    importlib.import_module("firstlight.cli." + entry.module)
import firstlight.casework.home
os.setgroups([]), os.setgid({NOBODY}), os.setuid({NOBODY})
sys.exit(main.outcome(sys.argv[1:]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("cybertip", "check", "closed.json"), 2, "not readable"),
        (("bank", "list", "--home", "shut/home"), 3, "cannot be read"),
        (("bank", "list", "--home", "shut"), 2, "not readable"),
        (("evidence", "verify", "shut"), 2, "not readable"),
    ],
)
def test_who_has_no_permission_is_told_so(args: tuple[str, ...], code: int, says: str) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        put(folder, {"closed.json": b"{}"})
        (folder / "closed.json").chmod(0)
        (folder / "shut").mkdir(mode=0)
        folder.chmod(0o755)
        ran = _alone(*args, home=folder / "none", code=AS_NOBODY, cwd=folder)
        assert ran.returncode == code, ran
        assert says in ran.stderr
        assert "Traceback" not in ran.stderr
    finally:
        shutil.rmtree(folder)
