"""A stateful machine: random work on a log, crashes in the middle, and somebody who tampers with the store.

After every step an honest log is whole, and what was signed once stays provable. Whoever tampers is caught, and the
first entry that they touched is named.
"""

from __future__ import annotations

import copy
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from custody.conftest import fixed_entropy
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, Event, EventType, Keyring, MemoryLeafStore, SignedCheckpoint, merkle
from firstlight.errors import RefusedError

CASES = ("case-1", "case-2", None)
WAYS = ("flip", "insert", "delete", "reorder", "seal", "hash", "cut", "refile")


class CrashError(Exception):
    """The program died before its transaction was committed."""


class LogMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
        self.ring = Keyring.create(Path(self.folder.name) / "keys", "example.org/custody", entropy=fixed_entropy())
        self.store = MemoryLeafStore()
        self.written: list[str] = []
        self.signed: list[SignedCheckpoint] = []
        self.closed: set[str] = set()

    def teardown(self) -> None:
        self.folder.cleanup()

    def log(self, store: MemoryLeafStore | None = None) -> CustodyLog:
        return CustodyLog(
            store or self.store, self.ring.log_signer(), self.clock, sealers=self.ring.event_sealer, software="test"
        )

    def event(self, case: str | None) -> Event:
        return Event(type=EventType.DECIDE, at=self.clock.now(), actor="u", case=case, payload={"n": len(self.written)})

    @initialize()
    def first(self) -> None:
        self.written.append(self.log().append(self.event(None)).leaf)

    @rule(cases=st.lists(st.sampled_from(CASES), min_size=1, max_size=9))
    def append(self, cases: list[str | None]) -> None:
        self.written += [entry.leaf for entry in self.log().append_many([self.event(case) for case in cases])]

    @rule(cases=st.lists(st.sampled_from(CASES), min_size=1, max_size=3), sign=st.booleans())
    def crash_before_commit(self, cases: list[str | None], sign: bool) -> None:
        transaction = copy.deepcopy(self.store)
        log = self.log(transaction)
        log.append_many([self.event(case) for case in cases])
        if sign:
            log.checkpoint()

    @rule()
    def sign(self) -> None:
        self.signed.append(self.log().checkpoint())

    @rule(seconds=st.integers(0, 100_000))
    def wait(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @rule()
    def clock_goes_back(self) -> None:
        self.clock.advance(timedelta(hours=-2))
        before = len(self.log())
        last = datetime.fromisoformat(self.leaf_time())
        try:
            entry = self.log().append(self.event(None))
        except RefusedError:
            assert len(self.log()) == before
        else:
            self.written.append(entry.leaf)
            assert self.clock.now() >= last - timedelta(seconds=2)
        self.clock.advance(timedelta(hours=2))

    def leaf_time(self) -> str:
        (last,) = self.store.leaves(len(self.log()) - 1)
        return last.leaf.decode().split('"logged":"')[1].split('"')[0]

    @rule(case=st.sampled_from(["case-1", "case-2"]))
    def shred(self, case: str) -> None:
        event = Event(type=EventType.SHRED, at=self.clock.now(), actor="u", case=case)
        self.written.append(self.log().append(event).leaf)
        self.ring.ensure_case_key(case) if case not in self.closed else None
        self.ring.destroy_case_key(case, self.clock.now())
        self.closed.add(case)

    @rule(data=st.data())
    def old_checkpoints_stay_provable(self, data: st.DataObject) -> None:
        if not self.signed:
            return
        one = data.draw(st.sampled_from(self.signed))
        log = self.log()
        newest = log.checkpoint().checkpoint
        proof = log.consistency(one.size, newest.size)
        merkle.check_consistency(one.size, newest.size, one.checkpoint.root, newest.root, proof)
        seq = data.draw(st.integers(0, one.size - 1))
        log.prove(seq, one).check(self.written[seq].encode(), log.verifier)

    @precondition(lambda self: self.signed)
    @rule(way=st.sampled_from(WAYS), data=st.data())
    def tampering_is_caught(self, way: str, data: st.DataObject) -> None:
        store = copy.deepcopy(self.store)
        last = max(one.size for one in self.signed) - 1
        seq = data.draw(st.integers(0, last))
        bad = _tamper(store, way, seq)
        if bad is not None:
            check = self.log(store).verify([one.note for one in self.signed])
            assert not check.ok
            assert check.first_bad == bad

    @invariant()
    def an_honest_log_is_whole(self) -> None:
        check = self.log().verify([one.note for one in self.signed])
        assert check.findings == ()
        assert check.size == len(self.written)
        assert [stored.leaf.decode() for stored in self.store.leaves()] == self.written


def _tamper(store: MemoryLeafStore, way: str, seq: int) -> int | None:
    """Spoil entry `seq`; answers the first entry that is not right any more, None where this way changes nothing."""
    leaves, stored = store._leaves, store._leaves[seq]
    if way in ("seal", "refile") and (stored.sealed is None or stored.sealed[:1] == b"c"):
        return None  # it may be closed already
    if way == "reorder" and seq + 1 == len(leaves):
        return None
    if way == "flip":
        leaves[seq] = replace(stored, leaf=stored.leaf.replace(b'"v":1', b'"v":2'))
    elif way == "insert":
        leaves.insert(seq, stored)
        return seq + 1
    elif way == "delete":
        del leaves[seq]
    elif way == "reorder":
        leaves[seq], leaves[seq + 1] = leaves[seq + 1], leaves[seq]
    elif way == "seal":
        assert stored.sealed is not None
        leaves[seq] = replace(stored, sealed=stored.sealed[:-1] + bytes([stored.sealed[-1] ^ 1]))
    elif way == "hash":
        store._hashes[merkle.stored_index(0, seq)] = bytes(32)
    elif way == "cut":
        del leaves[seq:]
        del store._hashes[merkle.stored_count(seq) :]
        store._checkpoints.clear()
    else:
        leaves[seq] = replace(stored, subject="ab" * 32)
    return seq


LogMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestLogMachine = LogMachine.TestCase
