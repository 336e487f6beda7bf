"""The commands on the service's hosts, and the option that names one; nothing but loopback is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from casework.making import AT_ONCE, png, put
from cli.conftest import Run

HOST = "https://127.0.0.1:9/ispws"  # nobody listens there
REAL = "https://service.invalid/ispws"


@pytest.fixture
def decided(run: Run, tmp_path: Path) -> Run:
    """A home with one case, decided to be reported, and a file with a password."""
    put(tmp_path, {"password": b"secret words\n"})
    run("intake", put(tmp_path / "in", {"a.png": png(1)}), "--account", "u1")
    run(
        "case",
        "decide",
        "1",
        "--item",
        "1",
        "--finding",
        "report",
        "--conduct",
        "abuse-material",
        "--why",
        "w",
        "--by",
        "rev-1",
    )
    return run


def _set(run: Run, tmp_path: Path, host: str, url: str, *more: str) -> int:
    words = ["--url", url, "--user", "esp", "--password-file", str(tmp_path / "password"), "--by", "ada", *more]
    return run("cybertip", "destination", "set", host, *words).code


def test_a_host_without_credentials_is_not_filed_with(decided: Run) -> None:
    for host in ("test-host", "production"):
        ran = decided("cybertip", "file", "1", "--to", host)
        assert ran.code == 2
        assert "no credentials" in ran.err
        assert decided("cybertip", "destination", "show", host).code == 2


def test_the_test_host_is_asked_and_nothing_is_lost(
    decided: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.cybertip.filing.run.RetryPolicy", lambda: AT_ONCE)
    assert _set(decided, tmp_path, "test-host", HOST) == 0
    ran = decided("cybertip", "destination", "show", "test-host", "--json")
    assert ran.document["settings"]["url"] == HOST
    assert "secret words" not in ran.out
    assert decided("cybertip", "file", "1", "--to", "test-host", "--json").code == 3
    assert decided("cybertip", "file", "1", "--to", "test-host", "--simulator", "http://127.0.0.1:9").code == 2
    assert decided("cybertip", "file", "1").code == 0


def test_production_is_refused_without_two_people_and_is_never_meant_by_silence(decided: Run, tmp_path: Path) -> None:
    assert _set(decided, tmp_path, "production", REAL) == 2  # no registration
    assert _set(decided, tmp_path, "production", HOST, "--organisation", "E", "--registration", "17") == 2
    assert _set(decided, tmp_path, "production", REAL, "--organisation", "E", "--registration", "17") == 0
    ran = decided("cybertip", "file", "1", "--to", "production")
    assert ran.code == 1
    assert "two different people" in ran.err
    assert decided("cybertip", "destination", "approve", "--by", "Ada", "--why", "go-live").code == 0
    assert decided("cybertip", "destination", "approve", "--by", "ada", "--why", "go-live").code == 1
    assert decided("cybertip", "file", "1", "--to", "production").code == 1
    ran = decided("cybertip", "destination", "approve", "--by", "Bo", "--why", "go-live")
    assert "approved by Ada, Bo" in ran.out
    ran = decided("cybertip", "file", "1")
    assert ran.code == 2
    assert "no destination is named" in ran.err
    assert decided("cybertip", "file", "1", "--to", "simulator").code == 0


@pytest.mark.parametrize("name", ["none", "binary", "long", "empty", "/dev/zero"])
def test_what_is_no_password_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    put(tmp_path, {"binary": b"\xff", "long": b"x" * 1025, "empty": b"\n"})
    run("bank", "create", "x")
    words = ["--url", HOST, "--user", "esp", "--password-file", str(tmp_path / name), "--by", "ada"]
    assert run("cybertip", "destination", "set", "test-host", *words).code == 2
