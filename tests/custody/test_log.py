from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from custody.conftest import fixed_entropy
from firstlight.clock import FixedClock
from firstlight.custody import (
    CustodyLog,
    Event,
    EventType,
    Keyring,
    MemoryLeafStore,
    SignedCheckpoint,
    TlogProof,
    merkle,
)
from firstlight.custody.leaf import Leaf, commitment
from firstlight.custody.log import CLOCK_TOLERANCE, MAX_EVENT_SIZE, NEAR_THE_TIME
from firstlight.custody.note import Ed25519Signer, sign_note
from firstlight.errors import InputError, IntegrityError, RefusedError, StateError
from firstlight.values import canonical_json

A_HASH = "ab" * 32


def fact(clock: FixedClock, case: str | None = None, **payload: str) -> Event:
    return Event(type=EventType.INGEST, at=clock.now(), actor="u-1", case=case, subject=A_HASH, payload={**payload})


def test_what_is_appended_can_be_proved(log: CustodyLog, clock: FixedClock) -> None:
    entries = log.append_many([fact(clock, n=str(i)) for i in range(7)])
    signed = log.checkpoint()
    assert signed.size == len(log) == 7
    for entry in entries:
        proof = TlogProof.from_bytes(log.prove(entry.seq).to_bytes())
        assert proof.check(entry.leaf.encode(), log.verifier).size == 7
    assert log.verify().ok


def test_leaf_tells_nothing_but_kind_and_time(log: CustodyLog, clock: FixedClock) -> None:
    entry = log.append(fact(clock, case="case-1", name="a secret"))
    leaf = json.loads(entry.leaf)
    assert set(leaf) == {"v", "seq", "type", "at", "logged", "software", "commitment"}
    for secret in (A_HASH, "case-1", "u-1", "a secret"):
        assert secret not in entry.leaf


def test_the_same_event_twice_has_two_commitments(log: CustodyLog, clock: FixedClock) -> None:
    one, two = log.append_many([fact(clock), fact(clock)])
    assert json.loads(one.leaf)["commitment"] != json.loads(two.leaf)["commitment"]


def test_what_is_stored_is_sealed(log: CustodyLog, store: MemoryLeafStore, clock: FixedClock) -> None:
    log.append(fact(clock, case="case-1", name="a secret"))
    (stored,) = store.leaves()
    assert stored.sealed is not None
    assert b"a secret" not in stored.sealed


def test_entries_are_found_by_case_subject_and_type(log: CustodyLog, clock: FixedClock) -> None:
    at = clock.now()
    log.append(Event(type=EventType.INGEST, at=at, actor="u", subject=A_HASH))
    log.append(Event(type=EventType.LOGIN, at=at, actor="u"))
    log.append(Event(type=EventType.DECIDE, at=at, actor="u", case="case-1"))
    assert [one.seq for one in log.entries()] == [0, 1, 2]
    assert [one.seq for one in log.entries(cases=["case-1"])] == [2]
    assert [one.seq for one in log.entries(cases=["case-1"], subjects=[A_HASH])] == [0, 2]
    assert [one.seq for one in log.entries(types=[EventType.LOGIN])] == [1]
    assert log.entry(1).event is not None
    for seq in (-1, 3):
        with pytest.raises(InputError):
            log.entry(seq)


def test_a_shredded_case_keeps_its_proofs(log: CustodyLog, keyring: Keyring, clock: FixedClock) -> None:
    entry = log.append(fact(clock, case="case-1"))
    log.append(Event(type=EventType.SHRED, at=clock.now(), actor="u", case="case-1", payload={"why": "time is up"}))
    log.checkpoint()
    keyring.destroy_case_key("case-1", clock.now())
    later = log.append(fact(clock, case="case-1"))
    log.checkpoint()
    first, shred, third = log.entries(cases=["case-1"])
    assert first.event is None
    assert first.salt is None
    assert shred.event is not None
    assert third.event == later.event
    log.prove(0).check(entry.leaf.encode(), log.verifier)
    check = log.verify()
    assert check.ok
    assert (check.opened, check.closed) == (2, 1)


