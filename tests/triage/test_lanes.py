"""Lanes: nobody is lost, immediate comes first, the reserve holds, and the bound is true."""

from __future__ import annotations

import gc
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError, StateError
from firstlight.triage import Exposure, Lane, PriorityTable, Queue, Waiting, arrange, lane_at, longest_wait
from firstlight.triage.lanes import MAX_BURDEN
from firstlight.triage.table import LaneShares
from firstlight.triage.turns import MAX_OWED, ONE_IN, OVERLOAD, UrgentTurn, urgent_turn
from firstlight.values import Level
from triage.cases import AT

TABLE = PriorityTable.load()
shares = st.builds(
    lambda oldest, audit: LaneShares(oldest_share=oldest, audit_share=audit, says="x", source="x"),
    st.floats(0.05, 0.5),
    st.floats(0.02, 0.05),
)


def item(
    key: int, level: Level = Level.STANDARD, order: float = 10, minutes: int | None = None, **rest: Any
) -> Waiting:
    return Waiting(key, level, order, AT + timedelta(minutes=key if minutes is None else minutes), **rest)


waiting = st.lists(
    st.builds(
        item,
        st.integers(0, 10_000),
        st.sampled_from(Level),
        st.floats(0, 100, allow_nan=False),
        st.integers(0, 5),
        burden=st.integers(1, 3),
    ),
    max_size=40,
    unique_by=lambda w: w.key,
)
exposures = st.builds(
    Exposure,
    views_left=st.none() | st.integers(0, 20),
    burden_left=st.none() | st.integers(0, 30),
    no_two_heavy=st.booleans(),
)


@given(waiting, st.integers(0, 1000), st.integers(0, 9), st.none() | exposures)
def test_everybody_has_exactly_one_place(them: list[Waiting], turn: int, seed: int, exposure: Exposure | None) -> None:
    places = arrange(them, AT, TABLE, Random(seed), turn=turn, exposure=exposure)
    assert sorted(p.key for p in places) == sorted(w.key for w in them)
    assert [p.position for p in places] == list(range(len(them)))
    assert all(p.says for p in places)
    assert places == arrange(them, AT, TABLE, Random(seed), turn=turn, exposure=exposure)


@given(waiting, st.integers(0, 1000), st.integers(0, 9))
def test_immediate_pre_empts(them: list[Waiting], turn: int, seed: int) -> None:
    places = arrange(them, AT, TABLE, Random(seed), turn=turn)
    immediate = [p for p in places if p.level is Level.IMMEDIATE]
    assert list(places[: len(immediate)]) == immediate
    assert all(p.lane is Lane.IMMEDIATE for p in immediate)
    assert [p.order for p in immediate] == sorted((p.order for p in immediate), reverse=True)


@given(waiting, st.integers(0, 1000), st.integers(0, 9))
def test_the_ranked_lane_goes_by_level_and_order(them: list[Waiting], turn: int, seed: int) -> None:
    ranked = [p for p in arrange(them, AT, TABLE, Random(seed), turn=turn) if p.lane is Lane.RANKED]
    keys = [(p.level.rank, -p.order) for p in ranked]
    assert keys == sorted(keys)


