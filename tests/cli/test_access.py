"""Users, keys and settings from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Run
from test_locks import held, let_go


def test_a_user_is_added_with_a_link_and_disabled_for_good(run: Run) -> None:
    added = run("bank", "create", "known")
    added = run("users", "add", "ada", "--role", "reviewer", "--role", "admin", "--json")
    assert added.code == 0
    assert added.document["roles"] == ["reviewer", "admin"]
    assert added.document["link"].startswith("http://localhost:8470/enter/")
    assert run("users", "link", "ada").out.count("/enter/") == 1
    assert run("users", "add", "ada", "--role", "reviewer").code == 2
    refused = run("users", "disable", "ada")
    assert refused.code == 2
    assert "last one" in refused.err
    run("users", "add", "bob", "--role", "admin")
    assert run("users", "disable", "ada").code == 0
    assert "disabled" in run("users", "list").out
    assert run("users", "link", "ada").code == 2
    assert run("users", "roles", "bob", "--role", "auditor").code == 2


def test_a_role_or_a_scope_that_is_none_is_named(run: Run) -> None:
    run("bank", "create", "known")
    wrong = run("users", "add", "ada", "--role", "king")
    assert wrong.code == 2
    assert "'king'" in wrong.err
    assert "key-officer" in wrong.err
    wrong = run("keys", "add", "uploader", "--scope", "media:view")
    assert wrong.code == 2
    assert "media:view" in wrong.err


def test_a_key_is_shown_once(run: Run, house: Path) -> None:
    run("bank", "create", "known")
    made = run("keys", "add", "uploader", "--scope", "match", "--days", "7", "--json").document
    assert made["key"].startswith("fl_")
    assert made["key"] not in run("keys", "list", "--json").out
    assert "works" in run("keys", "list").out
    assert run("keys", "disable", "uploader").code == 0
    assert "dead" in run("keys", "list").out
    assert made["key"].encode() not in (house / "firstlight.sqlite3").read_bytes()


def test_every_setting_says_where_it_came_from(run: Run, house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (house / "settings.toml").open("a") as file:
        file.write("[service]\nport = 9000\nworkers = 2\n")
    monkeypatch.setenv("FIRSTLIGHT_SERVICE_PORT", "9100")
    monkeypatch.setenv("FIRSTLIGHT_SERVICE_FETCH_HOSTS", "media.example,cdn.example")
    shown = run("config", "show", "--json").document
    assert shown["service.port"] == {"value": 9100, "from": "the variable FIRSTLIGHT_SERVICE_PORT"}
    assert shown["service.fetch_hosts"]["value"] == ["media.example", "cdn.example"]
    assert shown["service.workers"] == {"value": 2, "from": str(house / "settings.toml")}
    assert shown["service.host"] == {"value": "127.0.0.1", "from": "default"}
    assert "service.port = 9100  (the variable FIRSTLIGHT_SERVICE_PORT)\n" in run("config", "show").out


@pytest.mark.parametrize(
    ("variable", "value"), [("FIRSTLIGHT_SERVICE_PORT", "many"), ("FIRSTLIGHT_SERVICE_COLOUR", "red")]
)
def test_a_variable_that_is_no_setting_is_refused_by_name(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    wrong = run("config", "show")
    assert wrong.code == 2
    assert variable in wrong.err


def test_a_command_that_waits_for_the_home_says_for_whom(house: Path) -> None:
    command = [str(Path(sys.executable).with_name("firstlight")), "bank", "list", "--home", str(house)]
    subprocess.run([*command[:2], "create", "known", "--home", str(house)], check=True, capture_output=True)
    with (
        held(house / "lock") as holder,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting,
    ):
        assert waiting.stderr is not None
        line = waiting.stderr.readline()
        assert line.startswith(f"firstlight: waiting for process {holder.pid} (")
        assert f"which holds {house / 'lock'}." in line
        let_go(holder)
        assert "known" in waiting.communicate(timeout=60)[0]
    assert waiting.returncode == 0
