"""`firstlight trust`: the operator's lists, and `firstlight origin` that uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from casework.making import jpeg, put
from cli.conftest import Run
from origin.signing import Authority


@pytest.fixture
def authority() -> Authority:
    return Authority.new()


@pytest.fixture
def roots(tmp_path: Path, authority: Authority) -> Path:
    path = tmp_path / "roots.pem"
    path.write_text(authority.pem)
    return path


def test_lists_are_put_there_told_and_verified(run: Run, roots: Path, house: Path) -> None:
    added = run("trust", "add", "time-stamps", roots, "--date", "2026-08-14")
    assert (added.code, added.err) == (0, "")
    assert added.out.startswith("The time-stamps list of 2026-08-14 is in use: 1 entry, sha256 ")
    assert run("origin", "trust", "list").out == run("trust", "list").out
    assert "time-stamps" in run("trust", "list").out
    (one,) = run("trust", "list", "--json").document["lists"]
    assert (one["name"], one["whole"], one["recorded"]) == ("time_stamps", True, True)
    assert "first certificate runs out" in run("trust", "verify").out
    (path,) = (house / "trust").glob("time-stamps-*.pem")
    path.write_text("changed")
    told = run("trust", "verify")
    assert (told.code, "SEE TO IT" in told.out, "not the one that was put there" in told.out) == (1, True, True)


def test_a_wrong_list_is_refused_in_words(run: Run, roots: Path) -> None:
    refused = run("trust", "add", "official", roots, "--date", "last summer")
    assert (refused.code, "is no date" in refused.err, "2026-08-14" in refused.err) == (2, True, True)
    assert run("trust", "add", "other", roots, "--date", "2026-08-14").code == 2
    assert "There is no trust list" in run("trust", "list").out


def test_origin_asks_the_lists_of_the_home(run: Run, roots: Path, tmp_path: Path, authority: Authority) -> None:
    data = authority.signer("Camera Maker", "camera-maker").sign(jpeg(1))
    path = put(tmp_path / "in", {"signed.jpg": data}) / "signed.jpg"
    assert "Camera Maker" not in run("origin", path).out
    run("trust", "add", "official", roots, "--date", "2026-08-14")
    assert "Camera Maker" in run("origin", path).out
    found = run("origin", path, "--json")
    assert (found.code, found.document["file"]) == (0, str(path))


def test_origin_believes_no_list_that_was_changed(run: Run, roots: Path, tmp_path: Path, house: Path) -> None:
    path = put(tmp_path / "in", {"plain.jpg": jpeg(1)}) / "plain.jpg"
    run("trust", "add", "official", roots, "--date", "2026-08-14")
    (installed,) = (house / "trust").glob("official-*.pem")
    installed.write_text(Authority.new("Intruder").pem)
    refused = run("origin", path)
    assert (refused.code != 0, "not the one that was put there" in refused.err) == (True, True)


def test_origin_needs_no_home(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "in", {"plain.jpg": jpeg(1)}) / "plain.jpg"
    assert run("origin", path, "--home", tmp_path / "nowhere").code == 0
    for name in ("FIRSTLIGHT_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    assert run("origin", path).code == 0
    assert "Name one with --home" in run("trust", "list").err