@given(shares, st.integers(0, 10_000), st.integers(1, 2000))
def test_the_reserve_is_kept_in_any_row_of_turns(these: LaneShares, start: int, n: int) -> None:
    lanes = [lane_at(turn, these) for turn in range(start, start + n)]
    assert lanes.count(Lane.OLDEST) >= int(n * round(these.oldest_share * 10_000) // 10_000)
    assert abs(lanes.count(Lane.OLDEST) - n * these.oldest_share) <= 1 + n / 10_000
    assert abs(lanes.count(Lane.AUDIT) - n * these.audit_share) <= 2 + n / 10_000


@given(shares, st.lists(st.integers(0, 2), min_size=1, max_size=60), st.integers(0, 50), st.integers(0, 9))
def test_no_flood_keeps_an_item_beyond_the_bound(these: LaneShares, flood: list[int], older: int, seed: int) -> None:
    rng = Random(seed)
    queue = Queue(these, [item(key, minutes=0) for key in range(older)], turn=rng.randrange(1000))
    queue.add(item(older, Level.BULK, 0, minutes=1))
    allowed = longest_wait(older, these, reviews_per_hour=10).turns
    start = queue.turn
    key = older
    while older in queue:
        for _ in range(rng.choice(flood)):  # the flood outranks it and never ends
            key += 1
            queue.add(item(key, Level.HIGH, 99, minutes=2))
        queue.take(rng)
    assert queue.turn - start <= allowed


def test_the_bound_is_reached_so_it_could_not_be_smaller() -> None:
    worst = 0
    for turn in range(20):
        queue = Queue(TABLE.lanes, [item(key, minutes=0) for key in range(3)], turn=turn)
        queue.add(item(3, Level.BULK, 0, minutes=1))
        while 3 in queue:
            queue.add(item(1000 + queue.turn, Level.HIGH, 99, minutes=2))
            queue.take(Random(0))
        worst = max(worst, queue.turn - turn)
    assert worst >= longest_wait(3, TABLE.lanes, reviews_per_hour=1).turns - 7


def test_a_reserved_turn_yields_to_high_and_is_made_up_for() -> None:
    queue = Queue(TABLE.lanes, [item(key, order=key) for key in range(300)])
    lanes = []
    for turn in range(200):
        if turn < 100:
            queue.add(item(1000 + turn, Level.HIGH, minutes=9999))
        taken = queue.take(Random(turn))
        assert taken is not None
        lanes.append(taken[1])
        assert queue.owed == min(15, MAX_OWED) if turn == 99 else queue.owed <= MAX_OWED
    assert Lane.OLDEST not in lanes[:100]
    assert lanes[100:115].count(Lane.OLDEST) >= 12
    assert lanes.count(Lane.OLDEST) == 30
    assert queue.owed == 0


def test_the_bound_in_words_and_hours() -> None:
    bound = longest_wait(149 - MAX_OWED, TABLE.lanes, reviews_per_hour=60, immediate_per_hour=10)
    assert (bound.turns, bound.hours) == (1000, 20.0)
    assert "within 1000 reviews" in bound.says
    assert longest_wait(0, TABLE.lanes, reviews_per_hour=10, immediate_per_hour=10).hours is None
    flooded = longest_wait(0, TABLE.lanes, reviews_per_hour=10, immediate_per_hour=20)
    assert flooded.hours == OVERLOAD / 10 + flooded.turns / 10 * ONE_IN
    assert longest_wait(0, TABLE.lanes, reviews_per_hour=0).hours is None
    with pytest.raises(InputError):
        longest_wait(-1, TABLE.lanes, reviews_per_hour=1)


def test_a_tie_goes_to_the_older_and_then_to_the_houses_own_number() -> None:
    places = arrange([item(3, minutes=5), item(2, minutes=5), item(9, minutes=1)], AT, TABLE, Random(0), turn=0)
    assert [p.key for p in places] == [9, 2, 3]


def test_each_lane_says_why() -> None:
    now = AT + timedelta(hours=5)
    them = [item(0, Level.IMMEDIATE, 80, says="It is live.", deadline=AT + timedelta(hours=1))]
    them += [item(key, order=100 - key) for key in range(1, 80)]
    places = arrange(them, now, TABLE, Random(0))
    assert places[0].says == "Before everything else. It is live. Its deadline passed 4 h ago."
    assert places[0].overdue
    words = {place.lane: place.says for place in places}
    assert "waited longest" in words[Lane.OLDEST]
    assert "at random" in words[Lane.AUDIT]
    assert words[Lane.RANKED] == "By rank: standard."


def test_a_spent_budget_leaves_the_item_to_another_reviewer() -> None:
    them = [item(1, Level.HIGH, burden=3), item(2, burden=1), item(3, Level.BULK, burden=3)]
    places = arrange(them, AT, TABLE, Random(0), exposure=Exposure(burden_left=2))
    assert [(p.key, p.for_other) for p in places] == [(2, False), (1, True), (3, True)]
    assert "keeps its place for another" in places[1].says


def test_no_two_heavy_items_in_a_row_when_the_queue_allows() -> None:
    queue = Queue(TABLE.lanes, [item(1, Level.HIGH, burden=3), item(2, Level.HIGH, burden=3), item(3)])
    budget = Exposure(no_two_heavy=True)
    order = []
    for _ in range(3):
        taken = queue.take(Random(0), budget)
        assert taken is not None
        order.append(taken[0].key)
        budget = budget.after(taken[0].burden)
    assert order == [1, 3, 2]


@pytest.mark.parametrize("burden", [0, MAX_BURDEN + 1])
def test_a_burden_outside_its_range_is_refused(burden: int) -> None:
    with pytest.raises(InputError, match="cannot be a burden"):
        item(1, burden=burden)
    assert item(1, burden=MAX_BURDEN).burden == MAX_BURDEN


def test_an_item_waits_once_and_leaves_once() -> None:
    queue = Queue(TABLE.lanes, [item(1)])
    with pytest.raises(InputError, match="waits already"):
        queue.add(item(1, Level.HIGH))
    queue.remove(1)
    with pytest.raises(StateError, match="does not wait"):
        queue.remove(1)
    assert queue.take(Random(0)) is None


@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "take"]), st.integers(0, 6), st.sampled_from(Level))))
def test_the_queue_agrees_with_a_plain_list(acts: list[tuple[str, int, Level]]) -> None:
    queue, plain, rng = Queue(TABLE.lanes), dict[int, Waiting](), Random(0)
    for minute, (act, key, level) in enumerate(acts):
        if act == "add" and key not in plain:
            plain[key] = item(key, level, order=minute % 3, minutes=minute, burden=1 + minute % 2)
            queue.add(plain[key])
        elif act == "remove" and key in plain:
            assert queue.remove(key) == plain.pop(key)
        elif act == "take":
            first = min(plain.values(), key=lambda w: w.rank, default=None)
            oldest = min(plain.values(), key=lambda w: w.age, default=None)
            taken = queue.take(rng)
            if taken is None:
                assert first is None
                continue
            got, lane = taken
            if lane in (Lane.IMMEDIATE, Lane.RANKED):
                assert got == first
            if lane is Lane.OLDEST:
                assert got == oldest
            del plain[got.key]
        assert len(queue) == len(plain)
        assert {w.key for w in queue} == set(plain)


