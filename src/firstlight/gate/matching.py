"""Looks a prompt up in the rules: which groups are met where, and which rules speak."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, NamedTuple

from pydantic import Field

from firstlight.errors import IntegrityError, LimitError
from firstlight.gate.rules import MAX_NEAR, MIN_NEAR, Digester, Outcome, Rule, Rules, spelled, worst
from firstlight.gate.text import (
    LONGEST_PROMPT,
    Form,
    Token,
    foldings,
    is_stretched,
    shortened,
    single_letters,
    squeezed,
    tokens_of,
)
from firstlight.values import Value

RUN_TOGETHER = 3
"""How many neighbouring words are also read as one, at most."""

REMEMBERED = 50_000
"""Words whose answer is remembered in memory: prompts use the same ones again and again."""

LOOK_BACK = 16
"""Terms of one group that are looked at before another's: those farther back are not the nearest."""


class RuleHit(Value):
    """A rule that spoke, and in which forms its terms were found. No word of the prompt is in it."""

    rule: str
    outcome: Outcome
    forms: tuple[Form, ...]
    negative: bool = False
    words: Annotated[int, Field(ge=1, description="how many words the combination spans")]


class _Found(NamedTuple):
    start: int
    end: int
    group: str
    form: Form


class TermRules:
    """Rules with their key, ready to be asked. Thread-safe: all that changes is what it remembers."""

    def __init__(self, rules: Rules, key: bytes) -> None:
        """Raises:
        IntegrityError: the rules were made with another key.
        """
        self.rules = rules
        self._digest = Digester(key)
        if self._digest.key_check != rules.key_check:
            raise IntegrityError(
                "These rules were made with another key.",
                hint="Build them again, or restore the key.",
                code="integrity.rules",
            )
        self._groups: dict[bytes, tuple[str, ...]] = {}
        for name, group in rules.groups.items():
            for digest in {*group.terms, *group.near}:
                raw = bytes.fromhex(digest)
                self._groups[raw] = (*self._groups.get(raw, ()), name)
        self._exceptions = frozenset(bytes.fromhex(one) for one in rules.exceptions)
        self._spans = rules.spans
        self._letters = frozenset(rules.letters)
        self._near = any(rule.near for rule in rules.rules)
        self._words: dict[Token, tuple[tuple[bytes, Form], ...]] = {}

    def match(self, text: str, *, negative: str = "", surface: str = "image") -> tuple[RuleHit, ...]:
        """The rules that speak, strictest first; each once for the prompt and once for the negative prompt.

        Raises:
            LimitError: a prompt is longer than `LONGEST_PROMPT`; nothing is said about its beginning alone.
        """
        hits = list(self._match(text, surface, negative=False))
        if negative:
            hits += self._match(negative, surface, negative=True)
        return tuple(sorted(hits, key=lambda hit: (-hit.outcome.rank, hit.rule, hit.negative)))

    def _match(self, text: str, surface: str, *, negative: bool) -> Iterator[RuleHit]:
        if len(text) > LONGEST_PROMPT:
            raise LimitError(
                f"The prompt has {len(text)} characters; {LONGEST_PROMPT} are looked at.", code="limit.prompt"
            )
        found = self._found(tokens_of(text))
        if not found:
            return
        for rule in self.rules.rules:
            if (rule.surfaces and surface not in rule.surfaces) or (negative and not rule.in_negative):
                continue
            hit = _speaks(rule, found)
            if hit is not None:
                outcome = Outcome.REVIEW if negative else hit.outcome
                yield hit.model_copy(update={"negative": negative, "outcome": outcome})

    def _found(self, tokens: list[Token]) -> list[_Found]:
        """The terms that were met, without those inside an exception."""
        met: set[_Found] = set()
        for at, token in enumerate(tokens):
            for digest, form in self._of_word(token):
                met.update(_Found(at, at + 1, group, form) for group in self._groups.get(digest, ()))
        for start, end in single_letters(tokens):
            self._spelled_out(tokens, start, end, met)
        for span in self._spans:
            if span > 1:
                self._of_phrases(tokens, span, met)
        self._run_together(tokens, met)
        if not met:
            return []
        excused = [] if not self._exceptions else list(self._excused(tokens))
        return sorted(one for one in met if not any(a <= one.start and one.end <= b for a, b in excused))

    def _meet(self, met: set[_Found], start: int, end: int, text: str, form: Form) -> None:
        domain = Digester.JOINED if form is Form.JOINED else Digester.TERM
        groups = self._groups.get(self._digest(domain, text))
        if groups:
            met.update(_Found(start, end, group, form) for group in groups)

    def _of_word(self, token: Token) -> tuple[tuple[bytes, Form], ...]:
        """The digests of a word in its spellings that name a group: for nearly all words none, which is remembered."""
        known = self._words.get(token)
        if known is None:
            known = tuple((digest, form) for digest, form in self._spellings(token) if digest in self._groups)
            if len(self._words) >= REMEMBERED:
                self._words.clear()
            self._words[token] = known
        return known

    def _spellings(self, token: Token) -> Iterator[tuple[bytes, Form]]:
        digest = self._digest
        form = Form.PLAIN
        for word in (token.plain, *token.folded):
            yield digest(Digester.TERM, word), form
            form = Form.FOLDED
            if is_stretched(word):
                yield digest(Digester.SQUEEZED, squeezed(word)), Form.REPEATED
            if self._near and MIN_NEAR - 1 <= len(word) <= MAX_NEAR and not token.dense:
                yield digest(Digester.NEAR, word), Form.NEAR
                for less in shortened(word):
                    yield digest(Digester.NEAR, less), Form.NEAR

    def _spelled_out(self, tokens: list[Token], start: int, end: int, met: set[_Found]) -> None:
        """Every word of a length that a term has, wherever it stands in a run of single letters."""
        run = "".join(one.plain for one in tokens[start:end])
        runs = {one for one in (run, *foldings(run)) if len(one) == len(run)}
        for letters in self.rules.letters:
            for text in runs:
                for at in range(end - start - letters + 1):
                    self._meet(met, start + at, start + at + letters, text[at : at + letters], Form.SPACED)

    def _of_phrases(self, tokens: list[Token], span: int, met: set[_Found]) -> None:
        """Terms of several words, as written and folded."""
        for at in range(len(tokens) - span + 1):
            part = tokens[at : at + span]
            self._meet(met, at, at + span, spelled(part), Form.PLAIN)
            if any(one.folded for one in part):
                self._meet(met, at, at + span, spelled(part, folded=True), Form.FOLDED)

    def _run_together(self, tokens: list[Token], met: set[_Found]) -> None:
        """Neighbouring words without the space between them: a term that was torn apart in another place."""
        words = ["" if one.dense else one.folded[-1] if one.folded else one.plain for one in tokens]
        for at in range(len(words) - 1):
            text = words[at]
            for end in range(at + 1, min(at + RUN_TOGETHER, len(words))):
                if not text or not words[end]:
                    break
                text += words[end]
                if len(text) in self._letters:
                    self._meet(met, at, end + 1, text, Form.JOINED)

    def _excused(self, tokens: list[Token]) -> Iterator[tuple[int, int]]:
        for span in self._spans:
            for at in range(len(tokens) - span + 1):
                if self._digest(Digester.TERM, spelled(tokens[at : at + span])) in self._exceptions:
                    yield at, at + span


