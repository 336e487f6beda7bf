"""Plain text: a hash a line, as hash tools print them. What follows the hash on its line is not looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from firstlight.banks.entry import HASH_LENGTHS, NewEntry, masked
from firstlight.banks.importer import Found, Item, Junk, ListFile
from firstlight.errors import InputError

_HASH: Final = re.compile(r"[0-9A-Fa-f]{32,64}")
_BY_LENGTH: Final = {32: "md5", 40: "sha1"}
_SURE: Final = 8
"""From so many hashes on, their bits tell PDQ from SHA-256: half of a PDQ hash's bits are set by construction, which
one SHA-256 in twenty has by chance."""
_MOST, _FEW = 0.9, 0.5


class PlainHashes:
    """Hashes line by line, told apart by length, or all of the `kind` that is named.

    64 digits can be SHA-256 or PDQ. Where the list is too short or too mixed to tell, such a hash is taken as both:
    neither can be mistaken for the other when it is matched.
    """

    def __init__(self, kind: str | None = None) -> None:
        self.kind = kind
        self.name = kind or "plain"
        self.says = f"one {kind} a line" if kind else "one hash a line: MD5, SHA-1, SHA-256 or PDQ by length"

    def detects(self, source: ListFile) -> bool:
        """Whether most lines at its start begin with a hash."""
        if self.kind is not None:
            return False
        tokens = [_token(line) for line in source.head_lines() if not line.startswith("#")]
        good = sum(1 for token in tokens if _HASH.fullmatch(token) and len(token) in HASH_LENGTHS.values())
        return good > 0 and good >= len(tokens) / 2

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """A record for each line that is not blank and no comment (`#`)."""
        if columns:
            raise InputError("A plain list has no columns.", hint="Leave the column map out, or name the format csv.")
        long_kinds = (self.kind,) if self.kind else _kinds_of_64(source)
        for number, line in source.lines():
            if line is None:
                yield Junk(number, "the line is too long")
                continue
            token = _token(line)
            if not token or token.startswith("#"):
                continue
            if self.kind is not None:
                yield Item(number, _entry(token, self.kind))
            elif len(token) in _BY_LENGTH:
                yield Item(number, _entry(token, _BY_LENGTH[len(token)]))
            elif len(token) == 64:
                yield Item(number, _entry(token, *long_kinds))
            else:
                yield Junk(number, "no hash has so many characters", masked(token))


def _entry(token: str, *kinds: str) -> NewEntry:
    given: dict[str, Any] = dict.fromkeys(kinds, token)
    return NewEntry(**given)


def _token(line: str) -> str:
    """The first word, without what some tools put around it."""
    words = line.strip().lstrip("\ufeff\\").split(maxsplit=1)
    return words[0].rstrip(",;").strip("\"'") if words else ""


def _kinds_of_64(source: ListFile) -> tuple[str, ...]:
    tokens = [token for line in source.head_lines() if len(token := _token(line)) == 64 and _HASH.fullmatch(token)]
    even = sum(1 for token in tokens if int(token, 16).bit_count() == 128)
    if len(tokens) >= _SURE and even >= _MOST * len(tokens):
        return ("pdq",)
    if len(tokens) >= _SURE and even <= _FEW * len(tokens):
        return ("sha256",)
    return ("sha256", "pdq")
