#!/usr/bin/env python3
"""Writes tests/house/public_names.toml from the `__all__` of each room; `make names` calls it.

A change of that file is a change of what others may rely on: read the difference before committing it.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from house import sources  # noqa: E402 - found through the path set above

FILE = sources.ROOT / "tests" / "house" / "public_names.toml"


def rendered() -> str:
    """The file as it should be."""
    lines = ["# The public names of each room, written by `make names`. Anything else may change without notice.", ""]
    for room, names in sorted(sources.public_names().items()):
        lines += [f"{room} = [", *(f'    "{name}",' for name in names), "]", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8")
