"""The command `match`: found, not found, not known."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from casework.making import jpeg, png, put
from cli.conftest import Run


def test_a_bank_of_one_finds_its_picture_and_its_copies_and_nothing_else(run: Run, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"one.jpg": jpeg(1), "copy.jpg": jpeg(1, quality=85), "other.jpg": jpeg(2)})
    assert run("bank", "create", "single", folder / "one.jpg").code == 0
    ran = run("match", folder, "--bank", "single", "--json")
    assert ran.code == 1
    found = {Path(line["file"]).name: line["matches"] for line in ran.lines}
    assert [match["exact"] for match in found["one.jpg"]] == [True]
    assert [match["exact"] for match in found["copy.jpg"]] == [False]
    assert found["other.jpg"] == []
    assert run("match", folder / "other.jpg").code == 0
    words = run("match", folder).out
    assert "the same bytes" in words
    assert "no match, which says nothing" in words


def test_an_empty_bank_misses(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.jpg": jpeg(1)})
    run("bank", "create", "nothing")
    assert run("match", tmp_path / "a.jpg", "--bank", "nothing").code == 0


def test_digests_match_also_when_nothing_can_be_decoded(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"w.txt": b"words", "x.txt": b"other words"})
    run("bank", "create", "words", tmp_path / "w.txt")
    assert run("match", tmp_path / "w.txt", "--json").code == 1
    ran = run("match", tmp_path / "x.txt", "--json")
    assert ran.code == 2  # no match, and nothing known by pixels: that is no miss
    assert ran.lines[0]["error"]


def test_a_match_is_a_finding_though_another_file_could_not_be_read(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.jpg": jpeg(1), "broken.jpg": jpeg(2)[:500]})
    run("bank", "create", "known", tmp_path / "a.jpg")
    ran = run("match", tmp_path / "a.jpg", tmp_path / "broken.jpg", tmp_path / "gone.jpg", "--json")
    assert ran.code == 1
    assert [bool(line.get("error")) for line in ran.lines] == [False, True, True]
    assert "2 of 3 files could not be looked up" in ran.err
    assert run("match", tmp_path / "broken.jpg", tmp_path / "gone.jpg").code == 2


def test_an_allow_bank_vetoes_near_duplicates_only(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.png": png(1), "near.png": png(1, Comment="near")})
    run("bank", "create", "known", tmp_path / "a.png")
    run("bank", "create", "fine", tmp_path / "a.png", "--purpose", "allow")
    assert run("match", tmp_path / "near.png").code == 0
    assert "vetoed" in run("match", tmp_path / "near.png").out
    assert run("match", tmp_path / "a.png").code == 1


def test_a_bank_that_nobody_knows_is_named(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.jpg": jpeg(1)})
    run("bank", "create", "known")
    words = run("match", tmp_path / "a.jpg", "--bank", "unknown")
    assert words.code == 2
    assert "unknown" in words.err
    ran = run("match", tmp_path / "a.jpg", "--bank", "unknown", "--json")
    assert ran.code == 2
    assert ran.document["error"]["code"] == "not-found"


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256", "MD5", "SHA256"])
def test_an_imported_list_of_one_column_matches_at_once(run: Run, tmp_path: Path, kind: str) -> None:
    put(tmp_path, {"a.jpg": jpeg(1)})
    digest = hashlib.new(kind.lower(), jpeg(1), usedforsecurity=False).hexdigest()
    (tmp_path / "list.csv").write_text(f"{kind}\n{digest.upper()}\nnot a hash\n")
    run("bank", "create", "list")
    ran = run("bank", "import", "list", tmp_path / "list.csv", "--json")
    assert (ran.code, ran.document["added"], ran.document["skipped"]) == (1, 1, 1)
    assert run("match", tmp_path / "a.jpg").code == 1
