"""Trying rules: the share they disturb with its interval, what they miss, and when they may be armed."""

from __future__ import annotations

import pytest

from firstlight.clock import FixedClock
from firstlight.errors import InputError, RefusedError
from firstlight.gate.trial import RulesTrial, enough, ordinary_sentences, require_armable, try_rules
from gate.vegetables import SOURCE, rules

BENIGN = [f"a painting of {thing} number {number}" for thing in ("a lake", "a village") for number in range(200)]


def tried(benign: list[str], clock: FixedClock, text: str = SOURCE, examples: tuple[str, ...] = ()) -> RulesTrial:
    return try_rules(rules(text), benign, examples, at=clock.now())


def test_ordinary_sentences_pass(clock: FixedClock) -> None:
    assert len(ordinary_sentences()) > 100
    found = tried(BENIGN, clock)
    assert found.ordinary_alarms == ()
    assert found.ordinary == len(ordinary_sentences())


def test_a_trial_counts_and_names_lines_and_keeps_no_word(clock: FixedClock) -> None:
    benign = [*BENIGN, "carrot in the cellar", "thyme", "carot in the cellar"]
    found = tried(benign, clock, examples=("a carrot in a pantry", "a turnip in a pantry"))
    assert (found.benign, found.blocked, found.reviewed) == (403, 1, 2)
    assert found.false_alarms == (401, 402, 403)
    assert found.share_low < found.share < found.share_high
    assert [(one.rule, one.blocked, one.reviewed) for one in found.by_rule] == [("r1", 1, 1), ("r2", 0, 1)]
    assert found.missed == (2,)
    assert b"cellar" not in found.to_json()


def test_rules_that_disturb_little_may_be_armed(clock: FixedClock) -> None:
    require_armable(rules(), tried(BENIGN, clock))


def test_too_few_prompts_tell_nothing(clock: FixedClock) -> None:
    with pytest.raises(RefusedError, match="368 prompts are enough"):
        require_armable(rules(), tried(BENIGN[:100], clock))
    require_armable(rules(), tried(BENIGN[:368], clock))
    with pytest.raises(InputError):
        tried([], clock)


def test_rules_that_disturb_ordinary_sentences_are_not_armed(clock: FixedClock) -> None:
    text = SOURCE.replace('"thyme"]', '"thyme", "school"]')
    found = tried(BENIGN, clock, text)
    assert found.ordinary_alarms
    with pytest.raises(RefusedError, match="ordinary sentences would be disturbed"):
        require_armable(rules(text), found)


def test_rules_that_disturb_much_are_not_armed(clock: FixedClock) -> None:
    with pytest.raises(RefusedError, match="benign prompts would be disturbed"):
        require_armable(rules(), tried([*BENIGN, *["thyme"] * 5], clock))


def test_a_trial_of_other_rules_arms_nothing(clock: FixedClock) -> None:
    changed = rules(SOURCE.replace("within = 8", "within = 9"))
    with pytest.raises(RefusedError, match="not tried"):
        require_armable(changed, tried(BENIGN, clock))


@pytest.mark.parametrize("limit", [0, 1, -1])
def test_a_limit_is_a_share(limit: float) -> None:
    with pytest.raises(InputError):
        enough(limit)
