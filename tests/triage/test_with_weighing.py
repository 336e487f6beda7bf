"""The laws of priority over verdicts as the origin room weighs them, and not as this room's helpers imagine it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.origin.indicator import Indicator
from firstlight.origin.verdict import Verdict
from firstlight.triage import Confirmation, Context, PriorityTable, prioritise
from triage.cases import built, cases, confirmation, contexts, forged_synthetic

weighing = pytest.importorskip("firstlight.origin.weighing")
TABLE = PriorityTable.load()


def weighed(case: dict[str, Any], extra: Iterable[Indicator] = ()) -> Verdict:
    verdict = built(case, extra)
    return verdict.model_copy(update={"origin": weighing.weigh(verdict.indicators).stands})


@given(cases, contexts, st.lists(forged_synthetic, max_size=6), st.none() | st.just(confirmation()))
def test_forged_marks_of_a_machine_change_neither_level_nor_order(
    case: dict[str, Any], context: Context, forged: list[Indicator], confirmed: Confirmation | None
) -> None:
    without = prioritise(weighed(case), context, TABLE, confirmed)
    stamped = prioritise(weighed(case, forged), context, TABLE, confirmed)
    assert (stamped.level, stamped.order, stamped.lowered_by) == (without.level, without.order, without.lowered_by)
    assert bool(stamped.raising) == bool(without.raising)


@given(cases, contexts)
def test_nothing_is_lowered_that_weighing_would_not_let_be_lowered(case: dict[str, Any], context: Context) -> None:
    verdict = weighed(case)
    if prioritise(verdict, context, TABLE, confirmation()).lowered_by is not None:
        assert weighing.weigh(verdict.indicators).may_lower
