"""The verdict: what is known about one item, with the tree of its reasons."""

from __future__ import annotations

from typing import ClassVar, Literal

from firstlight.banks.match import Match
from firstlight.origin.indicator import Claim, Indicator
from firstlight.values import Digests, Document, ErrorNote, Instant, Pdq, Reason, Versioned

INCOMPLETE = "unreadable.incomplete"
"""The code of a note that says: a moving picture was seen in part only."""

NOT_HERE = "unreadable.received"
"""The code of a note that says: the file is not here, and what is told of it are statements of its sender."""

WORDS_ALONE = "unreadable.words"
"""The code of a note that says: there is no picture in it, and what its words are is known."""

_UNSEEN = {
    INCOMPLETE: "It was not seen whole",
    NOT_HERE: "The file itself is not here",
    WORDS_ALONE: "It holds words and no picture",
}


def is_whole(note: ErrorNote) -> bool:
    """Whether nothing is wrong with the file, although there is no picture to be seen, or not all of one."""
    return note.code in _UNSEEN


def unseen(note: ErrorNote) -> str:
    """What a note on an unreadable file means, as the beginning of a sentence."""
    return _UNSEEN.get(note.code, "It could not be opened")


class Verdict(Document):
    """Everything the machine says about one item at one time.

    It weighs evidence and decides nothing: `origin` lists the claims that stand after weighing, in words a reviewer
    may read, and `unreadable` says why a picture could not be seen. A sign of a machine or a camera that the
    uploader could have made never makes a claim stand: it is in `indicators` as a lead. Unknown stays unknown: an
    empty `origin` says nothing.
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
