"""What a match in a bank says about origin: only what the owner of the list has said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from firstlight.banks.match import Match
from firstlight.errors import Fact
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator, Strength
from firstlight.origin.statement import MODERATE_TO_STRONG, STRONG, VERY_STRONG, Kind, Statement, own_source
from firstlight.values import BankPurpose

BEFORE_GENERATORS: Final = datetime(2021, 1, 1, tzinfo=UTC)
"""Nobody outside laboratories could make photograph-like pictures from words before this day."""


def _said(name: str, claim: Claim, strength: Strength, binding: Binding, says: str, does_not_say: str) -> Statement:
    return Statement(
        name=f"bank.{name}",
        claim=claim,
        strength=strength,
        forgeable_by=ForgeableBy.AUTHORITY,
        binding=binding,
        family=Family.AUTHORITY,
        says=says,
        does_not_say=does_not_say,
    )


KNOWN_AI: Final = _said(
    "known_ai",
    Claim.KNOWN_SYNTHETIC,
    VERY_STRONG,
    Binding.BYTES,
    "Exactly these bytes are listed by {bank} as assessed machine-made material.",
    "That no photograph of a child went into it.",
)
NEAR_KNOWN_AI: Final = _said(
    "near_known_ai",
    Claim.KNOWN_SYNTHETIC,
    MODERATE_TO_STRONG,
    Binding.PIXELS,
    "A near-duplicate is listed by {bank} as assessed machine-made material ({distance} of 256 bits away).",
    "That this one is machine-made too: a photograph from which the listed picture was made looks the same.",
)
KNOWN: Final = _said(
    "known",
    Claim.KNOWN_CHILD,
    VERY_STRONG,
    Binding.BYTES,
    "Exactly these bytes are listed by {bank} as known material.",
    "What the picture shows: that is what the owner of the list has assessed.",
)
NEAR_KNOWN: Final = _said(
    "near_known",
    Claim.KNOWN_CHILD,
    STRONG,
    Binding.PIXELS,
    "A near-duplicate is listed by {bank} as known material ({distance} of 256 bits away).",
    "That the bytes are the listed ones, or that nothing was changed.",
)
OLDER: Final = _said(
    "older_than_generators",
    Claim.CAMERA,
    STRONG,
    Binding.PIXELS,
    "{bank} first listed it, or a near-duplicate of it, in {year}, before image generators were at hand: the "
    "picture, or what it was made from, is older than they are.",
    "That nothing was changed since then.",
)

KIND: Final = Kind(
    name="bank_matches",
    title="Matches in banks",
    reads=(
        "matches that no allow bank vetoes; banks of intimate pictures shared without consent say nothing of origin, "
        "and neither does a match of one frame of a moving picture"
    ),
    statements=(KNOWN_AI, NEAR_KNOWN_AI, KNOWN, NEAR_KNOWN, OLDER),
)

_STATEMENTS: Final = {
    (BankPurpose.KNOWN_AI, True): KNOWN_AI,
    (BankPurpose.KNOWN_AI, False): NEAR_KNOWN_AI,
    (BankPurpose.KNOWN, True): KNOWN,
    (BankPurpose.KNOWN, False): NEAR_KNOWN,
}


def detect(matches: Iterable[Match]) -> list[Indicator]:
    """What these matches say: for each bank the closest one, and whether any was listed before image generators.

    No entry's key and no hash stands in an indicator, only the bank's name. A match of one frame is passed over:
    anybody can cut a listed frame into another film. It raises by itself (see triage) and says nothing of the whole.
    """
    counting = sorted((match for match in matches if match.counts), key=lambda match: (not match.exact, match.distance))
    closest: dict[str, Match] = {}
    dated: dict[str, int] = {}
    for match in counting:
        if match.seconds is not None or (match.purpose, match.exact) not in _STATEMENTS:
            continue
        closest.setdefault(match.bank, match)
        if match.purpose is BankPurpose.KNOWN and match.first_seen and match.first_seen < BEFORE_GENERATORS:
            dated[match.bank] = min(dated.get(match.bank, 9999), match.first_seen.year)
    out = []
    for bank, match in closest.items():
        facts: dict[str, Fact] = {"bank": bank, "exact": match.exact, "distance": match.distance, "via": match.via}
        statement = _STATEMENTS[match.purpose, match.exact]
        source = own_source(f"bank {bank}")
        out.append(statement.indicator(source, bank=bank, distance=str(match.distance), facts=facts))
    out.extend(
        OLDER.indicator(own_source(f"bank {bank}"), bank=bank, year=str(year), facts={"bank": bank, "year": year})
        for bank, year in dated.items()
    )
    return out
