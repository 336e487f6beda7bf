"""The commands on banks: each change with its custody event, hashes masked, exit codes of the house."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from casework.making import jpeg, put
from cli.conftest import Run
from firstlight.casework.home import Home
from firstlight.custody import EventType

HASHES = [hashlib.sha256(name).hexdigest() for name in (b"leek", b"turnip", b"parsnip")]
BANK_EVENTS = (EventType.BANK_CREATED, EventType.BANK_CHANGED, EventType.BANK_DELETED)


@pytest.fixture
def home(run: Run, house: Path, tmp_path: Path) -> Path:
    """A home with the bank `known` of three entries."""
    rows = "".join(f"{key},{value},roots\n" for key, value in zip("abc", HASHES, strict=True))
    (tmp_path / "list.csv").write_text("key,sha256,category\n" + rows)
    assert run("bank", "create", "known").code == 0
    assert run("bank", "import", "known", tmp_path / "list.csv").code == 0
    return house


def _events(home: Path) -> list[tuple[str, str, dict[str, Any]]]:
    with Home.open(home) as house, house.look() as work:
        entries = list(work.log.entries(types=BANK_EVENTS))
    return [(str(one.event.type), one.event.actor, dict(one.event.payload)) for one in entries if one.event]


def test_disable_and_enable(run: Run, home: Path) -> None:
    ran = run("bank", "disable", "known", "--why", "under review", "--by", "ada")
    assert (ran.code, "disabled: under review" in ran.out) == (0, True)
    told = run("bank", "enable", "known", "--json").document
    assert (told["act"], told["bank"]["enabled"]) == ("enabled", True)
    acts = [(kind, actor, payload["report"].get("act")) for kind, actor, payload in _events(home)][3:]
    assert acts == [("bank-changed", "ada", "disabled"), ("bank-changed", "operator", "enabled")]


def test_change(run: Run, home: Path) -> None:
    ran = run(
        "bank", "change", "known", "--threshold", "20", "--min-quality", "60", "--owner", "Ada", "--note", "roots"
    )
    assert "up to 20 of 256 bits, from PDQ quality 60" in ran.out
    assert ("owner: Ada" in ran.out, "note: roots" in ran.out) == (True, True)
    assert _events(home)[-1][2]["report"]["bank"]["threshold"] == 20
    before = len(_events(home))
    assert run("bank", "change", "known").code == 2
    assert run("bank", "change", "known", "--threshold", "65").code == 2
    assert len(_events(home)) == before


def test_delete_needs_a_reason_and_stays_on_record(run: Run, home: Path) -> None:
    assert run("bank", "delete", "known").code == 2
    assert run("bank", "delete", "known", "--why", " ").code == 2
    assert run("bank", "delete", "known", "--why", "licence ended").code == 0
    assert run("bank", "show", "known").code == 2
    kind, _, payload = _events(home)[-1]
    assert (kind, payload["report"]["reason"]) == ("bank-deleted", "licence ended")
    assert run("reconcile").code == 0


def test_entries_are_masked(run: Run, home: Path) -> None:
    words, told = run("bank", "entries", "known").out, run("bank", "entries", "known", "--json").out
    for digest in HASHES:
        assert digest not in words + told
        assert digest[:6] in words
        assert digest[:6] in told
    rows = _lines(run)
    assert [row["key"] for row in rows] == ["a", "b", "c"]
    assert all("original" not in row and row["standing"] == "active" for row in rows)


def test_entries_are_limited_and_chosen(run: Run, home: Path) -> None:
    ran = run("bank", "entries", "known", "--limit", "2")
    assert "and more" in ran.out
    assert "c  active" not in ran.out
    for many in ("3", "9" * 20):
        assert "and more" not in run("bank", "entries", "known", "--limit", many).out
    run("bank", "deny", "known", "b", "--why", "a poster")
    assert [one["key"] for one in _lines(run, "--standing", "denied", "--limit", "0")] == ["b"]


def _lines(run: Run, *more: str) -> list[dict[str, Any]]:
    return run("bank", "entries", "known", "--json", *more).lines


@pytest.mark.parametrize(
    ("command", "standing"), [("confirm", "confirmed"), ("deny", "denied"), ("withdraw", "withdrawn")]
)
def test_the_standing_of_entries(run: Run, home: Path, command: str, standing: str) -> None:
    assert run("bank", command, "known", "a").code == 2  # without a reason
    told = run("bank", command, "known", "a", "c", "--why", "looked at", "--json").document
    assert (told["standing"], told["keys"]) == (standing, ["a", "c"])
    rows = {row["key"]: row["standing"] for row in _lines(run)}
    assert rows == {"a": standing, "b": "active", "c": standing}
    kind, actor, payload = _events(home)[-1]
    assert (kind, actor, payload["report"]["reason"]) == ("bank-changed", "operator", "looked at")
    assert run("bank", "restore", "known", "a", "--why", "a mistake").code == 0
    assert {row["key"]: row["standing"] for row in _lines(run)}["a"] == "active"


def test_a_key_that_is_not_there(run: Run, home: Path) -> None:
    before = len(_events(home))
    ran = run("bank", "deny", "known", "z", "--why", "wrong")
    assert (ran.code, "z is no entry of known" in ran.out) == (2, True)
    assert len(_events(home)) == before
    assert run("bank", "deny", "nothing", "z", "--why", "wrong").code == 2


def test_formats(run: Run) -> None:
    words, told = run("bank", "formats"), run("bank", "formats", "--json").document
    assert "vics-json" in words.out
    assert {"format": "nsrl", "reads": "NSRL reference data set, version 3 (SQLite)"} in told


def test_a_list_that_breaks_off(run: Run, home: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    entry = '<image><member id="1">Example</member><timestamp>2026-01-01T00:00:00Z</timestamp><id>{}</id>{}</image>'
    prints = f"<fingerprints><md5>{hashlib.md5(b'kale').hexdigest()}</md5></fingerprints>"
    head = '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images count="2">'
    broken.write_text(head + entry.format("k1", prints) + "<image><member")
    ran = run("bank", "import", "known", broken, "--format", "ncmec-xml")
    assert ran.code == 1
    assert "THE LIST BROKE OFF" in ran.out
    assert run("bank", "import", "known", broken, "--json").document["stopped"]["code"]


def test_notes_and_categories_of_the_house_outlive_the_list(run: Run, home: Path, tmp_path: Path) -> None:
    ran = run("bank", "annotate", "known", "a", "nobody", "--note", "seen before", "--category", "ours", "--by", "ada")
    assert (ran.code, "1 entry of known changed" in ran.out, "nobody is no entry" in ran.out) == (2, True, True)
    (tmp_path / "list.csv").write_text(f"key,sha256,category,note\na,{HASHES[0]},stems,new\n")
    assert run("bank", "import", "known", tmp_path / "list.csv").code == 0
    told = next(one for one in run("bank", "entries", "known", "--json").lines if one["key"] == "a")
    assert (told["house_note"], told["house_categories"]) == ("seen before", ["ours"])
    assert (told["note"], told["categories"]) == ("new", ["stems"])
    assert told["first_seen"] <= told["last_seen"]
    assert told["last_matched"] is None
    assert run("bank", "annotate", "known", "a").code == 2
    assert run("bank", "annotate", "known", "a", "--clear").code == 0
    assert "house note" not in run("bank", "entries", "known").out
    assert [actor for _, actor, payload in _events(home) if payload["report"]["kind"] == "annotation-report"] == [
        "ada",
        "operator",
    ]


def test_only_what_this_house_made_is_written_out_in_two_steps(run: Run, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    ran = run("bank", "export", "known", out, "--why", "for a partner")
    assert (ran.code, "made by this house" in ran.err, out.exists()) == (1, True, False)  # a list of others
    (tmp_path / "leek.txt").write_bytes(b"leek")  # its hash is in that list too; now this house has made it itself
    (tmp_path / "chard.txt").write_bytes(b"chard")
    assert run("bank", "add", "known", tmp_path / "leek.txt", tmp_path / "chard.txt").code == 0
    plan = run("bank", "export", "known", out, "--why", "for a partner", "--json").document
    assert (plan["entries"], plan["left_out"], plan["written"], out.exists()) == (2, 3, False, False)
    assert run("bank", "export", "known", out, "--why", "x", "--confirm", "00000000").code == 2
    assert run("bank", "export", "known", out, "--why", "x", "--confirm", plan["code"], "--by", "ada").code == 0
    assert out.stat().st_mode & 0o077 == 0
    written = out.read_text()
    assert written.count("\n") == 3
    assert HASHES[0] in written
    assert HASHES[1] not in written
    with Home.open(home) as house, house.look() as work:
        (event,) = (one.event for one in work.log.entries(types=[EventType.EXPORT]))
    assert event is not None
    assert (event.actor, event.payload["why"]) == ("ada", "x")
    assert run("bank", "export", "known", out, "--why", "x", "--confirm", plan["code"]).code == 3  # never over a file
    assert run("bank", "export", "known", tmp_path / "o", "--why", "x", "--format", "vics-json").code == 2
    assert run("bank", "export", "known", tmp_path / "o", "--why", "x", "--format", "xml").code == 2


@pytest.mark.parametrize(("format_", "more"), [("csv", []), ("vics-json", ["--category", "2"])])
def test_what_is_written_out_is_read_back(run: Run, home: Path, tmp_path: Path, format_: str, more: list[str]) -> None:
    out = tmp_path / "out"
    (tmp_path / "leek.txt").write_bytes(b"leek")
    put(tmp_path, {"a.jpg": jpeg(1), "b.jpg": jpeg(2)})
    run("bank", "create", "ours", tmp_path / "leek.txt", tmp_path / "a.jpg", tmp_path / "b.jpg")
    arguments = ["bank", "export", "ours", str(out), "--format", format_, "--why", "x", *more]
    assert run(*arguments, "--confirm", run(*arguments, "--json").document["code"]).code == 0
    run("bank", "create", "again")
    ran = run("bank", "import", "again", out)
    assert (ran.code, "3 added" in ran.out) == (0, True)
    first, second = ({tuple(sorted(e["masked"].items())) for e in run("bank", "entries", name, "--json").lines}
                     for name in ("ours", "again"))  # fmt: skip
    assert first == second
    for name in ("a.jpg", "b.jpg", "leek.txt"):
        told = run("match", "--json", "--bank", "again", tmp_path / name).document
        assert [match["exact"] for match in told["matches"]] == [True]
    assert run("bank", "export", "again", tmp_path / "o", "--why", "x").code == 1  # what came back as a list stays
