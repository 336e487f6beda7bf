"""Tables: comma, semicolon, tab or bar between the cells, names of the columns in the first row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from firstlight.banks.entry import HASH_LENGTHS, NewEntry
from firstlight.banks.importer import Found, Item, Junk, ListFile
from firstlight.errors import InputError

DELIMITERS: Final = (",", ";", "\t", "|")
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "key": ("key", "id", "entryid", "uuid", "guid"),
    "md5": ("md5", "md5hash", "hashmd5"),
    "sha1": ("sha1", "sha1hash", "hashsha1"),
    "sha256": ("sha256", "sha256hash", "hashsha256"),
    "pdq": ("pdq", "pdqhash", "hashpdq"),
    "quality": ("quality", "pdqquality"),
    "category": ("category", "categories", "classification", "tags"),
    "note": ("note", "notes", "comment", "comments", "description"),
}
"""Our fields, and the names (without case, blanks and punctuation) by which a column is taken for one."""


class CsvTable:
    """A table with a row of names. Columns that are not known by name are given by a column map."""

    name = "csv"
    says = "a table with a row of column names: key, md5, sha1, sha256, pdq, quality, category, note"

    def detects(self, source: ListFile) -> bool:
        """Whether its first row names a column of hashes."""
        lines = source.head_lines()
        return bool(lines) and any(
            plain_name(cell) in COLUMNS[kind]
            for delimiter in DELIMITERS
            for cell in lines[0].split(delimiter)
            for kind in HASH_LENGTHS
        )

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """A record for each row that is not blank."""
        lines = source.head_lines()
        delimiter = max(DELIMITERS, key=lines[0].count) if lines else ","
        places: dict[str, int] | None = None
        for number, row in source.rows(delimiter):
            if row is None:
                yield Junk(number, "the row cannot be read")
            elif not any(cell.strip() for cell in row):
                continue
            elif places is None:
                places = _places(row, columns)
            else:
                yield Item(number, _entry(row, places, delimiter))


def plain_name(name: str) -> str:
    """A column name without case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.strip().lower())


def _places(names: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Which cell holds which field."""
    unknown = columns.keys() - COLUMNS.keys()
    if unknown:
        raise InputError(f"{sorted(unknown)[0]!r} is no field.", hint=f"The fields are {', '.join(COLUMNS)}.")
    plain = [plain_name(name) for name in names]
    places: dict[str, int] = {}
    for field, given in COLUMNS.items():
        if field in columns:
            if plain_name(columns[field]) not in plain:
                raise InputError(
                    f"The list has no column {columns[field]!r}.", hint=f"It has {', '.join(n.strip() for n in names)}."
                )
            places[field] = plain.index(plain_name(columns[field]))
        else:
            at = next((plain.index(name) for name in given if name in plain), None)
            if at is not None and at not in places.values():
                places[field] = at
    if not places.keys() & HASH_LENGTHS.keys():
        raise InputError(
            "No column of this list is known to hold hashes.",
            hint=f"Say which does, such as md5={names[0].strip()!r}.",
        )
    return places


def _entry(row: list[str], places: dict[str, int], delimiter: str) -> NewEntry:
    cells = {field: row[at].strip() for field, at in places.items() if at < len(row)}
    original: dict[str, str] = {}
    quality: int | None = None
    given = cells.get("quality", "")
    if given:
        try:
            quality = round(float(given))
        except (ValueError, OverflowError):
            original["quality"] = given
    between = r"[;|]" if delimiter == "," else r"[,|]" if delimiter == ";" else r"[,;]"
    return NewEntry(
        key=cells.get("key") or None,
        md5=row[places["md5"]] if cells.get("md5") else None,
        sha1=row[places["sha1"]] if cells.get("sha1") else None,
        sha256=row[places["sha256"]] if cells.get("sha256") else None,
        pdq=row[places["pdq"]] if cells.get("pdq") else None,
        quality=quality,
        categories=tuple(re.split(between, cells.get("category", ""))),
        note=cells.get("note", ""),
        original=original,
    )
