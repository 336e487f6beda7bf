"""CSV files that a spreadsheet can open without running what a suspect wrote into them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from firstlight.clock import to_text
from firstlight.custody.contents import PackageContents

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


def hashes_csv(contents: PackageContents) -> bytes:
    """The case's files, one a row."""
    header = ("sha256", "sha1", "md5", "pdq", "size", "media_type", "original_name", "received_utc", "viewings")
    return to_csv(
        header,
        (
            (
                *(one.digests.sha256, one.digests.sha1, one.digests.md5, one.pdq, one.digests.size),
                *(one.media_type, one.original_name),
                to_text(one.received_at) if one.received_at else None,
                len(one.viewed),
            )
            for one in contents.files
        ),
    )


def identifiers_csv(contents: PackageContents) -> bytes:
    """What names people, accounts and connections, one a row."""
    header = ("kind", "value", "verified", "port", "time_utc", "event", "note", "record")
    return to_csv(
        header,
        (
            (
                *(one.kind, one.value, {True: "yes", False: "no", None: ""}[one.verified], one.port),
                *(to_text(one.at) if one.at else None, one.event, one.note, one.record),
            )
            for one in contents.identifiers
        ),
    )


def timeline_csv(contents: PackageContents) -> bytes:
    """What happened, in the order of time."""
    rows = sorted(contents.timeline, key=lambda row: row.at)
    return to_csv(
        ("time_utc", "local", "who", "what", "record"),
        ((to_text(row.at), row.local, row.who, row.what, row.record) for row in rows),
    )
