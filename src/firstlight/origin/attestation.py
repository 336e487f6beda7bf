"""A generator's signed answer to "did you make this?": its form, its signature, and how it is checked.

The answer is about exactly one question: the SHA-256 of a file, or its PDQ hash. It is signed with Ed25519 over a
fixed first line and the canonical JSON (RFC 8785) of the answer, so that no other signature of the same key can be
passed off as an answer. Keys are configured by the operator; one whose holder lost it is withdrawn and believed in
nothing, not even in what it signed before: the thief can choose the date.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, StringConstraints, model_validator

from firstlight.errors import IntegrityError
from firstlight.values import Digests, Document, Instant, Pdq, PdqHex, Sha256Hex, Value, Versioned

_FIRST_LINE: Final = b"firstlight generation attestation 1\n"

MAX_DISTANCE: Final = 31
"""Bits up to which an answer about a near-duplicate is taken: the threshold of PDQ's makers."""


LEDGER_NAME: Final = r"^[a-z0-9][a-z0-9.-]{0,63}$"
"""How a ledger may be called."""


class Answer(StrEnum):
    """What the generator found in its ledger."""

    EXACT = "exact"
    NEAR = "near"
    NONE = "none"


class Inputs(StrEnum):
    """What went into the generation, as the generator recorded it."""

    TEXT_ONLY = "text-only"
    PICTURE = "picture"
    UNKNOWN = "unknown"


class Attestation(Document):
    """The answer. `asked_sha256` and `asked_pdq` repeat the question; a near answer names its distance in bits."""

    title_for_people: ClassVar[str] = "attestation of a generator"

    kind: Literal["generation-attestation"] = "generation-attestation"
    version: Versioned = 1
    ledger: Annotated[str, StringConstraints(pattern=LEDGER_NAME)]
    asked_sha256: Sha256Hex | None = None
    asked_pdq: PdqHex | None = None
    answer: Answer
    distance: Annotated[int, Field(ge=0, le=256)] | None = None
    inputs: Inputs = Inputs.UNKNOWN
    made_at: Instant | None = None
    answered_at: Instant

    @model_validator(mode="after")
    def _whole(self) -> Self:
        question = self.asked_pdq if self.answer is Answer.NEAR else self.asked_sha256
        if self.answer is not Answer.NONE and question is None:
            msg = "an exact answer needs the SHA-256 it was asked for, a near one the PDQ hash"
            raise ValueError(msg)
        if (self.distance is not None) != (self.answer is Answer.NEAR):
            msg = "a distance belongs to a near answer and to no other"
            raise ValueError(msg)
        return self


class SignedAttestation(Document):
    """An answer with its signature, as it travels."""

    title_for_people: ClassVar[str] = "signed attestation of a generator"

    kind: Literal["signed-generation-attestation"] = "signed-generation-attestation"
    version: Versioned = 1
    attestation: Attestation
    key_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    signature: Annotated[str, StringConstraints(max_length=128)]


class LedgerKey(Value):
    """A generator's public key, as the operator has configured it."""

    ledger: str
    public_key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    withdrawn: bool = False

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the raw public key."""
        return hashlib.sha256(bytes.fromhex(self.public_key)).hexdigest()[:16]


def sign_attestation(attestation: Attestation, key: Ed25519PrivateKey) -> SignedAttestation:
    """The answer, signed. The same answer and key always give the same bytes."""
    signature = base64.b64encode(key.sign(_signed_bytes(attestation))).decode()
    return SignedAttestation(attestation=attestation, key_id=_public(key).key_id, signature=signature)


def ledger_key(ledger: str, key: Ed25519PrivateKey) -> LedgerKey:
    """The public half of a ledger's key, to be given to operators."""
    return _public(key).model_copy(update={"ledger": ledger})


def verified(
    signed: SignedAttestation, keys: Iterable[LedgerKey], *, digests: Digests, pdq: Pdq | None, at: datetime
) -> Attestation:
    """The answer, once its signature, its key and its question are found to be right.

    Raises:
        IntegrityError: no configured key of that ledger signed it, the key was withdrawn, or it answers for another
            file or from the future.
    """
    key = next((key for key in keys if key.key_id == signed.key_id), None)
    answer = signed.attestation
    if key is None or key.ledger != answer.ledger:
        raise _refused("No configured key of that ledger has signed it.", "unknown-key")
    if key.withdrawn:
        raise _refused("Its key was withdrawn.", "withdrawn-key")
    try:
        raw = base64.b64decode(signed.signature, validate=True)
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public_key)).verify(raw, _signed_bytes(answer))
    except (InvalidSignature, binascii.Error, ValueError) as e:
        raise _refused("Its signature is wrong.", "signature") from e
    if answer.asked_sha256 not in (None, digests.sha256) or answer.asked_pdq not in (None, pdq.hex if pdq else None):
        raise _refused("It answers for another file.", "other-file")
    if answer.distance is not None and answer.distance > MAX_DISTANCE:
        raise _refused(f"It calls {answer.distance} bits a near-duplicate.", "distance")
    if answer.answered_at > at:
        raise _refused("It comes from the future.", "future")
    return answer


def _signed_bytes(attestation: Attestation) -> bytes:
    return _FIRST_LINE + attestation.to_json()


def _public(key: Ed25519PrivateKey) -> LedgerKey:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return LedgerKey(ledger="", public_key=raw.hex())


def _refused(why: str, code: str) -> IntegrityError:
    return IntegrityError(
        f"The generator's attestation is not believed. {why}",
        hint="Ask the generator again, and check the key that is configured for it.",
        code=f"integrity.attestation.{code}",
    )
