"""JSON from a file that nobody vouches for: bounded in size, and in depth by the parser's own limit."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_JSON: Final = 1 << 20
"""Characters. A large ComfyUI workflow has some three hundred thousand."""


def bounded_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a JSON object or list; None when it is none, or larger or deeper than is read. Never raises."""
    text = text.strip("\0 \t\r\n\ufeff")
    if not text.startswith(("{", "[")) or len(text) > MAX_JSON:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
