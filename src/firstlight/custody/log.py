"""The custody log: an append-only Merkle log of events whose leaves say nothing and commit to everything.

A leaf is the RFC 8785 text of `{v, seq, type, at, logged, software, commitment}`. The commitment is HMAC-SHA-256 of
the event's own canonical JSON under a random 32-byte salt. Salt and event are kept beside the leaf, encrypted; whoever
holds both can show what the leaf meant, and once they are destroyed the leaf means nothing while every proof still
holds.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TypeAlias

from firstlight import clock as times
from firstlight.clock import Clock
from firstlight.custody import merkle
from firstlight.custody.audit import LogCheck, check_log
from firstlight.custody.event import Event, EventType
from firstlight.custody.leaf import MAX_LEAF_SIZE, SALT_SIZE, Leaf, LogEntry, broken, commitment, parse_leaf
from firstlight.custody.leafstore import LeafStore, StoredLeaf
from firstlight.custody.note import Checkpoint, NoteSigner, NoteVerifier, SignedCheckpoint, TlogProof, sign_note
from firstlight.custody.sealing import Sealer
from firstlight.errors import FirstlightError, InputError, IntegrityError, RefusedError, StateError

CLOCK_TOLERANCE = timedelta(seconds=2)
"""How far time may step back between two entries: what a clock that is being disciplined does, and no more."""

NEAR_THE_TIME = timedelta(hours=24)
"""How long after it happened an event may still be logged: a record is one made at or near the time. What is older is
told in the payload of an event of today."""

MAX_EVENT_SIZE = 1024 * 1024
"""Bytes of one event as JSON: facts about evidence, never the evidence itself."""

FindSealer: TypeAlias = Callable[[str | None], Sealer | None]
"""Which sealer keeps the events of a case; answers None when the case's key was destroyed. For no case (None) it
answers the sealer of the house, which is always there."""

_BY_HOUSE = b"h"
_BY_CASE = b"c"


class CustodyLog:
    """The log over a store. It holds no state of its own, so a transaction that is rolled back leaves no trace.

    `sealers` says which key keeps the events of a case. `software` names the version and configuration that wrote an
    entry. `entropy` gives the salts.
    """

    def __init__(
        self,
        store: LeafStore,
        signer: NoteSigner,
        clock: Clock,
        *,
        sealers: FindSealer,
        software: str = "",
        trusted: Sequence[NoteVerifier] = (),
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._sealers = sealers
        self._software = software
        self._trusted = (signer.verifier, *trusted)
        self._entropy = entropy

    @property
    def origin(self) -> str:
        """The log's name: that of the key that signs for it."""
        return self._signer.verifier.name

    @property
    def verifier(self) -> NoteVerifier:
        """The key that others check the log's checkpoints with."""
        return self._signer.verifier

    def __len__(self) -> int:
        return self._store.size()

    def append(self, event: Event) -> LogEntry:
        """Write one event, inside the caller's transaction.

        Raises:
            RefusedError: the clock went back, or the event claims a time that is not near to now.
            InputError: the event is too large for a log.
        """
        return self.append_many([event])[0]

    def append_many(self, events: Sequence[Event]) -> list[LogEntry]:
        """Write events in this order, all or none, inside the caller's transaction; see `append`."""
        size = self._store.size()
        logged = self._logged(size)
        sealers = cache(self._sealers)  # each look at a key is several at the disk
        made = [self._make(size + i, event, logged, sealers) for i, event in enumerate(events)]
        new = merkle.grow(size, [entry.leaf_hash for entry, _ in made], self._store.hashes)
        self._store.append([stored for _, stored in made], merkle.stored_count(size), new)
        return [entry for entry, _ in made]

    def checkpoint(self) -> SignedCheckpoint:
        """Sign the log as it stands and keep the signature; a log that has not grown answers the one it has.

        Raises:
            IntegrityError: the log is not what an earlier checkpoint says it was; nothing is signed then.
        """
        size = self._store.size()
        last = self._latest()
        now = Checkpoint(self.origin, size, merkle.root(size, self._store.hashes))
        if last is not None:
            self._require_growth(last.checkpoint, now)
            if last.checkpoint == now:
                return last
        signed = SignedCheckpoint(now, sign_note(now.text(), self._signer))
        self._store.save_checkpoint(size, signed.note)
        return signed

    def keep_checkpoint(self, signed: SignedCheckpoint) -> None:
        """Keep a checkpoint of this log again, with more signatures under it.

        Raises:
            IntegrityError: the log at this size is not what it says.
        """
        if self.root_at(signed.size) != signed.checkpoint.root:
            raise IntegrityError("This checkpoint is not of this log.", code="integrity.log")
        self._store.save_checkpoint(signed.size, signed.note)

    def checkpoints(self) -> Sequence[bytes]:
        """Every kept checkpoint, smallest first, as it is kept; nothing is verified."""
        return self._store.checkpoints()

    def root_at(self, size: int) -> bytes | None:
        """The root of the first so many entries; None if there are fewer."""
        return merkle.root(size, self._store.hashes) if size <= self._store.size() else None

    def latest_checkpoint(self) -> SignedCheckpoint | None:
        """The largest checkpoint that was signed so far."""
        return self._latest()

    def prove(self, seq: int, checkpoint: SignedCheckpoint | None = None) -> TlogProof:
        """That entry `seq` stands in the log that the checkpoint describes (the latest one unless given).

        Raises:
            InputError: there is no such entry.
            StateError: no checkpoint covers it yet.
        """
        if not 0 <= seq < self._store.size():
            raise InputError(f"The log has no entry {seq}; it holds {self._store.size()}.")
        signed = checkpoint or self._latest()
        if signed is None or signed.size <= seq:
            raise StateError(f"No checkpoint covers entry {seq} yet.", hint="Make a checkpoint first.")
        hashes = merkle.inclusion_proof(seq, signed.size, self._store.hashes)
        return TlogProof(seq, tuple(hashes), signed.note)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the log's first `old` entries are still the first of its first `new`."""
        if new > self._store.size():
            raise InputError(f"The log holds {self._store.size()} entries, not {new}.")
        return merkle.consistency_proof(old, new, self._store.hashes)

    def entries(
        self, *, cases: Sequence[str] = (), subjects: Sequence[str] = (), types: Sequence[EventType] = ()
    ) -> Iterator[LogEntry]:
        """Entries in order, opened where that is still possible: all, or those of any of these cases or subjects.

        Raises:
            IntegrityError: what is kept beside a leaf does not open it.
        """
        found: Iterable[StoredLeaf] = self._store.leaves()
        if cases or subjects:
            found = self._store.pick(self._store.find(cases=cases, subjects=subjects))
        # In a leaf's canonical form these bytes stand at its type and nowhere else: quotes within a text are escaped.
        marks = [f'"type":"{one.value}"'.encode() for one in types]
        for stored in found:
            if not marks or any(mark in stored.leaf for mark in marks):
                yield self.open_leaf(stored)

    def entry(self, seq: int) -> LogEntry:
        """One entry.

        Raises:
            InputError: there is no such entry.
        """
        for stored in self._store.leaves(seq, seq + 1) if seq >= 0 else ():
            return self.open_leaf(stored)
        raise InputError(f"The log has no entry {seq}.")

    def verify(self, known: Sequence[bytes] = ()) -> LogCheck:
        """Walk the whole log and say whether it is what was written; names the first entry that is not.

        `known` are checkpoints that were kept elsewhere: with one of them, cutting off the log's end or rolling it
        back shows as well.
        """
        return check_log(self._store, self._trusted, self.open_leaf, known)

    def open_leaf(self, stored: StoredLeaf) -> LogEntry:
        """The entry that a stored leaf holds, with its event if it can still be opened.

        Raises:
            IntegrityError: the leaf is malformed or its event is not the one it commits to.
        """
        leaf = parse_leaf(stored.leaf, stored.seq)
        text = stored.leaf.decode()
        sealer = self._sealer_of(stored)
        if sealer is None or stored.sealed is None:
            return LogEntry(seq=stored.seq, leaf=text)
        try:
            opening = sealer.unseal(stored.sealed[1:], _context(stored.seq))
            event = Event.from_json(opening[SALT_SIZE:])
        except FirstlightError as e:
            raise broken(stored.seq, "what was kept beside it cannot be read") from e
        salt = opening[:SALT_SIZE]
        if not hmac.compare_digest(commitment(salt, opening[SALT_SIZE:]), leaf.commitment):
            raise broken(stored.seq, "its event is not the one that was logged")
        if (event.type, event.at) != (leaf.type, leaf.at):
            raise broken(stored.seq, "its event and its leaf differ in type or time")
        return LogEntry(seq=stored.seq, leaf=text, event=event, salt=salt.hex())

    def _make(self, seq: int, event: Event, logged: datetime, sealers: FindSealer) -> tuple[LogEntry, StoredLeaf]:
        if event.at > logged + CLOCK_TOLERANCE or event.at < logged - NEAR_THE_TIME:
            raise RefusedError(
                f"This event says it happened at {times.to_text(event.at)}; it is {times.to_text(logged)} now.",
                hint="The log takes facts at or near their time. Check the clock, or tell of the past in a payload.",
                code="refused.time",
            )
        salt, text = self._entropy(SALT_SIZE), event.to_json()
        leaf = Leaf(
            seq=seq,
            type=event.type,
            at=event.at,
            logged=logged,
            software=self._software,
            commitment=commitment(salt, text),
        ).to_bytes()
        opening = salt + text
        if len(opening) > MAX_EVENT_SIZE or len(leaf) > MAX_LEAF_SIZE:
            raise InputError(
                f"This event has {len(opening)} bytes; the log takes {MAX_EVENT_SIZE}.",
                hint="Keep large data in the vault and log its SHA-256.",
            )
        sealed = self._seal(event, opening, seq, sealers)
        entry = LogEntry(seq=seq, leaf=leaf.decode(), event=event, salt=salt.hex())
        return entry, StoredLeaf(seq, leaf, sealed, event.case, event.subject)

    def _seal(self, event: Event, opening: bytes, seq: int, sealers: FindSealer) -> bytes:
        """Under the key of its case; what tells that this key was destroyed has to outlive it."""
        sealer = None if event.type is EventType.SHRED or event.case is None else sealers(event.case)
        if sealer is not None:
            return _BY_CASE + sealer.seal(opening, _context(seq))
        return _BY_HOUSE + self._house().seal(opening, _context(seq))

    def _sealer_of(self, stored: StoredLeaf) -> Sealer | None:
        if stored.sealed is None:
            return None
        return self._house() if stored.sealed[:1] == _BY_HOUSE else self._sealers(stored.case)

    def _house(self) -> Sealer:
        house = self._sealers(None)
        if house is None:
            raise StateError("The key of the house is missing.", hint="Restore the keyring from its backup.")
        return house

    def _logged(self, size: int) -> datetime:
        """The time to write, which never goes back."""
        now = times.in_utc(self._clock.now())
        for last in self._store.leaves(size - 1, size) if size else ():
            before = parse_leaf(last.leaf, last.seq).logged
            if now < before - CLOCK_TOLERANCE:
                raise RefusedError(
                    f"The clock says {times.to_text(now)}, but the log was written at {times.to_text(before)} already.",
                    hint="Set the machine's clock right (NTP) and try again; the log takes no time that goes back.",
                    code="refused.clock",
                )
            return max(now, before)
        return now

    def _latest(self) -> SignedCheckpoint | None:
        note = self._store.latest_checkpoint()
        return None if note is None else SignedCheckpoint.open(note, *self._trusted)

    def _require_growth(self, last: Checkpoint, now: Checkpoint) -> None:
        if last.size > now.size or merkle.root(last.size, self._store.hashes) != last.root:
            raise IntegrityError(
                f"The log of {now.size} entries did not grow out of the one of {last.size} that was signed.",
                hint="Run `firstlight custody verify`; do not write to this log before it is restored.",
                code="integrity.log",
            )


def _context(seq: int) -> bytes:
    return b"custody event %d" % seq
