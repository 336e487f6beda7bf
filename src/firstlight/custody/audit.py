"""The walk through a whole custody log that finds the first entry that is not what was written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import ClassVar, Literal

from firstlight.custody import merkle
from firstlight.custody.leaf import LogEntry, parse_leaf
from firstlight.custody.leafstore import LeafStore, StoredLeaf
from firstlight.custody.note import NoteVerifier, SignedCheckpoint
from firstlight.errors import IntegrityError
from firstlight.values import Document, Sha256Hex, Value, Versioned

MAX_FINDINGS = 50
"""Findings that are told: after a break everything behind it may differ, and the first one is what matters."""

_BATCH = 500


class LogFinding(Value):
    """One thing that is wrong. `seq` is the entry it was found at, None when it concerns no single entry."""

    code: str
    says: str
    seq: int | None = None


class LogCheck(Document):
    """What a walk through the whole log found.

    `opened` entries were opened and are the events that were logged; `closed` ones have no event any more (destroyed
    on purpose), and their leaves stand. `first_bad` is the first entry that is not what was written.
    """

    title_for_people: ClassVar[str] = "log check"

    kind: Literal["log-check"] = "log-check"
    version: Versioned = 1
    origin: str
    size: int
    root: Sha256Hex
    opened: int
    closed: int
    checkpoints: int
    signed_size: int
    first_bad: int | None = None
    findings: tuple[LogFinding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


class _Walk:
    """Rebuilds the tree leaf by leaf and keeps what it found."""

    def __init__(self, store: LeafStore, open_leaf: Callable[[StoredLeaf], LogEntry]) -> None:
        self.store = store
        self.open_leaf = open_leaf
        self.findings: list[LogFinding] = []
        self.edge: list[bytes] = []
        self.size = self.opened = self.closed = 0
        self.before: datetime | None = None
        self.roots: dict[int, bytes] = {}

    def find(self, code: str, says: str, seq: int | None = None) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(LogFinding(code=code, says=says, seq=seq))

    def run(self, wanted: Iterable[int]) -> None:
        sizes = set(wanted)
        self._note_root(sizes)
        leaves = iter(self.store.leaves())
        while batch := list(islice(leaves, _BATCH)):
            first = merkle.stored_count(self.size)
            last = merkle.stored_count(self.size + len(batch))
            kept = iter(self.store.hashes(range(first, last)))
            for stored in batch:
                self._leaf(stored, kept)
                self._note_root(sizes)

    def root(self) -> bytes:
        return merkle.fold(self.edge) if self.edge else merkle.EMPTY_ROOT

    def _note_root(self, sizes: set[int]) -> None:
        if self.size in sizes:
            self.roots[self.size] = self.root()

    def _leaf(self, stored: StoredLeaf, kept: Iterator[bytes]) -> None:
        seq = self.size
        if stored.seq != seq:
            self.find("missing", f"Entry {seq} is missing; {stored.seq} stands in its place.", seq)
        self._content(stored, seq)
        subtree, number = merkle.leaf_hash(stored.leaf), seq
        self._compare(subtree, kept, seq)
        while number & 1:
            subtree = merkle.node_hash(self.edge.pop(), subtree)
            self._compare(subtree, kept, seq)
            number >>= 1
        self.edge.append(subtree)
        self.size += 1

    def _compare(self, hashed: bytes, kept: Iterator[bytes], seq: int) -> None:
        if next(kept, None) != hashed:
            self.find("hash", f"Entry {seq} does not fit the tree: it or a stored hash was changed.", seq)

    def _content(self, stored: StoredLeaf, seq: int) -> None:
        try:
            leaf = parse_leaf(stored.leaf, seq)
            entry = self.open_leaf(stored)
        except IntegrityError as e:
            self.find("entry", e.diagnostics().message, seq)
            return
        if entry.event is None:
            self.closed += 1
        else:
            self.opened += 1
            if (entry.event.case, entry.event.subject) != (stored.case, stored.subject):
                self.find("index", f"Entry {seq} is filed under another case or file than its event names.", seq)
        if self.before is not None and leaf.logged < self.before:
            self.find("time", f"Entry {seq} was logged before the one that precedes it.", seq)
        self.before = leaf.logged


def check_log(
    store: LeafStore,
    trusted: Sequence[NoteVerifier],
    open_leaf: Callable[[StoredLeaf], LogEntry],
    known: Sequence[bytes],
) -> LogCheck:
    """Walk the log and check every entry, every stored hash and every checkpoint; see `CustodyLog.verify`."""
    walk = _Walk(store, open_leaf)
    signed: list[SignedCheckpoint] = []
    for where, notes in (("kept here", store.checkpoints()), ("kept elsewhere", known)):
        for note in notes:
            try:
                signed.append(SignedCheckpoint.open(note, *trusted))
            except IntegrityError as e:
                name = hashlib.sha256(note).hexdigest()[:12]
                walk.find("checkpoint", f"Checkpoint {name} {where}: {e.diagnostics().message}")
    signed.sort(key=lambda one: one.size)
    walk.run(one.size for one in signed)
    if walk.size != store.size():
        walk.find("size", f"The log says it has {store.size()} entries; {walk.size} are there.", walk.size)
    _compare_checkpoints(walk, signed)
    bad = [one.seq for one in walk.findings if one.seq is not None]
    return LogCheck(
        origin=trusted[0].name,
        size=walk.size,
        root=walk.root().hex(),
        opened=walk.opened,
        closed=walk.closed,
        checkpoints=len(signed),
        signed_size=max((one.size for one in signed), default=0),
        first_bad=min(bad, default=None),
        findings=tuple(walk.findings),
    )


def _compare_checkpoints(walk: _Walk, signed: Sequence[SignedCheckpoint]) -> None:
    """Hold every signed size against the tree; a change that left no other trace lies between two of them."""
    good = 0
    for one in signed:
        found = walk.roots.get(one.size)
        if found == one.checkpoint.root:
            good = one.size
        elif found is None:
            missing = f"A checkpoint was signed for {one.size} entries; only {walk.size} are there."
            walk.find("cut", missing + " The end of the log was cut off.", walk.size)
        else:
            named = any(f.seq is not None and good <= f.seq < one.size for f in walk.findings)
            says = f"The first {one.size} entries are not those that were signed; entry {good} or a later one differs."
            walk.find("checkpoint", says, None if named else good)
