"""A leaf of the custody log: what stands in the tree, and what opens it."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from firstlight.custody import merkle
from firstlight.custody.event import Event, EventType
from firstlight.errors import IntegrityError
from firstlight.values import Instant, Sha256Hex, Value

SALT_SIZE = 32
MAX_LEAF_SIZE = 65_535
"""Bytes of a leaf: what the bundles of the tile format can carry."""


class Leaf(Value):
    """What stands in the tree."""

    v: Literal[1] = 1
    seq: Annotated[int, Field(ge=0)]
    type: EventType
    at: Instant
    logged: Instant
    software: str
    commitment: Sha256Hex

    def to_bytes(self) -> bytes:
        """The leaf as canonical JSON: what is hashed.

        The fields are texts and one small number under ASCII names, for which the standard library's sorted, compact
        form is RFC 8785, at a tenth of the price; a test holds the two together.
        """
        fields = self.model_dump(mode="json")
        return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


class LogEntry(Value):
    """An entry of the log. `event` and `salt` are None when they were destroyed; the leaf stands."""

    seq: int
    leaf: str
    event: Event | None = None
    salt: Sha256Hex | None = None

    @property
    def leaf_hash(self) -> bytes:
        """The hash under which the leaf stands in the tree."""
        return merkle.leaf_hash(self.leaf.encode())


def commitment(salt: bytes, event: bytes) -> str:
    """What a leaf says of its event's bytes: nothing to those without the salt, one event only to those with it."""
    return hmac.digest(salt, event, hashlib.sha256).hex()


def parse_leaf(data: bytes, seq: int) -> Leaf:
    """The leaf that these bytes hold.

    Raises:
        IntegrityError: they are not the canonical bytes of a leaf with this number.
    """
    try:
        leaf = Leaf.model_validate_json(data)
    except ValidationError as e:
        raise broken(seq, "it is no leaf of a custody log") from e
    if leaf.to_bytes() != data:
        raise broken(seq, "it is not in canonical form")
    if leaf.seq != seq:
        raise broken(seq, f"it calls itself entry {leaf.seq}")
    return leaf


def broken(seq: int, why: str) -> IntegrityError:
    """The error that names a bad entry."""
    return IntegrityError(f"Entry {seq} of the custody log is broken: {why}.", code="integrity.entry", seq=seq)
