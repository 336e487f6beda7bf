"""IPTC's digital source type and AI fields where anyone can write them: XMP outside content credentials."""

from __future__ import annotations

from typing import Final

from firstlight.origin.evidence import Evidence
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator, Strength
from firstlight.origin.source_types import Making, source_type
from firstlight.origin.statement import PLANTABLE, WEAK, Kind, Statement, own_source
from firstlight.origin.xmp import IPTC_EXTENSION


def _statement(name: str, claim: Claim, strength: Strength, says: str, does_not_say: str) -> Statement:
    return Statement(
        name=f"metadata.source_type.{name}",
        claim=claim,
        strength=strength,
        forgeable_by=ForgeableBy.ANYONE,
        binding=Binding.CONTAINER,
        family=Family.METADATA,
        says=f"The file's XMP {says} Nothing protects it: anyone can write it into any file.",
        does_not_say=does_not_say,
    )


STATEMENTS: Final = {
    Making.TRAINED_MODEL: _statement(
        "model",
        Claim.SYNTHETIC,
        PLANTABLE,
        "gives the source type {type}: made by a trained model.",
        "Who wrote it, or that no photograph of a child went in.",
    ),
    Making.TRAINED_MODEL_ON_PICTURE: _statement(
        "model_on_picture",
        Claim.PHOTO_DERIVED,
        WEAK,
        "gives the source type {type}: a trained model worked on an existing picture. "
        "Treat it as a real child until seen otherwise.",
        "Which parts are the model's.",
    ),
    Making.COMPUTED: _statement(
        "computed",
        Claim.SYNTHETIC,
        PLANTABLE,
        "gives the source type {type}: computed, not necessarily by a trained model.",
        "Who wrote it, or that no photograph of a child went in.",
    ),
    Making.CAPTURED: _statement(
        "captured",
        Claim.CAMERA,
        PLANTABLE,
        "gives the source type {type}: taken by a camera.",
        "That a camera took this picture.",
    ),
    Making.SCANNED: _statement(
        "scanned",
        Claim.CAMERA,
        PLANTABLE,
        "gives the source type {type}: a scan of analogue material.",
        "That the picture was ever on film or paper.",
    ),
    Making.EDITED: _statement(
        "edited",
        Claim.EDITED,
        PLANTABLE,
        "gives the source type {type}: edited.",
        "What was changed.",
    ),
}

AI_FIELDS: Final = _statement(
    "ai_fields",
    Claim.SYNTHETIC,
    PLANTABLE,
    "has fields that name an AI system or its instructions.",
    "Which system it was, or that no photograph of a child went in.",
)

_AI_FIELDS: Final = ("AISystemUsed", "AISystemVersionUsed", "AIPromptInformation", "AIPromptWriterName")

KIND: Final = Kind(
    name="source_type",
    title="Source type in XMP",
    reads="XMP: Iptc4xmpExt:DigitalSourceType and the AI fields of IPTC 2025.1",
    statements=(*STATEMENTS.values(), AI_FIELDS),
)


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for each different source type, and one for AI fields."""
    out: dict[str, Indicator] = {}
    for where, properties in evidence.xmp:
        for spelling in ("DigitalSourceType", "digitalSourceType", "DigitalSourcefileType"):
            for value in properties.get(IPTC_EXTENSION, spelling):
                if (known := source_type(value)) is not None:
                    name, making = known
                    source, facts = own_source(f"XMP in {where}"), {"source_type": name}
                    out.setdefault(name, STATEMENTS[making].indicator(source, type=name, facts=facts))
        seen = [name for name in _AI_FIELDS if properties.get(IPTC_EXTENSION, name)]
        if seen:
            source = own_source(f"XMP in {where}")
            out.setdefault("ai fields", AI_FIELDS.indicator(source, facts={"fields": ", ".join(seen)}))
    return list(out.values())
