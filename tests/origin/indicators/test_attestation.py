"""Signed answers of generators: believed when everything is right, and said aloud when not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firstlight.errors import InputError
from firstlight.origin import (
    Answer,
    Attestation,
    Binding,
    Claim,
    ForgeableBy,
    Indicator,
    Inputs,
    LedgerKey,
    SignedAttestation,
    from_attestations,
    ledger_key,
    sign_attestation,
    weigh,
)
from firstlight.origin.attestation import CLOCKS_APART, MAX_DISTANCE
from firstlight.values import Digests, Pdq, PdqMode

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = ledger_key("garden.example", KEY)
DIGESTS = Digests(md5="0" * 32, sha1="1" * 40, sha256="2" * 64, size=3)
PDQ = Pdq(hex="3" * 64, quality=90, mode=PdqMode.EXACT)


def answer(**changes: Any) -> Attestation:
    base: dict[str, Any] = {
        "ledger": "garden.example", "sha256": DIGESTS.sha256, "answer": Answer.EXACT,
        "inputs": Inputs.TEXT_ONLY, "made_at": NOW - timedelta(days=3), "answered_at": NOW,
    }  # fmt: skip
    return Attestation(**{**base, **changes})


def near(**changes: Any) -> Attestation:
    return answer(**{"sha256": None, "pdq": PDQ.hex, "answer": Answer.NEAR, "distance": 4, **changes})


def said(signed: SignedAttestation, *keys: LedgerKey) -> list[Indicator]:
    return list(from_attestations([signed], keys or (PUBLIC,), digests=DIGESTS, pdq=PDQ, at=NOW))


@pytest.mark.parametrize(
    ("attestation", "name", "claim", "binding"),
    [
        (answer(), "made_from_text", Claim.SYNTHETIC, Binding.BYTES),
        (answer(inputs=Inputs.UNKNOWN), "made", Claim.SYNTHETIC, Binding.BYTES),
        (answer(inputs=Inputs.PICTURE), "made_from_picture", Claim.PHOTO_DERIVED, Binding.BYTES),
        (near(), "near_made_from_text", Claim.SYNTHETIC, Binding.PIXELS),
        (near(inputs=Inputs.UNKNOWN), "near_made", Claim.SYNTHETIC, Binding.PIXELS),
        (near(inputs=Inputs.PICTURE), "near_made_from_picture", Claim.PHOTO_DERIVED, Binding.PIXELS),
    ],
)
def test_each_answer_says_what_the_ledger_says(
    attestation: Attestation, name: str, claim: Claim, binding: Binding
) -> None:
    (sign,) = said(sign_attestation(attestation, KEY))
    assert (sign.name, sign.claim, sign.binding) == (f"attestation.{name}", claim, binding)
    assert sign.forgeable_by is ForgeableBy.KEY_HOLDER
    assert sign.says.startswith("The ledger of garden.example of 2026-02-26 says that it made ")


def test_a_no_says_nothing() -> None:
    assert said(sign_attestation(answer(answer=Answer.NONE), KEY)) == []


def test_one_ledger_alone_does_not_open_the_way_down() -> None:
    assert not weigh(said(sign_attestation(answer(), KEY))).may_lower


def test_an_answer_survives_the_way() -> None:
    signed = sign_attestation(answer(), KEY)
    assert SignedAttestation.from_json(signed.to_json()) == signed
    assert sign_attestation(answer(), KEY) == signed


def payload_of(attestation: Attestation) -> str:
    return base64.b64encode(attestation.statement()).decode()


def test_a_clock_that_goes_a_little_ahead_is_no_future() -> None:
    (sign,) = said(sign_attestation(answer(answered_at=NOW + CLOCKS_APART), KEY))
    assert sign.name == "attestation.made_from_text"


OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.mark.parametrize(
    ("signed", "keys", "code"),
    [
        (sign_attestation(answer(), OTHER), (PUBLIC,), "unknown-key"),
        (sign_attestation(answer(ledger="orchard.example"), KEY), (PUBLIC,), "unknown-key"),
        (sign_attestation(answer(), KEY), (PUBLIC.model_copy(update={"withdrawn": True}),), "withdrawn-key"),
        (
            sign_attestation(answer(inputs=Inputs.PICTURE), KEY).model_copy(update={"payload": payload_of(answer())}),
            (PUBLIC,),
            "signature",
        ),
        (sign_attestation(answer(sha256="4" * 64), KEY), (PUBLIC,), "other-file"),
        (sign_attestation(near(pdq="5" * 64), KEY), (PUBLIC,), "other-file"),
        (sign_attestation(near(distance=MAX_DISTANCE + 1), KEY), (PUBLIC,), "distance"),
        (sign_attestation(answer(answered_at=NOW + CLOCKS_APART + timedelta(seconds=1)), KEY), (PUBLIC,), "future"),
    ],
)
def test_what_is_not_right_is_not_believed_and_said(
    signed: SignedAttestation, keys: tuple[LedgerKey, ...], code: str
) -> None:
    (sign,) = said(signed, *keys)
    assert (sign.name, sign.claim) == ("attestation.not_believed", Claim.UNREADABLE)
    assert sign.facts["code"] == f"integrity.attestation.{code}"


def test_the_farthest_near_duplicate_is_still_one() -> None:
    (sign,) = said(sign_attestation(near(distance=MAX_DISTANCE), KEY))
    assert sign.name == "attestation.near_made_from_text"


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": None},
        {"pdq": PDQ.hex},
        {"answer": Answer.NEAR},
        {"answer": Answer.NEAR, "distance": 3, "pdq": PDQ.hex},
        {"answer": Answer.NEAR, "sha256": None, "pdq": PDQ.hex},
        {"answer": Answer.NONE, "sha256": None},
        {"distance": 3},
        {"ledger": "Garden Example"},
        {"answered_at": datetime(2026, 3, 1)},  # noqa: DTZ001 - a time without a zone is what is refused here
    ],
)
def test_an_answer_that_is_not_whole_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        answer(**changes)


def test_an_unknown_field_is_refused() -> None:
    data = sign_attestation(answer(), KEY).to_json().replace(b'"payload"', b'"more":1,"payload"', 1)
    with pytest.raises(InputError):
        SignedAttestation.from_json(data)
