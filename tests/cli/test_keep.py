"""The commands `evidence` and `reconcile`."""

from __future__ import annotations

import shutil
from pathlib import Path

from casework.making import jpeg, put
from cli.conftest import Run


def test_a_package_is_made_and_verified_and_a_changed_byte_is_named(run: Run, tmp_path: Path) -> None:
    run("intake", put(tmp_path / "in", {"a.jpg": jpeg(1)}))
    made = run("evidence", "export", "1", "--to", tmp_path / "out", "--json")
    assert made.code == 0
    package = Path(made.document["folder"])
    assert run("evidence", "verify", package, "--json").document["ok"] is True
    assert run("evidence", "verify", package, "--key", made.document["log_key"]).code == 0
    assert "signed its state" in run("evidence", "verify", package).out
    record = package / "data" / "records" / "item-1.json"
    record.chmod(0o600)
    record.write_bytes(record.read_bytes().replace(b"held", b"hold"))
    changed = run("evidence", "verify", package)
    assert changed.code == 1
    assert "item-1.json" in changed.out


def test_a_folder_that_is_no_package_is_no_package(run: Run, tmp_path: Path) -> None:
    assert run("evidence", "verify", tmp_path / "none").code == 2
    (tmp_path / "empty").mkdir()
    assert run("evidence", "verify", tmp_path / "empty").code == 1


def test_a_package_cannot_be_put_into_a_file(run: Run, tmp_path: Path) -> None:
    run("intake", put(tmp_path / "in", {"a.jpg": jpeg(1)}))
    ran = run("evidence", "export", "1", "--to", tmp_path / "in" / "a.jpg")
    assert ran.code == 3
    assert "a.jpg" in ran.err
    assert run("evidence", "export", "9", "--to", tmp_path / "out").code == 2


def test_reconcile_says_whether_it_adds_up(run: Run, house: Path, tmp_path: Path) -> None:
    run("intake", put(tmp_path / "in", {"a.jpg": jpeg(1)}))
    assert run("reconcile", "--originals", "--json").document["discrepancies"] == []
    assert "In: 1 = held 1 + decided 0 + filed 0" in run("reconcile").out
    shutil.rmtree(next((house / "vault" / "objects").iterdir()))
    gone = run("reconcile")
    assert gone.code == 1
    assert "DOES NOT ADD UP" in gone.out
    assert "is gone" in gone.out


def test_reconcile_tells_missing_lists_from_missing_items(run: Run, house: Path, tmp_path: Path) -> None:
    run("intake", put(tmp_path / "in", {"a.jpg": jpeg(1)}))
    run("bank", "create", "roots")
    shutil.rmtree(house / "banks" / "banks" / "roots")
    gone = run("reconcile")
    assert gone.code == 1
    assert "In: 1 = held 1 + decided 0 + filed 0 - HASH LISTS ARE MISSING" in gone.out
    assert "ADD UP" not in gone.out
    assert "roots" in gone.out
