"""The custody log as an operator uses it: walk it, sign it, prove an entry, renew its key, read it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import JsonValue

from firstlight.casework import cases
from firstlight.casework.home import SERVICE, Home, Work, case_name
from firstlight.custody import EventType, LogCheck, LogEntry, SignedCheckpoint
from firstlight.custody.leaf import parse_leaf
from firstlight.errors import InputError, StorageError
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned

LARGEST_CHECKPOINT_FILE = 64 * 1024 * 1024
"""Bytes: a checkpoint has a few hundred, so that this is one a minute for half a year."""

_SIGNED_BY = "\u2014 "  # how each line of signature of a signed note begins
_WORDS = 200  # characters of an entry's facts on one line


def verify(home: Home, kept_elsewhere: Sequence[bytes] = ()) -> LogCheck:
    """Walk the whole log; with checkpoints kept elsewhere, a log that was cut off or rolled back shows as well."""
    with home.look() as work:
        return work.log.verify(kept_elsewhere)


def read_checkpoints(path: Path) -> tuple[bytes, ...]:
    """The signed notes that a file holds, one after the other; nothing is verified yet.

    Raises:
        InputError: it cannot be read, is far too large, or holds none.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_CHECKPOINT_FILE + 1)
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}.", hint="Name a file of checkpoints.") from e
    if len(data) > LARGEST_CHECKPOINT_FILE:
        raise InputError(f"{path} is too large for a file of checkpoints.", hint="Split it between two checkpoints.")
    notes = tuple(_notes(data))
    if not notes:
        raise InputError(f"{path} holds no checkpoint.", hint="`firstlight custody checkpoint --out FILE` writes one.")
    return notes


def _notes(data: bytes) -> Iterator[bytes]:
    """Cut before each line that follows a signature and is none; what is left over at the end is a note as well, so
    that a half of one is found to be bad and is not passed over."""
    note: list[bytes] = []
    signed = False
    for line in data.splitlines(keepends=True):
        signature = line.startswith(_SIGNED_BY.encode())
        if signed and not signature:
            yield b"".join(note)
            note = []
        if note or line.strip():
            note.append(line)
        signed = signature
    if note:
        yield b"".join(note)


def add_checkpoint(path: Path, signed: SignedCheckpoint) -> None:
    """Write the checkpoint to the end of a file, durably, so that one file can hold those of every day.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        with path.open("ab") as file:
            file.write(signed.note)
            file.flush()
            os.fsync(file.fileno())
    except OSError as e:
        raise StorageError(f"{path} cannot be written: {e.strerror}.", hint="Name another file.") from e


class EntryProof(Document):
    """That an entry stands in the log: the leaf's own text, and the proof for the checkpoint it comes with."""

    title_for_people: ClassVar[str] = "proof of an entry"

    kind: Literal["entry-proof"] = "entry-proof"
    version: Versioned = 1
    seq: int
    leaf: str
    leaf_hash: Sha256Hex
    log_size: int
    log_key: str
    proof: str


def prove(home: Home, seq: int) -> EntryProof:
    """The proof of one entry under the newest checkpoint; the log is signed first where none covers the entry.

    Raises:
        InputError: there is no such entry.
    """
    with home.work() as work:
        entry = work.log.entry(seq)
        latest = work.log.latest_checkpoint()
        signed = latest if latest is not None and latest.size > seq else work.log.checkpoint()
        return EntryProof(
            seq=seq,
            leaf=entry.leaf,
            leaf_hash=entry.leaf_hash.hex(),
            log_size=signed.size,
            log_key=work.log.verifier.vkey,
            proof=work.log.prove(seq, signed).to_bytes().decode(),
        )


class KeyRotation(Document):
    """That the log has a new key. What the old one signed stays good."""

    title_for_people: ClassVar[str] = "rotation of the log's key"

    kind: Literal["key-rotation"] = "key-rotation"
    version: Versioned = 1
    at: Instant
    old_key: str
    new_key: str
    checkpoint: str


