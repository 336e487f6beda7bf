"""Entries of a bank: what an importer brings, what is stored, and what is shown without its hashes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from json.encoder import encode_basestring
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, Self

from pydantic import Field

from firstlight import clock
from firstlight.errors import InputError
from firstlight.values import Instant, Value

SHOWN_DIGITS: Final = 6
"""Enough for two people to see that they speak of the same entry, too little to search or rebuild a list from."""
MAX_KEY: Final = 200
MAX_TEXT: Final = 4000
"""Of a note or an original form. Longer texts are documents and belong elsewhere."""
MAX_CATEGORIES: Final = 64

DIGEST_LENGTHS: Final[dict[str, int]] = {"md5": 32, "sha1": 40, "sha256": 64}
HASH_LENGTHS: Final[dict[str, int]] = {**DIGEST_LENGTHS, "pdq": 64}
STRONGEST_FIRST: Final = ("sha256", "sha1", "md5", "pdq")

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_HEX: Final = re.compile(r"[0-9a-f]*")
_READY: Final = {
    kind: re.compile(rf"(?!d41d8|da39a|e3b0c|(.)\1{{31}})[0-9a-f]{{{n}}}") for kind, n in HASH_LENGTHS.items()
}
"""What most hashes look like: in matching form, and surely none of those that are junk."""
_OF_NOTHING: Final = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)
"""Digests of the empty file, which get into lists by mistake and would match every failed upload."""


def masked(text: str) -> str:
    """The first digits of a hash, for people: never enough to know it."""
    return text[:SHOWN_DIGITS] + "…" if len(text) > SHOWN_DIGITS else "…"


class JunkError(InputError):
    """A record that no entry can be made of. The message holds no hash."""

    code = "input.junk"


class Standing(StrEnum):
    """Where an entry stands. Active and confirmed entries match."""

    ACTIVE = "active"
    CONFIRMED = "confirmed"
    """This house looked at what it matched and says that it is right."""
    WITHDRAWN = "withdrawn"
    """Its list took it back. It comes back when a list brings it again."""
    DENIED = "denied"
    """This house says that it is wrong. No list brings it back, only `Library.restore`."""

    @property
    def matches(self) -> bool:
        """Whether the entry takes part in matching."""
        return self in (Standing.ACTIVE, Standing.CONFIRMED)


class NewEntry(NamedTuple):
    """What comes in, as the upstream wrote it. Hashes may be in upper case and carry blanks around them.

    Without a `key` one is derived from the strongest hash. `original` holds forms that are carried but not matched,
    by the upstream's own field names; hashes that were not written in matching form join it by themselves.
    """

    key: str | None = None
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    pdq: str | None = None
    quality: int | None = None
    categories: tuple[str, ...] = ()
    note: str = ""
    original: Mapping[str, str] = MappingProxyType({})
    stamp: str = ""
    """The upstream's own time of the last change, in one form for the whole list, so that texts sort as times do. An
    older state never takes the place of a newer one."""
    own: bool = False
    """Whether this house made the hashes itself, from a file it held: only such entries are ever written out again."""

    def __repr__(self) -> str:
        hashes = {kind: masked(value.strip()) for kind in HASH_LENGTHS if (value := getattr(self, kind))}
        return f"NewEntry({hashes})"


class Entry(Value):
    """One record of a bank. Its printed form masks the hashes; `original` is as the upstream wrote it."""

    bank: str
    key: str
    standing: Standing = Standing.ACTIVE
    reason: str = Field(default="", description="why it stands so")
    md5: str | None = Field(default=None, repr=False)
    sha1: str | None = Field(default=None, repr=False)
    sha256: str | None = Field(default=None, repr=False)
    pdq: str | None = Field(default=None, repr=False)
    quality: Annotated[int, Field(ge=0, le=100)] | None = None
    categories: tuple[str, ...] = ()
    note: str = ""
    house_categories: tuple[str, ...] = Field(default=(), description="given by this house; no list changes them")
    house_note: str = Field(default="", description="written by this house; no list changes it")
    original: Mapping[str, str] = Field(default_factory=dict, repr=False)
    own: bool = Field(default=False, description="whether this house made the hashes from a file it held")
    stamp: str = Field(default="", description="the upstream's own time of the last change, as it wrote it")
    first_seen: Instant
    last_changed: Instant
    last_seen: Instant = Field(description="when a list last brought it, changed or not")
    last_matched: Instant | None = Field(default=None, description="when an item last matched it, if one did")

    def masked(self) -> dict[str, str]:
        """Its hashes as people may see them."""
        return {kind: masked(value) for kind in HASH_LENGTHS if (value := getattr(self, kind)) is not None}


@dataclass(slots=True)
class Record:
    """An entry as it is stored: hashes in matching form (lower-case hex), the original form apart."""

    key: str
    hashes: dict[str, str]
    quality: int | None = None
    categories: tuple[str, ...] = ()
    note: str = ""
    original: dict[str, str] = field(default_factory=dict)
    first_seen: str = ""
    changed: str = ""
    standing: Standing = Standing.ACTIVE
    reason: str = ""
    stamp: str = ""
    house_categories: tuple[str, ...] = ()
    house_note: str = ""
    own: bool = False

    def __repr__(self) -> str:
        return f"Record({self.key!r})"

    def same_content(self, other: Record) -> bool:
        """Whether both say the same, whenever they came."""
        return (
            self.hashes == other.hashes
            and self.quality == other.quality
            and self.categories == other.categories
            and self.note == other.note
            and self.original == other.original
            and (self.standing, self.reason, self.stamp) == (other.standing, other.reason, other.stamp)
        )

    def keep_of(self, old: Record) -> None:
        """Take over what this house said and knows of an entry when its list brings it anew."""
        self.first_seen = old.first_seen
        self.house_categories, self.house_note = old.house_categories, old.house_note
        self.own = self.own or (old.own and self.hashes == old.hashes)
        if old.standing in (Standing.DENIED, Standing.CONFIRMED):
            self.standing, self.reason = old.standing, old.reason

    def encode(self) -> str:
        """One line of JSON; empty parts are left out."""
        rest: dict[str, Any] = {}
        if self.quality is not None:
            rest["q"] = self.quality
        if self.categories:
            rest["c"] = self.categories
        if self.note:
            rest["n"] = self.note
        if self.original:
            rest["o"] = self.original
        if self.standing is not Standing.ACTIVE:
            rest["s"] = self.standing.value
        if self.reason:
            rest["r"] = self.reason
        if self.stamp:
            rest["t"] = self.stamp
        if self.house_categories:
            rest["hc"] = self.house_categories
        if self.house_note:
            rest["hn"] = self.house_note
        if self.own:
            rest["own"] = 1
        # What every record has is put together here, which is several times faster; hashes and times need no escapes.
        hashes = ",".join([f'"{kind}":"{value}"' for kind, value in self.hashes.items()])
        out = f'{{"k":{encode_basestring(self.key)},"h":{{{hashes}}},"f":"{self.first_seen}","l":"{self.changed}"'
        return f"{out},{_ENCODER.encode(rest)[1:]}" if rest else out + "}"

    @classmethod
    def decode(cls, value: dict[str, Any]) -> Self:
        """The record that `encode` wrote."""
        return cls(
            key=value["k"],
            hashes=value["h"],
            quality=value.get("q"),
            categories=tuple(value.get("c", ())),
            note=value.get("n", ""),
            original=value.get("o", {}),
            first_seen=value["f"],
            changed=value["l"],
            standing=Standing(value.get("s", "active")),
            reason=value.get("r", ""),
            stamp=value.get("t", ""),
            house_categories=tuple(value.get("hc", ())),
            house_note=value.get("hn", ""),
            own=bool(value.get("own")),
        )

    def as_entry(self, bank: str, seen: datetime | None = None, matched: datetime | None = None) -> Entry:
        """The record as a value for callers."""
        return Entry(
            bank=bank,
            key=self.key,
            standing=self.standing,
            reason=self.reason,
            **self.hashes,
            quality=self.quality,
            categories=self.categories,
            note=self.note,
            house_categories=self.house_categories,
            house_note=self.house_note,
            original=self.original,
            own=self.own,
            stamp=self.stamp,
            first_seen=clock.from_text(self.first_seen),
            last_changed=clock.from_text(self.changed),
            last_seen=max(clock.from_text(self.changed), seen) if seen else clock.from_text(self.changed),
            last_matched=matched,
        )


def matching_form(kind: str, text: str) -> str:
    """A hash as it is matched: lower-case hex of the right length.

    Raises:
        JunkError: it cannot be a hash of this kind, or matches everything or nothing.
    """
    value = text.strip().lower()
    if len(value) != HASH_LENGTHS[kind]:
        raise JunkError(f"{len(value)} characters cannot be a {kind} hash, which has {HASH_LENGTHS[kind]}")
    if not _HEX.fullmatch(value):
        raise JunkError(f"a {kind} hash has hexadecimal digits only")
    if value == value[0] * len(value):
        raise JunkError(f"a {kind} hash of one repeated digit is a placeholder")
    if value in _OF_NOTHING:
        raise JunkError(f"this {kind} hash is that of the empty file")
    return value


def record_of(new: NewEntry, at: str) -> tuple[Record, list[str]]:
    """What is stored of a new entry, and what is wrong with fields that were left out of matching.

    The key is empty if one has to be derived.

    Raises:
        JunkError: it has no hash that could match, or a field that cannot be kept.
    """
    hashes: dict[str, str] = {}
    flaws: list[str] = []
    original = {str(name): str(value) for name, value in new.original.items()} if new.original else {}
    for kind, given in (("md5", new.md5), ("sha1", new.sha1), ("sha256", new.sha256), ("pdq", new.pdq)):
        if not given:
            continue
        if _READY[kind].fullmatch(value := given.lower()):
            hashes[kind] = value
            if value != given:
                original.setdefault(kind, given)
            continue
        if not given.strip():
            continue
        try:
            hashes[kind] = matching_form(kind, given)
        except JunkError as e:
            flaws.append(e.diagnostics().message)
        if given != hashes.get(kind):
            original.setdefault(kind, given)
    if not hashes and (flaws or not original):
        raise JunkError(flaws[0] if flaws else "there is no hash in it")
    quality = new.quality if "pdq" in hashes else None
    if quality is not None and not 0 <= quality <= 100:
        flaws.append(f"a quality of {quality} is not possible")
        original.setdefault("quality", str(quality))
        quality = None
    key = (new.key or "").strip()
    lower = key.lower() if len(key) >= min(DIGEST_LENGTHS.values()) else ""
    if lower and any(value in lower for value in hashes.values()):
        original.setdefault("key", key)  # a key is shown, and this one would show the hash
        key = ""
    if key and (len(key) > MAX_KEY or not key.isprintable()):
        raise JunkError(f"its key is longer than {MAX_KEY} characters or cannot be printed")
    if not hashes and not key:
        raise JunkError("there is neither a hash that can be matched nor a key")
    categories = tuple(dict.fromkeys([c.strip() for c in new.categories if c.strip()])) if new.categories else ()
    if categories and (len(categories) > MAX_CATEGORIES or len(max(categories, key=len)) > MAX_KEY):
        raise JunkError(f"it has more than {MAX_CATEGORIES} categories, or one that is too long")
    if len(new.note) > MAX_TEXT or (original and sum(map(len, original.values())) > MAX_TEXT):
        raise JunkError(f"its texts are longer than {MAX_TEXT} characters")
    note = new.note.strip() if new.note else ""
    record = Record(key, hashes, quality, categories, note, original, at, at, stamp=new.stamp, own=new.own)
    return record, flaws
