"""What a generator's own ledger says: the one machine's sign that an uploader cannot make."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from firstlight.errors import Fact, IntegrityError
from firstlight.origin.attestation import Answer, Attestation, Inputs, LedgerKey, SignedAttestation, verified
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator, Strength
from firstlight.origin.statement import (
    MODERATE_TO_STRONG,
    NO_SUPPORT,
    VERY_STRONG,
    WEAK_TO_MODERATE,
    Kind,
    Statement,
    own_source,
)
from firstlight.values import Digests, Pdq


def _said(name: str, claim: Claim, strength: Strength, binding: Binding, says: str, does_not_say: str) -> Statement:
    return Statement(
        name=f"attestation.{name}",
        claim=claim,
        strength=strength,
        forgeable_by=ForgeableBy.KEY_HOLDER,
        binding=binding,
        family=Family.GENERATOR_LOG,
        says=says,
        does_not_say=does_not_say,
    )


_BY_LEDGER: Final = "The ledger of {ledger}{when} says that it"
_TAUGHT: Final = "That the generator was not taught with photographs of a child."
_REAL_CHILD: Final = "Treat it as a real child until seen otherwise."

STATEMENTS: Final = {
    (Answer.EXACT, Inputs.TEXT_ONLY): _said(
        "made_from_text",
        Claim.SYNTHETIC,
        VERY_STRONG,
        Binding.BYTES,
        f"{_BY_LEDGER} made exactly these bytes, from text alone.",
        _TAUGHT,
    ),
    (Answer.EXACT, Inputs.UNKNOWN): _said(
        "made",
        Claim.SYNTHETIC,
        MODERATE_TO_STRONG,
        Binding.BYTES,
        f"{_BY_LEDGER} made exactly these bytes; what went in was not recorded.",
        "That no photograph of a child went in.",
    ),
    (Answer.EXACT, Inputs.PICTURE): _said(
        "made_from_picture",
        Claim.PHOTO_DERIVED,
        MODERATE_TO_STRONG,
        Binding.BYTES,
        f"{_BY_LEDGER} made exactly these bytes, and that a picture went in. {_REAL_CHILD} The ledger may hold that "
        "picture's hash.",
        "Whose picture went in.",
    ),
    (Answer.NEAR, Inputs.TEXT_ONLY): _said(
        "near_made_from_text",
        Claim.SYNTHETIC,
        MODERATE_TO_STRONG,
        Binding.PIXELS,
        f"{_BY_LEDGER} made a near-duplicate ({{distance}} of 256 bits away), from text alone.",
        "That this one is its output too, or that nothing was put into it.",
    ),
    (Answer.NEAR, Inputs.UNKNOWN): _said(
        "near_made",
        Claim.SYNTHETIC,
        WEAK_TO_MODERATE,
        Binding.PIXELS,
        f"{_BY_LEDGER} made a near-duplicate ({{distance}} of 256 bits away); what went in was not recorded.",
        "That this is not the photograph that went in.",
    ),
    (Answer.NEAR, Inputs.PICTURE): _said(
        "near_made_from_picture",
        Claim.PHOTO_DERIVED,
        MODERATE_TO_STRONG,
        Binding.PIXELS,
        f"{_BY_LEDGER} made a near-duplicate ({{distance}} of 256 bits away), and that a picture went in. This may be "
        f"that picture. {_REAL_CHILD}",
        "Which of the two this is.",
    ),
}

NOT_BELIEVED: Final = Statement(
    name="attestation.not_believed",
    claim=Claim.UNREADABLE,
    strength=NO_SUPPORT,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.STATEMENT,
    family=Family.GENERATOR_LOG,
    says="An attestation by the key {key_id} is not believed: {why}",
    does_not_say="Anything about how the picture was made.",
)

KIND: Final = Kind(
    name="generator_attestation",
    title="Attestations of generators",
    reads='signed answers to "did you make this?" from ledgers whose keys the operator knows; a "no" says nothing',
    statements=(*STATEMENTS.values(), NOT_BELIEVED),
)


def detect(
    answers: Iterable[SignedAttestation],
    keys: Iterable[LedgerKey],
    *,
    digests: Digests,
    pdq: Pdq | None,
    at: datetime,
) -> list[Indicator]:
    """What these answers say about the file with these digests. A "no" says nothing: other generators exist."""
    known = list(keys)
    out = []
    for signed in answers:
        try:
            answer = verified(signed, known, digests=digests, pdq=pdq, at=at)
        except IntegrityError as e:
            why = str(e).removeprefix("The generator's attestation is not believed. ")
            facts: dict[str, Fact] = {"code": e.diagnostics().code}
            out.append(NOT_BELIEVED.indicator(own_source(), key_id=signed.key_id, why=why, facts=facts))
            continue
        if answer.answer is not Answer.NONE:
            out.append(_indicator(answer, signed.key_id))
    return out


def _indicator(answer: Attestation, key_id: str) -> Indicator:
    when = f" of {answer.made_at.date().isoformat()}" if answer.made_at else ""
    facts: dict[str, Fact] = {"ledger": answer.ledger, "key_id": key_id, "inputs": answer.inputs.value}
    return STATEMENTS[answer.answer, answer.inputs].indicator(
        own_source(f"ledger {answer.ledger}"),
        facts=facts,
        ledger=answer.ledger,
        when=when,
        distance=str(answer.distance),
    )
