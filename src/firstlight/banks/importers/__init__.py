"""One list format a file. The order is that in which a file is tried: what is told apart for sure comes first."""

from __future__ import annotations

from typing import Final

from firstlight.banks.importer import Importer
from firstlight.banks.importers.base64_pdq import Base64Pdq
from firstlight.banks.importers.csv_table import CsvTable
from firstlight.banks.importers.interpol_csv import InterpolCsv
from firstlight.banks.importers.ncmec_xml import NcmecXml
from firstlight.banks.importers.plain import PlainHashes
from firstlight.banks.importers.sqlite_sets import AutopsySet, NsrlSet
from firstlight.banks.importers.threatexchange import ThreatExchange
from firstlight.banks.importers.vics_json import VicsJson

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
