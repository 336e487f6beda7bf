"""The commands on reports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from casework.making import AT_ONCE, png, put
from cli.conftest import Run
from firstlight.clock import SystemClock
from firstlight.cybertip import SCHEMA_2026, Simulator
from firstlight.cybertip.simulator.description import own_xsd


@pytest.fixture
def decided(run: Run, tmp_path: Path) -> Run:
    """A home with one case of two accounts, decided to be reported."""
    (tmp_path / "about.json").write_text(json.dumps({"a.png": {"account": "u1"}, "b.png": {"account": "u2"}}))
    folder = put(tmp_path / "in", {"a.png": png(1), "b.png": png(1, Comment="copy")})
    run("intake", folder, "--about", tmp_path / "about.json")
    run(
        "case",
        "decide",
        "1",
        "--item",
        "1",
        "--item",
        "2",
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


def test_reports_are_drafted_checked_and_filed_once(decided: Run, tmp_path: Path) -> None:
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "case-1-draft-1.json").write_text("of a time when everybody could read it")
    ran = decided("cybertip", "draft", "1", "--out", tmp_path / "drafts", "--json")
    assert ran.code == 0
    assert [one["account"] for one in ran.document] == ["u1", "u2"]
    drafts = sorted((tmp_path / "drafts").iterdir())
    assert len(drafts) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in drafts)
    assert decided("cybertip", "check", drafts[0], "--json").document["completeness"] > 0
    assert decided("cybertip", "check", drafts[0]).code == 0
    (tmp_path / "served.xsd").write_bytes(own_xsd(SCHEMA_2026))
    for name in ("2026", tmp_path / "served.xsd"):
        assert decided("cybertip", "check", drafts[0], "--schema", name, "--json").document["schema_name"] == "2026"
    assert "no schema and no file '2027'" in decided("cybertip", "check", drafts[0], "--schema", "2027").err
    with Simulator.of(SystemClock()) as service:
        ran = decided("cybertip", "file", "1", "--simulator", service.url, "--json")
        assert ran.code == 0
        assert [one["state"] for one in ran.document] == ["finished", "finished"]
        assert decided("cybertip", "file", "1", "--simulator", service.url).code == 2
        assert len(service.reports()) == 2
    assert decided("cybertip", "draft", "1").code == 2
    assert "filed 2" in decided("reconcile").out


def test_a_claim_that_nobody_recorded_is_found(decided: Run, tmp_path: Path) -> None:
    decided("cybertip", "draft", "1", "--out", tmp_path / "drafts")
    path = tmp_path / "drafts" / "case-1-draft-1.json"
    path.write_text(path.read_text().replace('"file_viewed_by_esp":false', '"file_viewed_by_esp":true'))
    assert decided("cybertip", "check", path).code == 1
    assert decided("cybertip", "check", path, "--home", tmp_path / "no home").code == 1


def test_all_faults_of_form_are_named_at_once(decided: Run, tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    path.write_text('{"report": {"incident_summary": {"incident_type": "x"}}, "more": 1}')
    ran = decided("cybertip", "check", path, "--json")
    assert ran.code == 1
    rules = {one["rule"] for one in ran.document["findings"]}
    assert rules >= {"invalid.form.enum", "invalid.form.missing", "invalid.form.extra-forbidden"}
    assert "MUST NOT be filed" in decided("cybertip", "check", path).out


def test_what_happened_around_a_file_stands_in_the_report(run: Run, tmp_path: Path) -> None:
    run("intake", put(tmp_path / "in", {"a.png": png(1)}))
    words = ["--finding", "report", "--conduct", "enticement", "--why", "w", "--by", "rev-1"]
    assert (
        run("case", "decide", "1", "--item", "1", *words, "--case-sign", "sextortion", "--case-sign", "spam").code == 0
    )
    (drafted,) = run("cybertip", "draft", "1", "--json").document
    assert {"sextortion", "spam"} <= set(drafted["draft"]["report"]["incident_summary"]["report_annotations"])


def test_a_draft_of_another_home_is_checked_against_an_empty_record(decided: Run, tmp_path: Path) -> None:
    decided("cybertip", "draft", "1", "--out", tmp_path / "drafts")
    decided("bank", "create", "x", "--home", tmp_path / "other")
    ran = decided("cybertip", "check", tmp_path / "drafts" / "case-1-draft-1.json", "--home", tmp_path / "other")
    assert ran.code in (0, 1)
    assert "completeness" in ran.out


@pytest.mark.parametrize("name", ["none", "folder", "pipe", "words", "binary", "/dev/zero"])
def test_what_is_no_draft_is_refused_without_waiting(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    put(tmp_path, {"words": b"words", "binary": b"\xff\xfe\x00"})
    ran = run("cybertip", "check", tmp_path / name, "--json")
    assert ran.code == 2
    assert ran.document["error"]["message"]


def test_a_service_that_is_not_there_is_our_fault_and_loses_nothing(
    decided: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.cybertip.filing.run.RetryPolicy", lambda: AT_ONCE)
    ran = decided("cybertip", "file", "1", "--simulator", "http://127.0.0.1:9/ispws", "--json")
    assert ran.code == 3
    assert ran.document["error"]["code"].startswith("upstream")
    assert decided("reconcile").code == 0
    assert decided("cybertip", "file", "1").code == 0


@pytest.mark.parametrize("url", ["http://192.0.2.1/ispws", "https://example.org/ispws", "nonsense", "file:///etc"])
def test_no_other_host_is_ever_a_simulator(decided: Run, url: str) -> None:
    assert decided("cybertip", "file", "1", "--simulator", url).code == 2


def test_the_simulator_runs_until_it_is_stopped() -> None:
    code = "from firstlight.cli.main import run; run(['cybertip', 'simulator', '--port', '0'])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    with process, process.stdout as said:
        assert "listens at http://127.0.0.1:" in said.readline()
        process.send_signal(signal.SIGTERM)
        assert "stopped" in said.read()
        assert process.wait() == 0


DECIDE = ("--finding", "report", "--why", "w", "--by", "rev-1")


def test_context_is_attached_and_sent(run: Run, tmp_path: Path) -> None:
    run("intake", put(tmp_path / "in", {"a.png": png(1)}), "--account", "u1")
    export = put(tmp_path / "context", {"profile.json": b"{}"}) / "profile.json"
    ran = run("case", "attach", "1", export, "--item", "1", "--what", "profile export")
    assert ran.code == 0
    assert "profile.json goes with item 1 as context: profile export." in ran.out
    assert run("case", "attach", "1", export, "--item", "7", "--what", "profile export").code == 2
    run("case", "decide", "1", "--item", "1", "--conduct", "abuse-material", *DECIDE)
    assert "2 files" in run("cybertip", "draft", "1").out
    assert "2 files" in run("cybertip", "file", "1").out
    assert run("case", "attach", "1", export, "--item", "1", "--what", "late").code == 2
    assert run("reconcile").code == 0


def test_words_alone_are_reported_without_a_file(run: Run, tmp_path: Path) -> None:
    facts = {"account": "u1", "transcript": True, "chats": [{"client": "messages", "file": "chat.txt"}]}
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "chat.txt").write_text("how old are you?")
    (tmp_path / "about.json").write_text(json.dumps({"chat.txt": facts}))
    (tmp_path / "about.json").rename(tmp_path / "words" / "about.json")
    run("intake", tmp_path / "words" / "chat.txt", "--about", tmp_path / "words" / "about.json")
    shown = run("case", "show", "1").out
    assert "It holds words and no picture" in shown
    assert "Conversation on messages:\n    how old are you?" in shown
    assert "could not be opened" not in shown
    run("case", "decide", "1", "--item", "1", "--conduct", "enticement", *DECIDE)
    assert "0 files" in run("cybertip", "draft", "1").out
    assert "0 files" in run("cybertip", "file", "1").out
    assert run("reconcile").code == 0


def test_a_viral_file_goes_into_one_batched_report(run: Run, tmp_path: Path) -> None:
    about = {f"{n}.png": {"account": f"u{n}"} for n in (1, 2)}
    (tmp_path / "about.json").write_text(json.dumps(about))
    run("intake", put(tmp_path / "in", dict.fromkeys(about, png(1))), "--about", tmp_path / "about.json")
    run("case", "decide", "1", "--item", "1", "--sign", "viral", "--conduct", "abuse-material", *DECIDE)
    assert run("cybertip", "draft", "1").out.count("account u") == 2
    ran = run("cybertip", "draft", "1", "--batched")
    assert "Case 1, batched report: 1 file, 2 accounts" in ran.out
    ran = run("cybertip", "file", "1", "--batched", "--json")
    assert [one["state"] for one in ran.document] == ["finished"]
    assert run("reconcile").code == 0
