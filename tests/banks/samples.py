"""What the tests of banks share: a sealer, and digests and hashes of made-up names."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firstlight.banks import Library, NewEntry, Sealer
from firstlight.clock import FixedClock
from firstlight.errors import IntegrityError
from firstlight.values import Digests, Pdq, PdqMode


class TestSealer:
    """AES-GCM as the custody room would give it."""

    __test__ = False

    def __init__(self, key: bytes = b"k" * 32) -> None:
        self._key = AESGCM(key)

    def seal(self, data: bytes, context: bytes) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + self._key.encrypt(nonce, data, context)

    def unseal(self, data: bytes, context: bytes) -> bytes:
        try:
            return self._key.decrypt(data[:12], data[12:], context)
        except InvalidTag as e:
            raise IntegrityError("Does not open.") from e


def digests_of(data: bytes) -> Digests:
    return Digests(
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )


def pdq_of(name: str, flipped: int = 0, quality: int = 100) -> Pdq:
    """A made-up hash, with some bits changed."""
    value = int.from_bytes(hashlib.sha256(name.encode()).digest()) ^ ((1 << flipped) - 1)
    return Pdq(hex=f"{value:064x}", quality=quality, mode=PdqMode.EXACT)


def reopened(tmp_path: Path, sealer: Sealer | None) -> Library:
    clock = FixedClock(datetime(2026, 4, 1, tzinfo=UTC), timedelta(seconds=1))
    return Library.open(tmp_path / "library", sealer=sealer, clock=clock, memory=tmp_path / "memory")


def carrot(**more: object) -> NewEntry:
    fields: dict[str, object] = {"key": "carrot", "md5": digests_of(b"carrot").md5, "pdq": pdq_of("carrot").hex}
    return NewEntry(**(fields | more))  # type: ignore[arg-type]