def test_what_is_forgotten_keeps_its_proof(log: CustodyLog, store: MemoryLeafStore, clock: FixedClock) -> None:
    log.append_many([fact(clock), fact(clock)])
    store.forget([0])
    assert [one.event is None for one in log.entries()] == [True, False]
    assert log.verify().ok


def test_time_may_not_go_back(log: CustodyLog, clock: FixedClock) -> None:
    log.append(fact(clock))
    clock.advance(-CLOCK_TOLERANCE)
    entry = log.append(fact(clock))
    assert json.loads(entry.leaf)["logged"] == json.loads(log.entry(0).leaf)["logged"]
    clock.advance(timedelta(microseconds=-1))
    with pytest.raises(RefusedError, match="clock says") as caught:
        log.append(fact(clock))
    assert caught.value.diagnostics().code == "refused.clock"
    assert len(log) == 2
    assert log.verify().ok


def test_events_are_logged_at_or_near_the_time(log: CustodyLog, clock: FixedClock) -> None:
    now = clock.now()
    for off in (-NEAR_THE_TIME, timedelta(0), CLOCK_TOLERANCE):
        log.append(fact(clock).model_copy(update={"at": now + off}))
    for off in (-NEAR_THE_TIME - timedelta(seconds=1), CLOCK_TOLERANCE + timedelta(seconds=1)):
        with pytest.raises(RefusedError, match="says it happened"):
            log.append(fact(clock).model_copy(update={"at": now + off}))


def test_an_event_is_no_place_for_evidence(log: CustodyLog, clock: FixedClock) -> None:
    log.append(fact(clock, blob="x" * (MAX_EVENT_SIZE - 1000)))
    with pytest.raises(InputError, match="the log takes"):
        log.append(fact(clock, blob="x" * MAX_EVENT_SIZE))
    assert len(log) == 1


def test_a_batch_is_written_whole_or_not_at_all(log: CustodyLog, clock: FixedClock) -> None:
    bad = fact(clock).model_copy(update={"at": clock.now() + timedelta(days=1)})
    with pytest.raises(RefusedError):
        log.append_many([fact(clock), bad])
    assert len(log) == 0


def test_two_writers_cannot_take_one_place(store: MemoryLeafStore) -> None:
    with pytest.raises(StateError, match="grown"):
        store.append([], 1, [])


def test_checkpoint_of_a_log_that_did_not_grow_is_the_same(log: CustodyLog, clock: FixedClock) -> None:
    assert log.latest_checkpoint() is None
    assert log.checkpoint().size == 0
    log.append(fact(clock))
    one = log.checkpoint()
    assert log.checkpoint() == one == log.latest_checkpoint()


def test_consistency_between_checkpoints(log: CustodyLog, clock: FixedClock) -> None:
    log.append_many([fact(clock) for _ in range(5)])
    old = log.checkpoint().checkpoint
    log.append_many([fact(clock) for _ in range(6)])
    new = log.checkpoint().checkpoint
    merkle.check_consistency(5, 11, old.root, new.root, log.consistency(5, 11))
    with pytest.raises(InputError):
        log.consistency(5, 12)


def test_nothing_is_proved_without_a_checkpoint(log: CustodyLog, clock: FixedClock) -> None:
    log.append(fact(clock))
    with pytest.raises(StateError, match="checkpoint"):
        log.prove(0)
    with pytest.raises(InputError):
        log.prove(1)


def test_a_changed_log_is_not_signed(log: CustodyLog, store: MemoryLeafStore, clock: FixedClock) -> None:
    log.append_many([fact(clock) for _ in range(4)])
    log.checkpoint()
    store._hashes[merkle.stored_index(2, 0)] = bytes(32)
    with pytest.raises(IntegrityError, match="did not grow"):
        log.checkpoint()


def _spoil_leaf(store: MemoryLeafStore) -> None:
    leaf = store._leaves[3]
    store._leaves[3] = replace(leaf, leaf=leaf.leaf.replace(b"firstlight", b"firstlighT"))


def _spoil_order(store: MemoryLeafStore) -> None:
    store._leaves[3], store._leaves[4] = store._leaves[4], store._leaves[3]


