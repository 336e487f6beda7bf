"""The forecast of a backlog."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError
from firstlight.triage import forecast


def test_a_backlog_that_shrinks() -> None:
    told = forecast(120, arrivals_per_hour=60, reviewers=6, reviews_each_per_hour=12)
    assert (told.wait_hours, told.clear_hours, told.ahead_hours) == (None, 10.0, 120 / 72)
    assert (told.reviewers_to_hold, told.reviewers_to_clear) == (5, 6)
    assert "cleared in about 10.0 h" in told.says


def test_a_flood_that_grows_says_what_would_clear_it() -> None:
    told = forecast(10_000, arrivals_per_hour=900, reviewers=6, reviews_each_per_hour=12)
    assert told.clear_hours is None
    assert told.backlog_tomorrow == 10_000 + 24 * 828
    assert (told.reviewers_to_hold, told.reviewers_to_clear) == (75, 110)
    assert (told.steady, told.wait_hours, told.ahead_hours) == (False, None, 10_000 / 72)
    assert "The backlog grows: in 24 h it will be about 29872. No mean wait can be told" in told.says
    assert "138.9 h of work are ahead of what comes in now, and 414.9 h of what comes in tomorrow" in told.says
    assert "Nothing is dropped" in told.says


def test_little_s_law_is_for_a_steady_queue_alone() -> None:
    told = forecast(144, arrivals_per_hour=72, reviewers=6, reviews_each_per_hour=12)
    assert (told.steady, told.wait_hours, told.clear_hours) == (True, 2.0, None)
    assert "stays about as it is" in told.says
    assert "The mean wait is 2.0 h." in told.says


def test_nobody_reviews() -> None:
    told = forecast(5, arrivals_per_hour=1, reviewers=0, reviews_each_per_hour=12)
    assert (told.ahead_hours, told.backlog_tomorrow) == (None, 29)
    assert "nobody looks at anything" in told.says


@given(st.integers(1, 2000), st.floats(1, 50), st.integers(1, 4), st.floats(1, 20))
def test_the_forecast_is_what_a_queue_does(backlog: int, arrivals: float, reviewers: int, each: float) -> None:
    told = forecast(backlog, arrivals_per_hour=arrivals, reviewers=reviewers, reviews_each_per_hour=each)
    waiting, hours = float(backlog), 0.0
    while hours < 24 and waiting > 0:
        waiting += (arrivals - reviewers * each) / 60
        hours += 1 / 60
    assert abs(max(0.0, waiting) - told.backlog_tomorrow) <= abs(arrivals - reviewers * each) / 30 + 1e-6
    if waiting <= 0:
        assert told.clear_hours is not None
        assert abs(told.clear_hours - hours) <= 1 / 30


def test_an_empty_queue_is_clear() -> None:
    assert forecast(0, arrivals_per_hour=0, reviewers=0, reviews_each_per_hour=12).clear_hours == 0


@given(st.integers(0, 10**6), st.just(0.0) | st.floats(1e-6, 1e4), st.integers(0, 500), st.floats(0.1, 100))
def test_the_reviewers_it_names_would_do(backlog: int, arrivals: float, reviewers: int, each: float) -> None:
    told = forecast(backlog, arrivals_per_hour=arrivals, reviewers=reviewers, reviews_each_per_hour=each)
    enough = forecast(
        backlog, arrivals_per_hour=arrivals, reviewers=told.reviewers_to_clear, reviews_each_per_hour=each
    )
    if backlog:
        assert enough.clear_hours is not None
        assert enough.clear_hours <= 24 * (1 + 1e-6)
    assert told.reviewers_to_hold * each >= arrivals * (1 - 1e-9)


@pytest.mark.parametrize(
    "bad", [{"backlog": -1}, {"reviewers": -1}, {"reviews_each_per_hour": 0}, {"arrivals_per_hour": float("inf")}]
)
def test_impossible_numbers_are_refused(bad: dict[str, float]) -> None:
    numbers = {"backlog": 1, "arrivals_per_hour": 1, "reviewers": 1, "reviews_each_per_hour": 1} | bad
    with pytest.raises(InputError, match="cannot be a queue"):
        forecast(int(numbers.pop("backlog")), **numbers)  # type: ignore[arg-type]
