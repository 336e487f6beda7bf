"""Custody: a log that anyone can verify, a vault that keeps originals, packages that both sides can check."""

from firstlight.custody.audit import LogCheck, LogFinding
from firstlight.custody.contents import (
    FileFacts,
    Identifier,
    PackageContents,
    Summary,
    TimelineRow,
    Viewed,
)
from firstlight.custody.event import Event, EventType
from firstlight.custody.kek import FileKey, KeyProvider, PassphraseKey
from firstlight.custody.keys import CaseKey, KeyDestruction, Keyring
from firstlight.custody.leaf import LogEntry
from firstlight.custody.leafstore import LeafStore, MemoryLeafStore, StoredLeaf
from firstlight.custody.log import CustodyLog
from firstlight.custody.note import NoteVerifier, SignedCheckpoint, TlogProof
from firstlight.custody.package import PackageCheck, PackageReport, export_package, verify_package
from firstlight.custody.sealing import KeySealer, Sealer, seal, unseal
from firstlight.custody.vault import Stored, Vault
from firstlight.custody.viewing import reveal, viewings

__all__ = [
    "CaseKey",
    "CustodyLog",
    "Event",
    "EventType",
    "FileFacts",
    "FileKey",
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
    "PassphraseKey",
    "Sealer",
    "SignedCheckpoint",
    "Stored",
    "StoredLeaf",
    "Summary",
    "TimelineRow",
    "TlogProof",
    "Vault",
    "Viewed",
    "export_package",
    "reveal",
    "seal",
    "unseal",
    "verify_package",
    "viewings",
]
