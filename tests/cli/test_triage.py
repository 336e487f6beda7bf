"""`firstlight triage`: places explained, tables tried and replaced, a smokescreen simulated."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from casework.making import jpeg, put
from cli.conftest import Run
from firstlight.cli.triage import MOST_SEEDS
from firstlight.origin import Attestation, ledger_key, sign_attestation
from firstlight.triage import simulate as model
from triage.test_table import SHIPPED, changed

HIGHER = changed("facts.user_report", "harm", '100\nlevel = "high"')
SMALL = """\
base = "ordinary-month"
name = "two-days"
says = "Two days."
days = 2
"""


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "ours.toml"
    path.write_text(HIGHER)
    return path


@pytest.fixture
def reported(run: Run, tmp_path: Path) -> None:
    """One item that a user has reported."""
    assert run("intake", put(tmp_path / "in", {"a.jpg": jpeg(1)}), "--fact", "user_report").code == 0


def test_an_item_is_explained_with_numbers(run: Run, reported: None) -> None:
    told = run("triage", "explain", "1")
    assert (told.code, "A user reported it. (+10)" in told.out, "Order 20 within the level" in told.out) == (
        0,
        True,
        True,
    )
    assert run("triage", "explain", "1", "--json").document["level"] == "standard"
    assert "(+10)" not in run("queue").out + run("case", "show", "1").out
    assert run("triage", "explain", "7").code == 2


def test_a_file_is_explained_without_a_home(run: Run, house: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "in", {"a.jpg": jpeg(1)}) / "a.jpg"
    document = run("triage", "explain", "--file", path, "--fact", "live", "--json").document
    assert (document["level"], document["kind"]) == ("immediate", "priority")
    assert not (house / "firstlight.sqlite3").exists()


def test_a_file_is_held_against_the_banks_of_the_home(run: Run, tmp_path: Path) -> None:
    path = put(tmp_path / "in", {"a.jpg": jpeg(1)}) / "a.jpg"
    run("bank", "create", "series-7", path)
    told = run("triage", "explain", "--file", path)
    assert "It matches a list of known material (series-7)." in told.out
    assert "Exactly these bytes are in the bank series-7." in told.out


@pytest.mark.parametrize(
    "args", [(), ("1", "--file", "a.jpg"), ("1", "--fact", "live"), ("--file", "a.jpg", "--fact", "loud")]
)
def test_what_cannot_be_explained_is_said(run: Run, reported: None, args: tuple[str, ...]) -> None:
    assert run("triage", "explain", *args).code == 2


def test_a_table_is_tried_then_put_in_force_then_taken_back(run: Run, reported: None, ours: Path) -> None:
    told = run("triage", "diff", "current", ours)
    assert "of 1 case(s) 1 would move" in told.out
    assert "facts.user_report.level: nothing -> high" in told.out
    assert "case 1: standard -> high" in told.out
    assert run("triage", "table", "show").out == SHIPPED
    assert run("triage", "table", "replace", ours).code == 2  # nobody is named
    assert run("triage", "table", "replace", ours, "--by", "op-1", "--json").document["cases"] == 1
    assert run("triage", "table", "show").out == HIGHER
    assert run("queue", "--json").document["places"][0]["level"] == "high"
    assert "is in force" in run("triage", "table", "replace", "shipped", "--by", "op-1").out
    assert run("queue", "--json").document["places"][0]["level"] == "standard"
    assert run("reconcile").code == 0


def test_a_table_that_breaks_a_law_is_refused(run: Run, reported: None, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(changed("base", "level", '"bulk"'))
    refused = run("triage", "table", "replace", tmp_path / "bad.toml", "--by", "op-1")
    assert (refused.code, "unknown is real" in refused.err) == (2, True)
    assert run("triage", "table", "show").out == SHIPPED


def test_a_table_is_shown_without_a_home(run: Run) -> None:
    assert run("triage", "table", "show").out == SHIPPED
    assert run("triage", "table", "show", "--json").document["base"]["level"] == "standard"


def test_a_smokescreen_is_simulated(run: Run, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    told = run("triage", "simulate", tmp_path / "small.toml", "--seeds", "1", "--svg", tmp_path / "waits.svg")
    assert (told.code, "### two-days" in told.out, "| ours |" in told.out) == (0, True, True)
    assert ET.parse(tmp_path / "waits.svg").getroot().tag.endswith("svg")
    document = run("triage", "simulate", tmp_path / "small.toml", "--seeds", "1", "--json").document
    assert (document["seeds"], document["scenarios"][0]["scenario"]) == ([0], "two-days")


@pytest.mark.parametrize(
    "args",
    [
        ("nowhere",),
        ("ordinary-month", "--seeds", "0"),
        ("ordinary-month", "--seeds", str(MOST_SEEDS + 1)),
        ("--table", "none.toml"),
    ],
)
def test_what_cannot_be_simulated_is_said(run: Run, args: tuple[str, ...]) -> None:
    assert run("triage", "simulate", *args).code in (2, 3)


def test_a_picture_that_cannot_be_written_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    told = run("triage", "simulate", tmp_path / "small.toml", "--seeds", "1", "--svg", tmp_path / "none" / "waits.svg")
    assert "cannot be written" in told.err


def test_the_outlook_is_told_in_words(run: Run, reported: None) -> None:
    told = run("triage", "status", "--reviewers", "2", "--per-hour", "6")
    assert told.code == 0
    assert "standard: 1 case\n" in told.out
    for words in ("Nothing was audited yet", "1 wait; 1 come in and 12 are looked at each hour", "Whatever comes in"):
        assert words in told.out
    document = run("triage", "status", "--json").document
    assert (document["kind"], document["forecast"]["backlog"]) == ("triage-outlook", 1)
    assert run("triage", "status", "--per-hour", "0").code == 2


def test_a_home_that_was_named_and_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    refused = run("triage", "table", "show", "--home", tmp_path / "nowhere")
    assert (refused.code, "no Firstlight home" in refused.err) == (2, True)


def test_the_one_way_down_and_back(run: Run, tmp_path: Path) -> None:
    data = jpeg(1)
    put(tmp_path, {"list.csv": f"sha256\n{sha256(data).hexdigest()}\n".encode()})
    run("bank", "create", "assessed", "--purpose", "known-ai")
    assert run("bank", "import", "assessed", tmp_path / "list.csv").code == 0
    run("intake", put(tmp_path / "in", {"a.jpg": data, "b.jpg": jpeg(2)}))
    refused = run("triage", "lower", "2", "--by", "anna", "--why", "It looks drawn.")
    assert (refused.code, "no record of the authority" in refused.err) == (1, True)
    told = run("triage", "lower", "1", "--by", "anna", "--why", "The list holds it.")
    assert (told.code, told.out.startswith("Case 1, item 1: Recorded.")) == (0, True)
    assert "1 lowered; nobody has looked again" in run("triage", "status").out
    assert run("case", "next", "--by", "anna").out.startswith("Case 2: it is next by rank.")
    assert run("case", "next", "--by", "bert", "--json").document["case"] == 1
    assert run("triage", "raise", "1", "--by", "bert", "--why", "A slip.", "--json").document["items"] == [1]
    assert run("triage", "raise", "1", "--by", "bert", "--why", "A slip.").code == 2


def test_a_case_is_passed_on_without_a_word(run: Run, reported: None) -> None:
    assert "Next: firstlight case show 1" in run("case", "next", "--by", "anna").out
    assert run("case", "pass", "1", "--by", "anna").code == 0
    assert run("case", "next", "--by", "anna").out.startswith("No case for you")
    assert run("case", "next", "--by", "bert").out.startswith("Case 1: it is next by rank.")


def test_limits_are_set_and_shown_and_only_tighten(run: Run, reported: None) -> None:
    assert "severe ones among them: 80" in run("triage", "limits", "show", "anna").out
    assert run("triage", "limits", "set", "--by", "anna", "--own", "--severe-a-day", "9").code == 0
    run("triage", "limits", "set", "--by", "lead", "--for", "anna", "--severe-a-day", "500", "--no-films")
    told = run("triage", "limits", "show", "anna", "--json").document
    assert (told["limits"]["severe_a_day"], told["limits"]["moving"]) == (9, False)
    assert told["standing"]["may_take"] == "severe"
    assert run("triage", "limits", "set", "--by", "lead", "--none", "--json").document["files_a_day"] is None
    assert run("triage", "limits", "set", "--by", "anna", "--own", "--for", "bert").code == 2
    assert run("triage", "limits", "severe", "Level 9", "--by", "lead").out.startswith("1 category of lists")


def test_a_sensitivity_run_says_where_ours_is_not_best(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "SWEEPS", (("flood-90", "see.urgent.visible", (1.0, 0.5)),))
    told = run("triage", "simulate", "--sensitivity", "--seeds", "1")
    assert (told.code, "see.urgent.visible (assumed 0.97)" in told.out, "| 0.5 |" in told.out) == (0, True, True)
    (document,) = run("triage", "simulate", "flood-90", "--sensitivity", "--seeds", "1", "--json").document
    assert [point["value"] for point in document["points"]] == [1.0, 0.5]
    assert document["says"].startswith("Ours is")
    refused = run("triage", "simulate", "flood-0", "--sensitivity")
    assert (refused.code, "Rates are varied of: flood-90." in refused.err) == (2, True)


def test_a_generator_s_answer_is_weighed(run: Run, reported: None, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    told = run("trust", "ledger-add", "paint.example", ledger_key("paint.example", key).public_key)
    assert told.out.startswith("What paint.example signs with the key")
    document = {
        "ledger": "paint.example",
        "sha256": sha256(jpeg(1)).hexdigest(),
        "answer": "exact",
        "inputs": "picture",
        "answered_at": "2026-01-01T00:00:00Z",
    }
    signed = sign_attestation(Attestation.model_validate(document), key)
    put(tmp_path, {"answer.json": signed.to_json()})
    picture = put(tmp_path / "again", {"copy.jpg": jpeg(1), "other.jpg": jpeg(9)}) / "copy.jpg"
    told = run("origin", picture, "--attestation", tmp_path / "answer.json")
    assert (told.code, "photo_derived: The ledger of paint.example says" in told.out) == (0, True)
    told = run("origin", picture.with_name("other.jpg"), "--attestation", tmp_path / "answer.json")
    assert (told.code, "is not believed: It is about another file." in told.out) == (2, True)
    assert run("case", "attest", "1", tmp_path / "answer.json", "--json").document["level"] == "high"
    key_id = run("trust", "ledgers", "--json").document[0]["key_id"]
    assert run("trust", "ledger-withdraw", key_id).code == 0
    refused = run("case", "attest", "1", tmp_path / "answer.json")
    assert (refused.code, "Its key was withdrawn" in refused.err) == (1, True)
