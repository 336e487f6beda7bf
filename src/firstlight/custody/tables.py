"""CSV files that a spreadsheet can open without running what a suspect wrote into them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters that make a spreadsheet take a cell for a formula, or break the row."""


def safe_cell(value: object) -> str:
    """The value as text; an apostrophe goes before what a spreadsheet would run. None becomes empty."""
    text = "" if value is None else str(value)
    return "'" + text if text.lstrip(" ").startswith(_DANGEROUS) else text


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """An RFC 4180 file: UTF-8, CRLF, quotes where needed, no cell that is a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode()
