"""Sealing of what lies on disk. Banks know no keys: the caller gives a `Sealer`, or none for a plain library."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

from firstlight.errors import FirstlightError, IntegrityError


class Sealer(Protocol):
    """Encrypts and authenticates. What was sealed under one context does not open under another."""

    def seal(self, data: bytes, context: bytes) -> bytes:
        """The data, sealed."""
        ...

    def unseal(self, data: bytes, context: bytes) -> bytes:
        """The data that was sealed under this context; an error if it was not."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Sealing:
    """How one library writes and how it names what it looks up.

    `secret` keys the prints: 64-bit names of hashes that say nothing about them to whoever does not know it, so that
    look-up tables can lie on disk in the open.
    """

    library: bytes
    secret: bytes
    sealer: Sealer | None
    _prints: hashlib.blake2b = field(init=False, compare=False)
    _keys: hashlib.blake2b = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Begin the digests."""
        object.__setattr__(self, "_prints", hashlib.blake2b(digest_size=8, key=self.secret))
        object.__setattr__(self, "_keys", hashlib.blake2b(digest_size=12, key=self.secret))

    def close(self, data: bytes, context: bytes) -> bytes:
        """What goes to disk."""
        return data if self.sealer is None else self.sealer.seal(data, self._bound(context))

    def open(self, data: bytes, context: bytes, what: str) -> bytes:
        """What came from disk.

        Raises:
            IntegrityError: it was not sealed by this library in this place, or with another key.
        """
        if self.sealer is None:
            return data
        try:
            return self.sealer.unseal(data, self._bound(context))
        except FirstlightError as e:
            raise IntegrityError(
                f"{what} does not open with the key that was given.",
                hint="Check that the keyring belongs to this library; if it does, restore the file from a copy.",
            ) from e

    def print_of(self, kind: str, value: str) -> int:
        """The 64-bit name under which a hash or key is looked up."""
        state = self._prints.copy()  # begun with the key once: half of the work
        state.update(f"{kind}:{value}".encode())
        return int.from_bytes(state.digest())

    def derived_key(self, kind: str, value: str) -> str:
        """A key for an entry that came without one: stable, and silent about the hash."""
        state = self._keys.copy()
        state.update(f"key:{kind}:{value}".encode())
        return f"{kind}-{state.hexdigest()}"

    def _bound(self, context: bytes) -> bytes:
        return b"firstlight banks 1\x00" + self.library + b"\x00" + context
