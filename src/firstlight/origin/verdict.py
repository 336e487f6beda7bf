"""The verdict: what is known about one item, with the tree of its reasons."""

from __future__ import annotations

from typing import ClassVar, Literal

from firstlight.banks.match import Match
from firstlight.origin.indicator import Claim, Indicator
from firstlight.values import Digests, Document, ErrorNote, Instant, Pdq, Reason, Versioned


class Verdict(Document):
    """Everything the machine says about one item at one time.

    It weighs evidence and decides nothing: `origin` lists the claims that stand after weighing, in words a reviewer
    may read, and `unreadable` says why a picture could not be opened. Unknown stays unknown: an empty `origin` means
    that no sign was seen, which is not a sign.
    """

    title_for_people: ClassVar[str] = "verdict"

    kind: Literal["verdict"] = "verdict"
    version: Versioned = 1
    at: Instant
    digests: Digests
    media_type: str
    pdq: Pdq | None = None
    width: int | None = None
    height: int | None = None
    matches: tuple[Match, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    origin: tuple[Claim, ...] = ()
    unreadable: ErrorNote | None = None
    reasons: Reason

    def has(self, claim: Claim) -> bool:
        """Whether the claim stands after weighing."""
        return claim in self.origin