def _speaks(rule: Rule, found: list[_Found]) -> RuleHit | None:
    """The rule on what was met exactly; else on everything, and then it is a review."""
    exact = [one for one in found if one.form.is_exact]
    for part, outcome in ((exact, rule.outcome), (found if rule.near else [], Outcome.REVIEW)):
        terms, words = _narrowest(rule.groups, part)
        if terms and words <= rule.within:
            forms = sorted({term.form for term in terms})
            return RuleHit(rule=rule.id, outcome=outcome, forms=tuple(forms), words=words)
    return None


def _narrowest(groups: tuple[str, ...], found: list[_Found]) -> tuple[list[_Found], int]:
    """One term of each group, none within another, as close together as they come, and the number of words they span;
    no term at all if a group is not met."""
    met: dict[str, list[_Found]] = {group: [] for group in groups}
    best: list[_Found] = []
    least = 0
    for one in found:
        if one.group not in met:
            continue
        met[one.group].append(one)
        terms = _with_the_nearest(one, met)
        if len(terms) == len(groups):
            words = _words_between(terms)
            if not best or words < least:
                best, least = terms, words
    return best, least


def _words_between(terms: list[_Found]) -> int:
    """How many words a combination spans, each term counting as one, however it is spelled."""
    span = max(term.end for term in terms) - min(term.start for term in terms)
    return span - sum(term.end - term.start - 1 for term in terms)


def _with_the_nearest(last: _Found, met: dict[str, list[_Found]]) -> list[_Found]:
    """This term, and of each other group the last one before it that shares no word with those taken."""
    terms = [last]
    for group, before in met.items():
        if group != last.group:
            apart = (
                one
                for one in reversed(before[-LOOK_BACK:])
                if all(one.end <= term.start or term.end <= one.start for term in terms)
            )
            terms += [one for one in [next(apart, None)] if one is not None]
    return terms


def outcome_of(hits: Iterable[RuleHit]) -> Outcome:
    """What the rules that spoke amount to."""
    return worst(hit.outcome for hit in hits)
