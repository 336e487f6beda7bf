"""Term rules: what the operator writes, and the keyed form in which it is kept.

A rule speaks when each of its groups of terms is met within so many words. Only digests under the operator's key are
kept: that hides the vocabulary from repositories, backups and logs. It does not hide it from whoever holds the key.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from firstlight.errors import InputError
from firstlight.gate.text import (
    LONGEST_PROMPT,
    MIN_SPELLED,
    Token,
    foldings,
    shortened,
    squeezed,
    tokens_of,
)
from firstlight.values import Document, Value, Versioned

LONGEST_TERM: Final = 8
"""Words of one term, or characters of a script without spaces: what is longer is a sentence, not a term."""

MIN_NEAR: Final = 6
"""Letters from which a word may be found one slip away: shorter ones have too many neighbours that mean nothing."""

MAX_NEAR: Final = 32
"""Letters up to which it may: no word of a term is longer, and every letter costs a digest."""

MIN_KEY: Final = 16
DIGEST_BYTES: Final = 12

GroupName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
DigestHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]


class Outcome(StrEnum):
    """What the gate decides, from the mildest."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """0 for allow, 2 for block."""
        return list(Outcome).index(self)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The strictest of them; allow when there is none."""
    return max(outcomes, key=lambda one: one.rank, default=Outcome.ALLOW)


class Rule(Value):
    """All `groups` within `within` words of each other. What is found only nearly is never more than a review.

    `surfaces` are the places where it holds, all when empty; `in_negative` says whether a negative prompt is looked
    at, which names what a picture should not show and is never more than a review.
    """

    id: GroupName
    groups: Annotated[tuple[GroupName, ...], Field(min_length=1, max_length=6)]
    within: Annotated[int, Field(ge=1, le=1000)] = 12
    outcome: Literal[Outcome.REVIEW, Outcome.BLOCK] = Outcome.BLOCK
    surfaces: tuple[GroupName, ...] = ()
    in_negative: bool = True
    near: bool = True

    @model_validator(mode="after")
    def _combines(self) -> Self:
        if len(set(self.groups)) != len(self.groups):
            raise ValueError(f"rule {self.id} names a group twice")
        if len(self.groups) == 1 and self.outcome is Outcome.BLOCK:
            raise ValueError(f"rule {self.id} has one group: only combinations may block; let it be a review")
        return self


class Exceptions(Value):
    """Phrases inside which no term counts."""

    phrases: tuple[str, ...] = ()


class RulesSource(Value):
    """What the operator writes: groups of terms, and rules over them. It is read, turned into digests and not kept."""

    groups: dict[GroupName, Annotated[tuple[str, ...], Field(min_length=1)]]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    exceptions: Exceptions = Exceptions()

    @model_validator(mode="after")
    def _known_groups(self) -> Self:
        for rule in self.rules:
            unknown = set(rule.groups) - set(self.groups)
            if unknown:
                raise ValueError(f"rule {rule.id} names a group that is not there: {min(unknown)}")
        if len({rule.id for rule in self.rules}) != len(self.rules):
            raise ValueError("two rules have the same id")
        return self

    @classmethod
    def parse(cls, data: bytes, name: str = "the rules") -> Self:
        """The rules that a TOML file holds.

        Raises:
            InputError: it is no TOML, or says something else; the message names the place, and no term.
        """
        hint = (
            "It has [groups] with lists of terms, and [[rules]] with id, groups, within and outcome; see docs/gate.md."
        )
        try:
            return cls.model_validate(tomllib.loads(data.decode()))
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise InputError(f"{name}: {where}: {first['msg']}.", hint=hint) from e
        except ValueError as e:
            raise InputError(f"{name} is no TOML in UTF-8.", hint=hint) from e


class KeyedGroup(Value):
    """The digests of a group: of its terms, and of what its single words become when one letter is left out."""

    terms: tuple[DigestHex, ...]
    near: tuple[DigestHex, ...]


class Rules(Document):
    """Rules in the form that is kept: every term a digest under the operator's key, `key_check` the key's own mark.

    `spans` are the lengths of terms in words, `letters` those of terms in letters: what has to be looked for.
    """

    title_for_people: ClassVar[str] = "set of gate rules"

    kind: Literal["gate-rules"] = "gate-rules"
    version: Versioned = 1
    key_check: DigestHex
    groups: dict[GroupName, KeyedGroup]
    rules: tuple[Rule, ...]
    exceptions: tuple[DigestHex, ...] = ()
    spans: tuple[int, ...]
    letters: tuple[int, ...]

    @property
    def sha256(self) -> str:
        """Which rules these are."""
        return hashlib.sha256(self.to_json()).hexdigest()


