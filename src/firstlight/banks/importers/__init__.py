"""One list format a file. The order is that in which a file is tried."""

from __future__ import annotations

from typing import Final

from firstlight.banks.importer import Importer
from firstlight.banks.importers.csv_table import CsvTable
from firstlight.banks.importers.plain import PlainHashes

FORMATS: Final[dict[str, Importer]] = {
    importer.name: importer
    for importer in (
        CsvTable(),
        PlainHashes(),
        PlainHashes("md5"),
        PlainHashes("sha1"),
        PlainHashes("sha256"),
        PlainHashes("pdq"),
    )
}
"""Importers by name."""
