"""One list format a file. The order is that in which a file is tried: what is told apart for sure comes first."""

from __future__ import annotations

from typing import Final

from firstlight.banks.importer import Importer, ListFile
from firstlight.banks.importers.base64_pdq import Base64Pdq
from firstlight.banks.importers.csv_table import CsvTable
from firstlight.banks.importers.interpol_csv import InterpolCsv
from firstlight.banks.importers.ncmec_xml import NcmecXml
from firstlight.banks.importers.plain import PlainHashes
from firstlight.banks.importers.sqlite_sets import AutopsySet, NsrlSet
from firstlight.banks.importers.threatexchange import ThreatExchange
from firstlight.banks.importers.vics_json import VicsJson
from firstlight.errors import InputError

_ALL: Final[tuple[Importer, ...]] = (
    NsrlSet(),
    AutopsySet(),
    NcmecXml(),
    VicsJson(),
    Base64Pdq(),
    ThreatExchange(),
    InterpolCsv(),
    CsvTable(),
    PlainHashes(),
    PlainHashes("md5"),
    PlainHashes("sha1"),
    PlainHashes("sha256"),
    PlainHashes("pdq"),
)
FORMATS: Final[dict[str, Importer]] = {importer.name: importer for importer in _ALL}
"""Importers by name."""


def importer_for(file: ListFile, name: str | None) -> Importer:
    """The importer of that name, or the one whose format the file looks like.

    Raises:
        InputError: there is none.
    """
    known = ", ".join(FORMATS)
    if name is not None:
        if name not in FORMATS:
            raise InputError(f"{name!r} is no list format.", hint=f"Choose one of {known}.")
        return FORMATS[name]
    for importer in FORMATS.values():
        if importer.detects(file):
            return importer
    raise InputError(
        f"{file.path.name!r} does not look like a list of any known format.",
        hint=f"Name the format (one of {known}); for a table also say which column holds what.",
    )
