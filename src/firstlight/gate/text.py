"""Prompts as tokens, in every spelling that the rules compare: as written and folded.

Folding undoes what is done to a word to hide it from a list and leave it readable: look-alike letters, accents,
invisible characters, digits for letters, letters set apart, letters repeated. Both spellings are kept, because a fold
makes false friends; which one matched is told.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firstlight.gate.confusables import ENCLOSED, LEET, LOOKALIKES

LONGEST_PROMPT: Final = 32_000
"""Characters of one prompt: what the image interfaces take at most. Longer ones are refused, never cut."""


MIN_SPELLED: Final = 3
"""Single letters in a row that may spell a word."""


class Form(StrEnum):
    """How a word was found: as it was written, folded, or only nearly."""

    PLAIN = "plain"
    FOLDED = "folded"
    SPACED = "spaced"
    REPEATED = "repeated"
    JOINED = "joined"
    NEAR = "near"

    @property
    def is_exact(self) -> bool:
        """Whether the word itself stands there, however disguised; words run together and words one letter away are
        guesses."""
        return self not in (Form.JOINED, Form.NEAR)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or one character of a script that sets no spaces. `folded` holds its other spellings."""

    plain: str
    folded: tuple[str, ...] = ()
    dense: bool = False


# Han, kana, Hangul syllables set with spaces stay words; Thai, Lao, Myanmar and Khmer set none.
_DENSE: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_SIGNS: Final = "@$!|+€£"
_TOKEN: Final = re.compile(rf"[{_DENSE}]|(?:(?![{_DENSE}])[^\W_]|[{_SIGNS}]|(?![{_DENSE}])[\u0300-\u0dff])+")
_IS_DENSE: Final = re.compile(rf"[{_DENSE}]")
_TRIPLED: Final = re.compile(r"(.)\1\1")
_RUNS: Final = re.compile(r"(.)\1+")
_LEET_SIGNS: Final = re.compile(r"[0-9@$!|+€£]")
# Combining marks that decorate: accents, Hebrew points, Arabic vowels. Those that are vowels of an Indic script stay.
_MARKS: Final = re.compile(
    "[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def normalised(text: str) -> str:
    """The text without invisible characters and accents, in compatibility form and without case.

    The same text in any composition, width and case gives the same answer, and doing it twice changes nothing.
    """
    if text.isascii():
        return text.lower()
    text = _INVISIBLE.sub("", text).translate(ENCLOSED)
    text = unicodedata.normalize("NFKD", text).casefold()
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", text)


def tokens_of(text: str) -> list[Token]:
    """The words of a text, in order. What is no letter or digit separates; signs that stand for letters do not."""
    out: list[Token] = []
    for raw in _TOKEN.findall(normalised(text)):
        if len(raw) == 1 and _IS_DENSE.match(raw):
            out.append(Token(raw, dense=True))
            continue
        token = _token(raw)
        if token is not None:
            out.append(token)
    return out


def _token(raw: str) -> Token | None:
    """The word with its spellings; none for signs that stand alone, as in "salt + pepper"."""
    plain = raw.strip(_SIGNS)
    if not plain and len(raw) > 1:
        return None
    return Token(plain or raw, foldings(plain, raw))


def foldings(plain: str, raw: str | None = None) -> tuple[str, ...]:
    """The other spellings of a word: with look-alikes in Latin, and with digits and signs read as letters."""
    raw = plain if raw is None else raw
    if raw.isascii() and not _LEET_SIGNS.search(raw):
        return ()
    out: list[str] = []
    for one in (plain, raw):
        skeleton = one if one.isascii() else one.translate(LOOKALIKES)
        out.append(skeleton)
        if _LEET_SIGNS.search(skeleton) and not skeleton.isdigit():
            letters = skeleton.translate(LEET)
            out += [letters.replace("1", "i"), letters.replace("1", "l")] if "1" in letters else [letters]
    return tuple(one for one in dict.fromkeys(out) if one and one != plain)


def squeezed(word: str) -> str:
    """The word with each run of one letter as a single letter."""
    return _RUNS.sub(r"\1", word)


def is_stretched(word: str) -> bool:
    """Whether a letter stands three times in a row, which no ordinary spelling does."""
    return _TRIPLED.search(word) is not None


def shortened(word: str) -> set[str]:
    """The word without each one of its letters: two words within one slip of each other share one of these."""
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


def single_letters(tokens: list[Token]) -> list[tuple[int, int]]:
    """Runs of single letters that may spell a word, each as its first place and the one past its last."""
    out: list[tuple[int, int]] = []
    start = 0
    for at in range(len(tokens) + 1):
        if at < len(tokens) and len(tokens[at].plain) == 1 and not tokens[at].dense:
            continue
        if at - start >= MIN_SPELLED:
            out.append((start, at))
        start = at + 1
    return out
