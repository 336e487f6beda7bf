"""Values that several rooms share: frozen documents, hashes, reasons, levels.

A document is an answer of the house that a person or a machine may keep: frozen, versioned, closed to unknown fields,
and carrying the tree of its reasons. Every screen, API answer, log line and report is a rendering of one.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

import rfc8785
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)

from firstlight import clock
from firstlight.errors import Fact, InputError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""How this machine alone is named in an address."""

Md5Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Sha1Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Sha256Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PdqHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Instant = Annotated[AwareDatetime, PlainSerializer(clock.to_text, return_type=str, when_used="json")]
"""An aware time; in JSON always UTC with microseconds, so that one instant has one text."""


class Value(BaseModel):
    """A frozen part of a document."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Value):
    """A frozen, versioned answer of the house.

    Subclasses set `kind` and `version` as literals with defaults, so that a reader knows what it holds and a stored
    document of another version is refused instead of being misread.
    """

    title_for_people: ClassVar[str] = "document"

    def to_json(self) -> bytes:
        """The document as canonical JSON (RFC 8785): the same document is always the same bytes."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """The document that these bytes hold.

        Raises:
            InputError: they hold something else; the message names the first field that is wrong.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            raise InputError(
                f"This is no {cls.title_for_people}: {where}: {first['msg']}.",
                hint="Check that the file is whole and comes from this version of Firstlight.",
            ) from e


def writable(text: str) -> str:
    """The text with halves of surrogate pairs written out, which JSON and file names can hold and no UTF-8 can."""
    return text.encode("utf-8", "backslashreplace").decode()


ForeignText = Annotated[str, AfterValidator(writable)]
"""A text from outside that a document keeps, whatever stands in it."""


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """RFC 8785 bytes of a plain JSON value.

    Raises:
        InputError: the value holds something that JSON cannot carry exactly, such as NaN or an integer above 2**53.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as e:
        raise InputError(f"This value cannot be written as canonical JSON: {e}.") from e


class Digests(Value):
    """Cryptographic digests of exactly these bytes, taken in one pass before anything else touched them.

    SHA-256 is the identity; MD5 and SHA-1 are for matching lists that know nothing better.
    """

    md5: Md5Hex
    sha1: Sha1Hex
    sha256: Sha256Hex
    size: Annotated[int, Field(ge=0, description="bytes")]


class PdqMode(StrEnum):
    """How a PDQ hash was made: `exact` equals the reference bit for bit, `scaled` is at most a few bits away."""

    EXACT = "exact"
    SCALED = "scaled"


class Pdq(Value):
    """A PDQ hash: 256 bits as 64 lower-case hex digits, with its quality (0-100) and the way it was made."""

    hex: PdqHex
    quality: Annotated[int, Field(ge=0, le=100)]
    mode: PdqMode

    def to_bytes(self) -> bytes:
        """The 32 bytes of the hash, in the order of its hex digits."""
        return bytes.fromhex(self.hex)


class BankPurpose(StrEnum):
    """What a bank is for."""

    KNOWN = "known"
    KNOWN_AI = "known-ai"
    NCII = "ncii"
    ALLOW = "allow"


class Level(StrEnum):
    """How soon a person has to look, from soonest to latest."""

    IMMEDIATE = "immediate"
    HIGH = "high"
    STANDARD = "standard"
    BULK = "bulk"

    @property
    def rank(self) -> int:
        """0 for immediate, 3 for bulk."""
        return list(Level).index(self)


class Reason(Value):
    """One node of a tree of reasons: which rule spoke, what it says in words, and what it rests on."""

    rule: str
    says: str
    facts: dict[str, Fact] = Field(default_factory=dict)
    because: tuple[Reason, ...] = ()

    def lines(self, depth: int = 0) -> list[str]:
        """The tree as indented lines, for people."""
        out = ["  " * depth + self.says]
        for reason in self.because:
            out.extend(reason.lines(depth + 1))
        return out


class ErrorNote(Value):
    """An error as part of a document: what happened to this one item, and what to do."""

    code: str
    message: str
    hint: str = ""


_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def checked_name(name: str, what: str = "name") -> str:
    """The name, if it can stand in a file name, an address and a report without being escaped.

    Raises:
        InputError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the {what}.",
            hint="Use 1 to 64 of a-z, 0-9, dot, hyphen and underscore, starting with a letter or digit.",
        )
    return name


Versioned = Literal[1]
"""The version of documents that have had only one so far."""

__all__ = [
    "LOOPBACK_NAMES",
    "BankPurpose",
    "Digests",
    "Document",
    "ErrorNote",
    "Instant",
    "Level",
    "Md5Hex",
    "Pdq",
    "PdqHex",
    "PdqMode",
    "Reason",
    "Sha1Hex",
    "Sha256Hex",
    "Value",
    "Versioned",
    "canonical_json",
    "checked_name",
]
