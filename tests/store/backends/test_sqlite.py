"""SQLite: a private file, with the settings that keep what was committed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select

from firstlight.errors import IntegrityError, StorageError
from firstlight.store import Database, sqlite_version
from firstlight.store.backends.sqlite import SAFE_SQLITE
from firstlight.store.tables import Setting, Table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "firstlight.sqlite3"


def _settings(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Setting)) or 0


def test_a_new_file_is_private_and_migrated_to_what_the_code_declares(path: Path) -> None:
    database = Database.at(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with database.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": False})
        assert compare_metadata(context, Table.metadata) == []


def test_every_table_is_strict(path: Path) -> None:
    with Database.at(path).read() as session:
        loose = session.connection().exec_driver_sql(
            "select name from pragma_table_list where schema = 'main' and strict = 0 and name not like 'sqlite_%'"
        )
        assert set(loose.scalars()) == {"alembic_version"}


def test_the_settings_that_keep_data_are_on(path: Path) -> None:
    assert tuple(map(int, sqlite_version().split("."))) >= SAFE_SQLITE
    with Database.at(path).read() as session:
        connection = session.connection()

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", 2, 1)
        assert (pragma("secure_delete"), pragma("trusted_schema"), pragma("mmap_size")) == (1, 0, 0)


def test_a_full_disk_is_said_in_words_and_keeps_nothing(path: Path) -> None:
    database = Database.at(path)
    with pytest.raises(StorageError, match="full") as caught, database.write() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count=1")
        session.add(Setting(name="large", value="x" * 10_000_000))
    assert "Free some disk space" in caught.value.diagnostics().hint
    database.close()
    assert _settings(Database.at(path)) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_said_in_words(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="cannot be made"):
        Database.at(tmp_path / "x.sqlite3")


def test_a_missing_folder_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be made"):
        Database.at(tmp_path / "nowhere" / "x.sqlite3")


def test_a_damaged_file_is_named_as_damaged(path: Path) -> None:
    path.write_bytes(b"this is a text, not a database " * 40)
    with pytest.raises(IntegrityError, match="damaged"):
        Database.at(path)


def test_a_damaged_page_is_found_by_the_check(path: Path) -> None:
    database = Database.at(path)
    with database.write() as session:
        session.add_all(Setting(name=f"n{n}", value="v" * 200) for n in range(200))
    database.check()
    with database.write() as session:
        root = session.connection().exec_driver_sql("select rootpage from sqlite_master where name='settings'").scalar()
        size = session.connection().exec_driver_sql("PRAGMA page_size").scalar()
    database.close()
    assert isinstance(root, int)
    assert isinstance(size, int)
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * 64)
    with pytest.raises(IntegrityError):
        Database.at(path).check()


def test_a_process_killed_in_the_middle_of_a_write_leaves_the_state_before_it(path: Path) -> None:
    Database.at(path).close()
    script = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from firstlight.store import Database
        from firstlight.store.tables import Setting
        database = Database.at(Path(sys.argv[1]))
        with database.write() as session:
            session.add(Setting(name="kept", value="whole"))
        with database.write() as session:
            session.add_all(Setting(name=f"n{n}", value="v" * 1000) for n in range(2000))
            session.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", script, str(path)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    database = Database.at(path)
    database.check()
    assert _settings(database) == 1
