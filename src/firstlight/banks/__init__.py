"""Banks of hashes: lists with a purpose, kept as secrets, searched exactly."""

from firstlight.banks.entry import Entry, NewEntry, Standing
from firstlight.banks.exporting import ExportPlan
from firstlight.banks.flood import Flood, FloodGuard
from firstlight.banks.library import Library
from firstlight.banks.many import Sought
from firstlight.banks.match import Match, Via
from firstlight.banks.report import AddReport, AnnotationReport, Bank, BankReport, ImportReport, Skip, StandingReport
from firstlight.banks.sealing import Sealer

__all__ = [
    "AddReport",
    "AnnotationReport",
    "Bank",
    "BankReport",
    "Entry",
    "ExportPlan",
    "Flood",
    "FloodGuard",
    "ImportReport",
    "Library",
    "Match",
    "NewEntry",
    "Sealer",
    "Skip",
    "Sought",
    "Standing",
    "StandingReport",
    "Via",
]
