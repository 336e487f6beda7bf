"""The commands of `custody`, and `evidence inspect`."""

from __future__ import annotations

from pathlib import Path

import pytest

from casework.making import jpeg, put
from cli.conftest import Run
from firstlight.custody import TlogProof
from firstlight.store import Database
from firstlight.store.tables import LogLeaf


@pytest.fixture
def one_case(run: Run, tmp_path: Path) -> Run:
    """A home with one picture in it."""
    assert run("intake", put(tmp_path / "in", {"a.jpg": jpeg(1)}), "--account", "u17").code == 0
    return run


def test_the_log_is_verified_against_checkpoints_kept_elsewhere(one_case: Run, house: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    printed = one_case("custody", "checkpoint", "--out", kept)
    assert kept.read_text("utf-8").strip() == printed.out.strip()
    assert one_case("custody", "checkpoint", "--json").document["size"] > 0
    whole = one_case("custody", "verify", "--checkpoint", kept)
    assert (whole.code, "1 of them kept elsewhere" in whole.out) == (0, True)
    database = Database.at(house / "firstlight.sqlite3")
    with database.write() as session:
        leaf = session.get_one(LogLeaf, 2)
        leaf.leaf = leaf.leaf.replace(b"2026", b"2025").replace(b"2027", b"2025")
        leaf.leaf = leaf.leaf.replace(b'"v":1', b'"v":2')
    database.close()
    broken = one_case("custody", "verify", "--checkpoint", kept)
    assert broken.code == 1
    assert "The first bad entry is 2." in broken.out
    assert one_case("custody", "verify", "--json").document["first_bad"] == 2
    assert one_case("custody", "verify", "--checkpoint", tmp_path / "none").code == 2


def test_a_proof_is_written(one_case: Run, tmp_path: Path) -> None:
    out = tmp_path / "p.tlog-proof"
    assert one_case("custody", "prove", "0", "--out", out).code == 0
    assert TlogProof.from_bytes(out.read_bytes()).index == 0
    assert one_case("custody", "prove", "1", "--out", out, "--json").document["seq"] == 1
    assert one_case("custody", "prove", "9999", "--out", out).code == 2
    assert one_case("custody", "prove", "0", "--out", tmp_path / "none" / "p").code == 3


def test_a_new_key_is_made_and_the_log_stays_whole(one_case: Run) -> None:
    before = one_case("custody", "checkpoint", "--json").document["log_key"]
    assert before in one_case("custody", "rotate-key", "--by", "op-1").out
    assert one_case("custody", "checkpoint", "--json").document["log_key"] != before
    assert one_case("custody", "rotate-key", "--json").document["old_key"] != before
    assert one_case("custody", "verify").code == 0


def test_the_log_is_told_in_words(one_case: Run) -> None:
    said = one_case("custody", "log", "--item", "1")
    assert (said.code, "ingest" in said.out, "prioritise" in said.out) == (0, True, True)
    assert one_case("custody", "log", "--case", "1", "--json").document["lines"][0]["type"] == "ingest"
    assert one_case("custody", "log").code == 2
    assert one_case("custody", "log", "--case", "7").code == 2


def test_a_package_is_looked_into_only_when_it_verifies(one_case: Run, tmp_path: Path) -> None:
    made = one_case("evidence", "export", "1", "--to", tmp_path / "out", "--json").document
    package = Path(made["folder"])
    said = one_case("evidence", "inspect", package, "--key", made["log_key"])
    assert said.code == 0
    for word in ("case-1", "u17", "image/jpeg", "item-1.json", "media: none"):
        assert word in said.out
    assert one_case("evidence", "inspect", package, "--json").document["files"][0]["media_type"] == "image/jpeg"
    record = package / "data" / "records" / "item-1.json"
    record.chmod(0o600)
    record.write_bytes(record.read_bytes() + b" ")
    assert one_case("evidence", "inspect", package).code == 1
    assert one_case("evidence", "inspect", tmp_path / "none").code == 2
