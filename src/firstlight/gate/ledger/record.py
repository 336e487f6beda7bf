"""One generation record: its fields, and the fixed number of bytes that it takes on the disk.

Nothing in it can be read as a prompt or an account: both stand there as digests under the gate's key, and beside the
records sealed, to be opened for a filing.
"""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta
from enum import IntFlag
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from firstlight.errors import IntegrityError
from firstlight.values import Document, Instant, PdqHex, Sha256Hex, Versioned

_FORMAT: Final = struct.Struct("<32s32sB B H I 32s32s16s16s Q Q I")
SIZE: Final = _FORMAT.size + 4
"""Bytes of one record: its fields, and a checksum."""

ROW: Final = np.dtype(
    [
        *(("sha256", "u1", (32,)), ("pdq", "u1", (32,)), ("quality", "u1"), ("inputs", "u1"), ("model", "<u2")),
        *(("went", "<u4"), ("input_sha256", "u1", (32,)), ("adapter_sha256", "u1", (32,)), ("prompt", "u1", (16,))),
        *(("account", "u1", (16,)), ("at", "<u8"), ("words_at", "<u8"), ("words_size", "<u4"), ("check", "<u4")),
    ]
)
"""The same bytes as numpy sees them, for many records at once."""

NO_PDQ: Final = 255
"""The quality of a record that has no PDQ hash."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NONE: Final = bytes(32)


class Went(IntFlag):
    """What is known of a generation, as bits of its record."""

    NOTHING_KNOWN = 0
    INPUTS_KNOWN = 1
    PICTURE = 2
    FACE = 4
    ADAPTER = 8
    PREVIEW = 16
    MARKED = 32
    NEAR_INPUT = 64
    WATERMARKED = 128


class GenerationRecord(Document):
    """What a generator keeps of one picture that went out.

    `sha256` is that of the bytes as they left, `pdq` the upright hash of their pixels. `model` and `adapter_model`
    number entries of the ledger's table of models. `input_sha256` is the first picture that went in. `prompt` and
    `account` are digests under the gate's key. `words_at` and `words_size` say where the sealed words lie.
    """

    title_for_people: ClassVar[str] = "generation record"

    kind: Literal["generation-record"] = "generation-record"
    version: Versioned = 1
    sha256: Sha256Hex
    pdq: PdqHex | None
    quality: Annotated[int, Field(ge=0, le=100)] = 0
    at: Instant
    model: Annotated[int, Field(ge=0, le=65535)] = 0
    went: int = 0
    inputs: Annotated[int, Field(ge=0, le=255)] = 0
    input_sha256: Sha256Hex | None = None
    adapter_sha256: Sha256Hex | None = None
    prompt: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""
    account: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""
    words_at: Annotated[int, Field(ge=0)] = 0
    words_size: Annotated[int, Field(ge=0)] = 0

    @property
    def flags(self) -> Went:
        """What is known of it."""
        return Went(self.went)

    def to_bytes(self) -> bytes:
        """The record as it lies on the disk."""
        body = _FORMAT.pack(
            bytes.fromhex(self.sha256),
            bytes.fromhex(self.pdq) if self.pdq else _NONE,
            self.quality if self.pdq else NO_PDQ,
            self.inputs,
            self.model,
            self.went,
            bytes.fromhex(self.input_sha256) if self.input_sha256 else _NONE,
            bytes.fromhex(self.adapter_sha256) if self.adapter_sha256 else _NONE,
            bytes.fromhex(self.prompt),
            bytes.fromhex(self.account),
            (self.at - _EPOCH) // timedelta(microseconds=1),
            self.words_at,
            self.words_size,
        )
        return body + struct.pack("<I", zlib.crc32(body))

    @classmethod
    def from_bytes(cls, data: bytes) -> GenerationRecord:
        """The record that these bytes hold.

        Raises:
            IntegrityError: they are not what was written.
        """
        body = data[:-4]
        if len(data) != SIZE or zlib.crc32(body) != struct.unpack("<I", data[-4:])[0]:
            raise _damaged()
        sha, pdq, quality, inputs, model, went, put_in, adapter, prompt, account, at, words_at, size = _FORMAT.unpack(
            body
        )
        return cls(
            sha256=sha.hex(),
            pdq=None if quality == NO_PDQ else pdq.hex(),
            quality=0 if quality == NO_PDQ else quality,
            inputs=inputs,
            model=model,
            went=went,
            input_sha256=None if put_in == _NONE else put_in.hex(),
            adapter_sha256=None if adapter == _NONE else adapter.hex(),
            prompt="" if prompt == _NONE[:16] else prompt.hex(),
            account="" if account == _NONE[:16] else account.hex(),
            at=_EPOCH + timedelta(microseconds=at),
            words_at=words_at,
            words_size=size,
        )


def rows_of(data: bytes) -> npt.NDArray[np.void]:
    """Many records at once, as `ROW`.

    Raises:
        IntegrityError: one of them is not what was written.
    """
    rows = np.frombuffer(data, dtype=ROW)
    view = memoryview(data)
    for at, check in zip(range(0, len(data), SIZE), rows["check"].tolist(), strict=True):
        if zlib.crc32(view[at : at + SIZE - 4]) != check:
            raise _damaged()
    return rows


def _damaged() -> IntegrityError:
    return IntegrityError(
        "A record of the ledger is damaged.", hint="Restore the ledger from its backup.", code="integrity.ledger"
    )
