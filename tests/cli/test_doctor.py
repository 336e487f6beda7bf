"""What `doctor` says of the cage and of the search kernels."""

from __future__ import annotations

import os
import resource
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.conftest import Run
from firstlight.cli import machine
from firstlight.cli.doctor import LAYERS, isolation_words, kernel_words
from firstlight.errors import Fact
from firstlight.media import Cage


def test_every_layer_has_words(cage: Cage) -> None:
    assert set(LAYERS) == set(cage.isolation.as_dict()) == {field.name for field in fields(cage.isolation)}


def test_a_layer_that_this_kernel_does_not_give_is_named() -> None:
    whole = dict.fromkeys(LAYERS, True)
    assert "NOT GIVEN" not in isolation_words(whole)
    words = isolation_words({**whole, "files": False, "own_network": False})
    assert "memory, time and files are limited" in words
    assert words.endswith(f"NOT GIVEN by this kernel: {LAYERS['own_network'][1]}, {LAYERS['files'][1]}")
    assert isolation_words(dict.fromkeys(LAYERS, False)).startswith("NOT GIVEN")


def test_kernels_that_are_compiled_again_each_time_are_named() -> None:
    facts: dict[str, Fact] = {"cached": True, "cache_folder": "/var/cache", "processor": "some-cpu"}
    assert kernel_words(facts) == "compiled for some-cpu, kept in /var/cache"
    assert "NOT KEPT" in kernel_words({**facts, "cached": False, "cache_folder": ""})


def test_the_facts_stand_in_the_answer(run: Run, cage: Cage) -> None:
    checks = {check["name"]: check for check in run("doctor", "--json").document["checks"]}
    assert checks["caged workers"]["ok"], checks["caged workers"]["says"]
    assert checks["search kernels"]["ok"]
    assert checks["caged workers"]["facts"] == cage.isolation.as_dict()
    assert set(checks["search kernels"]["facts"]) == {"cached", "cache_folder", "processor"}
    assert str(checks["search kernels"]["facts"]["processor"]) in checks["search kernels"]["says"]


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MOUNTS = ["/dev/sda1 / ext4 rw 0 0", "server:/x /srv nfs4 rw 0 0", "none /srv/local tmpfs rw 0 0"]


def test_a_clock_that_cannot_be_right_is_said() -> None:
    assert machine.clock(NOW, None, None).ok
    assert machine.clock(NOW, NOW + timedelta(seconds=1), True).ok
    behind = machine.clock(NOW, NOW + timedelta(hours=2), True)
    assert (behind.ok, "2:00:00 BEFORE the newest entry" in behind.says) == (False, True)
    loose = machine.clock(NOW, NOW - timedelta(days=1), False)
    assert (loose.ok, "NOBODY KEEPS IT IN STEP" in loose.says) == (True, True)
    assert machine.kept_in_step() in (True, False, None)


@pytest.mark.parametrize(
    ("folder", "free", "ok", "says"),
    [
        ("/var/lib/x", 6 * 2**30, True, "6.0 GiB free"),
        ("/var/lib/x", 4 * 2**30, False, "make room"),
        ("/srv/home", 9 * 2**30, False, "OVER A NETWORK"),
        ("/srv/local/home", 9 * 2**30, True, "9.0 GiB"),
        ("/srvx", 9 * 2**30, True, "9.0 GiB"),
    ],
)
def test_a_disk_that_is_full_or_elsewhere_is_said(folder: str, free: int, ok: bool, says: str) -> None:
    found = machine.disk(Path(folder), free, MOUNTS)
    assert (found.ok, says in found.says) == (ok, True), found.says


def test_what_others_may_reach_is_named_with_the_remedy(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "keys").mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    key = home / "keys" / "log"
    key.touch(0o600)
    (home / "settings.toml").touch(0o644)
    assert machine.permissions(home, os.geteuid()).ok
    key.chmod(0o640)
    (home / "keys").chmod(0o755)
    found = machine.permissions(home, os.geteuid())
    assert not found.ok
    assert f"chmod 600 {key}" in found.says
    assert f"chmod 700 {home / 'keys'}" in found.says
    key.chmod(0o600)
    (home / "keys").chmod(0o700)
    assert "belongs to another user" in machine.permissions(home, os.geteuid() + 1).says


def test_limits_and_memory_say_what_to_do() -> None:
    assert machine.limits(resource.RLIM_INFINITY).ok
    assert machine.limits(1024).ok
    few = machine.limits(256)
    assert (few.ok, "LimitNOFILE=1024" in few.says) == (False, True)
    shm = Path("/dev/shm")
    assert machine.memory(shm, 2**30, 2**20).ok
    little = machine.memory(shm, 100 * 2**20, 50 * 2**20)
    assert (little.ok, "NEED 114 MiB" in little.says) == (False, True)


def test_a_sound_home_is_found_sound_and_a_damaged_one_is_not(run: Run, house: Path) -> None:
    run("bank", "create", "roots", "--purpose", "known")
    checks = {check["name"]: check for check in run("doctor", "--json").document["checks"]}
    wanted = {
        "clock",
        "database",
        "banks",
        "memory for lists",
        "exchanges",
        "settings",
        "permissions",
        "limits",
        "disk",
    }
    assert wanted <= set(checks)
    assert "EMPTY" in checks["banks"]["says"]
    (house / "settings.toml").write_text('[oidc]\nissuer = "https://id.example.org"\n')
    after = run("doctor", "--json")
    checks = {check["name"]: check for check in after.document["checks"]}
    assert (after.code, checks["settings"]["ok"]) == (1, False)
    assert "client_id" in checks["settings"]["says"]
    (house / "settings.toml").write_text('[database]\nurl = "postgresql:///none?host=/nowhere"\n')
    after = run("doctor", "--json")
    checks = {check["name"]: check for check in after.document["checks"]}
    assert (after.code, checks["home"]["ok"]) == (1, False)