def _spoil_deleted(store: MemoryLeafStore) -> None:
    del store._leaves[3]


def _spoil_inserted(store: MemoryLeafStore) -> None:
    store._leaves.insert(3, store._leaves[5])


def _spoil_hash(store: MemoryLeafStore) -> None:
    store._hashes[merkle.stored_index(0, 3)] = bytes(32)


def _spoil_sealed(store: MemoryLeafStore) -> None:
    leaf = store._leaves[3]
    store._leaves[3] = replace(leaf, sealed=(leaf.sealed or b"")[:-1])


def _spoil_exchanged(store: MemoryLeafStore) -> None:
    store._leaves[3] = replace(store._leaves[3], sealed=store._leaves[4].sealed)


def _spoil_case(store: MemoryLeafStore) -> None:
    store._leaves[3] = replace(store._leaves[3], subject="cd" * 32)


def _spoil_not_json(store: MemoryLeafStore) -> None:
    store._leaves[3] = replace(store._leaves[3], leaf=b"{")


def _spoil_spaces(store: MemoryLeafStore) -> None:
    store._leaves[3] = replace(store._leaves[3], leaf=store._leaves[3].leaf + b" ")


@pytest.mark.parametrize(
    "spoil",
    [
        _spoil_leaf,
        _spoil_order,
        _spoil_deleted,
        _spoil_inserted,
        _spoil_hash,
        _spoil_sealed,
        _spoil_exchanged,
        _spoil_case,
        _spoil_not_json,
        _spoil_spaces,
    ],
)
def test_verify_names_the_first_bad_entry(
    log: CustodyLog, store: MemoryLeafStore, clock: FixedClock, spoil: Callable[[MemoryLeafStore], None]
) -> None:
    log.append_many([fact(clock, n=str(i)) for i in range(8)])
    log.checkpoint()
    spoil(store)
    check = log.verify()
    assert not check.ok
    assert check.first_bad == 3


def test_a_log_rebuilt_around_a_changed_leaf_is_caught_by_the_signature(
    log: CustodyLog, store: MemoryLeafStore, clock: FixedClock
) -> None:
    log.append_many([fact(clock) for _ in range(4)])
    log.checkpoint()
    log.append_many([fact(clock) for _ in range(4)])
    log.checkpoint()
    leaf = store._leaves[5]
    store._leaves[5] = replace(leaf, leaf=leaf.leaf.replace(b"ingest", b"export"), sealed=None)
    store._hashes = merkle.grow(0, [merkle.leaf_hash(one.leaf) for one in store._leaves], store.hashes)
    check = log.verify()
    assert check.first_bad == 4
    assert "entry 4 or a later one" in check.findings[0].says


def test_a_log_that_was_cut_off_is_caught(log: CustodyLog, store: MemoryLeafStore, clock: FixedClock) -> None:
    log.append_many([fact(clock) for _ in range(8)])
    kept_elsewhere = log.checkpoint().note
    del store._leaves[6:]
    del store._hashes[merkle.stored_count(6) :]
    assert log.verify().first_bad == 6
    store._checkpoints.clear()
    assert log.verify().ok
    check = log.verify([kept_elsewhere])
    assert check.first_bad == 6
    assert "cut off" in check.findings[0].says


def test_false_checkpoints_are_named(log: CustodyLog, store: MemoryLeafStore, clock: FixedClock) -> None:
    log.append(fact(clock))
    store.save_checkpoint(1, log.checkpoint().note.replace(b"\n1\n", b"\n2\n"))
    check = log.verify()
    assert [one.code for one in check.findings] == ["checkpoint"]
    assert check.first_bad is None


