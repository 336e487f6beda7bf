"""PDQ hashes in base64, as Project Arachnid's Shield takes and answers them: lines, a list, or answers by hash."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from firstlight.banks.entry import NewEntry, masked
from firstlight.banks.importer import Found, Item, Junk, ListFile
from firstlight.errors import InputError, LimitError

MAX_DOCUMENT: Final = 64 << 20
"""A document of answers is read whole; the service takes far fewer hashes in one call."""
_HASH: Final = re.compile(r"[A-Za-z0-9+/]{43}=")
_NOTHING: Final = "no-known-match"


class Base64Pdq:
    """Of a document of answers only the hashes that are known there are taken, with their classification."""

    name = "arachnid"
    says = "PDQ in base64: lines, or JSON documents of Project Arachnid's Shield"

    def detects(self, source: ListFile) -> bool:
        """Whether its first line is such a hash, or it is such a document."""
        lines = source.head_lines()
        if not lines:
            return False
        return bool(_HASH.fullmatch(lines[0].lstrip("\ufeff"))) or (
            lines[0].lstrip("\ufeff").startswith("{") and '"scanned_hashes"' in source.head.decode(errors="replace")
        )

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """A record for each hash, numbered by line, or in order in a document."""
        if columns:
            raise InputError("This format has no columns.", hint="Leave the column map out.")
        lines = source.head_lines()
        if not lines or not lines[0].lstrip("\ufeff").startswith("{"):
            for number, line in source.lines():
                text = (line or "").strip().lstrip("\ufeff")
                if line is None:
                    yield Junk(number, "the line is too long")
                elif text:
                    yield _found(number, text, "")
            return
        for number, (text, answer) in enumerate(_answers(source).items(), 1):
            said = answer.get("classification") if isinstance(answer, dict) else None
            if said is None or said == _NOTHING:
                yield Junk(number, "the service does not know it", masked(text))
            else:
                yield _found(number, text, str(said))


def _answers(source: ListFile) -> dict[str, Any]:
    if source.size > MAX_DOCUMENT:
        raise LimitError(f"A document of more than {MAX_DOCUMENT} bytes is not read.", hint="Split it.")
    try:
        answers = json.loads(source.bytes().read())["scanned_hashes"]
    except (ValueError, KeyError, TypeError) as e:
        raise InputError("The JSON holds no scanned hashes.", hint="Save the whole answer of the service.") from e
    if not isinstance(answers, dict):
        raise InputError("The scanned hashes are no object.", hint="Save the whole answer of the service.")
    return answers


def _found(number: int, text: str, said: str) -> Found:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return Junk(number, "this is not base64", masked(text))
    if len(raw) != 32:
        return Junk(number, f"{len(raw)} bytes cannot be a PDQ hash, which has 32", masked(text))
    return Item(number, NewEntry(pdq=raw.hex(), categories=(said,) if said else (), original={"base64": text}))
