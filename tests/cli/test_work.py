"""The commands `intake`, `queue` and `case`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from casework.making import jpeg, png, put
from cli.conftest import Run

DECIDE = (
    "case",
    "decide",
    "1",
    "--item",
    "1",
    "--finding",
    "report",
    "--conduct",
    "abuse-material",
    "--by",
    "rev-1",
    "--why",
)


def test_files_come_in_wait_and_are_decided(run: Run, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"a.png": png(1), "b.png": png(1, Comment="copy"), "c.txt": b"words"})
    (tmp_path / "about.json").write_text(json.dumps({"a.png": {"account": "u1"}, "b.png": {"account": "u2"}}))
    ran = run("intake", folder, "--about", tmp_path / "about.json", "--json")
    assert ran.code == 0
    assert (ran.document["received"], ran.document["examined"], ran.document["refused"]) == (3, 3, [])
    assert "3 known already" in run("intake", folder).out

    places = run("queue", "--json").document["places"]
    assert sorted(place["items"] for place in places) == [1, 2]
    assert all(place["says"] for place in places)
    assert "why here" in run("queue").out
    assert "1 more cases; see them with --all" in run("queue", "--limit", "1").out
    first = run("queue", "--limit", "1", "--json").document
    assert ([place["case"] for place in first["places"]], first["waiting"]) == ([places[0]["case"]], 2)
    assert run("queue", "--limit", "1", "--all", "--json").document["places"] == places
    assert "more cases" not in run("queue", "--limit", "1", "--all").out

    shown = run("case", "show", "1", "--json").document
    assert [item["account"] for item in shown["items"]] == ["u1", "u2"]
    assert "No copy" in run("case", "show", "1").out or "Item 1 (held)" in run("case", "show", "1").out
    assert "firstlight case decide 1 --item 1" in run("case", "show", "1").out
    ran = run(*DECIDE, "A reason.", "--item", "2", "--json")
    assert (ran.code, len(ran.document)) == (0, 2)
    assert "decisions" in run("case", "show", "1", "--json").document
    assert "A reason." in run("case", "show", "1").out
    assert run(*DECIDE, "A reason.").code == 2


@pytest.mark.parametrize("more", [[""], [" "], ["x" * 4001], ["w", "--escalation", "x" * 3001], ["w", "--item", "99"]])
def test_a_decision_that_cannot_be_recorded_is_refused_in_words(run: Run, tmp_path: Path, more: list[str]) -> None:
    run("intake", put(tmp_path / "in", {"a.png": png(1)}))
    ran = run(*DECIDE, *more, "--json")
    assert ran.code == 2
    assert ran.document["error"]["message"]
    assert run("case", "show", "1", "--json").document["state"] == "open"


def test_a_decision_has_a_name_under_it(run: Run, tmp_path: Path) -> None:
    run("intake", put(tmp_path / "in", {"a.png": png(1)}))
    nobody = [word if word != "rev-1" else " " for word in DECIDE]
    assert run(*nobody, "A reason.").code == 2
    assert run(*(word for word in DECIDE if word not in ("--by", "rev-1")), "A reason.").code == 2


def test_an_empty_home_has_nobody_waiting(run: Run) -> None:
    run("bank", "create", "x")
    assert "Nobody waits" in run("queue").out
    assert run("case", "show", "1").code == 2


def test_what_is_refused_is_named_on_a_line_of_its_own(run: Run, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"a.txt": b"words"})
    (folder / "two\nlines\x1b[2J").symlink_to(folder / "a.txt")
    (folder / os.fsdecode(b"\xff")).symlink_to(folder / "a.txt")
    ran = run("intake", folder)
    assert ran.code == 2
    assert "1 taken in" in ran.out
    assert len(ran.out.splitlines()) == 3
    assert "\x1b" not in ran.out
    assert len(run("intake", folder, "--json").document["refused"]) == 2


def test_a_name_with_lines_in_it_fakes_no_line_of_a_case(run: Run, tmp_path: Path) -> None:
    run("intake", put(tmp_path / "in", {"a\nItem 9 (filed).jpg": jpeg(1)}))
    assert not [line for line in run("case", "show", "1").out.splitlines() if line.startswith("Item 9")]


@pytest.mark.parametrize("fact", ["harmless", ""])
def test_a_fact_that_nobody_knows_is_refused(run: Run, tmp_path: Path, fact: str) -> None:
    assert run("intake", put(tmp_path / "in", {"a": b"1"}), "--fact", fact).code in (1, 2)


def test_an_about_file_that_is_none_is_refused_before_anything_is_taken_in(run: Run, tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text("[" * 50_000)
    ran = run("intake", put(tmp_path / "in", {"a": b"1"}), "--about", tmp_path / "about.json", "--json")
    assert ran.code == 2
    assert "about.json" in ran.document["error"]["message"]


def test_entries_of_an_about_file_that_no_file_is_called_after_are_named(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"about.json": b'{"a.jpg": {"account": "u1"}, "b\\u001b.jpg": {"account": "u2"}}'})
    folder = put(tmp_path / "in", {"a.jpg": jpeg(1)})
    told = run("intake", folder, "--about", tmp_path / "about.json")
    assert told.code == 1
    assert "1 entry of the about file matches no file:\n  b\\x1b.jpg" in told.out
    again = run("intake", folder, "--about", tmp_path / "about.json", "--json")
    assert (again.code, again.document["about_unmatched"]) == (1, ["b\x1b.jpg"])
    put(tmp_path / "in", {"b\x1b.jpg": jpeg(2)})
    assert run("intake", folder, "--about", tmp_path / "about.json").code == 0
    assert "b\\x1b.jpg" in run("case", "show", "2").out


def test_a_name_with_a_control_character_is_refused(run: Run, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"a.jpg": jpeg(1)})
    told = run("intake", folder, "--account", "u\x1b[2J1")
    assert (told.code, "U+001B" in told.err) == (2, True)
    told = run("intake", folder, "--by", "anna\x00")
    assert (told.code, "U+0000" in told.err) == (2, True)
