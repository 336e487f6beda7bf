"""What a kind of indicator can say, as data.

Each file in `indicators/` holds one `Kind`: its table of statements and nothing about any one picture. The documents
are generated from these tables, and a detector can only say what its table holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from firstlight.errors import Fact
from firstlight.origin.indicator import Basis, Binding, Claim, Family, ForgeableBy, Indicator, Source, Strength

NO_SUPPORT: Final = Strength(low=0, high=0)
"""For statements that something is there and cannot be read: they say nothing about how the picture was made."""

PLANTABLE: Final = Strength(low=0, high=1, basis=Basis.PUBLISHED)
"""Weak as found, nothing at all where somebody had a reason to plant it; which of the two it is cannot be seen."""

PLANTABLE_MODERATE: Final = Strength(low=0, high=2)
"""As `PLANTABLE`, for signs that take more care to plant."""

WEAK: Final = Strength(low=0.3, high=1)
WEAK_TO_MODERATE: Final = Strength(low=0.3, high=2)
MODERATE: Final = Strength(low=1, high=2)
MODERATE_TO_STRONG: Final = Strength(low=1, high=3)
STRONG: Final = Strength(low=3, high=4)
VERY_STRONG: Final = Strength(low=4, high=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing that a detector can say. `says` may hold `{words}` that the detector fills in."""

    name: str
    claim: Claim
    strength: Strength
    forgeable_by: ForgeableBy
    binding: Binding
    family: Family
    says: str
    does_not_say: str
    removable_by: ForgeableBy = ForgeableBy.ANYONE

    def indicator(self, source: Source, *, facts: Mapping[str, Fact] | None = None, **words: str) -> Indicator:
        """The indicator that this statement makes of one picture."""
        return Indicator(
            name=self.name,
            claim=self.claim,
            strength=self.strength,
            forgeable_by=self.forgeable_by,
            removable_by=self.removable_by,
            binding=self.binding,
            family=self.family,
            says=self.says.format(**words),
            source=source,
            facts=dict(facts or {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of indicator: what it looks at and everything it can say."""

    name: str
    title: str
    reads: str
    statements: tuple[Statement, ...]


def own_source(where: str = "") -> Source:
    """The source of what our own readers saw."""
    from firstlight import __version__

    return Source(tool="firstlight", version=__version__, where=where)
