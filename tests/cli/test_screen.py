"""The commands on data sets, as a user calls them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firstlight.cli.main import outcome
from firstlight.errors import InputError, NotFoundError
from screen.making import img2dataset, picture, tar_of


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


def test_lists_that_shrink_and_banks_that_go_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("firstlight.cli.screen.REPLAYED", 1)
    (tmp_path / "set").mkdir()
    tar_of([(f"{n}.jpg", picture(n)) for n in (3, 4, 5)], tmp_path / "set" / "a.tar")
    out, digest = tmp_path / "out", hashlib.sha256(picture(5)).hexdigest()
    for name, number in (("three", 3), ("five", 5)):
        (tmp_path / name).write_bytes(picture(number))
        assert _run(capsys, "bank", "create", name, tmp_path / name)[0] == 0
    ran = ("screen", tmp_path / "set", "--bank", "three", "--bank", "five", "--out", out, "--workers", 1, "--json")
    assert json.loads(_run(capsys, *ran)[1])["report"]["since"] is None

    key = _run(capsys, "bank", "entries", "five")[1].split()[0]
    assert digest not in key
    assert _run(capsys, "bank", "withdraw", "five", key, "--why", "a mistake")[0] == 0
    code, said, _ = _run(capsys, "screen", "again", out)
    assert (code, "since the report before: 1 no hit any more, 0 new" in said) == (1, True)
    assert "no hit any more, since the report before" in (out / "report.html").read_text()
    assert json.loads((out / "report.json").read_bytes())["since"] == {"gone": 1, "new": 0}
    assert "since the report before" not in _run(capsys, "screen", "report", out)[1]

    assert _run(capsys, "bank", "disable", "five", "--why", "a test")[0] == 0
    code, _, err = _run(capsys, "screen", "again", out)
    assert (code, "Or name the others alone, with --bank" in err) == (2, True)
    before = json.loads((out / "report.json").read_bytes())["fresh_until"]
    code, said, _ = _run(capsys, "screen", "report", out, "--json")
    assert (code, json.loads(said)["found"]["members"]) == (1, 1)
    assert json.loads(said)["fresh_until"] < before  # as fresh as the comparing itself

    assert _run(capsys, "bank", "delete", "five", "--why", "a test")[0] == 0
    code, _, err = _run(capsys, "screen", "again", out)
    assert (code, "name the ones to compare with by --bank" in err) == (2, True)
    assert _run(capsys, "screen", "report", out)[0] == 1
    assert _run(capsys, "screen", "again", out, "--bank", "three")[0] == 1


def test_a_locked_home_is_told_before_the_first_shard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(tmp_path / "home"))
    secret = tmp_path / "secret"
    secret.write_text("a passphrase of vegetables")
    secret.chmod(0o600)
    (tmp_path / "home").mkdir(mode=0o700)
    settings = tmp_path / "home" / "settings.toml"
    settings.write_text(f'[keys]\nprovider = "passphrase"\npassphrase_file = "{secret}"\n')
    (tmp_path / "4.jpg").write_bytes(picture(4))
    assert _run(capsys, "bank", "create", "known", tmp_path / "4.jpg")[0] == 0
    secret.unlink()
    code, _, err = _run(capsys, "screen", tmp_path / "4.jpg", "--hash-only", "--out", tmp_path / "out")
    assert (code, f"Cannot read {secret}" in err) == (3, True)
    assert not (tmp_path / "out").exists()
    part = ("screen", tmp_path / "4.jpg", "--hash-only", "--out", tmp_path / "out", "--shard", "0/1", "--workers", 1)
    assert _run(capsys, *part)[0] == 0  # a part makes no report, and needs no home


def test_the_example_of_the_download_hook_runs_as_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [code] = re.findall(
        r"^```python\n(.*?)^```$", (Path(__file__).parents[2] / "docs" / "screen.md").read_text(), re.M | re.S
    )
    assert "\nif __name__ ==" in code  # img2dataset spawns processes
    for name in ("FIRSTLIGHT_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for number in (3, 4):
        Path(f"{number}.jpg").write_bytes(picture(number))
    Path("urls.txt").write_text("3.jpg\n4.jpg\n")
    with pytest.raises(NotFoundError, match="no bank 'known'"), img2dataset(tmp_path / "site"):
        assert _run(capsys, "bank", "create", "other", "4.jpg")[0] == 0
        exec(compile(code, "screen.md", "exec"), {"__name__": "__main__"})
    assert not Path("set").exists()
    assert _run(capsys, "bank", "create", "known", "3.jpg")[0] == 0
    with img2dataset(tmp_path / "site"):
        exec(compile(code, "screen.md", "exec"), {"__name__": "__main__"})
    assert sorted(path.name for path in Path("set").iterdir()) == ["1.jpg", "table.json"]
    told = _run(capsys, "screen", "hits", "found", "--json")[1]
    assert json.loads(told)["url"] == "3.jpg"


def test_a_dry_run_estimates_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set").mkdir()
    tar_of([(f"{n}.jpg", picture(n)) for n in (3, 4, 5)], tmp_path / "set" / "a.tar")
    code, said, _ = _run(capsys, "screen", tmp_path / "set", "--dry-run", "--json")
    found = json.loads(said)
    assert (code, found["shards"], found["sampled"]) == (0, 1, 3)
    assert found["members"] in (2, 3, 4)
    assert found["core_hours"] * 3600 > 3  # a worker has to start
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
        (["screen", "set", "--out", "set/out", "--hash-only"], "lies in the data set"),
        (["screen", "empty", "--dry-run"], "There is nothing to screen"),
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
    monkeypatch.delenv("FIRSTLIGHT_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("set", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "set" / "4.jpg").write_bytes(picture(4))
    code, _, err = _run(capsys, *args)
    assert code == InputError.exit_code
    assert says in err
