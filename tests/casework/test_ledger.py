"""The log's leaves in the tables behave as those in memory do, whatever the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from casework.making import NOW
from firstlight.casework.home import Home
from firstlight.casework.ledger import SqlLeafStore
from firstlight.clock import FixedClock
from firstlight.custody import EventType, MemoryLeafStore, StoredLeaf, merkle
from firstlight.errors import StateError
from firstlight.store.tables import LogHash, LogLeaf

LEAVES = st.lists(
    st.tuples(
        st.binary(max_size=40), st.sampled_from([None, "case-1", "case-2"]), st.sampled_from([None, "a" * 64, "b" * 64])
    ),
    max_size=30,
)


def _append(store: SqlLeafStore | MemoryLeafStore, leaves: list[tuple[bytes, str | None, str | None]]) -> None:
    start = store.size()
    made = [StoredLeaf(start + n, leaf, leaf, case, subject) for n, (leaf, case, subject) in enumerate(leaves)]
    first, last = merkle.stored_count(start), merkle.stored_count(start + len(leaves))
    store.append(made, first, [n.to_bytes(32, "big") for n in range(first, last)])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(LEAVES, max_size=4), forgotten=st.integers(0, 60))
def test_it_is_one_store_in_memory_and_in_the_tables(home: Home, batches: list[object], forgotten: int) -> None:
    memory = MemoryLeafStore()
    with home.database.write() as session:
        session.execute(delete(LogLeaf))
        session.execute(delete(LogHash))
        tables = SqlLeafStore(session)
        for batch in batches:
            for store in (memory, tables):
                _append(store, batch)  # type: ignore[arg-type]
        if forgotten < memory.size():
            memory.forget([forgotten])
            tables.forget([forgotten])
    with home.database.read() as session:
        tables = SqlLeafStore(session)
        assert tables.size() == memory.size()
        assert list(tables.leaves()) == list(memory.leaves())
        assert list(tables.leaves(2, 5)) == list(memory.leaves(2, 5))
        places = list(range(merkle.stored_count(memory.size())))
        assert tables.hashes(places[::-1]) == memory.hashes(places[::-1])
        assert tables.find(cases=["case-1"], subjects=["b" * 64]) == memory.find(cases=["case-1"], subjects=["b" * 64])


def test_viewings_are_found_among_everything_else(home: Home) -> None:
    """By a mark of their own; what else the log holds is not read."""
    assert isinstance(home.clock, FixedClock)
    for number in range(6):
        with home.work() as work:
            work.record(EventType.HASH, subject="a" * 64, word='"type":"reveal"')
            if number % 2:
                work.record(EventType.REVEAL, actor=f"rev-{number}", subject="a" * 64, word='"type":"hash"')
        home.clock.advance(timedelta(hours=1))
    with home.look() as work:
        store = SqlLeafStore(work.session)
        reveals = [one for one in work.log.entries() if one.event and one.event.type is EventType.REVEAL]
        assert len(reveals) == 3
        for start, after, wanted in (
            (0, NOW - timedelta(days=1), reveals),
            (reveals[0].seq + 1, NOW - timedelta(days=1), reveals[1:]),
            (0, NOW + timedelta(hours=2), reveals[1:]),
            (0, NOW + timedelta(hours=9), []),
        ):
            assert [work.log.open_leaf(one) for one in store.viewings(start, after)] == wanted


def test_a_place_that_is_taken_is_refused(home: Home) -> None:
    with home.database.write() as session:
        _append(SqlLeafStore(session), [(b"x", None, None)])
    with home.database.write() as session, pytest.raises(StateError, match="grown"):
        SqlLeafStore(session).append([StoredLeaf(0, b"y", None)], 0, [b"h"])


def test_checkpoints_are_kept_by_size(home: Home) -> None:
    with home.database.write() as session:
        store = SqlLeafStore(session)
        for size, note in ((5, b"five"), (3, b"three"), (5, b"five again")):
            store.save_checkpoint(size, note)
        assert store.checkpoints() == [b"three", b"five again"]
        assert store.latest_checkpoint() == b"five again"
