"""Custody: a log that anyone can verify, a vault that keeps originals, packages that both sides can check."""

from firstlight.custody.approval import Act, ActKind, Approval, approval_event, require_second_person
from firstlight.custody.audit import LogCheck, LogFinding
from firstlight.custody.contents import (
    CaseFact,
    FactKind,
    FileFacts,
    Identifier,
    PackageContents,
    Summary,
    SystemFacts,
    TimelineRow,
    Viewed,
)
from firstlight.custody.elements import ElementsTable
from firstlight.custody.event import Event, EventType
from firstlight.custody.inspection import PackageSummary, inspect_package
from firstlight.custody.kek import FileKey, KeyProvider, PassphraseKey
from firstlight.custody.keys import CaseKey, KeyDestruction, Keyring
from firstlight.custody.leaf import LogEntry
from firstlight.custody.leafstore import LeafStore, MemoryLeafStore, StoredLeaf
from firstlight.custody.log import CustodyLog
from firstlight.custody.note import NoteVerifier, SignedCheckpoint, TlogProof
from firstlight.custody.package import PackageCheck, PackageReport, export_package, verify_package
from firstlight.custody.retention import Disposal, Hold, RetentionClock, RetentionTable, may_destroy
from firstlight.custody.sealing import KeySealer, Sealer, seal, unseal
from firstlight.custody.vault import Stored, Vault
from firstlight.custody.viewing import reveal, viewings, viewings_of_many

__all__ = [
    "Act",
    "ActKind",
    "Approval",
    "CaseFact",
    "CaseKey",
    "CustodyLog",
    "Disposal",
    "ElementsTable",
    "Event",
    "EventType",
    "FactKind",
    "FileFacts",
    "FileKey",
    "Hold",
    "Identifier",
    "KeyDestruction",
    "KeyProvider",
    "KeySealer",
    "Keyring",
    "LeafStore",
    "LogCheck",
    "LogEntry",
    "LogFinding",
    "MemoryLeafStore",
    "NoteVerifier",
    "PackageCheck",
    "PackageContents",
    "PackageReport",
    "PackageSummary",
    "PassphraseKey",
    "RetentionClock",
    "RetentionTable",
    "Sealer",
    "SignedCheckpoint",
    "Stored",
    "StoredLeaf",
    "Summary",
    "SystemFacts",
    "TimelineRow",
    "TlogProof",
    "Vault",
    "Viewed",
    "approval_event",
    "export_package",
    "inspect_package",
    "may_destroy",
    "require_second_person",
    "reveal",
    "seal",
    "unseal",
    "verify_package",
    "viewings",
    "viewings_of_many",
]
