"""The commands that keep a home safe."""

from __future__ import annotations

import shutil
from pathlib import Path

from casework.making import png, put
from cli.conftest import Run
from postgres import Server


def test_a_home_is_backed_up_and_restored(run: Run, tmp_path: Path, house: Path) -> None:
    run("intake", put(tmp_path / "in", {"a.png": png(1)}), "--account", "u1")
    run("bank", "create", "garden", tmp_path / "in" / "a.png")
    run("bank", "create", "gone", tmp_path / "in" / "a.png")
    run("bank", "delete", "gone", "--why", "a trial")
    to, keys = tmp_path / "backup", tmp_path / "keys"
    ran = run("backup", "--to", to, "--keys-to", keys)
    assert ran.code == 0
    assert "1 original" in ran.out
    assert "keep them apart" in ran.out
    assert run("restore", "--from", to, "--keys", keys).code == 2  # the home is there
    shutil.rmtree(house)
    ran = run("restore", "--from", to, "--keys", keys)
    assert ran.code == 0
    assert "custody log was verified" in ran.out
    assert "until they are imported anew" in ran.out
    assert "garden" in ran.out
    assert "gone" not in ran.out
    ran = run("reconcile", "--originals")
    assert (ran.code, "The bank garden was made and is not there" in ran.out + ran.err) == (1, True)
    ran = run("doctor")
    assert (ran.code, "NOT THERE, though made here: garden" in " ".join(ran.out.split())) == (1, True)
    run("bank", "create", "garden", tmp_path / "in" / "a.png")
    assert run("reconcile", "--originals").code == 0
    assert run("backup", "--to", to, "--keys-to", to).code == 2
    next((to / "objects").glob("*/*")).unlink()
    shutil.rmtree(house)
    assert run("restore", "--from", to, "--keys", keys).code == 1


def test_tables_are_copied_to_a_server(run: Run, tmp_path: Path, house: Path, postgresql: Server) -> None:
    run("intake", put(tmp_path / "in", {"a.png": png(1)}))
    url = postgresql.database()
    ran = run("db", "copy", "--to", url)
    assert ran.code == 0
    assert "custody log was verified there" in ran.out
    assert run("queue").code == 2  # it is not told where its tables lie
    with (house / "settings.toml").open("a") as settings:
        settings.write(f'[database]\nurl = "{url}"\n')
    assert run("reconcile").code == 0
    assert run("db", "copy", "--to", "mysql://x/y").code == 2


def test_the_settings_are_shown_without_the_password_of_the_database(run: Run, tmp_path: Path, house: Path) -> None:
    run("intake", put(tmp_path / "in", {"a.png": png(1)}))
    with (house / "settings.toml").open("a") as settings:
        settings.write('[database]\nurl = "postgresql://ada:hunter2@db.example.org/firstlight"\n')
    for more in ((), ("--json",)):
        ran = run("config", "show", *more)
        assert ran.code == 0
        assert "hunter2" not in ran.out
        assert "ada:***@" in ran.out
