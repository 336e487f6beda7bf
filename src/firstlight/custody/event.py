"""What can happen to evidence: one closed vocabulary, one frozen document an event."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from firstlight.values import Document, Instant, Sha256Hex, Versioned


class EventType(StrEnum):
    """Every kind of fact that the custody log records. Nothing else can be written to it."""

    INGEST = "ingest"
    HASH = "hash"
    MATCH = "match"
    ORIGIN = "origin"
    CLASSIFY = "classify"
    PRIORITISE = "prioritise"
    BUNDLE = "bundle"
    ENQUEUE = "enqueue"
    ASSIGN = "assign"
    REVEAL = "reveal"
    DECIDE = "decide"
    SECOND_DECIDE = "second-decide"
    DECISION_WITHDRAWN = "decision-withdrawn"
    REPORT_DRAFTED = "report-drafted"
    REPORT_OPENED = "report-opened"
    REPORT_FILE_SENT = "report-file-sent"
    REPORT_FINISHED = "report-finished"
    REPORT_RETRACTED = "report-retracted"
    REPORT_FAILED = "report-failed"
    EXPORT = "export"
    KEY_RELEASE = "key-release"
    HOLD_ON = "hold-on"
    HOLD_OFF = "hold-off"
    RETENTION_SET = "retention-set"
    SHRED = "shred"
    FIXITY_CHECK = "fixity-check"
    APPROVE = "approve"
    BREAK_GLASS = "break-glass"
    LOGIN = "login"
    ROLE_CHANGE = "role-change"
    CONFIG_CHANGE = "config-change"
    BANK_CREATED = "bank-created"
    BANK_CHANGED = "bank-changed"
    BANK_DELETED = "bank-deleted"
    BANK_FLOOD = "bank-flood"
    UNLINK = "unlink"
    RELINK = "relink"
    JOIN = "join"
    PART = "part"
    CLOCK_CHECK = "clock-check"
    CHECKPOINT_ANCHORED = "checkpoint-anchored"
    RECONCILE = "reconcile"
    GENERATE = "generate"
    GATE = "gate"
    SCREEN = "screen"


class Event(Document):
    """A fact: what happened, when, by whom, to which case and which exact bytes.

    `actor` is an opaque id of a person or service, `session` of their sign-in. `subject` is the SHA-256 of the bytes
    concerned. `payload` holds the rest as plain JSON. All of it stays out of the log's leaf, which carries only a
    commitment to it.
    """

    title_for_people: ClassVar[str] = "custody event"

    kind: Literal["event"] = "event"
    version: Versioned = 1
    type: EventType
    at: Instant
    actor: str
    session: str = ""
    case: str | None = None
    subject: Sha256Hex | None = None
    payload: dict[str, JsonValue] = Field(default_factory=dict)
