"""PostgreSQL: what it refuses and loses is said in words, and never with a password."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from firstlight.errors import InputError, IntegrityError, MissingExtraError, StorageError
from firstlight.store import Database
from firstlight.store.backends import postgresql as backend
from firstlight.store.backends.postgresql import PostgreSql, parse_url
from firstlight.store.tables import Setting
from postgres import Server

pytest.importorskip("psycopg")


@pytest.mark.parametrize(
    "url",
    ["", "no url", "mysql://user:hunter2@host/name", "sqlite:///x", "postgresql://user:hunter2@host", "http://x/y"],
)
def test_what_is_no_url_of_such_a_database_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError) as caught:
        Database.connect(url)
    assert "hunter2" not in str(caught.value.diagnostics())
    assert "postgresql://user@host/database" in caught.value.diagnostics().hint


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://db.example.org/x", "require"),
        ("postgresql://10.0.0.7/x", "require"),
        ("postgresql://db.example.org/x?sslmode=verify-full", "verify-full"),
        ("postgresql://db.example.org/x?sslmode=disable", "disable"),
        ("postgres://localhost/x", None),
        ("postgresql://127.0.0.1/x", None),
        ("postgresql:///x", None),
        ("postgresql:///x?host=/run/postgresql", None),
    ],
)
def test_a_host_beyond_this_machine_is_spoken_to_in_private(url: str, mode: str | None) -> None:
    parsed = parse_url(url)
    assert parsed.query.get("sslmode") == mode
    assert parsed.drivername == "postgresql+psycopg"


def test_a_host_beyond_this_machine_that_hides_in_the_query_is_seen() -> None:
    assert parse_url("postgresql:///x?host=db.example.org").query["sslmode"] == "require"


def test_a_server_that_is_not_there_is_said_in_words_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be reached") as caught:
        Database.connect(f"postgresql://u:hunter2@/x?host={tmp_path}")
    found = caught.value.diagnostics()
    assert "hunter2" not in str(found)
    assert "Is the server running" in found.hint
    assert found.code == "storage.connection"


def test_a_database_that_is_not_there_is_said_in_words(postgresql: Server) -> None:
    with pytest.raises(StorageError, match="cannot be reached") as caught:
        Database.connect(postgresql.url("nowhere"))
    assert "createdb" in caught.value.diagnostics().hint


def test_without_the_driver_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError) as caught:
        PostgreSql("postgresql:///x")
    assert "firstlight[postgresql]" in caught.value.diagnostics().hint


def test_a_connection_that_is_cut_loses_the_step_and_not_the_next_one(postgresql: Server) -> None:
    url = postgresql.database()
    database = Database.connect(url)
    with pytest.raises(StorageError, match="was lost"), database.write() as session:
        session.add(Setting(name="lost", value=""))
        session.flush()
        postgresql.hang_up(url)
        session.execute(text("select 1"))
    with database.write() as session:
        session.add(Setting(name="kept", value=""))
    with database.read() as session:
        assert list(session.scalars(select(Setting.name))) == ["kept"]
    database.close()


def test_a_cut_at_the_commit_is_an_error_and_says_that_the_outcome_is_open(postgresql: Server) -> None:
    url = postgresql.database()
    database = Database.connect(url)
    with pytest.raises(StorageError, match="was lost") as caught, database.write() as session:
        session.add(Setting(name="open", value=""))
        session.flush()
        postgresql.hang_up(url)
    assert "look at what is there" in caught.value.diagnostics().hint
    database.close()


def test_connections_kept_over_a_restart_of_the_server_are_made_anew(postgresql: Server) -> None:
    url = postgresql.database()
    database = Database.connect(url)
    for _ in range(3):
        postgresql.hang_up(url)
        with database.write() as session:
            session.add(Setting(name=f"n{_}", value=""))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Setting)) == 3
    database.close()


def test_who_was_alone_learns_that_the_lock_is_lost(postgresql: Server) -> None:
    url = postgresql.database()
    one, two = Database.connect(url), Database.connect(url)
    with one.alone("filing-1") as still:
        postgresql.hang_up(url)
        with two.alone("filing-1"), pytest.raises(StorageError, match="was lost"):
            still()
    one.close()
    two.close()


def test_who_waits_too_long_for_the_writer_is_told(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_WAIT_MS", 50)
    url = postgresql.database()
    one, two = Database.connect(url), Database.connect(url)
    with one.write() as session:
        session.add(Setting(name="a", value=""))
        session.flush()
        with pytest.raises(StorageError, match="lock timeout") as caught, two.write() as late:
            late.add(Setting(name="b", value=""))
    assert "Another process is writing" in caught.value.diagnostics().hint
    one.close()
    two.close()


def test_a_writer_aside_waits_for_nobody(postgresql: Server) -> None:
    url = postgresql.database()
    database = Database.connect(url)
    with database.write() as session:
        session.add(Setting(name="a", value=""))
        with database.write_aside() as other:
            other.add(Setting(name="b", value=""))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Setting)) == 2
    database.close()


def test_two_homes_in_two_schemas_do_not_wait_for_each_other(postgresql: Server) -> None:
    url = postgresql.database()
    first = Database.connect(url)
    with first.write() as session:
        session.execute(text("create schema other"))
    first.close()
    one, two = Database.connect(url), Database.connect(url + "&options=-csearch_path%3Dother")
    with one.write(), one.alone("x"), two.write() as session, two.alone("x"):
        session.add(Setting(name="a", value=""))
    with one.read() as session:
        assert session.scalar(select(func.count()).select_from(Setting)) == 0
    one.close()
    two.close()


def test_a_reading_session_cannot_write(postgresql: Server) -> None:
    database = Database.connect(postgresql.database())
    with pytest.raises(StorageError, match="read-only"), database.read() as session:
        session.add(Setting(name="a", value=""))
        session.flush()
    database.close()


def test_a_text_with_nul_is_refused_as_what_came_in(postgresql: Server) -> None:
    database = Database.connect(postgresql.database())
    with pytest.raises(InputError, match="NUL"), database.write() as session:
        session.add(Setting(name="a\0", value=""))
    database.close()


def test_text_in_another_encoding_and_an_old_server_are_refused(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.database()
    postgresql.run_sql("create database latin encoding 'LATIN1' template template0")
    with pytest.raises(StorageError, match="LATIN1"):
        Database.connect(postgresql.url("latin"))
    monkeypatch.setattr(backend, "OLDEST", 99)
    with pytest.raises(StorageError, match="version 18"):
        Database.connect(url)


def test_what_is_committed_is_on_the_disk_whatever_the_server_says(postgresql: Server) -> None:
    url = postgresql.database()
    Database.connect(url).close()
    name = url.split("?")[0].rsplit("/", 1)[1]
    postgresql.run_sql(f"alter database {name} set synchronous_commit = 'off'")
    database = Database.connect(url)
    with database.write() as session:
        assert session.scalar(text("show synchronous_commit")) == "on"
    database.close()


def test_a_damaged_page_is_found_by_the_check(postgresql: Server) -> None:
    url = postgresql.database()
    database = Database.connect(url)
    with database.write() as session:
        session.add_all(Setting(name=f"n{n}", value="v" * 200) for n in range(200))
        file = session.scalar(text("select pg_relation_filepath('settings')"))
    database.check()
    postgresql.run_sql("checkpoint")
    with (postgresql.data / str(file)).open("r+b") as page:
        page.seek(8192 + 4000)
        page.write(b"\xff" * 64)
    with database.write() as session:  # so that the page is read from the disk again
        session.execute(text("create extension if not exists pg_buffercache"))
        session.execute(text("select pg_buffercache_evict_relation('settings'::regclass)"))
    with pytest.raises(IntegrityError, match="settings"):
        database.check()
    database.close()


def test_connections_in_use_are_said_in_words() -> None:
    found = PostgreSql("postgresql:///x").explain(PoolTimeoutError("QueuePool limit"))
    assert "in use" in str(found)


def test_many_threads_work_at_once(postgresql: Server) -> None:
    database = Database.connect(postgresql.database())
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with database.write() as session:
                session.add(Setting(name=f"n{number}", value=""))
                time.sleep(0.001)
        except BaseException as e:  # noqa: BLE001 - it is told below
            failed.append(e)

    threads = [threading.Thread(target=work, args=[number]) for number in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Setting)) == 25
    database.close()
