"""The commands on what waits, what was filed, and dossiers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from casework.making import AT_ONCE, png, put
from cli.conftest import Run
from firstlight.clock import SystemClock
from firstlight.cybertip import Fault, FaultKind, Simulator
from firstlight.cybertip.simulator.faults import Endpoint


@pytest.fixture
def decided(run: Run, tmp_path: Path) -> Run:
    """A home with one case, decided to be reported at once."""
    (tmp_path / "about.json").write_text(json.dumps({"a.png": {"account": "u1"}}))
    run("intake", put(tmp_path / "in", {"a.png": png(1)}), "--about", tmp_path / "about.json")
    words = ["--conduct", "abuse-material", "--why", "w", "--by", "rev-1", "--escalation", "Danger."]
    run("case", "decide", "1", "--item", "1", "--finding", "report", *words)
    return run


def test_an_escalation_is_loud_until_it_is_filed(decided: Run) -> None:
    ran = decided("cybertip", "waiting")
    assert ran.code == 1
    assert "ESCALATED: 1 report must be filed now" in ran.out
    assert decided("cybertip", "waiting", "--json").document["reports"][0]["account"] == "u1"
    assert decided("cybertip", "file", "1").code == 0
    ran = decided("cybertip", "waiting")
    assert (ran.code, ran.out) == (0, "No report waits.\n")


def test_a_filing_is_given_up_and_begun_anew(decided: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstlight.cybertip.filing.run.RetryPolicy", lambda: AT_ONCE)
    faults = (Fault(kind=FaultKind.CODE, endpoint=Endpoint.UPLOAD, times=99),)
    with Simulator.of(SystemClock(), faults=faults) as service:
        assert decided("cybertip", "file", "1", "--simulator", service.url).code == 3
    assert "filing 1 is open" in decided("cybertip", "waiting").out
    assert decided("cybertip", "abandon", "1", "--by", "rev-1").code == 2  # no reason
    assert decided("cybertip", "abandon", "1", "--filing", "2", "--why", "w", "--by", "rev-1").code == 2
    ran = decided("cybertip", "abandon", "1", "--why", "The wrong account.", "--by", "rev-1")
    assert ran.code == 0
    assert "The wrong account." in ran.out
    assert "given up: The wrong account." in decided("cybertip", "waiting").out
    assert decided("cybertip", "abandon", "1", "--why", "w", "--by", "rev-1", "--json").code == 2
    assert decided("cybertip", "file", "1").code == 0


def test_reports_are_counted_in_words_as_csv_json_and_picture(decided: Run, tmp_path: Path) -> None:
    assert "No report" in decided("cybertip", "stats").out
    decided("cybertip", "file", "1")
    assert "known file in training data" in decided("cybertip", "stats", "--svg", tmp_path / "s.svg").out
    assert (tmp_path / "s.svg").read_text().startswith("<svg")
    assert decided("cybertip", "stats", "--csv").out.startswith("month,reports,generated-here,")
    assert decided("cybertip", "stats", "--json").document["months"][0]["reports"] == 1
    assert decided("cybertip", "stats", "--svg", tmp_path / "in" / "a.png" / "s.svg").code == 3


def test_a_dossier_is_written_and_never_over_another(decided: Run, tmp_path: Path) -> None:
    ran = decided("cybertip", "dossier", "1", "--to", tmp_path / "out")
    assert ran.code == 0
    assert "dossier.html" in ran.out
    page = tmp_path / "out" / "case-1-dossier-1" / "dossier.html"
    assert "u1" in page.read_text()
    assert page.stat().st_mode & 0o077 == 0
    assert decided("cybertip", "dossier", "1", "--to", tmp_path / "out", "--json").code == 2
    assert decided("cybertip", "dossier", "7", "--to", tmp_path / "other").code == 2
