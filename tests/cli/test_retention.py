"""The commands on how long originals are kept."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from casework.making import jpeg, put
from cli.conftest import Run
from firstlight.cli.retention import as_time
from firstlight.custody import RetentionClock as Kept
from firstlight.errors import InputError
from firstlight.store import Database
from firstlight.store.tables import RetentionClock

WHY = "an investigation that goes on"
DECISION = ("--item", "1", "--finding", "not-reportable", "--why", "A picture of a holiday.", "--by", "rev-1")


@pytest.fixture
def cleared(run: Run, tmp_path: Path) -> Run:
    """A home with one picture that a person decided not to report."""
    run("intake", put(tmp_path / "in", {"a.jpg": jpeg(1)}))
    decided = run("case", "decide", "1", *DECISION)
    assert decided.code == 0, decided.err
    return run


def test_what_has_to_be_kept_is_told_and_not_destroyed(cleared: Run) -> None:
    said = cleared("custody", "retention")
    assert (said.code, "0 originals may be destroyed, 1 have to be kept" in said.out) == (0, True)
    assert "house-not-reported" in said.out
    assert cleared("custody", "retention", "--case", "1", "--json").document["items"][0]["item"] == 1
    refused = cleared("custody", "destroy", "1", "--by", "op-1")
    assert refused.code == 1
    assert "has to be kept" in refused.err
    assert cleared("custody", "destroy", "2").code == 2
    assert cleared("custody", "retention", "--case", "9").code == 2


def test_what_may_go_is_destroyed_and_certified(cleared: Run, house: Path) -> None:
    database = Database.at(house / "firstlight.sqlite3")
    with database.write() as session:  # as if the time were over
        row = session.get_one(RetentionClock, (1, "house-not-reported"))
        ended = Kept.from_json(row.document).model_copy(update={"ends": datetime(2026, 1, 1, tzinfo=UTC)})
        row.document = ended.to_json().decode()
    database.close()
    assert "MAY BE DESTROYED" in cleared("custody", "retention").out
    done = cleared("custody", "destroy", "1", "--by", "op-1")
    assert (done.code, "nobody can open them" in done.out) == (0, True)
    assert cleared("custody", "destroy", "1", "--json").document["by"] == "op-1"
    assert "1 are destroyed" in cleared("custody", "retention").out
    assert cleared("custody", "fixity", "--json").document["originals"] == 0


def test_a_clock_is_made_longer_and_never_shorter(cleared: Run) -> None:
    late = ("--until", "2099-01-01", "--purpose", WHY)
    assert "2099-01-01T00:00:00.000000Z" in cleared("custody", "extend", "1", *late).out
    early = cleared("custody", "extend", "1", "--until", "2098-12-31", "--purpose", WHY)
    assert (early.code, "never shortened" in early.err) == (1, True)
    assert cleared("custody", "extend", "1", "--until", "soon", "--purpose", WHY).code == 2
    longer = cleared("custody", "extend", "1", "--until", "2099-06-01T12:00:00+02:00", "--purpose", WHY, "--json")
    assert longer.document["ends"] == "2099-06-01T10:00:00.000000Z"


def test_two_people_lift_a_hold(cleared: Run) -> None:
    on = ("--authority", "letter 7", "--reason", WHY, "--by", "ada")
    assert "hold-1 of letter 7" in cleared("custody", "hold", "on", "1", *on).out
    assert cleared("custody", "hold", "on", "1", *on, "--until", "2099-01-01", "--json").document["id"] == "hold-2"
    assert "2 holds" in cleared("custody", "hold", "list", "1").out
    off = ("custody", "hold", "off", "1", "--reason", WHY, "--by", "ada")
    waits = cleared(*off)
    assert waits.code == 1
    act = cleared(*off, "--json").document["act_sha256"]
    assert f"firstlight custody approve {act[:16]}" in waits.out
    assert cleared("custody", "approve", act[:16], "--by", "ada").code == 1
    assert "hold-release for ada" in cleared("custody", "approve", act[:16], "--by", "bea").out
    lifted = cleared(*off)
    assert (lifted.code, "approved by bea" in lifted.out) == (0, True)
    assert cleared("custody", "hold", "list", "1", "--json").document[0]["released"]
    assert cleared(*off).code == 2


def test_originals_are_checked(cleared: Run, house: Path) -> None:
    assert "1 of 1 original checked; 0 unfit." in cleared("custody", "fixity").out
    shutil.rmtree(next((house / "vault" / "objects").iterdir()))
    gone = cleared("custody", "fixity", "--sample", "5")
    assert (gone.code, "item 1" in gone.out) == (1, True)
    assert cleared("custody", "fixity", "--json").document["unfit"][0]["item"] == 1


def test_a_day_is_its_first_moment_in_utc() -> None:
    assert as_time("2027-03-01") == datetime(2027, 3, 1, tzinfo=UTC)
    with pytest.raises(InputError):
        as_time("2027-03-01T00:00:00")
