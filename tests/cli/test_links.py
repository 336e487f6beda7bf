"""`firstlight case links`, `unlink` and `relink`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from casework.making import jpeg, put
from cli.conftest import Run
from firstlight.casework.linking import CaseLinks
from firstlight.cli.links import say_links

MAIL = "carrot@veg.example"
WHY = ("--by", "ada", "--why", "A family's address.")


@pytest.fixture
def linked(run: Run, tmp_path: Path) -> None:
    """Two cases of two accounts with one email address, and a third of nobody."""
    folder = put(tmp_path / "in", {f"{name}.jpg": jpeg(seed) for seed, name in enumerate("abc")})
    holders = {f"{name}.jpg": {"account": f"u-{name}", "holder": {"emails": [{"value": MAIL}]}} for name in "ab"}
    (tmp_path / "about.json").write_text(json.dumps(holders))
    assert run("intake", folder, "--about", tmp_path / "about.json").code == 0


@pytest.mark.usefixtures("linked")
def test_links_are_told_undone_and_done_again(run: Run) -> None:
    told = run("case", "links", "1")
    assert told.code == 0
    for words in ("speaks of 1 account; 1 more is linked", "u-b", MAIL, "Elsewhere", "case unlink 1 EDGE"):
        assert words in told.out
    found = run("case", "links", "1", "--json").document
    assert [(one["case"], one["account"]) for one in found["elsewhere"]] == [(2, "u-b")]
    edge = next(one["edge"] for one in found["edges"] if one["account"] == "u-b")

    told = run("case", "unlink", "1", str(edge), *WHY)
    assert (told.code, "joins nothing" in told.out, "A family's address." in told.out) == (0, True, True)
    told = run("case", "links", "1")
    assert "0 more are linked" in told.out
    assert "ada" in told.out
    again = run("case", "relink", "1", str(edge), *WHY, "--json")
    assert (again.code, again.document["joins"]) == (0, True)
    assert "1 more is linked" in run("case", "links", "1").out
    assert "speaks of 0 accounts" in run("case", "links", "3").out


@pytest.mark.usefixtures("linked")
@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("links", "9"), "There is no case 9"),
        (("unlink", "1", "99", *WHY), "has no edge 99"),
        (("unlink", "3", "1", *WHY), "has no edge 1"),
        (("relink", "1", "1", *WHY), "not unlinked"),
        (("unlink", "1", "1", "--by", "ada", "--why", " "), "No reason"),
        (("unlink", "1", "1", "--by", " ", "--why", "No."), "Nobody is named"),
        (("unlink", "1", "1", "--by", "ada"), "--why"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(run: Run, command: tuple[str, ...], says: str) -> None:
    ran = run("case", *command)
    assert ran.code == 2
    assert says in ran.err


def test_an_alarm_comes_first_and_fakes_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    alarm = "The email a\nCase 7 speaks of nothing."
    say_links(CaseLinks(case=1, accounts=(), edges=(), elsewhere=(), alarms=(alarm,), more=True))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("LOOK FIRST: The email a\\n")
    assert any("There is more than is named" in line for line in lines)
