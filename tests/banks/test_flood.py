"""The flood guard asks, once, and never decides."""

from __future__ import annotations

from datetime import timedelta

import pytest

from firstlight.banks import FloodGuard, Match, Via
from firstlight.banks import flood as flood_module
from firstlight.clock import FixedClock
from firstlight.errors import InputError
from firstlight.values import BankPurpose


def match(entry: str) -> Match:
    return Match(bank="roots", purpose=BankPurpose.KNOWN, entry=entry, via=Via.PDQ, exact=False)


def test_an_entry_that_matches_more_than_its_share_is_asked_about_once(clock: FixedClock) -> None:
    guard = FloodGuard(clock, matches=10, share=0.5)
    asked = [guard.note([match("poster")]) for _ in range(12)]
    assert [bool(floods) for floods in asked] == [False] * 9 + [True] + [False] * 2
    (flood,) = asked[9]
    assert (flood.bank, flood.entry, flood.items, flood.of) == ("roots", "poster", 10, 10)
    clock.advance(timedelta(hours=1))
    asked = [guard.note([match("poster")]) for _ in range(10)]
    assert [bool(floods) for floods in asked] == [False] * 9 + [True]


def test_one_item_counts_once_and_a_small_share_is_no_flood(clock: FixedClock) -> None:
    guard = FloodGuard(clock, matches=5, share=0.5)
    assert guard.note([match("carrot")] * 20) == ()
    for number in range(40):
        assert guard.note([match(f"other-{number}")]) == ()
    for _ in range(9):
        assert guard.note([match("carrot")]) == ()
    assert guard.note([]) == ()


def test_old_matches_are_forgotten_and_memory_is_bounded(clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood_module, "MAX_NOTED", 5)
    guard = FloodGuard(clock, matches=6, share=0)
    for _ in range(30):
        assert guard.note([match("carrot")]) == ()
    monkeypatch.undo()
    guard = FloodGuard(clock, matches=2, share=0)
    assert guard.note([match("carrot")]) == ()
    clock.advance(timedelta(hours=1))
    assert guard.note([match("carrot")]) == ()
    clock.advance(timedelta(minutes=59))
    assert len(guard.note([match("carrot")])) == 1


def test_senseless_limits_are_refused(clock: FixedClock) -> None:
    for wrong in ({"matches": 0}, {"share": 1.5}, {"window": timedelta(0)}):
        with pytest.raises(InputError, match="A flood is"):
            FloodGuard(clock, **wrong)