def test_a_rotated_key_is_trusted_for_what_it_signed(
    log: CustodyLog, store: MemoryLeafStore, keyring: Keyring, clock: FixedClock
) -> None:
    log.append(fact(clock))
    old = log.checkpoint()
    signer = Ed25519Signer("example.org/custody", bytes(32))
    renewed = CustodyLog(
        store, signer, clock, sealers=keyring.event_sealer, trusted=[log.verifier], entropy=fixed_entropy(b"2")
    )
    renewed.append(fact(clock))
    renewed.checkpoint()
    assert renewed.verify([old.note]).ok
    forged = sign_note(old.checkpoint.text(), Ed25519Signer("example.org/other", bytes(32)))
    with pytest.raises(IntegrityError):
        SignedCheckpoint.open(forged, log.verifier)


def test_a_leaf_is_canonical_json(log: CustodyLog, clock: FixedClock) -> None:
    entry = log.append(fact(clock))
    assert canonical_json(json.loads(entry.leaf)) == entry.leaf.encode()
    odd = Leaf.model_validate(
        {**json.loads(entry.leaf), "software": 'a "quoted" \\ \u00e9 \u20ac \U0001f331 \x01\n\x7f/'}
    )
    assert odd.to_bytes() == canonical_json(odd.model_dump(mode="json"))


def test_entries_are_found_whatever_their_gaps(log: CustodyLog, clock: FixedClock) -> None:
    pattern = [0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0]
    log.append_many([fact(clock, case="case-1" if one else "case-2") for one in pattern])
    assert [one.seq for one in log.entries(cases=["case-1"])] == [i for i, one in enumerate(pattern) if one]
    assert [one.seq for one in log.entries(cases=["case-2"])] == [i for i, one in enumerate(pattern) if not one]
    assert list(log.entries(cases=["case-3"])) == []


def _forge(log: CustodyLog, store: MemoryLeafStore, keyring: Keyring, seq: int, event: Event, honest: bool) -> None:
    """Put another event beside a leaf, sealed with the right key, as an insider can; honest: the leaf commits to it."""
    stored = store._leaves[seq]
    sealer = keyring.event_sealer(None)
    assert sealer is not None
    salt = bytes(32)
    sealed = b"h" + sealer.seal(salt + event.to_json(), b"custody event %d" % seq)
    leaf = {**json.loads(stored.leaf), "commitment": commitment(salt, event.to_json())}
    data = canonical_json(leaf) if honest else stored.leaf
    store._leaves[seq] = replace(stored, sealed=sealed, leaf=data)


def test_another_event_beside_a_leaf_is_caught(
    log: CustodyLog, store: MemoryLeafStore, keyring: Keyring, clock: FixedClock
) -> None:
    log.append_many([fact(clock) for _ in range(3)])
    other = fact(clock, name="another")
    _forge(log, store, keyring, 1, other, honest=False)
    with pytest.raises(IntegrityError, match="not the one that was logged"):
        log.entry(1)
    assert log.verify().first_bad == 1
    _forge(log, store, keyring, 1, other.model_copy(update={"type": EventType.EXPORT}), honest=True)
    with pytest.raises(IntegrityError, match="differ in type or time"):
        log.entry(1)


def test_verify_sees_time_that_goes_back(log: CustodyLog, store: MemoryLeafStore, clock: FixedClock) -> None:
    log.append_many([fact(clock) for _ in range(3)])
    leaf = store._leaves[2]
    earlier = Leaf.model_validate_json(leaf.leaf).model_copy(update={"logged": clock.now() - timedelta(hours=1)})
    store._leaves[2] = replace(leaf, leaf=earlier.to_bytes())
    store._hashes = merkle.grow(0, [merkle.leaf_hash(one.leaf) for one in store._leaves], store.hashes)
    check = log.verify()
    assert [one.code for one in check.findings] == ["time"]
    assert check.first_bad == 2


def test_verify_sees_a_store_that_miscounts(
    log: CustodyLog, store: MemoryLeafStore, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append_many([fact(clock) for _ in range(3)])
    monkeypatch.setattr(store, "size", lambda: 4)
    assert log.verify().first_bad == 3


def test_without_the_key_of_the_house_nothing_is_logged(
    store: MemoryLeafStore, keyring: Keyring, clock: FixedClock
) -> None:
    log = CustodyLog(store, keyring.log_signer(), clock, sealers=lambda case: None)
    with pytest.raises(StateError, match="house"):
        log.append(fact(clock))
