"""The AIGC label that services in China have had to write since September 2025 (GB 45438-2025, TC260)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from firstlight.origin.container import Carries
from firstlight.origin.evidence import Evidence
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.statement import PLANTABLE, Kind, Statement, own_source

SEEN: Final = Statement(
    name="metadata.aigc_label",
    claim=Claim.SYNTHETIC,
    strength=PLANTABLE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="The file carries an AIGC label (GB 45438-2025) that reads: {label}. Nothing protects it: anyone can write "
    "it into any file.",
    does_not_say="Which service made the picture, or that no photograph of a child went in.",
)

KIND: Final = Kind(
    name="aigc_label",
    title="AIGC label",
    reads="XMP of TC260, PNG chunk AIGC, EXIF comments, a bare AIGC segment; the producer's code is not repeated",
    statements=(SEEN,),
)

_LABELS: Final = {"1": "generated", "2": "possibly generated", "3": "suspected to be generated"}
_LABEL: Final = re.compile(r'"?Label"?\s*[:=]\s*"?([123])\b')
_IN_TEXT: Final = re.compile(r'"?AIGC"?\s*[:{]')
_READ: Final = 1 << 16
"""Characters of a label looked at; real ones have a few hundred."""


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for each different label."""
    out: dict[str, Indicator] = {}
    for value, where in _candidates(evidence):
        label = _LABEL.search(value[:_READ])
        words = _LABELS[label[1]] if label else "no readable value"
        out.setdefault(words, SEEN.indicator(own_source(where), label=words, facts={"label": words}))
    return list(out.values())


def _candidates(evidence: Evidence) -> Iterator[tuple[str, str]]:
    for block in evidence.walk.of(Carries.LABEL):
        yield block.data.decode("utf-8", "replace"), block.where
    for where, properties in evidence.xmp:
        yield from ((value, f"XMP in {where}") for name, value in properties.in_namespace("tc260") if name == "AIGC")
    for text in evidence.texts:
        if text.field == "AIGC" or (text.field in _FIELDS and _IN_TEXT.search(text.value[:_READ])):
            yield text.value, text.where


_FIELDS: Final = ("UserComment", "ImageDescription", "Description", "comment", "Comment")
