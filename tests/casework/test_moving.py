"""A home's tables move to PostgreSQL and back, whole or not at all, with the log's root as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from casework.making import SETTINGS, case_of, png, put, report_it, take_in, upload
from firstlight.casework import cases, jobs, moving, reconcile
from firstlight.casework.home import Home
from firstlight.casework.place import DATABASE, FILE
from firstlight.errors import FirstlightError, IntegrityError, StateError
from firstlight.media import Cage
from firstlight.store import Database, copying
from firstlight.store.tables import LogLeaf, Table
from postgres import Server


@pytest.fixture
def folder(tmp_path: Path, cage: Cage) -> Path:
    """A home on SQLite with a decided case in it."""
    folder = tmp_path / "moved"
    folder.mkdir(mode=0o700)
    (folder / "settings.toml").write_text(SETTINGS)
    with Home.open(folder) as home:
        take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1), "b.png": png(2)})], default=upload("u1"))
        report_it(home, case_of(home, "a.png"))
        with home.work() as work:
            kept, gone = (jobs.enqueue(work, "later", {"n": n}) for n in range(2))
            assert kept < gone
            work.session.execute(text("delete from jobs where id = :n"), {"n": gone})
    return folder


def _counts(database: Database) -> dict[str, int]:
    with database.read() as session:
        return {
            one.name: session.scalar(select(func.count()).select_from(one)) or 0
            for one in Table.metadata.tables.values()
        }


def test_tables_go_to_a_server_and_back_with_the_root_as_it_was(folder: Path, postgresql: Server) -> None:
    url = postgresql.database()
    with Home.open(folder) as home:
        before, root = _counts(home.database), _root(home)
        moved = moving.copy_database(home, url)
    assert (moved.log_root, moved.log_size) == (root, before["log_leaves"])
    assert {name: n for name, n in moved.rows.items() if n} == {name: n for name, n in before.items() if n}
    assert (folder / FILE).exists()
    with pytest.raises(StateError, match="lie in PostgreSQL"):
        Home.open(folder)
    with Home.open(folder, database_url=url) as home:
        assert reconcile.reconcile(home, originals=True).adds_up
        (place,) = cases.queue(home).places
        assert place.items == 1
        with home.work() as work:
            assert jobs.enqueue(work, "later") == 3  # 2 was used, and is not used again
        size = home.checkpoint().checkpoint.size
        with pytest.raises(StateError, match="is there"):
            moving.copy_database(home, moving.HERE)
        for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
            (folder / name).unlink(missing_ok=True)
        back = moving.copy_database(home, moving.HERE)
    assert back.log_size == size
    assert not (folder / FILE).exists()
    with Home.open(folder) as home:
        assert home.database.kind == "sqlite"
        assert reconcile.reconcile(home).adds_up
        with home.work() as work:
            assert jobs.enqueue(work, "later") == 4


def _root(home: Home) -> str:
    with home.look() as work:
        return work.log.verify().root


def test_a_target_that_is_not_empty_is_refused_and_left_alone(folder: Path, postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.database()
    with Home.open(tmp_path / "another", database_url=url) as other:
        before = _counts(other.database)
    with Home.open(folder) as home:
        with pytest.raises(StateError, match="not empty"):
            moving.copy_database(home, url)
        assert _counts(home.database)["items"] == 2
    assert not (folder / FILE).exists()
    database = Database.connect(url)
    assert _counts(database) == before
    database.close()


def test_the_place_where_they_lie_is_no_target(folder: Path, postgresql: Server) -> None:
    with Home.open(folder) as home:
        with pytest.raises(StateError, match="own file already"):
            moving.copy_database(home, moving.HERE)
        url = postgresql.database()
        moving.copy_database(home, url)
    with Home.open(folder, database_url=url) as home, pytest.raises(StateError, match="PostgreSQL already"):
        moving.copy_database(home, postgresql.database())


def test_a_copy_that_is_cut_off_keeps_nothing(
    folder: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.database()

    def cut(source: object, target: object, table: str) -> None:
        if table == "items":
            postgresql.hang_up(url)

    monkeypatch.setattr(copying, "_number_on", cut)
    with Home.open(folder) as home, pytest.raises(FirstlightError):
        moving.copy_database(home, url)
    assert not (folder / FILE).exists()
    database = Database.connect(url)
    assert not any(_counts(database).values())
    database.close()


def test_a_damaged_log_is_not_carried_on(folder: Path, postgresql: Server) -> None:
    with Home.open(folder) as home:
        with home.database.write() as session:
            leaf = session.get_one(LogLeaf, 1)
            leaf.leaf = leaf.leaf.replace(b"2026", b"2025")
        with pytest.raises(IntegrityError, match="not what was written"):
            moving.copy_database(home, postgresql.database())
    assert not (folder / FILE).exists()
