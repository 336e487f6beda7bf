"""A generator's signed answer to "did you make this?": its form, its signature, and how it is checked.

The answer is an in-toto statement (version 1) in a DSSE envelope, signed with the ledger's Ed25519 key. Its subject is
the hash that the answer is about, and no other: the SHA-256 of the bytes that were made, or the PDQ hash that is near
one of the ledger's. Whoever asks may name both; a ledger cannot know that they belong to one file, and signs nothing
that would say so. Keys are configured by the operator; one whose holder lost it is withdrawn and believed in nothing,
not even in what it signed before: the thief can choose the date.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, StringConstraints, model_validator

from firstlight.errors import IntegrityError
from firstlight.origin.envelope import IN_TOTO, Envelope, key_id_of
from firstlight.values import Digests, Instant, Pdq, PdqHex, Sha256Hex, Value, canonical_json

STATEMENT: Final = "https://in-toto.io/Statement/v1"
"""The type of the statement. A name, like the next one: nothing is ever fetched by it."""

PREDICATE: Final = "https://firstlight.invalid/generation-attestation/v1"
"""What kind of statement it is. The top-level domain is reserved and leads nowhere."""

MAX_DISTANCE: Final = 31
"""Bits up to which an answer about a near-duplicate is taken: the threshold of PDQ's makers."""

CLOCKS_APART: Final = timedelta(minutes=5)
"""By how much the generator's clock may be ahead of ours before an answer counts as one from the future."""

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


class Attestation(Value):
    """What is answered. An exact answer is about a SHA-256, a near one about a PDQ hash and names its distance in bits;
    "none" is about whatever was asked."""

    ledger: Annotated[str, StringConstraints(pattern=LEDGER_NAME)]
    sha256: Sha256Hex | None = None
    pdq: PdqHex | None = None
    answer: Answer
    distance: Annotated[int, Field(ge=0, le=256)] | None = None
    inputs: Inputs = Inputs.UNKNOWN
    made_at: Instant | None = None
    answered_at: Instant

    @model_validator(mode="after")
    def _whole(self) -> Self:
        about = (self.sha256 is not None, self.pdq is not None)
        if about not in _ABOUT[self.answer]:
            msg = "exact is about a SHA-256 alone, near about a PDQ hash alone, none about what was asked"
            raise ValueError(msg)
        if (self.distance is not None) != (self.answer is Answer.NEAR):
            msg = "a distance belongs to a near answer and to no other"
            raise ValueError(msg)
        return self

    def statement(self) -> bytes:
        """The answer as an in-toto statement: canonical JSON (RFC 8785), each hash a subject of its own."""
        said = self.model_dump(mode="json", exclude_none=True)
        subject = [{"digest": {name: said.pop(name)}} for name in ("sha256", "pdq") if name in said]
        predicate = {_WRITTEN.get(name, name): value for name, value in said.items()}
        return canonical_json(
            {"_type": STATEMENT, "subject": subject, "predicateType": PREDICATE, "predicate": predicate}
        )

    @classmethod
    def of_statement(cls, body: bytes) -> Self:
        """The answer that a statement holds.

        Raises:
            ValueError: it is no statement of this kind, or not a whole one.
        """
        said = _Statement.model_validate_json(body)
        hashes: dict[str, str] = {}
        for subject in said.subject:
            ((name, value),) = subject.digest.items()
            if name in hashes:
                raise ValueError("one hash is named twice")
            hashes[name] = value
        return cls.model_validate({**said.predicate.model_dump(), **hashes})


_ABOUT: Final = {
    Answer.EXACT: {(True, False)},
    Answer.NEAR: {(False, True)},
    Answer.NONE: {(True, False), (False, True), (True, True)},
}


_WRITTEN: Final = {"answer": "match", "made_at": "madeAt", "answered_at": "answeredAt"}


class _Subject(Value):
    digest: Annotated[dict[Literal["sha256", "pdq"], str], Field(min_length=1, max_length=1)]


class _Predicate(Value):
    ledger: str
    answer: Answer = Field(alias="match")
    distance: int | None = None
    inputs: Inputs
    made_at: Instant | None = Field(None, alias="madeAt")
    answered_at: Instant = Field(alias="answeredAt")


class _Statement(Value):
    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[tuple[_Subject, ...], Field(min_length=1, max_length=2)]
    predicate_type: Literal["https://firstlight.invalid/generation-attestation/v1"] = Field(alias="predicateType")
    predicate: _Predicate


class SignedAttestation(Envelope):
    """An answer in its envelope, as it travels. Nothing in it is believed before `verified`."""

    title_for_people: ClassVar[str] = "signed attestation of a generator"


class LedgerKey(Value):
    """A generator's public key, as the operator has configured it."""

    ledger: str
    public_key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    withdrawn: bool = False

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the raw public key."""
        return key_id_of(bytes.fromhex(self.public_key))


def sign_attestation(attestation: Attestation, key: Ed25519PrivateKey) -> SignedAttestation:
    """The answer, signed. The same answer and key always give the same bytes."""
    return SignedAttestation.sealed(attestation.statement(), key)


def ledger_key(ledger: str, key: Ed25519PrivateKey) -> LedgerKey:
    """The public half of a ledger's key, to be given to operators."""
    return LedgerKey(ledger=ledger, public_key=key.public_key().public_bytes_raw().hex())


def verified(
    signed: SignedAttestation, keys: Iterable[LedgerKey], *, digests: Digests, pdq: Pdq | None, at: datetime
) -> Attestation:
    """The answer, once its signature, its key and its subject are found to be right.

    Raises:
        IntegrityError: no configured key of that ledger signed it, the key was withdrawn, or it is about another file
            or from the future.
    """
    key = next((key for key in keys if key.key_id == signed.key_id), None)
    if key is None:
        raise _refused("No configured key has signed it.", "unknown-key")
    if key.withdrawn:
        raise _refused("Its key was withdrawn.", "withdrawn-key")
    answer = _answer(signed, key)
    if key.ledger != answer.ledger:
        raise _refused(f"The key of {key.ledger} does not speak for {answer.ledger}.", "unknown-key")
    if answer.sha256 not in (None, digests.sha256) or answer.pdq not in (None, pdq.hex if pdq else None):
        raise _refused("It is about another file.", "other-file")
    if answer.distance is not None and answer.distance > MAX_DISTANCE:
        raise _refused(f"It calls {answer.distance} bits a near-duplicate.", "distance")
    if answer.answered_at > at + CLOCKS_APART:
        raise _refused("It comes from the future.", "future")
    return answer


def _answer(signed: SignedAttestation, key: LedgerKey) -> Attestation:
    """What the envelope holds; nothing of it is read before its signature is right."""
    try:
        body = signed.opened(bytes.fromhex(key.public_key))
    except ValueError as e:
        raise _refused("Its signature is wrong.", "signature") from e
    if signed.payload_type != IN_TOTO:
        raise _refused("It is no in-toto statement.", "kind")
    try:
        return Attestation.of_statement(body)
    except ValueError as e:
        raise _refused("It is no whole answer to whether a picture was made.", "kind") from e


def _refused(why: str, code: str) -> IntegrityError:
    return IntegrityError(
        f"The generator's attestation is not believed. {why}",
        hint="Ask the generator again, and check the key that is configured for it.",
        code=f"integrity.attestation.{code}",
    )
