"""Signed statements as they travel: a DSSE envelope (version 1) with one Ed25519 signature.

What is signed is the kind of the payload and the payload's own bytes, so that nothing has to be written anew to be
verified, and no other signature of the same key can be passed off as one of these.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, ClassVar, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ConfigDict, Field, StringConstraints

from firstlight.values import Document, Value

IN_TOTO: Final = "application/vnd.in-toto+json"
"""The kind of payload: an in-toto statement as JSON."""

_LARGEST: Final = 1 << 15
"""Characters of a payload; a statement of ours has a few hundred."""


class EnvelopeSignature(Value):
    """One signature, in base64; `keyid` only says which of the known keys to try."""

    keyid: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    sig: Annotated[str, StringConstraints(max_length=128)]


class Envelope(Document):
    """The envelope, in the standard's own form. Exactly one signature is taken: with a second one nobody could say
    whose statement it is."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)
    title_for_people: ClassVar[str] = "signed envelope"

    payload: Annotated[str, StringConstraints(max_length=_LARGEST)]
    payload_type: Annotated[str, StringConstraints(max_length=256)] = Field(alias="payloadType")
    signatures: Annotated[tuple[EnvelopeSignature, ...], Field(min_length=1, max_length=1)]

    @classmethod
    def sealed(cls, body: bytes, key: Ed25519PrivateKey) -> Self:
        """An in-toto statement in its envelope. The same bytes and key always give the same envelope."""
        signature = key.sign(pre_authentication(IN_TOTO, body))
        public = key.public_key().public_bytes_raw()
        return cls(
            payload=base64.b64encode(body).decode(),
            payload_type=IN_TOTO,
            signatures=(EnvelopeSignature(keyid=key_id_of(public), sig=base64.b64encode(signature).decode()),),
        )

    @property
    def key_id(self) -> str:
        """Which key is said to have signed it."""
        return self.signatures[0].keyid

    def opened(self, public_key: bytes) -> bytes:
        """The payload, once the signature over its kind and bytes is found to be this key's.

        Raises:
            ValueError: it is not, or something is no base64.
        """
        body = _decoded(self.payload)
        signed = pre_authentication(self.payload_type, body)
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(_decoded(self.signatures[0].sig), signed)
        except InvalidSignature as e:
            raise ValueError("the signature is not this key's") from e
        return body


def pre_authentication(payload_type: str, body: bytes) -> bytes:
    """The bytes that are signed (DSSE's PAE): each part with its length before it, so that none runs into the next."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def key_id_of(public_key: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def _decoded(text: str) -> bytes:
    """Base64 in either of its alphabets, as DSSE asks of whoever verifies."""
    try:
        return base64.b64decode(text.translate(_STANDARD), validate=True)
    except binascii.Error as e:
        raise ValueError("it is no base64") from e


_STANDARD: Final = str.maketrans("-_", "+/")
