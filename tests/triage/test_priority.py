"""The laws of priority, over arbitrary evidence and contexts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.origin import INCOMPLETE, NOT_HERE, WORDS_ALONE
from firstlight.origin.indicator import Binding, Claim, Family, Indicator
from firstlight.triage import Confirmation, Context, ContextFact, Priority, PriorityTable, prioritise
from firstlight.values import BankPurpose, ErrorNote, Level
from triage.cases import (
    any_indicator,
    built,
    cases,
    confirmation,
    contexts,
    forged_synthetic,
    indicator,
    match,
    verdict,
)

TABLE = PriorityTable.load()
NOTHING = Context()
LOG = indicator(Claim.SYNTHETIC, 2, 4.5, Family.GENERATOR_LOG, Binding.BYTES, "log")
SIGNED = indicator(Claim.SYNTHETIC, 2, 3.5, Family.C2PA, Binding.BYTES, "signed")
ASSESSED = indicator(Claim.KNOWN_SYNTHETIC, 3, 4.5, Family.AUTHORITY, Binding.BYTES, "assessed")


@given(cases, contexts, st.lists(forged_synthetic, max_size=8), st.none() | st.just(confirmation()))
def test_forged_marks_of_a_machine_change_neither_level_nor_order(
    case: dict[str, Any], context: Context, forged: list[Indicator], confirmed: Confirmation | None
) -> None:
    without = prioritise(built(case), context, TABLE, confirmed)
    stamped = prioritise(built(case, forged), context, TABLE, confirmed)
    assert (stamped.level, stamped.order, stamped.lowered_by) == (without.level, without.order, without.lowered_by)


@given(cases, contexts, st.lists(any_indicator, max_size=8))
def test_no_evidence_at_all_lowers_without_a_person(
    case: dict[str, Any], context: Context, more: list[Indicator]
) -> None:
    before = prioritise(built(case), context, TABLE)
    after = prioritise(built(case, more), context, TABLE)
    assert after.sort_key <= before.sort_key
    assert after.lowered_by is None


@given(cases, contexts, contexts)
def test_no_fact_lowers(case: dict[str, Any], context: Context, more: Context) -> None:
    assert prioritise(built(case), context | more, TABLE).sort_key <= prioritise(built(case), context, TABLE).sort_key


@given(cases, contexts)
def test_a_person_lowers_by_one_step_at_most_and_never_what_speaks_for_a_child(
    case: dict[str, Any], context: Context
) -> None:
    before = prioritise(built(case), context, TABLE)
    after = prioritise(built(case), context, TABLE, confirmation())
    assert after.level.rank - before.level.rank in (0, 1)
    assert after.order == before.order
    if after.lowered_by is None:
        assert after.level is before.level
    else:
        assert before.level is Level.STANDARD
        assert not before.raising
        assert not case["unreadable"]


@given(cases, contexts)
def test_without_a_named_person_nothing_is_below_standard(case: dict[str, Any], context: Context) -> None:
    assert prioritise(built(case), context, TABLE).level.rank <= Level.STANDARD.rank


@given(cases, contexts, st.randoms())
def test_the_order_in_which_evidence_was_found_means_nothing(case: dict[str, Any], context: Context, rng: Any) -> None:
    shuffled = list(case["indicators"])
    rng.shuffle(shuffled)
    one = prioritise(built(case), context, TABLE)
    other = prioritise(built(case | {"indicators": shuffled}), context, TABLE)
    assert (one.level, one.order, one.raising) == (other.level, other.order, other.raising)


@given(cases, contexts, any_indicator, st.integers(2, 5))
def test_repeating_a_sign_moves_nothing(case: dict[str, Any], context: Context, sign: Indicator, times: int) -> None:
    once = prioritise(built(case, [sign]), context, TABLE)
    often = prioritise(built(case, [sign] * times), context, TABLE)
    assert once.sort_key == often.sort_key


@given(cases, contexts, st.none() | st.just(confirmation()))
def test_a_priority_is_one_document_that_comes_back_from_its_json(
    case: dict[str, Any], context: Context, confirmed: Confirmation | None
) -> None:
    priority = prioritise(built(case), context, TABLE, confirmed)
    assert Priority.from_json(priority.to_json()) == priority
    assert (priority.table_version, priority.table_sha256) == (TABLE.version, TABLE.sha256)


def level(*signs: Indicator, context: Context = NOTHING, confirmed: Confirmation | None = None, **rest: Any) -> Level:
    return prioritise(verdict(signs, **rest), context, TABLE, confirmed).level


def test_unknown_is_real() -> None:
    priority = prioritise(verdict(), NOTHING, TABLE)
    assert priority.level is Level.STANDARD
    assert "counts as a real child" in "\n".join(priority.reasons.lines())


@pytest.mark.parametrize(
    "signs",
    [
        [indicator(Claim.PHOTO_DERIVED, 0, 0.1)],
        [indicator(Claim.KNOWN_CHILD, 3, 4.5, Family.AUTHORITY)],
        [indicator(Claim.CONFLICT, 0, 1.0)],
        [indicator(Claim.CAMERA, 2, 3.5, Family.C2PA)],
        [indicator(Claim.CAMERA, 2, 3.5, Family.C2PA), indicator(Claim.SYNTHETIC, 0)],
    ],
)
def test_what_speaks_for_a_real_child_raises(signs: list[Indicator]) -> None:
    assert level(*signs) is Level.HIGH
    assert prioritise(verdict(signs), NOTHING, TABLE).raising


def test_known_child_raises_most() -> None:
    known = prioritise(verdict([indicator(Claim.KNOWN_CHILD, 3, 4.5)]), NOTHING, TABLE)
    for claim in (Claim.PHOTO_DERIVED, Claim.CAMERA, Claim.CONFLICT):
        other = prioritise(verdict([indicator(claim, 3, 6.0)]), NOTHING, TABLE)
        assert known.sort_key < other.sort_key


def test_a_camera_stamp_that_anyone_can_set_raises_nothing() -> None:
    assert prioritise(verdict([indicator(Claim.CAMERA, 1, 3.0)]), NOTHING, TABLE).sort_key == (
        prioritise(verdict(), NOTHING, TABLE).sort_key
    )


def test_a_match_raises_even_when_no_indicator_was_made_of_it() -> None:
    assert level(matches=[match()]) is Level.HIGH
    assert level(matches=[match(vetoed_by="ours")]) is Level.STANDARD
    assert level(matches=[match(BankPurpose.KNOWN_AI)]) is Level.STANDARD


@given(cases, contexts)
def test_a_document_from_before_there_were_causes_tells_its_own(case: dict[str, Any], context: Context) -> None:
    now = prioritise(built(case), context, TABLE)
    plain = json.loads(now.to_json())
    del plain["cause"]
    assert Priority.from_json(json.dumps(plain)).asked_by == now.cause == now.asked_by != ""


def test_what_could_not_be_opened_goes_to_a_person() -> None:
    priority = prioritise(verdict(unreadable=True), NOTHING, TABLE)
    assert priority.level.rank <= Level.STANDARD.rank
    assert priority.order > prioritise(verdict(), NOTHING, TABLE).order
    words = "\n".join(priority.reasons.lines())
    assert "The picture ends early." in words
    assert "It could not be opened" in words


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (INCOMPLETE, "It was not seen whole:"),
        (NOT_HERE, "The file itself is not here:"),
        (WORDS_ALONE, "It holds words and no picture:"),
    ],
)
def test_what_is_not_here_or_was_seen_in_part_is_not_called_broken(code: str, says: str) -> None:
    seen = verdict().model_copy(update={"unreadable": ErrorNote(code=code, message="Because.")})
    priority = prioritise(seen, NOTHING, TABLE)
    words = "\n".join(priority.reasons.lines())
    assert says in words
    assert "could not be opened" not in words
    assert priority.order == prioritise(verdict(unreadable=True), NOTHING, TABLE).order


def test_a_child_in_danger_now_is_immediate() -> None:
    assert level(context=Context(facts=(ContextFact.LIVE,))) is Level.IMMEDIATE


@pytest.mark.parametrize("signs", [[LOG, SIGNED], [ASSESSED]])
def test_hard_records_and_a_named_person_lower_by_one_step(signs: list[Indicator]) -> None:
    priority = prioritise(verdict(signs), NOTHING, TABLE, confirmation())
    assert priority.level is Level.BULK
    assert priority.lowered_by is not None
    assert priority.lowered_by.by == "R. Example"
    assert "R. Example" in "\n".join(priority.reasons.lines())
    assert level(*signs) is Level.STANDARD, "nothing falls without a person"


ALIKE = indicator(Claim.KNOWN_SYNTHETIC, 3, 4.5, Family.AUTHORITY, Binding.PIXELS)


@pytest.mark.parametrize(
    ("signs", "rest", "why"),
    [
        ([LOG], {}, "fewer than 2 independent kinds"),
        ([LOG, LOG], {}, "fewer than 2 independent kinds"),
        ([SIGNED, indicator(Claim.SYNTHETIC, 2, 3.5, Family.LEARNED)], {}, "fewer than 2"),
        ([SIGNED, indicator(Claim.SYNTHETIC, 2, 2.9, Family.GENERATOR_LOG)], {}, "fewer than 2"),
        ([SIGNED, indicator(Claim.SYNTHETIC, 1, 4.0, Family.GENERATOR_LOG)], {}, "fewer than 2"),
        ([ALIKE], {}, "no record of the authority for exactly these bytes"),
        ([ASSESSED, indicator(Claim.PHOTO_DERIVED, 0, 0.0)], {}, "contrary evidence: photo_derived"),
        ([ASSESSED, indicator(Claim.CAMERA, 0, 0.4)], {}, "contrary evidence: camera"),
        ([ASSESSED, indicator(Claim.EDITED, 0, 0.4)], {}, "contrary evidence: edited"),
        ([ASSESSED], {"unreadable": True}, "contrary evidence: unreadable"),
        ([ASSESSED], {"matches": [match(exact=False, vetoed_by="ours")]}, "match in one"),
        ([ASSESSED], {"sha256": "cd" * 32}, "for another file"),
    ],
)
def test_a_person_alone_lowers_nothing(signs: list[Indicator], rest: dict[str, Any], why: str) -> None:
    before = prioritise(verdict(signs, **rest), NOTHING, TABLE)
    after = prioritise(verdict(signs, **rest), NOTHING, TABLE, confirmation())
    assert after.sort_key == before.sort_key
    assert after.lowered_by is None
    assert why in "\n".join(after.reasons.lines())


def test_what_the_service_states_holds_whoever_made_the_picture() -> None:
    context = Context(facts=(ContextFact.PRIOR_REPORTS,))
    priority = prioritise(verdict([ASSESSED]), context, TABLE, confirmation())
    assert priority.level is Level.HIGH
    assert "holds the level" in "\n".join(priority.reasons.lines())


@pytest.mark.parametrize(
    ("signs", "counts"),
    [
        ([indicator(Claim.SYNTHETIC, 0), indicator(Claim.CAMERA, 1, 3.5)], False),
        ([indicator(Claim.SYNTHETIC, 1, 3.0), indicator(Claim.CAMERA, 0)], False),
        ([indicator(Claim.SYNTHETIC, 0), indicator(Claim.CAMERA, 2, 3.5)], True),
        ([indicator(Claim.SYNTHETIC, 2, 3.5), indicator(Claim.CAMERA, 1, 3.5)], True),
        ([indicator(Claim.CONFLICT, 0)], True),
    ],
)
def test_a_conflict_of_two_plantable_marks_is_a_lead(signs: list[Indicator], counts: bool) -> None:
    priority = prioritise(verdict(signs), NOTHING, TABLE)
    assert (priority.level is Level.HIGH) is counts
    assert (Claim.CONFLICT in priority.raising) is counts
    assert ("an uploader could have put it there." in "\n".join(priority.reasons.lines())) is not counts


def test_a_stamp_on_known_material_adds_nothing() -> None:
    known = indicator(Claim.KNOWN_CHILD, 3, 4.5, Family.AUTHORITY)
    stamped = prioritise(verdict([known, indicator(Claim.SYNTHETIC, 0)]), NOTHING, TABLE)
    assert stamped.sort_key == prioritise(verdict([known]), NOTHING, TABLE).sort_key


def test_leads_are_told_so_that_nobody_thinks_they_were_overlooked() -> None:
    lines = prioritise(verdict([indicator(Claim.SYNTHETIC)]), NOTHING, TABLE).reasons.lines()
    assert any("kept as leads; they move nothing" in line for line in lines)
    assert any("A note in the file says synthetic." in line for line in lines)


def test_a_tie_is_not_broken_by_anything_in_the_file() -> None:
    one = prioritise(verdict(sha256="00" * 32), NOTHING, TABLE)
    other = prioritise(verdict(sha256="ff" * 32), NOTHING, TABLE)
    assert one.sort_key == other.sort_key
