"""Turns of the lanes are counted where a review was made, and reserved ones are not lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import event

from casework.making import NOW, case_row
from firstlight.casework import cases, outlook, picking, turns
from firstlight.casework.home import Home
from firstlight.casework.severity import Severity
from firstlight.casework.turns import Turns
from firstlight.errors import InputError, IntegrityError
from firstlight.store.tables import Setting
from firstlight.triage import Lane, Queue
from firstlight.triage.turns import ONE_IN, OVERLOAD
from firstlight.values import Level

STANDARD, HIGH, IMMEDIATE = Level.STANDARD, Level.HIGH, Level.IMMEDIATE


def _open(home: Home, levels: Sequence[Level], causes: Sequence[str] = ("",)) -> None:
    """Open cases of these levels, numbered from 1, each an hour younger than the one before; their causes in turn."""
    with home.work() as work:
        for number, level in enumerate(levels, 1):
            at = NOW - timedelta(hours=len(levels) - number)
            work.session.add(case_row(home, number, level, at, cause=causes[number % len(causes)]))


def _review(home: Home, number: int, *, found: bool = False) -> Lane | None:
    with home.work() as work:
        case = cases.one(work, number)
        lane = picking.take_turn(work, home.table, case, found=found)
        case.state = "decided"
    return lane


def _taken(home: Home) -> Turns:
    with home.look() as work:
        return turns.load(work.session)


def test_whoever_follows_the_queue_uses_each_lane_in_turn(home: Home) -> None:
    _open(home, [STANDARD] * 60)
    lanes = []
    for count in range(1, 51):
        first = cases.queue(home).places[0]
        assert _review(home, first.case, found=True) is first.lane
        lanes.append(first.lane)
        assert _taken(home).count == count
    assert (lanes.count(Lane.OLDEST), lanes.count(Lane.AUDIT)) == (7, 1)
    assert (_taken(home).audited, _taken(home).found) == (1, 1)


def test_a_reserved_turn_waits_for_the_case_it_is_reserved_for(home: Home) -> None:
    _open(home, [STANDARD] * 10)
    while (first := cases.queue(home).places[0]).lane is Lane.RANKED:
        _review(home, first.case)
    before = _taken(home)
    assert first.lane is Lane.OLDEST
    assert _review(home, cases.queue(home).places[1].case) is None
    assert _taken(home) == before
    assert cases.queue(home).places[0] == first
    assert _review(home, first.case) is Lane.OLDEST


def test_what_is_immediate_uses_no_turn_and_comes_first(home: Home) -> None:
    _open(home, [IMMEDIATE, STANDARD, STANDARD])
    assert _review(home, 2) is None
    assert _review(home, 1) is Lane.IMMEDIATE
    assert _taken(home) == Turns(urgent=1)
    assert _review(home, 3) is Lane.RANKED


def test_in_an_overload_of_immediate_cases_the_newest_and_the_others_have_their_turns(home: Home) -> None:
    _open(home, [STANDARD] * 4 + [IMMEDIATE] * (OVERLOAD + 20))
    order = []
    for _ in range(2 * ONE_IN):
        first = cases.queue(home).places[0]
        assert _review(home, first.case) is first.lane
        order.append((first.case, first.lane))
    assert [case for case, lane in order if lane is not Lane.IMMEDIATE] == [4, 3]
    assert [lane for _, lane in order].index(Lane.RANKED) == ONE_IN - 1
    assert _taken(home) == Turns(count=2, urgent=2 * ONE_IN)


def test_the_cases_in_the_tables_and_a_queue_in_memory_give_the_same_turns(home: Home) -> None:
    """With a crowd of one level, and an overload of immediate cases for several causes."""
    crowd = [(HIGH, HIGH, STANDARD)[number % 3] for number in range(2 * OVERLOAD)]
    _open(home, crowd + [IMMEDIATE] * (OVERLOAD + 12), causes=("facts.live", "facts.threat", "facts.threat", "x"))
    with home.look() as work:
        waiting = [cases.as_waiting(case) for case in cases.open_cases(work.session)]
    queue = Queue(home.table.lanes, waiting)
    lanes = []
    for count in range(90):
        rng = Turns(count=queue.turn).draws()
        taken = queue.take(rng)
        assert taken is not None
        with home.work() as work:
            picked = picking.pick(work, home.table, turns.load(work.session), picking.ANYBODY)
            assert picked is not None
            lanes.append(picked.lane)
            if picked.lane is not Lane.AUDIT:  # which one is drawn may differ
                assert (picked.case.id, picked.lane) == (taken[0].key, taken[1]), count
            assert (picked.turns.count, picked.turns.owed, picked.turns.urgent) == (
                queue.turn,
                queue.owed,
                queue.urgent,
            )
            turns.save(work.session, picked.turns)
            cases.one(work, taken[0].key).state = "decided"
    assert set(lanes) >= {Lane.IMMEDIATE, Lane.RANKED, Lane.NEWEST}


def test_a_turn_that_yields_to_level_high_is_owed_and_made_up_for(home: Home) -> None:
    _open(home, [STANDARD] * 3 + [HIGH] * 7)
    while cases.queue(home).places[0].level is HIGH:
        _review(home, cases.queue(home).places[0].case)
    assert _taken(home).owed == 1
    first = cases.queue(home).places[0]
    assert (first.lane, first.case) == (Lane.OLDEST, 1)
    _review(home, 1)
    assert _taken(home).owed == 0


def test_the_draws_change_with_each_turn_and_not_before() -> None:
    draws = [Turns(count=count).draws().random() for count in range(50)]
    assert len(set(draws)) == 50
    assert draws == [Turns(count=count).draws().random() for count in range(50)]


def test_a_damaged_count_is_told(home: Home) -> None:
    with home.work() as work:
        work.session.merge(Setting(name="turns", value='{"count": -1}'))
    with pytest.raises(IntegrityError, match="count of reviews is damaged"):
        cases.queue(home)


def test_the_outlook_says_what_waits_and_what_would_clear_it(home: Home) -> None:
    _open(home, [STANDARD] * 24 + [HIGH, IMMEDIATE])
    with home.work() as work:
        turns.save(work.session, Turns(count=200, audited=10, found=1))
    found = outlook.outlook(home, reviewers=2, reviews_each_per_hour=6)
    assert {one.level.value: one.waiting for one in found.levels} == {
        "immediate": 1,
        "high": 1,
        "standard": 24,
        "bulk": 0,
    }
    assert found.audit.says.startswith("1 of 10 audited at random")
    assert (found.audit.rest, found.forecast.backlog, found.forecast.reviews_per_hour) == (25, 26, 12)
    assert found.longest_wait_hours is not None
    assert "25 older ones" in found.longest_wait_says
    assert outlook.Outlook.from_json(found.to_json()) == found


def test_the_outlook_names_what_is_late(home: Home) -> None:
    _open(home, [HIGH])
    home.clock.advance(timedelta(days=2))  # type: ignore[attr-defined]
    found = outlook.outlook(home, reviewers=1, reviews_each_per_hour=6)
    assert [one.overdue for one in found.levels if one.level is HIGH] == [1]
    assert found.forecast.arrivals_per_hour == 0


@pytest.mark.parametrize(("reviewers", "speed"), [(-1, 6.0), (1, 0.0), (1, float("inf"))])
def test_an_outlook_needs_numbers_that_can_be(home: Home, reviewers: int, speed: float) -> None:
    with pytest.raises(InputError):
        outlook.outlook(home, reviewers=reviewers, reviews_each_per_hour=speed)


@pytest.mark.parametrize(
    ("of", "by", "index"),
    [
        ("immediate", "rank", "cases_by_place"),
        ("others", "rank", "cases_by_place"),
        ("all", "oldest", "cases_by_age"),
        ("level", "newest", "cases_by_level_and_age"),
        ("cause", "rank", "cases_by_cause_and_place"),
        ("cause", "newest", "cases_by_cause"),
    ],
)
def test_each_look_for_the_next_case_goes_by_the_index_that_is_made_for_it(
    home: Home, of: str, by: str, index: str
) -> None:
    """In its order, so that nothing is sorted but the firsts of the three severities."""
    said: list[tuple[str, tuple[object, ...]]] = []
    with home.look() as work:
        connection = work.session.connection()
        event.listen(connection, "before_cursor_execute", lambda *args: said.append((args[2], args[3])))
        picking._look(work, picking.ANYBODY, picking._Of(of), picking._By(by), level=2, cause="facts.threat")
        ((statement, values),) = said
        plan = [row[3] for row in connection.exec_driver_sql(f"explain query plan {statement}", values)]
    used = [step for step in plan if step.startswith(("SEARCH cases", "SCAN cases")) and "PRIMARY KEY" not in step]
    assert len(used) == len(Severity)
    assert all(f"INDEX {index} (state=? AND" in step for step in used), used
    assert plan.count("USE TEMP B-TREE FOR ORDER BY") == 1
