"""How a person is asked about an entry that matches more than its share."""

from __future__ import annotations

import shlex

import pytest

from casework.making import NOW
from firstlight.banks import Flood
from firstlight.casework import cases, reconcile
from firstlight.cli.floods import say_floods
from firstlight.cli.keep import say_reconciliation
from firstlight.cli.work import say_queue

FLOOD = Flood(bank="garden", entry="it's 7\n$(x)", at=NOW, since=NOW, items=60, of=100)


def test_the_line_is_loud_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    say_floods([FLOOD])
    first, _, commands = capsys.readouterr().out.splitlines()
    assert first.startswith("ASK A PERSON:")
    assert "60 of 100" in first
    words = shlex.split(commands.split("--why")[0])
    assert words[:4] == ["firstlight", "bank", "confirm", "garden"]
    assert words[4] == "it's 7\\n$(x)"


def test_queue_and_reconcile_ask(capsys: pytest.CaptureFixture[str]) -> None:
    say_queue(cases.QueueView(at=NOW, unexamined=0, floods=(FLOOD,), places=()), 20)
    assert "ASK A PERSON" in capsys.readouterr().out
    names = "came_in held decided filed unexamined overdue reports_unfinished log_entries leftovers"
    account = {"at": NOW, "floods": (FLOOD,), "discrepancies": (), **dict.fromkeys(names.split(), 0)}
    say_reconciliation(reconcile.Reconciliation.model_validate(account))
    assert "ASK A PERSON" in capsys.readouterr().out
    say_queue(cases.QueueView(at=NOW, unexamined=0, places=()), 20)
    assert "ASK" not in capsys.readouterr().out
