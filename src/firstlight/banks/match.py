"""What a search of the banks answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from firstlight.values import BankPurpose, Instant, Value


class Via(StrEnum):
    """Which hash found the entry."""

    SHA256 = "sha256"
    SHA1 = "sha1"
    MD5 = "md5"
    PDQ = "pdq"


class Match(Value):
    """An item found in a bank.

    `exact` is true for a cryptographic digest: these bytes are the listed bytes. It is false where one digest agrees
    and another that the entry holds does not, as with bytes made to collide with a listed MD5. A PDQ match is a
    near-duplicate even at distance 0, because different bytes can have one PDQ hash. `vetoed_by` names the `allow`
    bank that holds the item too; only PDQ matches can be vetoed.
    """

    bank: str
    purpose: BankPurpose
    entry: str
    via: Via
    exact: bool
    distance: Annotated[int, Field(ge=0, le=256, description="bits; 0 for a cryptographic digest")] = 0
    threshold: Annotated[int, Field(ge=0, le=256)] = 0
    vetoed_by: str | None = None
    first_seen: Instant | None = None
    categories: tuple[str, ...] = ()
    note: str = ""
    orientation: str = Field(default="", description="how the item was turned or mirrored to match; empty: upright")
    seconds: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="time of the one frame that matched; none: the item as a whole did"
    )

    @property
    def counts(self) -> bool:
        """Whether no `allow` bank vetoes it."""
        return self.vetoed_by is None
