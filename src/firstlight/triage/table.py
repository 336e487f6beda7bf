"""The priority table: levels, weights and words in one versioned TOML file, checked before anything relies on it.

A row can only raise. What cannot be expressed is the point: there is no row for a sign that an uploader could have
made, no negative weight, no floor below `standard`, and the one way down keeps its safeguards whatever the file says.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from firstlight.clock import in_utc
from firstlight.errors import InputError, StorageError
from firstlight.origin.indicator import Claim, ForgeableBy
from firstlight.triage.facts import ContextFact
from firstlight.values import Level, Sha256Hex, Value

MAX_TABLE_BYTES = 256 * 1024
"""A table has some forty rows; anything larger is another file."""

MAX_BUNDLE_DISTANCE = 31
"""Bits. Beyond this PDQ finds pictures that are alike, not copies; it is also the usual threshold of hash lists."""


class OriginSignal(StrEnum):
    """What the picture and the banks can say that moves a priority: always upward."""

    KNOWN_CHILD = "known_child"
    PHOTO_DERIVED_STRONG = "photo_derived_strong"
    PHOTO_DERIVED = "photo_derived"
    CAMERA = "camera"
    CONFLICT = "conflict"
    NCII = "ncii"
    UNREADABLE = "unreadable"


_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Words = Annotated[str, Field(min_length=1, max_length=400)]


class _Part(Value):
    model_config = ConfigDict(frozen=True, extra="forbid")

    says: _Words
    source: _Words


class LevelRow(_Part):
    """What a level means and how soon its items are to be reviewed."""

    review_within_hours: Annotated[_Number, Field(gt=0, le=8760)]


class Row(_Part):
    """What one fact or signal does: raise to at least `level`, and add `harm` x `probability` to the order."""

    level: Level | None = None
    harm: Annotated[_Number, Field(ge=0, le=100)]
    probability: Annotated[_Number, Field(ge=0, le=1)]

    @property
    def expected(self) -> float:
        """Expected harm, 0 to 100."""
        return self.harm * self.probability


class Lowering(_Part):
    """The one way down. The bounds are the safeguards themselves: a table may tighten them, never loosen them."""

    steps: Annotated[int, Field(strict=True, ge=0, le=1)]
    strength_at_least: Annotated[_Number, Field(ge=3, le=9)]
    forgeable_by_at_least: Annotated[int, Field(strict=True, ge=ForgeableBy.KEY_HOLDER, le=ForgeableBy.AUTHORITY)]
    families_at_least: Annotated[int, Field(strict=True, ge=2, le=4)]
    recheck_share: Annotated[_Number, Field(ge=0.05, le=1)]


class LaneShares(_Part):
    """Shares of the capacity that the immediate lane leaves over."""

    oldest_share: Annotated[_Number, Field(ge=0.05, le=0.5)]
    audit_share: Annotated[_Number, Field(ge=0.02, le=0.05)]


class BundleRule(_Part):
    """What counts as a copy by pixels."""

    threshold: Annotated[int, Field(strict=True, ge=0, le=MAX_BUNDLE_DISTANCE)]
    min_quality: Annotated[int, Field(strict=True, ge=0, le=100)]


class PriorityTable(Value):
    """A checked table. `sha256` is that of the file's bytes, so `sha256sum priority.toml` answers the same."""

    version: Annotated[str, Field(min_length=1, max_length=64)]
    note: str = ""
    levels: Mapping[Level, LevelRow]
    base: Row
    facts: Mapping[ContextFact, Row]
    origin: Mapping[OriginSignal, Row]
    lowering: Lowering
    lanes: LaneShares
    bundling: BundleRule
    sha256: Sha256Hex

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The table in this file, or the one that comes with the package.

        Raises:
            InputError: the file is no table, has a key nobody knows, or asks for something a table may not say. All
                faults are reported together, each with its line where it can be told.
            StorageError: the file cannot be read.
        """
        if path is None:
            data = resources.files("firstlight.triage").joinpath("priority.toml").read_bytes()
            return cls.parse(data, "the shipped priority table")
        try:
            if path.is_fifo() or path.is_char_device() or path.is_socket():
                raise InputError(f"The priority table {path.name!r} is no file.", hint="Name a TOML file.")
            with path.open("rb") as file:
                data = file.read(MAX_TABLE_BYTES + 1)
        except OSError as e:
            raise StorageError(
                f"The priority table {path.name!r} cannot be read: {e.strerror}.", hint="Check the path and the rights."
            ) from e
        return cls.parse(data, path.name)

    @classmethod
    def parse(cls, data: bytes, name: str = "the priority table") -> Self:
        """The table that these bytes hold; raises as `load` does."""
        if len(data) > MAX_TABLE_BYTES:
            raise InputError(
                f"{name} is larger than {MAX_TABLE_BYTES} bytes.", hint="Give the priority table, not another file."
            )
        try:
            text = data.decode("utf-8")
            raw = tomllib.loads(text)
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
            raise InputError(f"{name} is no TOML: {e}.", hint="Correct the line that is named.") from e
        if "sha256" in raw:
            raise InputError(f"{name}: sha256: the digest is taken, not written.", hint="Remove the key.")
        try:
            return cls.model_validate({**raw, "sha256": hashlib.sha256(data).hexdigest()})
        except ValidationError as e:
            faults = [_in_words(error, text) for error in e.errors(include_url=False)]
            raise InputError(
                f"{name} cannot be used: " + " ".join(faults),
                hint="Start from the shipped table and change one row at a time.",
                code="input.priority-table",
                faults=len(faults),
            ) from e

    @model_validator(mode="after")
    def _keeps_the_laws(self) -> Self:
        faults = list(_broken_laws(self))
        if faults:
            raise ValueError(" ".join(faults))
        return self

    def deadline(self, level: Level, received: datetime) -> datetime:
        """The instant by which an item of this level, received then, is to be reviewed."""
        return in_utc(received) + timedelta(hours=self.levels[level].review_within_hours)


def _broken_laws(table: PriorityTable) -> Iterator[str]:
    """What a table may not say, whatever its single numbers are."""
    for what, rows, words in (
        ("levels", table.levels, Level),
        ("facts", table.facts, ContextFact),
        ("origin", table.origin, OriginSignal),
    ):
        missing = [word.value for word in words if word not in rows]
        if missing:
            yield f"[{what}] lacks {', '.join(missing)}: every word needs its row, even one that adds nothing."
            return
    hours = [table.levels[level].review_within_hours for level in Level]
    if hours != sorted(hours):
        yield "[levels]: a sooner level must not have the later deadline."
    floor = table.base.level
    if floor is None or floor.rank > Level.STANDARD.rank:
        yield "[base]: level must be standard or sooner: unknown is real."
        return
    origin = table.origin
    for signal in (
        OriginSignal.KNOWN_CHILD,
        OriginSignal.PHOTO_DERIVED_STRONG,
        OriginSignal.PHOTO_DERIVED,
        OriginSignal.CAMERA,
        OriginSignal.CONFLICT,
    ):
        row = origin[signal]
        if row.level is None or row.level.rank > max(floor.rank - 1, 0) or row.expected <= 0:
            yield f"[origin.{signal}] must raise: a level sooner than [base], and harm and probability above 0."
    unreadable = origin[OriginSignal.UNREADABLE]
    if unreadable.level is None or unreadable.level.rank > Level.STANDARD.rank:
        yield "[origin.unreadable]: level must be standard or sooner: what nobody could open goes to a person."
    for more, less in (
        (OriginSignal.CONFLICT, OriginSignal.CAMERA),
        (OriginSignal.PHOTO_DERIVED_STRONG, OriginSignal.PHOTO_DERIVED),
        (OriginSignal.KNOWN_CHILD, OriginSignal.PHOTO_DERIVED_STRONG),
        (OriginSignal.KNOWN_CHILD, OriginSignal.CONFLICT),
    ):
        if not _at_least(origin[more], origin[less]):
            yield f"[origin.{more}] must weigh at least as much as [origin.{less}], in level and in order."


def _at_least(more: Row, less: Row) -> bool:
    last = len(Level)
    rank_more = more.level.rank if more.level else last
    rank_less = less.level.rank if less.level else last
    return rank_more <= rank_less and more.expected >= less.expected


_NEVER = frozenset({Claim.SYNTHETIC, Claim.KNOWN_SYNTHETIC, Claim.EDITED})


def _in_words(error: ErrorDetails, text: str) -> str:
    """One fault as a sentence with its place, for whoever edits the file."""
    loc = tuple(str(part) for part in error["loc"] if part != "[key]")
    place = ".".join(loc)
    line = _line_of(loc, text)
    where = f"line {line}: {place}" if line else place
    if error["type"] == "value_error" and not loc:
        return str(error["ctx"]["error"])
    if loc[:1] == ("origin",) and len(loc) == 2 and loc[1] in _NEVER:
        return (
            f"{where}: no row may rest on this claim. What an uploader could have made moves nothing; the one way "
            "down is [lowering]."
        )
    if loc[-1:] == ("harm",) and error["type"] == "greater_than_equal":
        return f"{where}: a row can only raise, so harm cannot be negative."
    if error["type"] in ("extra_forbidden", "enum"):
        known = _known_keys(loc[:-1])
        close = get_close_matches(loc[-1], known, n=1)
        meant = f" Did you mean {close[0]}?" if close else f" Known here: {', '.join(known)}." if known else ""
        return f"{where}: nobody knows this key.{meant}"
    return f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}."


def _known_keys(section: tuple[str, ...]) -> list[str]:
    words: Mapping[str, type[StrEnum]] = {"levels": Level, "facts": ContextFact, "origin": OriginSignal}
    if not section:
        return [name for name in PriorityTable.model_fields if name != "sha256"]
    if len(section) == 1 and section[0] in words:
        return [word.value for word in words[section[0]]]
    parts: Mapping[str, type[Value]] = {
        "levels": LevelRow,
        "base": Row,
        "facts": Row,
        "origin": Row,
        "lowering": Lowering,
        "lanes": LaneShares,
        "bundling": BundleRule,
    }
    part = parts.get(section[0])
    return list(part.model_fields) if part else []


def _line_of(loc: tuple[str, ...], text: str) -> int:
    """The line of a heading or of a key under it, or 0: tomllib does not tell, and a hint is enough."""
    section = ""
    found = 0
    for number, line in enumerate(text.splitlines(), start=1):
        heading = re.match(r"\s*\[([^\[\]]+)\]", line)
        if heading:
            section = heading[1].strip()
            if section == ".".join(loc):
                return number
            if section == ".".join(loc[:-1]):
                found = number
            continue
        key = re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line)
        if key and loc and key[1] == loc[-1] and section == ".".join(loc[:-1]):
            return number
    return found


def as_plain(table: PriorityTable) -> dict[str, Any]:
    """The table as plain JSON values, as an event of its change holds it."""
    return table.model_dump(mode="json")