def test_moving_one_item_again_and_again_does_not_grow_the_queue() -> None:
    queue = Queue(TABLE.lanes, [item(0)])
    for order in range(5000):
        queue.remove(0)
        queue.add(item(0, order=order))
    assert all(len(s.ranked) < 2000 and len(s.by_age) < 2000 for s in queue._shelves.values())
    taken = queue.take(Random(0))
    assert taken is not None
    assert taken[0].order == 4999


def test_received_may_lie_in_the_future_of_a_slow_clock() -> None:
    (place,) = arrange([item(1, minutes=10)], AT, TABLE, Random(0))
    assert place.waited == timedelta(0)


def test_now_needs_its_zone() -> None:
    with pytest.raises(InputError, match="no zone"):
        arrange([], datetime(2026, 3, 1), TABLE, Random(0))  # noqa: DTZ001


def _overloaded(count: int) -> list[Waiting]:
    """So many immediate items of one order, and as many others that came before them."""
    urgent = [item(key, Level.IMMEDIATE) for key in range(count, 2 * count)]
    return [item(key) for key in range(count)] + urgent


def test_in_an_overload_of_what_is_immediate_every_second_turn_is_for_the_newest_and_one_in_eight_for_others() -> None:
    count = OVERLOAD + 40
    queue = Queue(TABLE.lanes, _overloaded(count))
    taken = [queue.take(Random(0)) for _ in range(2 * ONE_IN)]
    keys = [one[0].key - count for one in taken if one and one[1] is Lane.IMMEDIATE]
    others = [place for place, one in enumerate(taken) if one and one[1] is not Lane.IMMEDIATE]
    assert others == [ONE_IN - 1, 2 * ONE_IN - 1]
    last = count - 1
    assert keys == [0, last, 1, last - 1, 2, last - 2, 3, last - 3, 4, last - 4, 5, last - 5, 6, last - 6]
    assert (queue.urgent, queue.turn) == (2 * ONE_IN, 2)


