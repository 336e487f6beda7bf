"""Trying rules before they are armed: how often they would disturb ordinary prompts, and what they miss.

Rules are armed only on the word of such a trial on the operator's own benign prompts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib import resources
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from firstlight.errors import InputError, RefusedError
from firstlight.gate.matching import TermRules, outcome_of
from firstlight.gate.rules import Outcome
from firstlight.triage import clopper_pearson
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned

MAX_FALSE_ALARMS: Final = 0.01
"""The share of benign prompts that armed rules may disturb, at the upper end of its 95 % interval: people switch off
what disturbs them more often."""

MOST_PLACES: Final = 200
"""Places of false alarms and misses that a trial names; it counts all of them."""

Share = Annotated[float, Field(ge=0, le=1)]


class RuleCount(Value):
    """How many benign prompts one rule would have stopped or put before a person."""

    rule: str
    blocked: int
    reviewed: int


class RulesTrial(Document):
    """What became of a trial. Prompts are named by their line; none of their words is kept."""

    title_for_people: ClassVar[str] = "trial of gate rules"

    kind: Literal["gate-rules-trial"] = "gate-rules-trial"
    version: Versioned = 1
    rules_sha256: Sha256Hex
    at: Instant
    benign: int
    blocked: int
    reviewed: int
    share: Share
    share_low: Share
    share_high: Share
    by_rule: tuple[RuleCount, ...]
    false_alarms: tuple[int, ...]
    ordinary: int
    ordinary_alarms: tuple[int, ...]
    examples: int
    missed: tuple[int, ...]

    def objections(self, limit: float = MAX_FALSE_ALARMS) -> tuple[str, ...]:
        """Why the rules must not be armed; nothing when they may."""
        out = []
        if self.share_high > limit:
            out.append(
                f"{self.blocked + self.reviewed} of {self.benign} benign prompts would be disturbed: up to "
                f"{self.share_high:.2%} at 95 % confidence, and {limit:.2%} is the limit"
                + (f" (with none disturbed, {enough(limit)} prompts are enough to tell)" if not self.share else "")
            )
        if self.ordinary_alarms:
            out.append(f"{len(self.ordinary_alarms)} of {self.ordinary} ordinary sentences would be disturbed")
        return tuple(out)


def try_rules(rules: TermRules, benign: Iterable[str], examples: Iterable[str], *, at: datetime) -> RulesTrial:
    """Run the rules over the operator's benign prompts, the ordinary sentences, and examples that must not pass.

    Raises:
        InputError: there is no benign prompt.
        LimitError: a prompt is longer than the gate looks at.
    """
    total, alarms, counts, outcomes = 0, [], Counter[tuple[str, Outcome]](), Counter[Outcome]()
    for total, prompt in enumerate(benign, 1):
        hits = rules.match(prompt)
        if hits:
            alarms.append(total)
            outcomes[outcome_of(hits)] += 1
            counts.update({(hit.rule, hit.outcome) for hit in hits})
    if not total:
        raise InputError("There is no benign prompt to try the rules on.", hint="Give a file with one on each line.")
    low, high = clopper_pearson(len(alarms), total)
    sentences = ordinary_sentences()
    shown = list(examples)
    return RulesTrial(
        rules_sha256=rules.rules.sha256,
        at=at,
        benign=total,
        blocked=outcomes[Outcome.BLOCK],
        reviewed=outcomes[Outcome.REVIEW],
        share=len(alarms) / total,
        share_low=low,
        share_high=high,
        by_rule=tuple(
            RuleCount(rule=rule, blocked=counts[rule, Outcome.BLOCK], reviewed=counts[rule, Outcome.REVIEW])
            for rule in sorted({rule for rule, _ in counts})
        ),
        false_alarms=tuple(alarms[:MOST_PLACES]),
        ordinary=len(sentences),
        ordinary_alarms=_lines(rules, sentences, wanted=True),
        examples=len(shown),
        missed=_lines(rules, shown, wanted=False),
    )


def require_armable(rules: TermRules, trial: RulesTrial, limit: float = MAX_FALSE_ALARMS) -> None:
    """Return if the trial is of these rules and nothing in it forbids to arm them.

    Raises:
        RefusedError: it is of other rules, or the rules disturb too much; the message says what.
    """
    if trial.rules_sha256 != rules.rules.sha256:
        raise RefusedError(
            "These rules were not tried since they were built.", hint="Run `firstlight gate rules test` first."
        )
    objections = trial.objections(limit)
    if objections:
        raise RefusedError(
            f"These rules cannot be armed: {'; '.join(objections)}.",
            hint="Narrow the rules, add exceptions, or try them on more benign prompts.",
        )


def enough(limit: float) -> int:
    """How many benign prompts it takes, none of them disturbed, to tell that the share is below the limit.

    Raises:
        InputError: the limit is no share between 0 and 1.
    """
    if not 0 < limit < 1:
        raise InputError(f"{limit} is no limit.", hint="Give a share between 0 and 1, such as 0.01.")
    low, high = 1, 10_000_000
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if clopper_pearson(0, middle)[1] <= limit else (middle + 1, high)
    return low


def ordinary_sentences() -> tuple[str, ...]:
    """Ordinary prompts and sentences about children, families, medicine, schools, law and news, in several languages.

    No rule may disturb one of them.
    """
    text = resources.files("firstlight.gate").joinpath("ordinary.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def _lines(rules: TermRules, prompts: Sequence[str], *, wanted: bool) -> tuple[int, ...]:
    """The lines of the prompts that some rule speaks to, or of those that none does."""
    found = (number for number, prompt in enumerate(prompts, 1) if bool(rules.match(prompt)) is wanted)
    return tuple(list(found)[:MOST_PLACES])
