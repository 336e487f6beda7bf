"""A decision can be taken back for thirty seconds; the record keeps both, and everything adds up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import (
    AT_ONCE,
    NOW,
    case_of,
    jpeg,
    look_at,
    new_home,
    next_items,
    png,
    put,
    report_it,
    take_in,
    upload,
)
from firstlight.casework import cases, filing, logbook, outcomes, reconcile, retention, review, routing, undo
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Finding
from firstlight.casework.undo import UNDO_LIFE
from firstlight.clock import FixedClock
from firstlight.custody import EventType
from firstlight.cybertip import DEMO_CREDENTIALS, Client, Simulator
from firstlight.errors import StateError
from firstlight.media import Cage

NO = Conclusion(finding=Finding.NOT_REPORTABLE, why="A picture of a turnip.")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def home(tmp_path: Path, clock: FixedClock, cage: Cage) -> Home:
    home = new_home(tmp_path / "home", clock)
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(1), "near.png": png(1), "other.jpg": jpeg(2)}
    take_in(home, cage, [put(tmp_path / "in", files)], default=upload("u1"))
    return home


@pytest.mark.parametrize("first", [NO, Conclusion.of(finding="report", why="Listed.", conduct="abuse-material")])
def test_what_was_taken_back_waits_as_it_did(home: Home, clock: FixedClock, first: Conclusion) -> None:
    case = case_of(home, "a.jpg")
    before = cases.queue(home).places
    review.decide(home, case, first, actor="rev-1", items=next_items(home, case))
    assert cases.show(home, case).state != "open"
    clock.advance(timedelta(seconds=20))
    left = undo.undoable(home, case, actor="rev-1")
    assert left is not None
    assert (len(left.items), left.seconds) == (3, 10)
    assert len(undo.undo(home, case, actor="rev-1")) == 3
    assert {place.case: (place.level, place.items) for place in cases.queue(home).places} == {
        place.case: (place.level, place.items) for place in before
    }
    assert review.decisions(home, case) == ()
    assert cases.waiting_for_report(home) == ()
    with home.look() as work:
        assert all(not retention.clocks(work, item) for item in cases.members(work, cases.one(work, case)))
    assert reconcile.reconcile(home).adds_up
    assert undo.undoable(home, case, actor="rev-1") is None
    kinds = [line.type for line in logbook.entries(home, case=case).lines]
    assert kinds.count(EventType.DECIDE) == kinds.count(EventType.DECISION_WITHDRAWN) == 3


def test_the_second_decision_is_the_one_that_stands(home: Home, clock: FixedClock) -> None:
    case = case_of(home, "a.jpg")
    review.decide(home, case, NO, actor="rev-1", items=next_items(home, case))
    undo.undo(home, case, actor="rev-1")
    look_at(home, next_items(home, case)[0])
    report_it(home, case)
    clock.advance(UNDO_LIFE)
    assert {one.conclusion.finding for one in review.decisions(home, case)} == {Finding.REPORT}
    (drafted,) = filing.draft(home, case)
    assert len(drafted.draft.files) == 3
    assert reconcile.reconcile(home).adds_up


def test_it_is_undone_by_whoever_made_it_and_not_later(home: Home, clock: FixedClock) -> None:
    case = case_of(home, "a.jpg")
    review.decide(home, case, NO, actor="rev-1", items=next_items(home, case))
    with pytest.raises(StateError, match="taken back"):
        undo.undo(home, case, actor="rev-2")
    clock.advance(UNDO_LIFE)
    with pytest.raises(StateError, match="taken back"):
        undo.undo(home, case, actor="rev-1")
    assert cases.show(home, case).state == "decided"


def test_nothing_leaves_a_screen_before_and_nothing_is_undone_after(home: Home, clock: FixedClock) -> None:
    case = case_of(home, "a.jpg")
    report_it(home, case)
    with pytest.raises(StateError, match="can still be undone"):
        undo.require_settled(home, case)
    with Simulator.of(home.clock) as service, Client(service.destination, DEMO_CREDENTIALS) as client:
        filing.file_case(home, case, client, retries=AT_ONCE)  # deliberately, on the command line
    with pytest.raises(StateError, match="taken back"):
        undo.undo(home, case, actor="rev-1")
    clock.advance(UNDO_LIFE)
    undo.require_settled(home, case)
    (outcome,) = outcomes.of(home, "rev-1").outcomes
    assert (outcome.case, outcome.escalated) == (case, False)
    assert outcomes.of(home, "rev-2").outcomes == ()


def test_a_copy_that_took_the_decision_over_waits_again_too(home: Home, cage: Cage, tmp_path: Path) -> None:
    case = case_of(home, "a.jpg")
    look_at(home, next_items(home, case)[0])
    review.decide(home, case, NO, actor="rev-1", items=next_items(home, case))
    take_in(home, cage, [put(tmp_path / "more", {"c.jpg": jpeg(1)})], default=upload("u2"))
    states = {item.name: item.state for item in cases.show(home, case).items}
    assert states["c.jpg"] == "decided"
    assert len(undo.undo(home, case, actor="rev-1")) == 4
    assert {item.state for item in cases.show(home, case).items} == {"held"}
    assert reconcile.reconcile(home).adds_up


def test_the_case_is_with_its_reviewer_again(home: Home) -> None:
    given = routing.next_case(home, "rev-1")
    assert given.case is not None
    review.decide(home, given.case, NO, actor="rev-1", items=next_items(home, given.case))
    undo.undo(home, given.case, actor="rev-1")
    again = routing.next_case(home, "rev-1")
    assert (again.case, again.lane) == (given.case, given.lane)
