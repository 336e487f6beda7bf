"""Exports of INTERPOL's image database: a table with semicolons, flags in several spellings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from firstlight.banks.entry import NewEntry
from firstlight.banks.importer import Found, Item, Junk, ListFile
from firstlight.banks.importers.csv_table import plain_name
from firstlight.errors import InputError

_TRUE: Final = frozenset({"y", "yes", "t", "true", "1"})
_FLAGS: Final = {
    "baseline": "interpol-baseline",
    "victimidentified": "victim-identified",
    "offenderidentified": "offender-identified",
    "isdistributed": "distributed",
}
_CARRIED: Final = {"photodna": "PhotoDNA", "numberofsubmissions": "Number of submissions", "mediatype": "Media Type"}


class InterpolCsv:
    """MD5; SHA1; PhotoDNA; Image ID; flags; series; baseline."""

    name = "interpol-csv"
    says = "INTERPOL export (CSV with semicolons, Image ID and Baseline)"

    def detects(self, source: ListFile) -> bool:
        """Whether its first row has the two columns that no other list has."""
        lines = source.head_lines()
        names = {plain_name(cell) for cell in lines[0].split(";")} if lines else set()
        return {"imageid", "baseline"} <= names

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """A record for each row that is not blank."""
        if columns:
            raise InputError("The columns of this format are known.", hint="Leave the map out, or use the format csv.")
        names: list[str] | None = None
        for number, row in source.rows(";"):
            if row is None:
                yield Junk(number, "the row cannot be read")
            elif not any(cell.strip() for cell in row):
                continue
            elif names is None:
                names = [plain_name(cell) for cell in row]
                if "md5" not in names and "sha1" not in names:
                    raise InputError("No column of this list holds MD5 or SHA-1.", hint="Use the format csv.")
            else:
                yield Item(number, _entry({n: cell.strip() for n, cell in zip(names, row, strict=False)}))


def _entry(cells: dict[str, str]) -> NewEntry:
    categories = [word for name, word in _FLAGS.items() if cells.get(name, "").lower() in _TRUE]
    if series := cells.get("seriesname"):
        categories.append(f"series:{series}")
    return NewEntry(
        key=cells.get("imageid") or None,
        md5=cells.get("md5"),
        sha1=cells.get("sha1"),
        categories=tuple(categories),
        original={shown: cells[name] for name, shown in _CARRIED.items() if cells.get(name)},
    )