def test_in_an_overload_what_can_be_faked_in_masses_does_not_stand_before_what_is_rare() -> None:
    """Two thousand faked threats, of higher order than the one call that came before most of them."""
    flood = [item(key, Level.IMMEDIATE, order=90, cause="facts.threat") for key in range(2000)]
    queue = Queue(TABLE.lanes, [*flood, item(3000, Level.IMMEDIATE, order=50, minutes=9, cause="facts.live")])
    taken = [queue.take(Random(0)) for _ in range(3)]
    assert 3000 in [one[0].key for one in taken if one]


@given(st.sets(st.sampled_from("abcdefg"), min_size=1), st.integers(0, 500))
def test_in_an_overload_the_turns_go_round_the_causes(causes: set[str], start: int) -> None:
    rounds = 2 * len(causes) * ONE_IN // (ONE_IN - 1) + 3
    turns = [urgent_turn(start + each, OVERLOAD + 1, causes) for each in range(rounds)]
    served = {(turn.cause, turn.newest) for turn in turns if not turn.others}
    assert served == {(cause, newest) for cause in causes for newest in (False, True)}
    assert urgent_turn(start, OVERLOAD, causes) == UrgentTurn()


@given(st.integers(0, 300), st.integers(0, 40))
def test_of_a_crowd_every_second_turn_by_rank_takes_the_newest(start: int, older: int) -> None:
    """A flood of one rank holds up those who came with it, and not whoever comes after it."""
    crowd = [item(key, order=40) for key in range(OVERLOAD + 200)]
    queue = Queue(TABLE.lanes, crowd, turn=start)
    for turn in range(older):
        queue.take(Random(turn))
    queue.add(item(9000, order=1))
    lanes = []
    while 9000 in queue:
        taken = queue.take(Random(1))
        assert taken is not None
        lanes.append(taken[1])
    assert len(lanes) <= 6
    queue.add(item(9001, Level.HIGH, order=0))
    taken = queue.take(Random(1))
    assert taken is not None
    assert taken[1] in (Lane.RANKED, Lane.AUDIT)


def test_no_crowd_goes_by_rank_alone() -> None:
    queue = Queue(TABLE.lanes, [item(key, order=key) for key in range(OVERLOAD)])
    lanes = [one[1] for one in (queue.take(Random(0)) for _ in range(OVERLOAD)) if one]
    assert Lane.NEWEST not in lanes


def test_without_an_overload_they_go_by_rank() -> None:
    queue = Queue(TABLE.lanes, _overloaded(OVERLOAD))
    keys = [one[0].key for one in (queue.take(Random(0)) for _ in range(OVERLOAD)) if one]
    assert keys == list(range(OVERLOAD, 2 * OVERLOAD))


def test_an_overload_in_which_nobody_else_waits_loses_no_turn() -> None:
    queue = Queue(TABLE.lanes, [item(key, Level.IMMEDIATE) for key in range(OVERLOAD + 30)])
    taken = [queue.take(Random(0)) for _ in range(OVERLOAD + 30)]
    assert len({one[0].key for one in taken if one}) == OVERLOAD + 30
    assert queue.take(Random(0)) is None


@pytest.mark.parametrize(("older", "each"), [(0, 2), (17, 2), (3, 5)])
def test_the_bound_holds_in_a_flood_of_what_calls_itself_immediate(older: int, each: int) -> None:
    """More immediate items come in than reviews are made, for ever: the others still have a bound."""
    queue = Queue(TABLE.lanes, [item(key) for key in range(older + 1)])
    bound = longest_wait(older, TABLE.lanes, reviews_per_hour=1, immediate_per_hour=each)
    assert bound.hours is not None
    reviews = 0
    while older in queue:
        for number in range(each):
            queue.add(item(1000 + reviews * each + number, Level.IMMEDIATE))
        queue.take(Random(reviews))
        reviews += 1
        assert reviews <= bound.hours + ONE_IN


def test_no_collection_walks_over_what_a_settled_queue_holds() -> None:
    queue = Queue(TABLE.lanes, [item(key) for key in range(1000)])
    before = gc.get_freeze_count()
    try:
        queue.settle()
        assert gc.get_freeze_count() >= before + 1000
        assert queue.take(Random(0)) is not None
    finally:
        gc.unfreeze()
