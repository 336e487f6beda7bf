"""The commands on hash lists."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from casework.making import jpeg, put
from cli.conftest import Run


def test_a_bank_is_made_listed_and_shown_without_its_hashes(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.jpg": jpeg(1), "b.jpg": jpeg(2)})
    ran = run("bank", "create", "series", tmp_path / "a.jpg", tmp_path / "b.jpg", "--owner", "us", "--json")
    assert (ran.code, ran.document["entries"], ran.document["refused"]) == (0, 2, [])
    hashes = [
        line[name]
        for line in run("hash", tmp_path, "--json").lines
        for name in ("md5", "sha256", "pdq")
        if name in line
    ]
    for args in (["list"], ["list", "--json"], ["show", "series"], ["show", "series", "--json"]):
        said = run("bank", *args)
        assert said.code == 0
        assert "series" in said.out
        assert not any(one in said.out for one in hashes)


def test_no_bank_yet_says_how_to_make_one(run: Run) -> None:
    run("bank", "create", "x")
    assert run("bank", "list", "--json").document[0]["name"] == "x"


def test_a_bank_is_made_once(run: Run) -> None:
    assert run("bank", "create", "series").code == 0
    again = run("bank", "create", "series")
    assert again.code == 2
    assert "series" in again.err


@pytest.mark.parametrize("name", ["", "Upper", "../up", "a b", "x" * 65, "-"])
def test_a_name_that_cannot_be_one_is_refused(run: Run, name: str) -> None:
    assert run("bank", "create", "--", name).code == 2


def test_what_is_not_taken_is_named_and_the_rest_is_taken(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.jpg": jpeg(1), "nothing.jpg": b""})
    ran = run("bank", "create", "series", tmp_path / "a.jpg", tmp_path / "nothing.jpg")
    assert ran.code == 2
    assert "1 entry" in ran.out
    assert "nothing.jpg: The file is empty" in ran.out


@pytest.mark.parametrize("named", [["a.jpg", "not there"], ["nothing.jpg"], ["folder"]])
def test_a_slip_leaves_no_bank(run: Run, tmp_path: Path, named: list[str]) -> None:
    put(tmp_path, {"a.jpg": jpeg(1), "nothing.jpg": b""})
    (tmp_path / "folder").mkdir()
    run("bank", "create", "other")
    ran = run("bank", "create", "series", *(tmp_path / one for one in named))
    assert (ran.code, bool(ran.err)) == (2, True)
    assert [bank["name"] for bank in run("bank", "list", "--json").document] == ["other"]
    assert run("bank", "create", "series", tmp_path / "a.jpg").code == 0
    held = run("bank", "show", "series", "--json").document
    assert run("bank", "add", "series", *(tmp_path / one for one in named)).code == 2
    assert run("bank", "show", "series", "--json").document == held


def test_pictures_and_hashes_are_added_to_a_bank(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.jpg": jpeg(1), "b.jpg": jpeg(2), "nothing.jpg": b""})
    run("bank", "create", "series")
    ran = run("bank", "add", "series", tmp_path / "a.jpg", "--category", "roots", "--note", "from the garden")
    assert (ran.code, "1 added" in ran.out) == (0, True)
    assert run("match", tmp_path / "a.jpg").code == 1
    digest = hashlib.md5((tmp_path / "b.jpg").read_bytes()).hexdigest()
    assert run("bank", "add", "series", "--hash", f"md5={digest.upper()}").code == 0
    assert run("match", tmp_path / "b.jpg").code == 1
    ran = run("bank", "add", "series", tmp_path / "nothing.jpg", tmp_path / "b.jpg", "--json")
    assert (ran.code, ran.document["refused"][0]["error"]["message"]) == (2, "The file is empty.")
    assert ran.document["reports"][0]["added"] == 1
    assert run("bank", "add", "series", "--hash", "md5=0123").code == 2
    assert run("bank", "add", "series", "--hash", "crc=0123").code == 2
    assert run("bank", "add", "series").code == 2
    assert digest not in run("bank", "entries", "series").out


@pytest.mark.parametrize("name", ["none.csv", "folder", "empty.csv"])
def test_a_list_that_is_none_is_refused_in_words(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.csv").write_bytes(b"")
    run("bank", "create", "series")
    ran = run("bank", "import", "series", tmp_path / name, "--json")
    assert ran.code == 2
    assert ran.document["error"]["message"]


def test_a_column_is_written_with_its_field(run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("A;B\n")
    run("bank", "create", "series")
    assert run("bank", "import", "series", tmp_path / "list.csv", "--column", "md5").code == 2


def test_a_list_for_a_bank_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("md5\n" + "0" * 32 + "\n")
    run("bank", "create", "series")
    assert run("bank", "import", "other", tmp_path / "list.csv").code == 2


def test_somebody_is_named_who_did_it(run: Run) -> None:
    ran = run("bank", "create", "series", "--by", " ")
    assert ran.code == 2
    assert "Nobody is named" in ran.err
