"""Text from outside, without characters that move a cursor, end a text early or fake a line."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

PROSE = frozenset({"name", "text", "bio", "note", "says", "prompt", "negative_prompt"})
"""Fields that hold what people and programs wrote: it is kept readable, with every control character shown. All other
text is an identifier, and is refused with one in it: an account that is not exactly the account is somebody else's."""

_LINES = "\n\r\t"


def is_control(character: str) -> bool:
    """Whether it is a control character, half of a surrogate pair, or one of Unicode's own ends of a line."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def shown(text: str, *, lines: bool = True) -> str:
    """The text with every control character written out, such as `\\x1b`; with `lines`, lines may end."""
    allowed = _LINES if lines else ""
    if not any(is_control(c) and c not in allowed for c in text):
        return text
    return "".join(
        c if not is_control(c) or c in allowed else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def shown_prose(value: Any, field: str = "") -> Any:  # noqa: ANN401 - any JSON value
    """A JSON value with the text of its prose fields `shown`."""
    if isinstance(value, str):
        return shown(value, lines=field != "name") if field in PROSE else value
    if isinstance(value, dict):
        return {key: shown_prose(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shown_prose(inner, field) for inner in value]
    return value


def first_control(value: Any, place: str = "", field: str = "") -> tuple[str, str] | None:  # noqa: ANN401 - any JSON value
    """The place and the name of the first control character in a JSON value; in prose, lines may end."""
    if isinstance(value, str):
        allowed = _LINES if field in PROSE - {"name"} else ""
        return next(((place, f"U+{ord(c):04X}") for c in value if is_control(c) and c not in allowed), None)
    return next(filter(None, (first_control(inner, *at) for inner, *at in _parts(value, place, field))), None)


def _parts(value: Any, place: str, field: str) -> Iterator[tuple[Any, str, str]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield inner, f"{place}.{key}".removeprefix("."), str(key)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield inner, f"{place}.{number}", field
