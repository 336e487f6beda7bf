"""What matched: kept sealed beside the hashes of its shard, with everything that lets somebody act on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from firstlight.banks import Match, Sealer
from firstlight.errors import FirstlightError, IntegrityError
from firstlight.screen.channels import Channel
from firstlight.screen.signs import Sign
from firstlight.values import BankPurpose, Document, ForeignText, Sha256Hex, Value, Versioned

_CONTEXT: Final = b"firstlight screen matches 1\x00"

FOUND: Final = ".found"
"""Ending of the files in which a download screener keeps hits."""

FINDING_WORDS: Final = "known material found in data"
"""What a hit is called, everywhere. It says nothing about how the material was made."""


class HitMatch(Value):
    """One entry of a list that a member matched, and by which channel."""

    channel: str
    bank: str
    purpose: BankPurpose
    entry: str
    via: str
    exact: bool
    distance: int = 0
    threshold: int = 0
    categories: tuple[str, ...] = ()


class Hit(Document):
    """Known material found in data: which member of which shard, where it came from, and what it matched.

    The bytes are not here. `record` is what the data set itself says of the member, as JSON text.
    """

    title_for_people: ClassVar[str] = "hit of a screening"

    kind: Literal["screen-hit"] = "screen-hit"
    version: Versioned = 1
    finding: Literal["known material found in data"] = FINDING_WORDS
    place: ForeignText = Field(description="the shard: a path or an address")
    member: ForeignText
    offset: int = Field(description="where its bytes begin in the shard, or its row in a table")
    size: int
    row: int = Field(description="its number in the shard's result")
    key: ForeignText = ""
    url: ForeignText = ""
    fetched: ForeignText = Field(default="", description="when it was downloaded, as the data set records it")
    record: ForeignText = ""
    md5: str = ""
    sha1: str = ""
    sha256: Sha256Hex | Literal[""] = ""
    recorded: dict[str, str] = Field(default_factory=dict, description="digests that were taken at download")
    width: Annotated[int, Field(ge=0)] = 0
    height: Annotated[int, Field(ge=0)] = 0
    pdq: str = ""
    matches: tuple[HitMatch, ...]
    signs: tuple[Sign, ...] = Field(default=(), description="signs of origin, where the run looked for them")

    @property
    def where(self) -> tuple[str, str, int]:
        """The member: the same in every result that holds it."""
        return self.place, self.member, self.offset

    @property
    def identity(self) -> str:
        """What copies of each other have in common: the same bytes, as downloaded if that is known, else as stored."""
        return self.recorded.get("sha256") or self.recorded.get("md5") or self.sha256 or f"{self.place}:{self.row}"


def matches_of(found: Sequence[tuple[Channel, Match]]) -> tuple[HitMatch, ...]:
    """The matches of one member, each entry once with the strongest way it was found."""
    best: dict[tuple[str, str], HitMatch] = {}
    for channel, match in found:
        made = HitMatch(
            channel=(channel.name or "").lower(),
            bank=match.bank,
            purpose=match.purpose,
            entry=match.entry,
            via=match.via.value,
            exact=match.exact,
            distance=match.distance,
            threshold=match.threshold,
            categories=match.categories,
        )
        known = best.get((made.bank, made.entry))
        if known is None or (not made.exact, made.distance) < (not known.exact, known.distance):
            best[made.bank, made.entry] = made
    return tuple(best.values())


def seal_hits(hits: Sequence[Hit], sealer: Sealer, ident: str) -> bytes:
    """The hits of a shard, sealed for its result; empty where there are none."""
    if not hits:
        return b""
    return sealer.seal(b"\n".join(hit.to_json() for hit in hits), _CONTEXT + ident.encode())


def unseal_hits(data: bytes, sealer: Sealer, ident: str) -> tuple[Hit, ...]:
    """The hits that a result keeps.

    Raises:
        IntegrityError: they were sealed with another key or for another shard, or are damaged.
    """
    if not data:
        return ()
    try:
        opened = sealer.unseal(data, _CONTEXT + ident.encode())
        return tuple(Hit.from_json(line) for line in opened.split(b"\n"))
    except (FirstlightError, json.JSONDecodeError) as e:
        raise IntegrityError(
            f"The matches of the result {ident} do not open with the key of this home.",
            hint="Use the home that screened; its keyring sealed them.",
        ) from e
