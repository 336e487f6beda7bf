"""A hold is put on by one person and lifted by two, and each step stands in the log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import NOW, jpeg, put, take_in
from firstlight.casework import acts, holds
from firstlight.casework.home import Home
from firstlight.clock import FixedClock
from firstlight.custody import EventType
from firstlight.custody.approval import APPROVAL_LIFE
from firstlight.errors import InputError, NotFoundError, RefusedError, StateError
from firstlight.media import Cage

AUTHORITY = "letter 7 of the county police"
WHY = "a request to keep everything"


@pytest.fixture
def held(home: Home, cage: Cage, tmp_path: Path) -> Home:
    """A home with a case on hold."""
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    holds.put_on(home, 1, authority=AUTHORITY, reason=WHY, actor="ada")
    return home


def _wait(home: Home, time: timedelta) -> None:
    assert isinstance(home.clock, FixedClock)
    home.clock.advance(time)


def _logged(home: Home) -> list[EventType]:
    kinds = [EventType.HOLD_ON, EventType.HOLD_OFF, EventType.APPROVE]
    with home.look() as work:
        return [entry.event.type for entry in work.log.entries(types=kinds) if entry.event]


def test_two_people_lift_a_hold(held: Home) -> None:
    asked = holds.lift(held, 1, reason=WHY, actor="ada")
    assert (asked.approved_by, asked.hold.released) == (None, None)
    assert holds.lift(held, 1, reason=WHY, actor="ada").act_sha256 == asked.act_sha256
    acts.approve(held, asked.act_sha256[:12], actor="bea")
    done = holds.lift(held, 1, reason=WHY, actor="ada")
    assert done.approved_by == "bea"
    (hold,) = holds.of_case(held, 1)
    assert hold == done.hold
    assert not hold.lasts(held.clock.now())
    assert _logged(held) == [EventType.HOLD_ON, EventType.APPROVE, EventType.HOLD_OFF]
    with pytest.raises(StateError, match="not last"):
        holds.lift(held, 1, reason=WHY, actor="ada")
    with pytest.raises(NotFoundError):
        acts.approve(held, asked.act_sha256, actor="cyd")


@pytest.mark.parametrize("name", ["ada", " Ada ", "ADA"])
def test_nobody_approves_their_own_act(held: Home, name: str) -> None:
    asked = holds.lift(held, 1, reason=WHY, actor="ada")
    with pytest.raises(RefusedError, match="cannot approve"):
        acts.approve(held, asked.act_sha256, actor=name)
    assert holds.lift(held, 1, reason=WHY, actor="ada").approved_by is None


def test_who_approved_cannot_use_the_approval(held: Home) -> None:
    asked = holds.lift(held, 1, reason=WHY, actor="ada")
    acts.approve(held, asked.act_sha256, actor="bea")
    theirs = holds.lift(held, 1, reason=WHY, actor="bea")
    assert (theirs.approved_by, theirs.act_sha256 == asked.act_sha256) == (None, False)


def test_an_approval_runs_out_and_is_asked_for_anew(held: Home) -> None:
    asked = holds.lift(held, 1, reason=WHY, actor="ada")
    acts.approve(held, asked.act_sha256, actor="bea")
    _wait(held, APPROVAL_LIFE + timedelta(seconds=1))
    again = holds.lift(held, 1, reason=WHY, actor="ada")
    assert again.approved_by is None
    assert again.act_sha256 != asked.act_sha256


def test_an_approval_is_of_one_hold_only(held: Home) -> None:
    holds.put_on(held, 1, authority=AUTHORITY, reason=WHY, actor="ada")
    asked = holds.lift(held, 1, reason=WHY, actor="ada")
    acts.approve(held, asked.act_sha256, actor="bea")
    assert holds.lift(held, 2, reason=WHY, actor="ada").approved_by is None


def test_a_hold_with_an_end_ends_by_itself(held: Home) -> None:
    hold = holds.put_on(held, 1, authority=AUTHORITY, reason=WHY, actor="ada", until=NOW + timedelta(days=9))
    assert hold.lasts(NOW + timedelta(days=8))
    _wait(held, timedelta(days=9))
    with pytest.raises(StateError, match="not last"):
        holds.lift(held, 2, reason=WHY, actor="ada")


def test_what_is_missing_is_said(held: Home) -> None:
    for fields in ({"authority": " "}, {"reason": "because"}, {"until": NOW - timedelta(days=1)}):
        with pytest.raises(InputError):
            holds.put_on(held, 1, **({"authority": AUTHORITY, "reason": WHY, "actor": "ada"} | fields))
    with pytest.raises(NotFoundError):
        holds.put_on(held, 2, authority=AUTHORITY, reason=WHY, actor="ada")
    with pytest.raises(NotFoundError):
        holds.lift(held, 9, reason=WHY, actor="ada")
    with pytest.raises(InputError, match="reason"):
        holds.lift(held, 1, reason="so", actor="ada")
    with pytest.raises(InputError, match="Nobody"):
        holds.lift(held, 1, reason=WHY, actor=" ")
    with pytest.raises(InputError, match="digits"):
        acts.approve(held, "ab", actor="bea")
    with pytest.raises(InputError, match="Nobody"):
        acts.approve(held, "0" * 64, actor="")
    with pytest.raises(NotFoundError):
        acts.approve(held, "%%%%%%%%", actor="bea")
    assert _logged(held) == [EventType.HOLD_ON]