def rotate_key(home: Home, *, actor: str = SERVICE) -> KeyRotation:
    """Give the log a new signing key. Before it goes, the old key signs the log that says so.

    A rotation that is cut off leaves the first of its two events alone in the log, and the keys good: run it again
    then. Other processes that have this home open take the new key over with their next transaction.

    Raises:
        StorageError: the keyring cannot be written; the old key stays.
    """
    with home.work() as work:
        work.record(
            EventType.CONFIG_CHANGE, actor=actor, change="log-key", step="begun", old_key=work.log.verifier.vkey
        )
        work.log.checkpoint()
    with home.work() as work:  # with the write lock held: nobody signs, and nobody else renews the key
        new = home.keyring.rotate_log_key().verifier.vkey
        old = home.keyring.retired_verifiers()[-1].vkey
        renewed = Work(work.session, home.log(work.session), work.clock, work.policies)
        renewed.record(EventType.CONFIG_CHANGE, actor=actor, change="log-key", step="done", old_key=old, new_key=new)
        signed = renewed.log.checkpoint()
        return KeyRotation(at=work.clock.now(), old_key=old, new_key=new, checkpoint=signed.note.decode())


class LogLine(Value):
    """An entry in words. `says` is empty and `open` is false where its key was destroyed."""

    seq: int
    at: Instant
    type: EventType
    actor: str = ""
    open: bool
    says: str = ""


class LogView(Document):
    """Entries of the custody log, in order."""

    title_for_people: ClassVar[str] = "entries of the custody log"

    kind: Literal["log-view"] = "log-view"
    version: Versioned = 1
    about: str
    log_size: int
    lines: tuple[LogLine, ...]


def entries(home: Home, *, case: int | None = None, item: int | None = None) -> LogView:
    """The entries of a case and of its items' bytes, or of one item's bytes.

    Raises:
        NotFoundError: there is no such case or item.
        InputError: not exactly one of the two is named.
    """
    if (case is None) == (item is None):
        raise InputError("Name a case or an item.", hint="firstlight custody log --case 3, or --item 7")
    with home.look() as work:
        if case is not None:
            subjects = [one.sha256 for one in cases.members(work, cases.one(work, case))]
            found = work.log.entries(cases=[case_name(case)], subjects=subjects)
        else:
            found = work.log.entries(subjects=[cases.item(work, item or 0).sha256])
        lines = tuple(_line(entry) for entry in found)
        about = f"case {case}" if case is not None else f"item {item}"
        return LogView(about=about, log_size=len(work.log), lines=lines)


def recent(home: Home, *, before: int | None = None, count: int = 50) -> LogView:
    """The newest entries, or the newest of those `before` a number; the newest comes first."""
    with home.look() as work:
        size = len(work.log)
        top = size if before is None else max(0, min(before, size))
        lines = tuple(_line(work.log.entry(seq)) for seq in range(top - 1, max(-1, top - 1 - count), -1))
        return LogView(
            about="the newest entries" if top == size else f"entries before {top}", log_size=size, lines=lines
        )


def _line(entry: LogEntry) -> LogLine:
    leaf = parse_leaf(entry.leaf.encode(), entry.seq)
    if entry.event is None:
        return LogLine(seq=entry.seq, at=leaf.at, type=leaf.type, open=False)
    event = entry.event
    return LogLine(
        seq=entry.seq, at=event.at, type=event.type, actor=event.actor, open=True, says=_words(event.payload)
    )


_TELLING = ("says", "finding", "why", "level", "bank", "authority", "policy", "ends", "released", "report_id", "step")


def _said(document: dict[str, JsonValue]) -> Iterator[str]:
    """What a document in an event says of itself, in the order of its fields."""
    inner = document.get("conclusion")
    for name, value in (document | inner if isinstance(inner, dict) else document).items():
        if name in _TELLING and isinstance(value, str | int) and value != "":
            yield str(value)


_YES_OR_NO = {("entire", True): "all of it was shown", ("entire", False): "not all of it was shown"}
_STEPS = {"begin": "signed in", "end": "signed out", "link": "a link to sign in was made", "step-up": "confirmed anew"}


def _words(payload: dict[str, JsonValue]) -> str:
    """The plain facts of an event, shortened to a line; a document in it is told by its own words, if it has any."""
    parts: list[str] = []
    for name, value in payload.items():
        if isinstance(value, dict):
            parts += [f"{name.replace('_', ' ')}: {said}" for said in _said(value)]
        elif isinstance(value, list):
            parts.append(f"{name.replace('_', ' ')}: {len(value)}")
        elif value is True or value is False:
            parts.append(_YES_OR_NO.get((name, value), f"{name.replace('_', ' ')}: {'yes' if value else 'no'}"))
        elif value not in (None, ""):
            plain = f"{name.replace('_', ' ')}: {value}"
            parts.append(_STEPS.get(value, plain) if name == "step" and isinstance(value, str) else plain)
    text = "; ".join(parts)
    return text if len(text) <= _WORDS else text[: _WORDS - 1] + "…"
