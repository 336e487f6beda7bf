"""A second signer's word on a checkpoint (C2SP cosignature/v1): this log, at this size and root, seen at this time."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from firstlight.custody.note import SignedCheckpoint, checked_key_name, key_id, note_parts
from firstlight.errors import InputError, IntegrityError

KIND = 0x04
"""The signature type of time-stamped Ed25519 cosignatures."""

_SIZE = 4 + 8 + 64  # key id, seconds since 1970, signature


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The public key of a second signer."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes before each of its signatures."""
        return key_id(self.name, self.public_key, KIND)

    @property
    def vkey(self) -> str:
        """The key as one line of text: `name+id+key`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([KIND]) + self.public_key).decode()}"

    @classmethod
    def from_vkey(cls, text: str) -> WitnessKey:
        """The key that a line of text holds.

        Raises:
            InputError: it is no key of a witness, or its id belongs to another key.
        """
        name, _, rest = text.strip().partition("+")
        ident, _, encoded = rest.partition("+")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as e:
            raise InputError("This is no key of a witness: its base64 is damaged.") from e
        if len(raw) != 33 or raw[0] != KIND:
            raise InputError(
                "This is no key of a witness.", hint="It looks like witness.example/w1+1a2b3c4d+BN…, as it prints it."
            )
        key = cls(checked_key_name(name), raw[1:])
        if key.key_id.hex() != ident:
            raise InputError("This key of a witness is damaged: its id does not belong to it.")
        return key

    def seen_at(self, note: bytes) -> datetime | None:
        """When this witness signed the note; None if it did not.

        Raises:
            IntegrityError: there is a signature of this witness, and it is false.
        """
        text, signatures = note_parts(note)
        for name, raw in signatures:
            if (name, raw[:4]) == (self.name, self.key_id):
                return self._checked(text.encode(), raw)
        return None

    def _checked(self, text: bytes, raw: bytes) -> datetime:
        if len(raw) == _SIZE:
            (seconds,) = struct.unpack(">Q", raw[4:12])
            try:
                Ed25519PublicKey.from_public_bytes(self.public_key).verify(raw[12:], _signed(text, seconds))
                return datetime.fromtimestamp(seconds, UTC)
            except (InvalidSignature, ValueError, OverflowError, OSError):
                pass
        raise IntegrityError(f"The signature of the witness {self.name} is false.", code="integrity.witness")


class WitnessSigner:
    """A second signer that holds its key in memory."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = WitnessKey(checked_key_name(name), self._key.public_key().public_bytes_raw())

    def line(self, text: bytes, at: datetime) -> str:
        """The signature line on a checkpoint's text."""
        seconds = int(at.timestamp())
        raw = self.key.key_id + struct.pack(">Q", seconds) + self._key.sign(_signed(text, seconds))
        return f"\u2014 {self.key.name} {base64.b64encode(raw).decode()}\n"


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness that an export asks: its key, and what has it sign a checkpoint along. `sign` answers the same
    checkpoint where the witness is away."""

    key: WitnessKey
    sign: Callable[[SignedCheckpoint], SignedCheckpoint]


def _signed(text: bytes, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % seconds + text
