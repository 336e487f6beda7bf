"""JSON from a file that nobody vouches for: bounded in size and depth."""

from __future__ import annotations

import json
import re
from typing import Any, Final

MAX_JSON: Final = 2 << 20
"""Characters. A large ComfyUI workflow has some three hundred thousand."""

MAX_DEPTH: Final = 64
"""Lists and objects within one another."""

_STRUCTURE: Final = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[\[\]{}]', re.DOTALL)
"""A string or a bracket. A string that never ends takes the rest, so that no text is gone over twice."""


def bounded_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a JSON object or list; None when it is none, or larger or deeper than the limits. Never raises."""
    text = text.strip("\0 \t\r\n\ufeff")
    if not text.startswith(("{", "[")) or len(text) > MAX_JSON:
        return None
    depth = 0
    for part in _STRUCTURE.finditer(text):
        bracket = part[0]
        if bracket in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return None
        elif bracket in "]}":
            depth -= 1
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
