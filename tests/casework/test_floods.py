"""An entry that floods: an event of the log, a loud line, and nothing else changed; a person's word ends it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import NOW, jpeg, new_home, png, put, take_in
from firstlight.banks import FloodGuard, Standing
from firstlight.casework import banking, cases, floods
from firstlight.casework.home import Home
from firstlight.casework.reconcile import reconcile
from firstlight.clock import FixedClock
from firstlight.custody import EventType
from firstlight.media import Cage
from firstlight.values import BankPurpose

MANY = 3


@pytest.fixture
def flooded(home: Home, cage: Cage, tmp_path: Path) -> Home:
    """A home in which one entry has matched as many items as make a flood."""
    home.flood_guard = FloodGuard(home.clock, matches=MANY)
    banking.create_bank(home, "known", BankPurpose.KNOWN)
    listed = put(tmp_path / "listed", {"a.png": png(1)})
    banking.add_pictures(home, cage, "known", [listed / "a.png"])
    copies = {f"{number}.png": png(1, Comment=str(number)) for number in range(MANY)}
    take_in(home, cage, [put(tmp_path / "in", {**copies, "other.jpg": jpeg(2)})])
    return home


def _key(home: Home) -> str:
    return next(home.library.entries("known")).key


def _logged(home: Home) -> int:
    with home.look() as work:
        return sum(1 for _ in work.log.entries(types=[EventType.BANK_FLOOD]))


def test_a_flood_is_an_event_and_a_question_and_changes_nothing(flooded: Home) -> None:
    (flood,) = floods.asking(flooded)
    assert (flood.bank, flood.entry, flood.items, flood.of) == ("known", _key(flooded), MANY, MANY)
    assert _logged(flooded) == 1
    view = cases.queue(flooded)
    assert view.floods == (flood,)
    account = reconcile(flooded)
    assert (account.floods, account.adds_up) == ((flood,), True)
    assert flooded.library.entry("known", _key(flooded)).standing is Standing.ACTIVE
    known = cases.show(flooded, view.places[0].case)
    assert len(known.items) == MANY


def test_the_question_outlives_the_process_that_asked(flooded: Home) -> None:
    asked = floods.asking(flooded)
    flooded.close()
    with Home.open(flooded.folder, clock=FixedClock(NOW, timedelta(milliseconds=1))) as again:
        assert floods.asking(again) == asked


@pytest.mark.parametrize("standing", [Standing.CONFIRMED, Standing.DENIED, Standing.WITHDRAWN])
def test_a_persons_word_ends_it(flooded: Home, standing: Standing) -> None:
    banking.set_standing(flooded, "known", [_key(flooded)], standing, why="looked at")
    assert floods.asking(flooded) == ()
    assert _logged(flooded) == 1
    banking.set_standing(flooded, "known", [_key(flooded)], Standing.ACTIVE, why="look again")
    assert len(floods.asking(flooded)) == 1


def test_a_bank_that_matches_nothing_asks_nothing(flooded: Home) -> None:
    banking.disable_bank(flooded, "known", why="under review")
    assert floods.asking(flooded) == ()
    banking.enable_bank(flooded, "known")
    assert len(floods.asking(flooded)) == 1
    banking.delete_bank(flooded, "known", why="licence ended")
    assert floods.asking(flooded) == ()


def test_fewer_matches_ask_nothing(cage: Cage, tmp_path: Path) -> None:
    with new_home(tmp_path / "home") as home:
        home.flood_guard = FloodGuard(home.clock, matches=MANY + 1)
        banking.create_bank(home, "known", BankPurpose.KNOWN)
        listed = put(tmp_path / "listed", {"a.png": png(1)})
        banking.add_pictures(home, cage, "known", [listed / "a.png"])
        take_in(home, cage, [put(tmp_path / "in", {f"{n}.png": png(1, Comment=str(n)) for n in range(MANY)})])
        assert floods.asking(home) == ()
        assert _logged(home) == 0


def test_a_home_without_banks_asks_nothing(home: Home) -> None:
    assert floods.asking(home) == ()
