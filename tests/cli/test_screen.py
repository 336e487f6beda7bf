"""The commands on data sets, as a user calls them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firstlight.cli.main import outcome
from firstlight.errors import InputError
from screen.making import picture, tar_of


def _run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    code = outcome([str(arg) for arg in args])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_whole_way_of_a_data_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("firstlight.cli.screen.REPLAYED", 2)  # drawing takes a tenth of a second each
    (tmp_path / "set").mkdir()
    tar_of([(f"{n}.jpg", picture(n)) for n in (3, 4, 5)], tmp_path / "set" / "a.tar")
    (tmp_path / "three.jpg").write_bytes(picture(3))
    (tmp_path / "five.jpg").write_bytes(picture(5))
    assert _run(capsys, "bank", "create", "known", tmp_path / "three.jpg")[0] == 0
    out = tmp_path / "out"

    code, said, _ = _run(capsys, "screen", tmp_path / "set", "--bank", "known", "--out", out, "--workers", 1)
    assert code == 1
    assert "3 members = 3 screened + 0 unreadable + 0 skipped" in said
    assert "Known material found in data: 1 member, 1 different." in said

    code, said, _ = _run(capsys, "screen", "hits", out, "--json")
    assert code == 1
    assert json.loads(said)["member"] == "3.jpg"

    assert _run(capsys, "bank", "create", "more", tmp_path / "five.jpg")[0] == 0
    code, said, _ = _run(capsys, "screen", "again", out, "--bank", "more", "--json")
    assert code == 1
    told = json.loads(said)
    assert (told["compared"], told["report"]["found"]["by_bank"]) == (1, {"more": 1})

    code, said, _ = _run(capsys, "screen", "verify", out)
    assert (code, said.splitlines()[-1]) == (0, "VERIFIED.")
    (out / "report.html").write_text("other")
    assert _run(capsys, "screen", "verify", out)[0] == 1

    settings = tmp_path / "home" / "settings.toml"
    settings.write_text('[organisation]\ncontact_email = "safety@example.org"\n')
    code, said, _ = _run(capsys, "screen", "draft", out, "--about", tmp_path / "about.json")
    assert (code, "A report on 1 file at 1 place of set." in said) == (0, True)
    assert "known-file-in-training-data" in (tmp_path / "about.json").read_text()

    code, said, _ = _run(capsys, "screen", "removal", out, "--to", tmp_path / "removal.csv")
    assert (code, "3 members" in said) == (0, True)


def test_a_dry_run_estimates_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set").mkdir()
    tar_of([(f"{n}.jpg", picture(n)) for n in (3, 4, 5)], tmp_path / "set" / "a.tar")
    code, said, _ = _run(capsys, "screen", tmp_path / "set", "--dry-run", "--json")
    found = json.loads(said)
    assert (code, found["shards"], found["sampled"]) == (0, 1, 3)
    assert found["members"] in (2, 3, 4)
    assert found["low_core_hours"] <= found["core_hours"] <= found["high_core_hours"]
    assert not (tmp_path / "out").exists()


def test_an_interrupt_from_the_keyboard_ends_all_of_it_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for number in range(400):
        tar_of([("1.jpg", picture(3))], tmp_path / "set" / f"{number}.tar")
    command = [sys.executable, "-c", "from firstlight.cli.main import run; run()", "screen", "set", "--hash-only"]
    with subprocess.Popen(
        [*command, "--out", "out", "--workers", "2"], cwd=tmp_path, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as run:  # fmt: skip
        while not list(tmp_path.glob("out/shards/*.screened")) and run.poll() is None:
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGINT)  # a terminal sends it to everything
        said, _ = run.communicate(timeout=60)
    assert (run.returncode, said) == (130, "firstlight: stopped; what was finished is kept.\n")
    with pytest.raises(ProcessLookupError):
        for _ in range(1500):
            os.killpg(run.pid, 0)
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["screen", "set", "--hash-only"], "There is no folder to write to"),
        (["screen", "set", "--out", "out"], "Name the banks to compare with, or --hash-only"),
        (["screen", "set", "--out", "out", "--bank", "x"], "There is no Firstlight home"),
        (["screen", "nowhere", "--out", "out", "--hash-only"], "There is no file"),
        (["screen", "set", "--out", "out", "--hash-only", "--shard", "3/3"], "'3/3' is no part of a job"),
        (["screen", "set", "--out", "out", "--hash-only", "--on", "mars"], "There is no launcher 'mars'"),
        (["screen", "verify", "nowhere"], "There is no report"),
        (["screen", "hits", "nowhere"], "There is no Firstlight home"),
        (["screen", "again", "nowhere"], "holds no screening"),
        (["screen", "report", "nowhere"], "holds no screening"),
    ],
)
def test_bad_input_is_answered_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, args: list[str], says: str
) -> None:
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "4.jpg").write_bytes(picture(4))
    code, _, err = _run(capsys, *args)
    assert code == InputError.exit_code
    assert says in err
