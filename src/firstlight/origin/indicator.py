"""One piece of evidence of origin, and the closed vocabularies it is made of.

The model is that of a forensic statement: a claim about how these bytes came to be, how strongly the sign supports it
(an interval of the base-10 logarithm of a likelihood ratio), who could have forged it, and what it is bound to.
"No sign" is never an indicator: the absence of a mark says nothing.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from firstlight.errors import Fact
from firstlight.values import Value


class Claim(StrEnum):
    """What an indicator speaks for. None of them says "a child is real" or "is not"."""

    SYNTHETIC = "synthetic"
    KNOWN_SYNTHETIC = "known_synthetic"
    PHOTO_DERIVED = "photo_derived"
    EDITED = "edited"
    CAMERA = "camera"
    KNOWN_CHILD = "known_child"
    CONFLICT = "conflict"
    UNREADABLE = "unreadable"


class ForgeableBy(IntEnum):
    """The least powerful party that could have planted the sign."""

    ANYONE = 0
    CUSTOMER = 1
    KEY_HOLDER = 2
    AUTHORITY = 3

    @property
    def words(self) -> str:
        """The party in words."""
        return (
            "anyone who has the file",
            "a customer of a signer, or the skilled",
            "a vendor or key holder",
            "the authority alone",
        )[self]


class Binding(StrEnum):
    """What the sign is tied to."""

    BYTES = "bytes"
    PIXELS = "pixels"
    CONTAINER = "container"
    STATEMENT = "statement"


class Family(StrEnum):
    """Indicators of one family share a forger and count once."""

    C2PA = "c2pa"
    METADATA = "metadata"
    PIXELS = "pixels"
    LEARNED = "learned"
    REPORTER = "reporter"
    AUTHORITY = "authority"
    GENERATOR_LOG = "generator_log"


class Basis(StrEnum):
    """Where a strength comes from."""

    MEASURED = "measured"
    PUBLISHED = "published"
    JUDGEMENT = "judgement"


_WORDS = (
    (0.3, "no support"),
    (1.0, "weak"),
    (2.0, "moderate"),
    (3.0, "moderately strong"),
    (4.0, "strong"),
    (6.0, "very strong"),
)


class Strength(Value):
    """An interval of log10 likelihood ratio, in favour of the claim when positive."""

    low: Annotated[float, Field(ge=-9, le=9)]
    high: Annotated[float, Field(ge=-9, le=9)]
    basis: Basis = Basis.JUDGEMENT

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            msg = "low must not exceed high"
            raise ValueError(msg)
        return self

    @property
    def words(self) -> str:
        """The verbal scale (ENFSI) for the lower end: nobody is told more than the weakest reading supports."""
        for limit, word in _WORDS:
            if self.low < limit:
                return word
        return "extremely strong"


class Source(Value):
    """Who says so: tool and version, date of the list used, and where the raw evidence lies in the file."""

    tool: str
    version: str
    list_date: str = ""
    where: str = ""


class Indicator(Value):
    """One piece of evidence of origin. `says` is worded as a statement of its source, never as a verdict."""

    name: str
    claim: Claim
    strength: Strength
    forgeable_by: ForgeableBy
    removable_by: ForgeableBy = ForgeableBy.ANYONE
    binding: Binding
    family: Family
    says: str
    source: Source
    facts: dict[str, Fact] = Field(default_factory=dict)
