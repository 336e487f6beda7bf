"""The vocabulary of context facts."""

from __future__ import annotations

import pytest
from hypothesis import given

from firstlight.errors import InputError, RefusedError
from firstlight.triage import FACTS, Context, ContextFact, Stater
from triage.cases import contexts


def test_every_fact_has_a_meaning_and_somebody_who_may_state_it() -> None:
    assert set(FACTS) == set(ContextFact)
    for fact, meaning in FACTS.items():
        assert meaning.says.endswith("."), fact
        assert meaning.stated_by, fact


def test_a_context_is_a_set_with_one_text() -> None:
    one = Context.stated(["threat", "live", "threat"])
    other = Context(facts=(ContextFact.LIVE, ContextFact.THREAT))
    assert one == other
    assert ContextFact.LIVE in one
    assert Context.model_validate_json(one.model_dump_json()) == one


def test_a_word_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="'urgent' is no context fact") as e:
        Context.stated(["urgent"])
    assert "contact_with_minor" in e.value.diagnostics().hint


def test_a_fact_from_somebody_who_may_not_state_it_is_refused() -> None:
    with pytest.raises(RefusedError, match="prior_reports cannot be stated by the reporter") as e:
        Context.stated(["prior_reports"], by=Stater.REPORTER)
    assert "authority, service, staff" in e.value.diagnostics().hint


@given(contexts, contexts)
def test_joining_contexts_loses_no_fact(one: Context, other: Context) -> None:
    assert set((one | other).facts) == set(one.facts) | set(other.facts)
