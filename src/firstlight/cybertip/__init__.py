"""CyberTipline reports: drafted from a case, checked, filed exactly once, and a simulator to try it all against."""

from firstlight.cybertip.answers import Answer, Code
from firstlight.cybertip.checking import check
from firstlight.cybertip.client import Client, Credentials, NoAnswerError, NotSentError, Timeouts
from firstlight.cybertip.destination import (
    Approval,
    Destination,
    Production,
    Registration,
    SimulatorDestination,
    TestHost,
)
from firstlight.cybertip.drafting.draft import draft_report
from firstlight.cybertip.drafting.facts import CaseFacts
from firstlight.cybertip.filing.journal import Journal, JournalEntry, MemoryJournal
from firstlight.cybertip.filing.policy import DrawnPolicy
from firstlight.cybertip.filing.progress import Filing, FilingState, Receipt, filing_of, waiting
from firstlight.cybertip.filing.run import RetryPolicy, abandon, file_report
from firstlight.cybertip.findings import Finding, FindingKind, Findings
from firstlight.cybertip.model.files import FileDescription, FileDetails
from firstlight.cybertip.model.report import Draft, PlannedFile, Report, file_details_from_xml, from_xml, to_xml
from firstlight.cybertip.record import AiBasis, ListMatch, MemoryRecord, OriginClaim, Record, Rendition, Viewing
from firstlight.cybertip.schema import SCHEMA_2025_11, SCHEMA_2026, Schema, schema_in_force
from firstlight.cybertip.simulator.faults import Fault, FaultKind, Scenario
from firstlight.cybertip.simulator.knobs import Knobs
from firstlight.cybertip.simulator.server import DEMO_CREDENTIALS, Simulator
from firstlight.cybertip.simulator.service import Service

__all__ = [
    "DEMO_CREDENTIALS",
    "SCHEMA_2025_11",
    "SCHEMA_2026",
    "AiBasis",
    "Answer",
    "Approval",
    "CaseFacts",
    "Client",
    "Code",
    "Credentials",
    "Destination",
    "Draft",
    "DrawnPolicy",
    "Fault",
    "FaultKind",
    "FileDescription",
    "FileDetails",
    "Filing",
    "FilingState",
    "Finding",
    "FindingKind",
    "Findings",
    "Journal",
    "JournalEntry",
    "Knobs",
    "ListMatch",
    "MemoryJournal",
    "MemoryRecord",
    "NoAnswerError",
    "NotSentError",
    "OriginClaim",
    "PlannedFile",
    "Production",
    "Receipt",
    "Record",
    "Registration",
    "Rendition",
    "Report",
    "RetryPolicy",
    "Scenario",
    "Schema",
    "Service",
    "Simulator",
    "SimulatorDestination",
    "TestHost",
    "Timeouts",
    "Viewing",
    "abandon",
    "check",
    "draft_report",
    "file_details_from_xml",
    "file_report",
    "filing_of",
    "from_xml",
    "schema_in_force",
    "to_xml",
    "waiting",
]
