"""The audit's interval against exact sums, and its words."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError
from firstlight.triage import PriorityTable, clopper_pearson, drawn_for_recheck, hidden_in_the_rest
from firstlight.triage.audit import incomplete_beta


def at_least(found: int, of: int, share: float) -> float:
    """P(X >= found) of a binomial, summed exactly."""
    p = Fraction(share)
    return float(sum(comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(found, of + 1)))


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.9, 0.95]))
def test_the_interval_is_where_the_exact_tails_reach_the_level(sample: tuple[int, int], confidence: float) -> None:
    found, of = sample
    low, high = clopper_pearson(found, of, confidence=confidence)
    tail = (1 - confidence) / 2
    assert 0 <= low <= found / of <= high <= 1
    if found:
        assert at_least(found, of, low) == pytest.approx(tail, rel=1e-9)
    if found < of:
        assert 1 - at_least(found + 1, of, high) == pytest.approx(tail, rel=1e-9)


def test_none_found_in_three_hundred_still_leaves_about_one_in_eighty() -> None:
    low, high = clopper_pearson(0, 300)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 300))


def test_a_large_sample_converges() -> None:
    low, high = clopper_pearson(50_000, 1_000_000)
    assert 0.0495 < low < 0.05 < high < 0.0505


@given(st.floats(0.5, 500), st.floats(0.5, 500), st.floats(0, 1))
def test_the_incomplete_beta_is_a_distribution(a: float, b: float, x: float) -> None:
    value = incomplete_beta(a, b, x)
    assert 0 <= value <= 1
    assert value + incomplete_beta(b, a, 1 - x) == pytest.approx(1, abs=1e-9)


def test_the_estimate_in_words() -> None:
    estimate = hidden_in_the_rest(300, 3, 10_000)
    assert (estimate.hidden_low, estimate.hidden, estimate.hidden_high) == (20, 100, 290)
    assert "about 100 like them; with 95% confidence 20 to 290" in estimate.says


def test_no_sample_says_that_nobody_knows() -> None:
    estimate = hidden_in_the_rest(0, 0, 500)
    assert (estimate.hidden_low, estimate.hidden_high) == (0, 500)
    assert "nobody knows" in estimate.says


@pytest.mark.parametrize(("found", "of"), [(2, 1), (-1, 1)])
def test_what_cannot_be_a_sample_is_refused(found: int, of: int) -> None:
    with pytest.raises(InputError, match="cannot be"):
        clopper_pearson(found, of)


def test_other_impossible_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="no confidence"):
        clopper_pearson(1, 2, confidence=1)
    with pytest.raises(InputError, match="negative"):
        hidden_in_the_rest(1, 0, -1)


def test_lowered_items_are_drawn_for_a_second_blind_look() -> None:
    table = PriorityTable.load()
    assert drawn_for_recheck([], table, Random(0)) == ()
    assert len(drawn_for_recheck([7], table, Random(0))) == 1
    drawn = drawn_for_recheck(range(1000), table, Random(0))
    assert len(set(drawn)) == 50
    assert drawn == drawn_for_recheck(range(1000)[::-1], table, Random(0))
