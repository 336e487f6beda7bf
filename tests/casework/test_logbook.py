"""The custody log in an operator's hands: walked, signed, proved, given a new key, read in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.making import jpeg, look_at, put, report_it, take_in, upload
from firstlight.casework import logbook
from firstlight.casework.home import Home, Work
from firstlight.custody import Event, EventType, TlogProof
from firstlight.errors import FirstlightError, InputError, NotFoundError, StorageError
from firstlight.media import Cage
from firstlight.store.tables import LogCheckpoint, LogHash, LogLeaf


def _write(home: Home, count: int) -> None:
    with home.work() as work:
        for number in range(count):
            work.record(EventType.CLOCK_CHECK, number=number)


def test_a_whole_log_is_whole(home: Home) -> None:
    _write(home, 5)
    signed = home.checkpoint()
    check = logbook.verify(home, [signed.note])
    assert (check.ok, check.size, check.opened, check.checkpoints) == (True, 5, 5, 2)


def test_an_entry_that_was_changed_is_the_one_that_is_named(home: Home) -> None:
    _write(home, 5)
    with home.database.write() as session:
        leaf = session.get_one(LogLeaf, 3)
        leaf.leaf = leaf.leaf.replace(b'"type":"clock-check"', b'"type":"config-chang"')
    check = logbook.verify(home)
    assert not check.ok
    assert check.first_bad == 3


def test_a_log_that_was_rolled_back_shows_only_against_a_checkpoint_kept_elsewhere(home: Home, tmp_path: Path) -> None:
    _write(home, 3)
    kept = tmp_path / "elsewhere"
    logbook.add_checkpoint(kept, home.checkpoint())
    _write(home, 4)
    logbook.add_checkpoint(kept, home.checkpoint())
    with home.database.write() as session:  # as if an older copy of the database had been put in its place
        for table, column, limit in ((LogLeaf, LogLeaf.seq, 3), (LogHash, LogHash.place, 4)):
            session.query(table).filter(column >= limit).delete()
        session.query(LogCheckpoint).filter(LogCheckpoint.size > 3).delete()
    assert logbook.verify(home).ok
    check = logbook.verify(home, logbook.read_checkpoints(kept))
    assert [one.code for one in check.findings] == ["cut"]


@given(st.integers(1, 6), st.booleans())
def test_a_file_of_checkpoints_holds_each_of_them_whole(count: int, spaced: bool) -> None:
    notes = [f"a.example/log\n{n}\nAAAA\n\n\u2014 a.example/log BBBB\n".encode() for n in range(count)]
    joined = (b"\n" if spaced else b"").join(notes)
    assert [one.strip() for one in logbook._notes(joined)] == [one.strip() for one in notes]


def test_half_a_checkpoint_is_found_to_be_bad(home: Home, tmp_path: Path) -> None:
    _write(home, 2)
    path = tmp_path / "kept"
    path.write_bytes(home.checkpoint().note + home.checkpoint().note[:30])
    check = logbook.verify(home, logbook.read_checkpoints(path))
    assert [one.code for one in check.findings] == ["checkpoint"]


def test_a_file_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n\n")
    for name in ("empty", "none"):
        with pytest.raises(InputError):
            logbook.read_checkpoints(tmp_path / name)


def test_a_place_that_takes_no_checkpoint_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        logbook.add_checkpoint(tmp_path / "none" / "kept", home.checkpoint())


def test_a_proof_holds_for_the_leaf_it_comes_with_and_for_no_other(home: Home) -> None:
    _write(home, 6)
    made = logbook.prove(home, 4)
    proof = TlogProof.from_bytes(made.proof.encode())
    with home.look() as work:
        assert proof.check(made.leaf.encode(), work.log.verifier).size == made.log_size == 6
        with pytest.raises(FirstlightError):
            proof.check(made.leaf.encode() + b" ", work.log.verifier)
    with pytest.raises(InputError):
        logbook.prove(home, 6)


def test_what_the_old_key_signed_stays_good_and_the_new_one_signs(home: Home) -> None:
    _write(home, 3)
    old = home.checkpoint()
    done = logbook.rotate_key(home, actor="op-1")
    _write(home, 2)
    home.checkpoint()
    assert done.new_key != done.old_key
    assert logbook.verify(home, [old.note]).ok
    with Home.open(home.folder, clock=home.clock) as again:
        assert logbook.verify(again, [old.note]).ok
        assert again.keyring.log_signer().verifier.vkey == done.new_key
        with again.look() as work:
            changes = _changes(work)
    assert [event.payload["step"] for event in changes] == ["begun", "done"]
    assert changes[1].payload["old_key"] == done.old_key
    assert changes[1].payload["new_key"] == done.new_key
    assert {event.actor for event in changes} == {"op-1"}


def _changes(work: Work) -> list[Event]:
    return [entry.event for entry in work.log.entries(types=[EventType.CONFIG_CHANGE]) if entry.event]


def test_two_processes_that_renew_the_key_lose_none_of_the_old_ones(home: Home) -> None:
    _write(home, 1)
    with Home.open(home.folder, clock=home.clock) as other:
        first = logbook.rotate_key(home)
        second = logbook.rotate_key(other)
        _write(home, 1)
        home.checkpoint()
    assert second.old_key == first.new_key
    assert home.keyring.log_signer().verifier.vkey == second.new_key
    with Home.open(home.folder, clock=home.clock) as again:
        retired = [key.vkey for key in again.keyring.retired_verifiers()]
        assert retired == [first.old_key, first.new_key]
        assert logbook.verify(again, [first.checkpoint.encode(), second.checkpoint.encode()]).ok


def test_a_rotation_that_cannot_be_written_leaves_the_old_key(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise StorageError("The disk is full.")

    _write(home, 1)
    before = home.keyring.log_signer().verifier.vkey
    monkeypatch.setattr(home.keyring, "rotate_log_key", full)
    with pytest.raises(StorageError):
        logbook.rotate_key(home)
    with home.look() as work:
        assert [event.payload["step"] for event in _changes(work)] == ["begun"]
    with Home.open(home.folder, clock=home.clock) as again:
        assert again.keyring.log_signer().verifier.vkey == before
        assert logbook.verify(again).ok
        logbook.rotate_key(again)
        assert logbook.verify(again).ok


def test_a_case_and_an_item_are_told_in_words(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1), "b.jpg": jpeg(2)})], default=upload("u1"))
    look_at(home, 1)
    report_it(home, 1)
    view = logbook.entries(home, item=1)
    kinds = [line.type for line in view.lines]
    assert kinds[0] is EventType.INGEST
    assert kinds[-2:] == [EventType.REVEAL, EventType.DECIDE]
    assert view.lines[-1].actor == "rev-1"
    assert "decision: report; decision: A reason in words." in view.lines[-1].says
    assert "priority: standard" in next(line.says for line in view.lines if line.type is EventType.PRIORITISE)
    assert all(line.open for line in view.lines)
    assert logbook.entries(home, case=1).lines == view.lines
    home.keyring.destroy_case_key("case-1", home.clock.now())
    closed = [line for line in logbook.entries(home, case=1).lines if not line.open]
    assert EventType.DECIDE in {line.type for line in closed}
    assert all(line.says == line.actor == "" for line in closed)


def test_nothing_is_told_of_what_is_not_there(home: Home) -> None:
    with pytest.raises(NotFoundError):
        logbook.entries(home, case=1)
    with pytest.raises(NotFoundError):
        logbook.entries(home, item=1)
    with pytest.raises(InputError):
        logbook.entries(home)
    with pytest.raises(InputError):
        logbook.entries(home, case=1, item=1)


def test_what_is_or_is_not_is_said_in_words() -> None:
    assert logbook._words({"entire": False, "step": "begin", "old_key": "k"}) == (
        "not all of it was shown; signed in; old key: k"
    )
    assert logbook._words({"entire": True, "is_new": True}) == "all of it was shown; is new: yes"
