"""A generator's text hidden in the lowest bits of the pixels. What it says is read like any other text of the file."""

from __future__ import annotations

from typing import Final

from firstlight.origin.evidence import Evidence
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.statement import PLANTABLE, Kind, Statement, own_source

SEEN: Final = Statement(
    name="pixels.stealth_text",
    claim=Claim.SYNTHETIC,
    strength=PLANTABLE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.PIXELS,
    family=Family.METADATA,
    says="The lowest bits of the pixels hold a hidden text of the kind that some generators write ({mark}). Anyone "
    "can put one into any picture.",
    does_not_say="That the picture was made by that program, or that no photograph of a child went in.",
)

KIND: Final = Kind(
    name="stealth_text",
    title="Text hidden in the pixels",
    reads="the lowest bits of alpha and colours of PNG and WebP (stealth_pnginfo and its three relatives)",
    statements=(SEEN,),
)


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for the hidden text."""
    if not evidence.hidden_mark:
        return []
    return [SEEN.indicator(own_source("lowest bits"), mark=evidence.hidden_mark, facts={"mark": evidence.hidden_mark})]
