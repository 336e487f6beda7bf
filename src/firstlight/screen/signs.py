"""Signs of origin in the pictures of a data set, on request: what each file says about how it was made.

The signs are those of the room `origin`, read in the cage. They are statements that somebody may have planted, and no
sign says nothing. What a data set's pictures say never changes what a hit is called.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from firstlight.errors import FirstlightError
from firstlight.media import Cage
from firstlight.values import Value

if TYPE_CHECKING:
    from firstlight.origin import TrustLists

SIGNS_PRELOAD: Final = ("firstlight.origin.worker",)
"""What the cage has to load, beside `SCREEN_PRELOAD`, to look for signs."""
FAILED: Final = "examination.failed"


class Sign(Value):
    """One indicator of origin, as a result keeps it: its name and claim, how far it goes, and who could plant it."""

    name: str
    claim: str
    says: str
    support: str = Field(description="the verbal scale, for the weakest reading")
    forgeable_by: str


class OriginCount(Value):
    """How many pictures carry a sign of this name."""

    name: str
    title: str
    claim: str
    count: Annotated[int, Field(ge=0)]


class OriginCounts(Value):
    """What looking for signs of origin came to. A picture without a sign is not said to be a photograph."""

    examined: Annotated[int, Field(ge=0)]
    with_signs: Annotated[int, Field(ge=0)]
    signs: tuple[OriginCount, ...] = ()


def signs_of(cage: Cage, data: bytes, trust: TrustLists | None) -> tuple[Sign, ...]:
    """What one picture says about its origin. Where examining it fails, that is what the answer says.

    Raises:
        StateError, StorageError: the cage was closed, or the machine refused.
    """
    from firstlight.origin import examine

    try:
        found = examine(cage, data, trust=trust)
    except FirstlightError as e:
        if e.code in ("state", "storage"):
            raise
        words = f"It could not be examined ({e.diagnostics().code})."
        return (Sign(name=FAILED, claim="unreadable", says=words, support="no support", forgeable_by=""),)
    return tuple(
        Sign(
            name=one.name, claim=one.claim.value, says=one.says, support=one.strength.words,
            forgeable_by=one.forgeable_by.words,
        )
        for one in found
    )  # fmt: skip


def counts_of(examined: int, with_signs: int, signs: Counter[str]) -> OriginCounts:
    """The counts of a run, the most frequent sign first, each with the title of its kind."""
    from firstlight.origin.examination import KINDS

    known = {one.name: (kind.title, one.claim.value) for kind in KINDS for one in kind.statements}
    rows = [
        OriginCount(name=name, title=known.get(name, (name, ""))[0], claim=known.get(name, ("", ""))[1], count=count)
        for name, count in sorted(signs.items(), key=lambda item: (-item[1], item[0]))
    ]
    return OriginCounts(examined=examined, with_signs=with_signs, signs=tuple(rows))
