"""The store keeps what was committed, whole, and says in words what it cannot do; on both kinds of database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, update
from sqlalchemy.exc import MultipleResultsFound

from firstlight.errors import InputError, StateError, StorageError
from firstlight.store import Database
from firstlight.store.tables import Case, Item, LogLeaf, Setting, Table
from store.conftest import Again

FAR = 2**40


def _settings(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Setting)) or 0


def _case(**more: object) -> Case:
    facts: dict[str, object] = {
        "bundle": 1,
        "state": "open",
        "level_rank": 0,
        "place_order": 0.1,
        "opened_at": datetime(2026, 1, 1, tzinfo=UTC),
        "deadline": datetime(2026, 1, 2, tzinfo=UTC),
        "owner": "queue",
        "says": "",
    }
    return Case(**(facts | more))


def test_new_tables_are_what_the_code_declares(database: Database) -> None:
    with database.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": False})
        assert compare_metadata(context, Table.metadata) == []


def test_a_write_that_fails_keeps_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(Setting(name="a", value="b"))
        session.flush()
        _ = 1 / 0
    assert _settings(database) == 0


def test_a_write_is_seen_by_another_process_at_once(again: Again) -> None:
    one, two = again(), again()
    with one.write() as session:
        session.add(Setting(name="a", value="b"))
    assert _settings(two) == 1


def test_a_session_that_reads_sees_one_state_and_waits_for_nobody(again: Again) -> None:
    one, two = again(), again()
    with one.read() as session:
        assert session.scalar(select(func.count()).select_from(Setting)) == 0
        with two.write() as writing:
            writing.add(Setting(name="a", value="b"))
        assert session.scalar(select(func.count()).select_from(Setting)) == 0
    assert _settings(one) == 1


def test_there_is_one_writer_at_a_time_and_each_sees_what_the_one_before_it_did(again: Again) -> None:
    """The custody log's next place is what the last writer left; no two ever take the same."""
    databases = [again() for _ in range(4)]

    def append(database: Database) -> None:
        for _ in range(10):
            with database.write() as session:
                last = session.scalar(select(func.max(LogLeaf.seq)))
                session.add(LogLeaf(seq=0 if last is None else last + 1, leaf=b"x"))

    threads = [threading.Thread(target=append, args=[database]) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with databases[0].read() as session:
        assert list(session.scalars(select(LogLeaf.seq).order_by(LogLeaf.seq))) == list(range(40))


def test_steps_are_kept_one_by_one(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write_in_steps() as session:
        session.add(Setting(name="a", value="b"))
        session.commit()
        session.add(Setting(name="c", value="d"))
        session.flush()
        _ = 1 / 0
    assert _settings(database) == 1


def test_what_is_written_aside_is_kept(database: Database) -> None:
    with database.write_aside() as session:
        session.add(Setting(name="a", value="b"))
    assert _settings(database) == 1


def test_large_numbers_fractions_bytes_and_texts_come_back_as_they_were(database: Database) -> None:
    with database.write() as session:
        session.add(_case(bundle=FAR, place_order=0.1 + 2e-16, says="\u00df \U0001f600 '\";--"))
        session.add(LogLeaf(seq=FAR, leaf=bytes(range(256))))
    with database.read() as session:
        case = session.scalars(select(Case)).one()
        assert (case.bundle, case.place_order, case.says) == (FAR, 0.1 + 2e-16, "\u00df \U0001f600 '\";--")
        assert session.scalars(select(LogLeaf.leaf)).one() == bytes(range(256))


def test_texts_sort_by_their_bytes(database: Database) -> None:
    names = ["a-b", "ab", "a b", "B", "\u00e4", "z", "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000001Z"]
    with database.write() as session:
        session.add_all(Setting(name=name, value="") for name in names)
    with database.read() as session:
        assert list(session.scalars(select(Setting.name).order_by(Setting.name))) == sorted(names, key=str.encode)


def test_a_number_is_never_used_twice(database: Database) -> None:
    with database.write() as session:
        first, second = _case(bundle=1), _case(bundle=2)
        session.add_all([first, second])
        session.flush()
        used = {first.id, second.id}
        session.delete(second)
    with database.write() as session:
        third = _case(bundle=3)
        session.add(third)
        session.flush()
        assert third.id not in used


def test_what_the_tables_forbid_is_refused_without_the_values_of_the_row(database: Database) -> None:
    with pytest.raises(StorageError, match="refused") as caught, database.write() as session:
        session.add_all([_case(), _case(says="a private thing")])
    assert "private" not in str(caught.value.diagnostics())
    with pytest.raises(StorageError, match="refused"), database.write() as session:
        session.add(_case(state="lost"))
    with pytest.raises(StorageError, match="refused"), database.write() as session:
        session.execute(update(Item).values(case_id=7))
        session.add(LogLeaf(seq=0, leaf=None))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 0


def test_a_time_without_a_zone_never_gets_in(database: Database) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the fault under test
    with pytest.raises(InputError, match="no zone"), database.write() as session:
        session.add(_case(opened_at=naive))


def test_a_slip_in_a_query_is_no_fault_of_the_database(database: Database) -> None:
    with database.write() as session:
        session.add_all([Setting(name="a", value=""), Setting(name="b", value="")])
    with pytest.raises(MultipleResultsFound), database.read() as session:
        session.scalars(select(Setting)).one()


def test_tables_of_a_newer_version_are_refused_untouched(again: Again) -> None:
    with again().write() as session:
        session.connection().exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(StateError, match="newer version"):
        again()


def test_only_one_process_at_a_time_is_alone(again: Again) -> None:
    one, two = again(), again()
    with one.alone("filing-1") as still:
        still()
        with pytest.raises(StateError, match="Another process"), two.alone("filing-1"):
            pass
        with two.alone("filing-2"):
            pass
    with two.alone("filing-1") as still:
        still()


def test_who_is_alone_does_not_keep_others_from_writing(again: Again) -> None:
    one, two = again(), again()
    with one.alone("filing-1"), two.write() as session:
        session.add(Setting(name="a", value="b"))
    assert _settings(one) == 1


def test_two_that_begin_at_once_make_one_set_of_tables(again: Again) -> None:
    made: list[Database] = []
    threads = [threading.Thread(target=lambda: made.append(again())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [_settings(one) for one in made] == [0, 0, 0, 0]


def test_a_whole_database_passes_its_check(database: Database) -> None:
    database.check()
