"""What goes in and out of the API beside the documents of the house; the client reads the same models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, JsonValue, model_validator

from firstlight.banks import Entry, Match, Standing
from firstlight.casework.review import Conclusion
from firstlight.casework.upload import Upload
from firstlight.values import BankPurpose, Instant, Level, Md5Hex, PdqHex, Reason, Sha1Hex, Sha256Hex, Value

LARGEST_ROW = 2**53 - 1
"""The largest number that every JSON reader keeps exact."""
Number = Annotated[int, Field(ge=1, le=LARGEST_ROW)]
BankName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Why = Annotated[str, Field(max_length=2000)]


class Problem(Value):
    """An error (RFC 9457). `code` is stable; `hint` says what to do."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    instance: str = ""


class ItemReference(Value):
    """An item without its bytes: they are held already, and came in again with other facts."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"sha256": "5b" * 32, "about": {"account": "account-17"}}]},
    )

    sha256: Sha256Hex
    about: Upload = Upload()


class ItemAnswer(Value):
    """An item as it stands. `case`, `level`, `priority` and `verdict` follow when it was examined."""

    item: int
    known: bool = Field(default=False, description="it had come in before, under the same idempotency key")
    state: str
    case: int | None
    name: str
    account: str
    sha256: Sha256Hex
    sha1: Sha1Hex
    md5: Md5Hex
    size: int
    media_type: str
    pdq: PdqHex | None
    received_at: Instant
    deadline: Instant
    level: Level | None = None
    priority: Reason | None = None
    verdict: Reason | None = None


def _one_of(fields: dict[str, str]) -> list[JsonValue]:
    """That one of these fields at least has to be there, for the description of a body."""
    return [{"required": [name], "properties": {name: {"type": kind}}} for name, kind in fields.items()]


class HashesAsked(Value):
    """Hashes to look up, together or alone: those given are of one piece of media."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"pdq": "0f" * 32, "pdq_quality": 100}],
            "anyOf": _one_of(dict.fromkeys(("md5", "sha1", "sha256", "pdq"), "string")),
        },
    )

    md5: Md5Hex | None = None
    sha1: Sha1Hex | None = None
    sha256: Sha256Hex | None = None
    pdq: PdqHex | None = None
    pdq_quality: Annotated[int, Field(ge=0, le=100)] = 100
    banks: Annotated[tuple[BankName, ...], Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _something(self) -> HashesAsked:
        if not (self.md5 or self.sha1 or self.sha256 or self.pdq):
            raise ValueError("give at least one of md5, sha1, sha256 and pdq")
        return self


class MatchAnswer(Value):
    """What the banks hold. `found` counts what no `allow` bank vetoes; no match says nothing about a picture."""

    found: bool
    matches: tuple[Match, ...]


class DecisionAsked(Value):
    """A decision of whoever is signed in, on these items of a case."""

    items: Annotated[tuple[Number, ...], Field(min_length=1, max_length=10_000)]
    conclusion: Conclusion


class NewBank(Value):
    """A bank to be made."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"name": "known", "purpose": "known"}]}
    )

    name: BankName
    purpose: BankPurpose
    owner: Annotated[str, Field(max_length=200)] = ""
    licence: Annotated[str, Field(max_length=200)] = ""
    note: Annotated[str, Field(max_length=2000)] = ""
    threshold: Annotated[int, Field(ge=0, le=64)] = 31
    min_quality: Annotated[int, Field(ge=0, le=100)] = 50


class BankChange(Value):
    """What is to change about a bank; what is not given stays."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"threshold": 24, "why": "too many look alike"}],
            "anyOf": _one_of(
                {
                    "enabled": "boolean",
                    **dict.fromkeys(("threshold", "min_quality"), "integer"),
                    **dict.fromkeys(("owner", "licence", "note"), "string"),
                }
            ),
        },
    )

    enabled: bool | None = None
    threshold: Annotated[int, Field(ge=0, le=64)] | None = None
    min_quality: Annotated[int, Field(ge=0, le=100)] | None = None
    owner: Annotated[str, Field(max_length=200)] | None = None
    licence: Annotated[str, Field(max_length=200)] | None = None
    note: Annotated[str, Field(max_length=2000)] | None = None
    why: Why = ""


class NewEntryAsked(Value):
    """An entry for a bank. Without a key one is made from the strongest hash."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"key": "k-1", "pdq": "0f" * 32}]}
    )

    key: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    md5: Md5Hex | None = None
    sha1: Sha1Hex | None = None
    sha256: Sha256Hex | None = None
    pdq: PdqHex | None = None
    quality: Annotated[int, Field(ge=0, le=100)] | None = None
    categories: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=64)] = ()
    note: Annotated[str, Field(max_length=2000)] = ""


class EntriesAsked(Value):
    """Entries for a bank."""

    entries: Annotated[tuple[NewEntryAsked, ...], Field(min_length=1, max_length=10_000)]


class StandingAsked(Value):
    """Where entries shall stand from now on, and why."""

    keys: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(min_length=1, max_length=10_000)
    ]
    standing: Standing
    why: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


class EntryAnswer(Value):
    """An entry of a bank; its hashes are masked, for a list is not given out again."""

    bank: str
    key: str
    standing: Standing
    reason: str
    hashes: dict[str, str]
    quality: int | None
    categories: tuple[str, ...]
    note: str
    first_seen: Instant
    last_changed: Instant

    @classmethod
    def of(cls, entry: Entry) -> EntryAnswer:
        """The entry as it may be shown."""
        fields: dict[str, Any] = {
            name: getattr(entry, name)
            for name in (
                *("bank", "key", "standing", "reason", "quality"),
                *("categories", "note", "first_seen", "last_changed"),
            )
        }
        return cls(hashes=entry.masked(), **fields)
