"""The flood guard asks, once, and never decides."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from firstlight.banks import FloodGuard, Match, Via, flood_log
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


def test_guards_that_share_a_file_count_and_ask_together(clock: FixedClock, tmp_path: Path) -> None:
    path = tmp_path / "floods"
    guards = [FloodGuard(clock, path, matches=10, share=0.5) for _ in range(3)]
    asked = []
    for number in range(12):
        clock.advance(timedelta(seconds=1))
        asked.append(guards[number % 3].note([match("poster"), match(f"other-{number}")]))
    assert [len(floods) for floods in asked] == [0] * 9 + [1, 0, 0]
    assert (asked[9][0].items, asked[9][0].of) == (10, 10)
    assert FloodGuard(clock, path, matches=10, share=0.5).note([match("poster")]) == ()  # a new process knows it all
    assert FloodGuard(clock, path, matches=13, share=0.5).note([match("poster")]) == ()  # asked already
    clock.advance(timedelta(hours=2))
    assert FloodGuard(clock, path, matches=2, share=0).note([match("poster")]) == ()


def test_a_shared_file_that_is_torn_full_or_refused_stops_nobody(
    clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "floods"
    monkeypatch.setattr(flood_log, "MAX_BYTES", 48)
    first, second = (FloodGuard(clock, path, matches=8, share=0) for _ in range(2))
    for _ in range(3):
        clock.advance(timedelta(seconds=1))
        assert first.note([match("poster")]) == ()
        with path.open("ab") as torn:
            torn.write(b"torn")
        assert second.note([match("poster")]) == ()
    clock.advance(timedelta(seconds=1))
    assert first.note([match("poster")]) == ()
    assert len(second.note([match("poster")])) == 1
    nowhere = FloodGuard(clock, tmp_path / "no" / "folder", matches=2, share=0)
    assert [len(nowhere.note([match("poster")])) for _ in range(2)] == [0, 1]
