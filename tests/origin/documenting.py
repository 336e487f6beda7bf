"""Makes the tables in `docs/origin.md` anew: `PYTHONPATH=src:tests python -m origin.documenting`."""

from __future__ import annotations

from pathlib import Path

from firstlight.origin.describe import filled_in

DOCUMENT = Path(__file__).parents[2] / "docs" / "origin.md"

if __name__ == "__main__":
    DOCUMENT.write_text(filled_in(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
