"""Text that may stand in an XML 1.0 document, and how it is escaped there."""

from __future__ import annotations

import re

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def illegal_characters(text: str) -> tuple[str, ...]:
    """The code points (`U+0000`) in the text that XML 1.0 cannot carry, each once, in order of appearance."""
    return tuple(dict.fromkeys(f"U+{ord(c):04X}" for c in _ILLEGAL.findall(text)))


def without_illegal(text: str) -> str:
    """The text without the characters that XML 1.0 cannot carry."""
    return _ILLEGAL.sub("", text)


def escaped(text: str, *, attribute: bool = False) -> str:
    """The text so that a parser gives back exactly these characters, carriage returns included."""
    out = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    if attribute:
        out = out.replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
    return out
