"""`firstlight jobs` lists, revives and gives up what died."""

from __future__ import annotations

from pathlib import Path

import pytest

from casework.making import new_home
from firstlight.casework import jobs
from firstlight.casework.home import Home
from firstlight.casework.jobs import Job, Worker
from firstlight.cli.main import outcome
from firstlight.errors import InputError


def _refuse(_home: Home, _job: Job) -> None:
    raise InputError("The address is wrong.")


def test_dead_jobs_are_listed_revived_and_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with new_home(tmp_path / "home") as home:
        with home.work() as work:
            first, second = (jobs.enqueue(work, "send-webhook", key=key) for key in ("a", "b"))
        worker = Worker(home, {"send-webhook": _refuse}, name="w")
        while worker.run_once() is not None:
            pass
    at = ["--home", str(tmp_path / "home")]
    assert outcome(["jobs", "list", *at]) == 0
    said = capsys.readouterr().out
    assert said.startswith("0 waiting, 0 being done, 2 dead.")
    assert "The address is wrong." in said
    assert outcome(["jobs", "revive", str(first), *at]) == 0
    assert "1 waiting, 0 being done, 1 dead." in capsys.readouterr().out
    assert outcome(["jobs", "discard", str(second), "--json", *at]) == 0
    assert jobs.JobsStanding.from_json(capsys.readouterr().out.encode()).dead == ()
    assert outcome(["jobs", "discard", str(second), *at]) == 2
    assert "no dead job" in capsys.readouterr().err
