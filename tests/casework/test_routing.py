"""Who gets which case: lanes, limits, what is with somebody else; nothing is given twice, and no turn is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from casework.making import NOW, case_row
from casework.test_exposure import put_items, see, wait
from firstlight.casework import cases, exposure, logbook, picking, routing, turns
from firstlight.casework.exposure import Limits
from firstlight.casework.home import Home, Work
from firstlight.casework.routing import GIVEN_BACK_AFTER, NextCase
from firstlight.casework.severity import Severity
from firstlight.errors import InputError, NotFoundError
from firstlight.store.tables import Assignment, Case, Item
from firstlight.triage import Lane
from firstlight.values import Level

IMMEDIATE, HIGH, STANDARD = Level.IMMEDIATE, Level.HIGH, Level.STANDARD
ORDINARY, HEAVY, SEVERE = Severity.ORDINARY, Severity.HEAVY, Severity.SEVERE


@pytest.fixture(autouse=True)
def free(home: Home) -> None:
    """No limits, unless a test sets some."""
    exposure.limit_everybody(home, Limits(), actor="lead")


def open_cases(home: Home, kinds: Sequence[tuple[Level, Severity]], *, media_type: str = "image/jpeg") -> None:
    """Cases 1 to n, each an hour younger than the one before and before it by rank, each of one item of its number."""
    put_items(home, [severity for _, severity in kinds], media_type)
    with home.work() as work:
        for number, (level, severity) in enumerate(kinds, 1):
            at = NOW - timedelta(hours=len(kinds) - number)
            work.session.add(case_row(home, number, level, at, severity=severity.burden))
            work.session.flush()
            work.session.get_one(Item, number).case_id = number


def decide(home: Home, number: int, *, found: bool = False) -> Lane | None:
    with home.work() as work:
        case = cases.one(work, number)
        lane = picking.take_turn(work, home.table, case, found=found)
        case.state = "decided"
        return lane


def given(home: Home, reviewer: str = "anna") -> NextCase:
    return routing.next_case(home, reviewer)


def test_nobody_waits(home: Home) -> None:
    answer = given(home)
    assert (answer.case, answer.says) == (None, "Nobody waits.")
    assert NextCase.from_json(answer.to_json()) == answer


def test_a_case_stays_with_its_reviewer_and_goes_to_nobody_else(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)] * 3)
    first = given(home)
    assert (first.case, first.lane, first.items, first.waiting) == (3, Lane.RANKED, 1, 2)
    assert first.says == "Case 3: it is next by rank. Because."
    again = given(home)
    assert (again.case, again.lane) == (3, Lane.RANKED)
    assert "You have it already." in again.says
    assert given(home, "bert").case == 2
    assert decide(home, 3) is Lane.RANKED
    assert given(home).case == 1
    assert given(home, "carl").says == "Nobody waits."


def test_the_answer_is_in_the_log(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)])
    given(home)
    given(home)
    (line,) = logbook.entries(home, case=1).lines
    assert (line.actor, line.type.value) == ("anna", "assign")
    assert "it is next by rank" in line.says


def test_the_queue_shows_what_goes_out_next(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)] * 60)
    lanes = []
    for _ in range(50):
        place = cases.queue(home).places[0]
        answer = given(home)
        assert (place.case, place.lane) == (answer.case, answer.lane)
        lanes.append(answer.lane)
        assert decide(home, answer.case or 0, found=True) is answer.lane
    assert (lanes.count(Lane.OLDEST), lanes.count(Lane.AUDIT)) == (7, 1)
    with home.look() as work:
        assert turns.load(work.session) == turns.Turns(count=50, audited=1, found=1)


def test_an_arrival_between_giving_and_deciding_changes_no_lane(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)] * 60)
    while (answer := given(home)).lane is not Lane.AUDIT:
        decide(home, answer.case or 0)
    with home.work() as work:
        work.session.get_one(Case, answer.case).place_order = 1000.0
        work.session.add(case_row(home, 900, IMMEDIATE, NOW))
    assert decide(home, answer.case or 0, found=True) is Lane.AUDIT
    with home.look() as work:
        taken = turns.load(work.session)
        assert (taken.audited, taken.found) == (1, 1)


@pytest.mark.parametrize("lane", [Lane.OLDEST, Lane.AUDIT])
def test_a_reserved_turn_that_is_passed_on_goes_to_the_next_reviewer(home: Home, lane: Lane) -> None:
    open_cases(home, [(STANDARD, ORDINARY)] * 60)
    while (answer := given(home)).lane is not lane:
        decide(home, answer.case or 0)
    number = answer.case or 0
    routing.pass_on(home, "anna", number)
    assert cases.queue(home).places[0].case == number
    other = given(home)
    assert other.case != number
    routing.hand_back(home, "anna")
    taken = given(home, "bert")
    assert (taken.case, taken.lane) == (number, lane)
    assert "anna" not in " ".join(f"{one.actor} {one.says}" for one in logbook.entries(home, case=number).lines[1:2])
    assert decide(home, number) is lane


def test_nobody_is_given_again_what_they_passed_on(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)])
    routing.pass_on(home, "anna", given(home).case or 0)
    answer = given(home)
    assert answer.case is None
    assert answer.says.startswith("No case for you")
    assert answer.waiting == 1
    assert given(home, "bert").case == 1
    with pytest.raises(NotFoundError):
        routing.pass_on(home, "anna", 7)


def test_a_case_nobody_works_on_goes_to_somebody_else(home: Home) -> None:
    open_cases(home, [(HIGH, ORDINARY)])
    assert given(home).case == 1
    wait(home, minutes=20)
    assert given(home).case == 1  # asking again keeps it
    wait(home, minutes=20)
    assert given(home, "bert").case is None
    wait(home, seconds=GIVEN_BACK_AFTER.total_seconds())
    assert given(home, "bert").case == 1
    assert given(home).case is None


def test_an_immediate_case_comes_before_what_was_given_back(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)] * 8)
    while (answer := given(home)).lane is not Lane.OLDEST:
        decide(home, answer.case or 0)
    routing.hand_back(home, "anna")
    with home.work() as work:
        work.session.get_one(Case, 2).level_rank = IMMEDIATE.rank
    assert (given(home).case, given(home).lane) == (2, Lane.IMMEDIATE)
    assert given(home, "bert").case == answer.case


def test_a_spent_limit_leaves_the_rest_and_says_so(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY), (HIGH, SEVERE), (HIGH, HEAVY)])
    exposure.limit_everybody(home, Limits(severe_a_day=0, heavy_a_day=1), actor="lead")
    answer = given(home)
    assert (answer.case, answer.severity) == (3, HEAVY)
    assert answer.says.endswith("Expect it to be heavy.")
    see(home, 3)
    decide(home, 3)
    assert given(home).case == 1
    decide(home, 1)
    nothing = given(home)
    assert (nothing.case, nothing.waiting, nothing.others_immediate) == (None, 1, 0)
    assert "limit of 24 hours" in nothing.says


def test_what_was_given_is_taken_back_when_a_limit_is_reached(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY), (HIGH, SEVERE)])
    exposure.limit_everybody(home, Limits(severe_a_day=1), actor="lead")
    first = given(home)
    assert first.case == 2
    see(home, 2)
    assert given(home).case == 1
    assert given(home, "bert").case == 2


def test_a_limit_holds_against_an_immediate_case_and_is_loud(home: Home) -> None:
    open_cases(home, [(IMMEDIATE, SEVERE), (STANDARD, ORDINARY)])
    exposure.limit_myself(home, "anna", Limits(severest=HEAVY))
    answer = given(home)
    assert (answer.case, answer.others_immediate) == (2, 1)
    assert "1 immediate case(s) wait that a limit keeps from you: tell a colleague now." in answer.says
    assert given(home, "bert").case == 1
    assert given(home).others_immediate == 0


def test_two_severe_cases_never_follow_each_other_where_the_queue_allows(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY), (HIGH, SEVERE), (HIGH, SEVERE), (HIGH, SEVERE), (IMMEDIATE, SEVERE)])
    exposure.limit_everybody(home, Limits(no_two_severe=True, break_minutes=30), actor="lead")
    order = []
    for number in (5, 4, 1, 3, 2):
        answer = given(home)
        order.append(answer.case)
        see(home, number)
        decide(home, answer.case or 0)
        if number == 5:
            with home.work() as work:  # one more immediate, severe as well: it is not made to wait
                work.session.get_one(Case, 4).level_rank = IMMEDIATE.rank
    assert order == [5, 4, 1, 3, 2]  # 2 after 3: nothing else is left


def test_whoever_wants_no_films_is_given_none(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)], media_type="video/mp4")
    exposure.limit_myself(home, "anna", Limits(moving=False))
    assert given(home).case is None
    answer = given(home, "bert")
    assert (answer.case, answer.moving) == (1, True)


def test_a_decided_case_is_with_nobody(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)] * 2)
    number = given(home).case or 0
    decide(home, number)
    with home.look() as work:
        assert work.session.get(Assignment, number) is None


def _drawn(work: Work, count: int) -> int:
    case = picking._drawn(work, picking.ANYBODY, turns.Turns(count=count).draws())
    assert case is not None
    return case.id


def test_the_audit_draws_each_of_those_that_wait(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)] * 8)
    with home.work() as work:
        for number in (2, 5):
            work.session.get_one(Case, number).state = "decided"
        drawn = Counter(_drawn(work, count) for count in range(600))
    assert set(drawn) == {1, 3, 4, 6, 7, 8}
    assert min(drawn.values()) > 60


def test_the_audit_draws_also_where_few_of_many_numbers_wait(home: Home) -> None:
    open_cases(home, [(STANDARD, ORDINARY)] * 3)
    with home.work() as work:
        work.session.get_one(Item, 3).case_id = None
        work.session.flush()
        work.session.get_one(Case, 3).id = 1_000_000
        work.session.flush()
        drawn = Counter(_drawn(work, count) for count in range(60))
    assert set(drawn) == {1, 2, 1_000_000}


def test_a_reviewer_has_a_name(home: Home) -> None:
    with pytest.raises(InputError):
        routing.next_case(home, " ")