class Digester:
    """Digests of words under one key. Domains keep spellings apart: a squeezed word is no word as written."""

    TERM, SQUEEZED, JOINED, NEAR = b"t", b"s", b"j", b"n"

    def __init__(self, key: bytes) -> None:
        if not MIN_KEY <= len(key) <= 64:
            raise InputError(f"The key of the rules has {MIN_KEY} to 64 bytes, not {len(key)}.")
        self._base = hashlib.blake2b(key=key, digest_size=DIGEST_BYTES)

    def __call__(self, domain: bytes, text: str) -> bytes:
        """The digest of a text in a domain."""
        made = self._base.copy()
        made.update(domain + text.encode("utf-8", "surrogatepass"))
        return made.digest()

    @property
    def key_check(self) -> str:
        """A mark of the key that tells nothing about it."""
        return self(b"k", "").hex()


def build_rules(source: RulesSource, key: bytes) -> Rules:
    """The rules with every term as its digest under the key. The same source and key give the same document.

    Raises:
        InputError: a term is empty, too long, or stands in two groups of one rule; the message names its place.
    """
    digester = Digester(key)
    spans: set[int] = set()
    letters: set[int] = set()
    groups: dict[str, KeyedGroup] = {}
    for name, terms in source.groups.items():
        digests: set[str] = set()
        near: set[str] = set()
        for number, term in enumerate(terms, 1):
            tokens = _term(term, f"term {number} of group {name}")
            spans.add(len(tokens))
            close = spelled(tokens).replace(" ", "")
            letters |= {len(one) for one in (close, *foldings(close))}
            digests |= {one.hex() for one in _of_term(tokens, digester)}
            near |= {one.hex() for one in _near(tokens, digester)}
        groups[name] = KeyedGroup(terms=tuple(sorted(digests)), near=tuple(sorted(near)))
    for rule in source.rules:
        _require_apart(rule, groups)
    exceptions: set[str] = set()
    for number, phrase in enumerate(source.exceptions.phrases, 1):
        tokens = _term(phrase, f"exception {number}")
        spans.add(len(tokens))
        exceptions.add(digester(Digester.TERM, spelled(tokens)).hex())
    return Rules(
        key_check=digester.key_check,
        groups=groups,
        rules=source.rules,
        exceptions=tuple(sorted(exceptions)),
        spans=tuple(sorted(spans)),
        letters=tuple(one for one in sorted(letters) if one >= MIN_SPELLED),
    )


def spelled(tokens: Iterable[Token], *, folded: bool = False) -> str:
    """A term as one text: words with spaces, characters of scripts without spaces close together."""
    out = ""
    dense = True
    for token in tokens:
        text = token.folded[-1] if folded and token.folded else token.plain
        out += text if token.dense and dense else f" {text}"
        dense = token.dense
    return out.strip()


def _term(text: str, place: str) -> list[Token]:
    tokens = tokens_of(text) if len(text) <= LONGEST_PROMPT else []
    if not 1 <= len(tokens) <= LONGEST_TERM:
        raise InputError(
            f"The {place} has {len(tokens)} words.",
            hint=f"A term has 1 to {LONGEST_TERM} words, or characters where a script sets no spaces.",
        )
    return tokens


def _of_term(tokens: list[Token], digester: Digester) -> Iterable[bytes]:
    text = spelled(tokens)
    close = text.replace(" ", "")
    spellings = {text, *foldings(text), close, *foldings(close)}
    for one in spellings:
        yield digester(Digester.TERM, one)
        yield digester(Digester.JOINED, one.replace(" ", ""))
        if " " not in one:
            yield digester(Digester.SQUEEZED, squeezed(one))


def _near(tokens: list[Token], digester: Digester) -> Iterable[bytes]:
    """Of words alone: a term of several words has too many neighbours."""
    word = tokens[0].plain
    if len(tokens) == 1 and MIN_NEAR <= len(word) <= MAX_NEAR and not tokens[0].dense:
        for one in {word, *foldings(word)}:
            yield digester(Digester.NEAR, one)
            for less in shortened(one):
                yield digester(Digester.NEAR, less)


def _require_apart(rule: Rule, groups: dict[str, KeyedGroup]) -> None:
    """One word must not satisfy a combination by itself."""
    seen: dict[str, str] = {}
    for name in rule.groups:
        for digest in groups[name].terms:
            other = seen.setdefault(digest, name)
            if other != name:
                raise InputError(
                    f"Rule {rule.id}: groups {other} and {name} have a term in common, so one word would satisfy both.",
                    hint="Keep it in one of them.",
                )
