"""What looks at a request: the base that every check shares, and the checks that need nobody else.

A check says `Said`: what it makes of what it saw. It never decides alone; the guard takes the strictest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from firstlight.banks import Library, Match
from firstlight.gate.decision import BankHit
from firstlight.gate.matching import RuleHit, TermRules, outcome_of
from firstlight.gate.pictures import SeenPicture
from firstlight.gate.rules import Outcome, worst
from firstlight.values import BankPurpose, Reason

BUDGET: Final = 2.0
"""Seconds that a check on this machine may take: a hundred times what it takes, so that only a fault exceeds it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The words of a request. `surface` names where they came from, such as `image` or `text`; `seed` is the number
    that the request gave the generator to begin with, for the record."""

    text: str
    negative: str = ""
    surface: str = "image"
    seed: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What a check makes of a request: nothing, or an outcome with its reasons."""

    outcome: Outcome = Outcome.ALLOW
    reasons: tuple[Reason, ...] = ()
    rules: tuple[RuleHit, ...] = ()
    banks: tuple[BankHit, ...] = ()


@runtime_checkable
class PromptCheck(Protocol):
    """Looks at words."""

    name: str
    budget: float

    def check_prompt(self, prompt: Prompt) -> Said:
        """What it makes of a prompt."""
        ...


@runtime_checkable
class PictureCheck(Protocol):
    """Looks at pictures, those that come in and those that go out."""

    name: str
    budget: float

    def check_picture(self, picture: SeenPicture) -> Said:
        """What it makes of a picture."""
        ...


class RulesCheck:
    """The operator's term rules."""

    name = "rules"
    budget = 0.0  # it cannot hang, and a thread would cost more than the check

    def __init__(self, rules: TermRules) -> None:
        self.rules = rules

    def check_prompt(self, prompt: Prompt) -> Said:
        """The strictest of the rules that speak.

        Raises:
            LimitError: the prompt is longer than is looked at.
        """
        hits = self.rules.match(prompt.text, negative=prompt.negative, surface=prompt.surface)
        return Said(outcome_of(hits), tuple(_reason(hit) for hit in hits), rules=hits)


def _reason(hit: RuleHit) -> Reason:
    where = "the negative prompt" if hit.negative else "the prompt"
    forms = ", ".join(form.value for form in hit.forms)
    return Reason(
        rule=f"gate.rules.{hit.rule}",
        says=f"Rule {hit.rule} speaks: its terms stand in {where} within {hit.words} words ({forms}).",
        facts={"rule": hit.rule, "outcome": hit.outcome.value, "forms": forms, "words": hit.words},
    )


class BanksCheck:
    """The operator's banks: the listed bytes are blocked, a near-duplicate of a listed picture is put to a person.

    Turned and mirrored pictures are found as well. A near-duplicate that an `allow` bank vetoes says nothing.
    """

    name = "banks"
    budget = BUDGET

    def __init__(self, library: Library, *, banks: Sequence[str] | None = None) -> None:
        self._library = library
        self._banks = banks

    def check_picture(self, picture: SeenPicture) -> Said:
        """What the banks hold of the picture, and of every key frame of one that moves."""
        found: list[Match] = list(
            self._library.match(picture.digests, picture.hash.pdq, banks=self._banks, any_orientation=picture.turned)
        )
        for frame in picture.frames:
            found += self._library.match(None, frame.pdq, banks=self._banks)
        hits = tuple(dict.fromkeys(_hit(one) for one in found))
        counting = tuple(hit for hit in hits if not hit.vetoed)
        outcome = worst(Outcome.BLOCK if hit.exact else Outcome.REVIEW for hit in counting)
        return Said(outcome, tuple(_of_bank(hit) for hit in hits), banks=hits)


def _hit(match: Match) -> BankHit:
    return BankHit(
        bank=match.bank,
        purpose=match.purpose,
        exact=match.exact,
        distance=match.distance,
        turned=bool(match.orientation),
        vetoed=not match.counts,
    )


_PURPOSES = {
    BankPurpose.KNOWN: "known material",
    BankPurpose.KNOWN_AI: "known machine-made material",
    BankPurpose.NCII: "intimate pictures shared without consent",
    BankPurpose.ALLOW: "pictures that never match",
}


def _of_bank(hit: BankHit) -> Reason:
    how = "holds exactly these bytes" if hit.exact else f"holds a near-duplicate ({hit.distance} of 256 bits)"
    veto = "; another bank says that it is a picture that never matches" if hit.vetoed else ""
    return Reason(
        rule="gate.banks.exact" if hit.exact else "gate.banks.near",
        says=f"The bank {hit.bank} ({_PURPOSES[hit.purpose]}) {how}{veto}.",
        facts={"bank": hit.bank, "purpose": hit.purpose.value, "exact": hit.exact, "distance": hit.distance},
    )
