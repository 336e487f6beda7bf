"""How hard a picture is expected to be to look at: known from lists and earlier decisions, before anybody looks.

Severity decides who may be shown an item and how often, never how soon somebody is: a queue that put the hard ones
last would put the children in them last. Unknown is `ordinary`, which is the reviewer's everyday and not harmless; what
a decision says of it counts from then on, also for what was seen before.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from firstlight.cybertip.drafting.facts import FileSign
from firstlight.cybertip.model.codes import IndustryClassification
from firstlight.origin import Verdict
from firstlight.values import BankPurpose

SEVERE_CATEGORIES = frozenset({"a1", "b1"})
"""Categories of lists that mean severe unless the organisation names its own: the industry's classes with a sex act.
Compared without regard to case."""


class Severity(StrEnum):
    """How hard it is to look at."""

    ORDINARY = "ordinary"
    HEAVY = "heavy"
    SEVERE = "severe"

    @property
    def burden(self) -> int:
        """1 for ordinary, 3 for severe: as the tables and the queue keep it."""
        return list(Severity).index(self) + 1

    @classmethod
    def of(cls, burden: int) -> Severity:
        """The severity that the tables keep as this number."""
        return list(cls)[burden - 1]


_SEVERE_SIGNS = frozenset({FileSign.PHYSICAL_HARM, FileSign.GORE, FileSign.ANIMALS, FileSign.INFANT})
_SEVERE_CLASSES = frozenset({IndustryClassification.A1, IndustryClassification.B1})


def expected(verdict: Verdict, severe_categories: Collection[str] = SEVERE_CATEGORIES) -> Severity:
    """What the matches say: severe for a listed category that means it, heavy for any other listed picture."""
    listed = [m for m in verdict.matches if m.counts and m.purpose in (BankPurpose.KNOWN, BankPurpose.NCII)]
    severe = {word.casefold() for word in severe_categories}
    if any(category.casefold() in severe for match in listed for category in match.categories):
        return Severity.SEVERE
    return Severity.HEAVY if listed else Severity.ORDINARY


def decided(classification: IndustryClassification | None, signs: Collection[FileSign]) -> Severity:
    """What a person's conclusion says; violence counts as severe whatever the class."""
    if classification in _SEVERE_CLASSES or _SEVERE_SIGNS.intersection(signs):
        return Severity.SEVERE
    return Severity.HEAVY if classification is not None else Severity.ORDINARY
