"""What a generator can answer for: Safety by Design principle by principle, and the state of its marking duty.

The report says what is in force, by figures of the log and the ledger, and what is missing. It claims nothing that they
do not hold; what only the provider can answer is said to be missing from them, not to be done.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firstlight.errors import Fact
from firstlight.values import Document, Instant, Value, Versioned

Count = Annotated[int, Field(ge=0)]


class Month(Value):
    """What happened in one month, by the log."""

    month: str
    generated: Count = 0
    stopped: Count = 0
    reviewed: Count = 0
    attempts_cases: Count = 0
    pictures_held: Count = 0


class GateFacts(Value):
    """What the home holds about its gate."""

    rules: Count
    rules_false_alarms: float | None
    rules_false_alarms_high: float | None
    banks: Count
    bank_entries: Count
    records: Count
    marked: Count
    watermarked: Count
    with_pictures: Count
    near_inputs: Count
    previews: Count
    anchored: Count
    ledger_holds: bool
    askers: Count
    models_named: Count
    models_with_digest: Count
    screenings: Count
    models_checked: Count
    models_found_wrong: Count
    filings: Count
    by_rule: dict[str, int]
    months: tuple[Month, ...]


class Principle(Value):
    """One principle: what is in force, its figures, and what is missing."""

    stage: Literal["develop", "deploy", "maintain"]
    words: str
    in_force: tuple[str, ...]
    figures: dict[str, Fact] = Field(default_factory=dict)
    missing: tuple[str, ...]


class MarkingState(Value):
    """One part of the marking duty (EU AI Act, Article 50(2), and its code of practice), and whether it stands."""

    part: str
    stands: bool
    says: str


class ConformityReport(Document):
    """The report, with the months as a trend."""

    title_for_people: ClassVar[str] = "conformity report of a generator"

    kind: Literal["gate-conformity"] = "gate-conformity"
    version: Versioned = 1
    at: Instant
    provider: str
    principles: tuple[Principle, ...]
    marking: tuple[MarkingState, ...]
    months: tuple[Month, ...]

    def lines(self) -> list[str]:
        """The report in words, as Markdown."""
        out = [f"# Safety by Design: {self.provider}", "", f"As of {self.at:%Y-%m-%d}, by the log and the ledger.", ""]
        for one in self.principles:
            out += [f"## {one.stage.capitalize()}: {one.words}", ""]
            out += [f"- in force: {text}" for text in one.in_force]
            out += [f"- {name.replace('_', ' ')}: {value}" for name, value in one.figures.items() if value is not None]
            out += [f"- MISSING: {text}" for text in one.missing] + [""]
        out += ["## Marking (EU AI Act, Article 50(2))", ""]
        out += [f"- {'stands' if one.stands else 'MISSING'}: {one.part}: {one.says}" for one in self.marking]
        out += ["", "## By month", "", "| month | generated | stopped | of these reviewed | held | cases of attempts |"]
        out += ["|---|---|---|---|---|---|"]
        out += [
            f"| {m.month} | {m.generated} | {m.stopped} | {m.reviewed} | {m.pictures_held} | {m.attempts_cases} |"
            for m in self.months
        ]
        return out


def conformity(facts: GateFacts, provider: str, at: Instant) -> ConformityReport:
    """The report that these facts carry."""
    return ConformityReport(
        at=at,
        provider=provider,
        principles=(*_develop(facts), *_deploy(facts), *_maintain(facts)),
        marking=_marking(facts),
        months=facts.months,
    )


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})" if whole else "none yet"


def _either(there: object, says: str, lacks: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return ((says,), ()) if there else ((), (lacks,))


def _principle(
    stage: Literal["develop", "deploy", "maintain"],
    words: str,
    parts: list[tuple[tuple[str, ...], tuple[str, ...]]],
    **figures: Fact,
) -> Principle:
    return Principle(
        stage=stage,
        words=words,
        in_force=tuple(text for there, _ in parts for text in there),
        missing=tuple(text for _, lacks in parts for text in lacks),
        figures=figures,
    )


def _develop(facts: GateFacts) -> tuple[Principle, ...]:
    screened = _either(
        facts.screenings,
        "training data was screened against hash lists",
        "no screening of training data stands in this home's log (`firstlight screen`)",
    )
    tried = _either(
        facts.rules_false_alarms is not None,
        "rules are tried on benign prompts before they are armed",
        "no trial of rules stands in this home",
    )
    return (
        _principle(
            "develop",
            "source training data responsibly and safeguard it from abuse material",
            [
                screened,
                _either(
                    facts.models_with_digest,
                    "marks name the digest of the model",
                    "no generation names the digest of its model (`--model NAME=SHA256`)",
                ),
            ],
            screenings=facts.screenings,
        ),
        _principle(
            "develop",
            "feedback loops and iterative stress-testing",
            [tried, ((), ("stress-testing by people, within the law, is recorded elsewhere or not at all",))],
            false_alarms_at_most=None if (most := facts.rules_false_alarms_high) is None else f"{most:.2%}",
        ),
        _principle(
            "develop",
            "content provenance designed with adversarial misuse in mind",
            [
                _either(facts.marked, "what leaves carries signed content credentials", "nothing that left was marked"),
                _either(
                    facts.records and facts.ledger_holds,
                    "what left has a record in the ledger, which agrees with the tamper-evident log",
                    "no record of what leaves, or not as the log has it",
                ),
                *([_anchored(facts)] if facts.records else []),
                _either(facts.askers, "those who may ask get signed answers", "nobody may ask the ledger yet"),
            ],
            marked=_share(facts.marked, facts.records),
            anchored=_share(facts.anchored, facts.records),
            made_from_a_picture=_share(facts.with_pictures, facts.records),
            near_duplicates_of_an_input=facts.near_inputs,
        ),
    )


def _anchored(facts: GateFacts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return _either(
        facts.anchored,
        "records go to that log, a thousand at a time and when the gate stops",
        "no record stands in that log yet: they go there a thousand at a time, and when the gate stops",
    )


def _deploy(facts: GateFacts) -> tuple[Principle, ...]:
    most = max(facts.by_rule.items(), key=lambda one: one[1], default=("none", 0))
    return (
        _principle(
            "deploy",
            "safeguard products from abusive content and conduct",
            [
                _either(facts.rules, "prompts are looked at before anything is generated", "no term rules are armed"),
                _either(
                    facts.bank_entries,
                    "pictures that go in and come out are matched with hash lists",
                    "no hash list is there to match with",
                ),
            ],
            stopped=sum(month.stopped for month in facts.months),
            rules=facts.rules,
            rule_that_spoke_most=f"{most[0]} ({most[1]})",
            hash_lists=facts.banks,
            hash_list_entries=facts.bank_entries,
        ),
        _principle(
            "deploy",
            "host models responsibly",
            [
                _either(
                    facts.models_checked,
                    "models are compared with blocklists of removed models, or with the screenings they rest on",
                    "no check of a model stands in this home's log (`firstlight gate model --blocklist`)",
                ),
            ],
            models=facts.models_named,
            models_checked=facts.models_checked,
            models_found_wrong=facts.models_found_wrong,
        ),
        _principle(
            "deploy",
            "encourage developers to own the safety of what they build",
            [((), ("the provider answers this in words of its own",))],
        ),
    )


def _maintain(facts: GateFacts) -> tuple[Principle, ...]:
    held = sum(month.pictures_held for month in facts.months)
    cases = sum(month.attempts_cases for month in facts.months)
    return (
        _principle(
            "maintain",
            "prevent services from scaling access to harmful tools",
            [((), ("the provider answers this in words of its own",))],
        ),
        _principle(
            "maintain",
            "invest in research and future solutions",
            [((), ("the provider answers this in words of its own",))],
        ),
        _principle(
            "maintain",
            "fight abuse material on platforms",
            [
                _either(
                    held or cases,
                    "what is stopped is held for a person and can be reported",
                    "nothing was held or brought before a person yet",
                )
            ],
            pictures_held=held,
            cases_of_attempts=cases,
            reports_filed=facts.filings,
        ),
    )


def _marking(facts: GateFacts) -> tuple[MarkingState, ...]:
    return (
        MarkingState(
            part="signed metadata",
            stands=facts.records > 0 and facts.marked == facts.records,
            says=f"content credentials on {_share(facts.marked, facts.records)}",
        ),
        MarkingState(
            part="imperceptible watermark",
            stands=facts.records > 0 and facts.watermarked == facts.records,
            says=f"the provider's own program (`--watermark`) on {_share(facts.watermarked, facts.records)}; "
            "how much it withstands is not tested here",
        ),
        MarkingState(
            part="fingerprints or a register",
            stands=facts.records > 0 and facts.ledger_holds,
            says=f"{facts.records} records, {facts.anchored} of them in the custody log",
        ),
        MarkingState(
            part="free detection for everybody",
            stands=False,
            says="`/v1/attest` answers those who have a key; an open detector is the provider's to give",
        ),
    )
