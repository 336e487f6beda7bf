"""Sessions on SQLite (or, by URL, another database), with the settings that keep what was committed.

Every error of the driver leaves this room as a `StorageError` that says what to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import URL, Engine, create_engine, event, exc, inspect
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, sessionmaker

from firstlight.errors import FirstlightError, IntegrityError, StateError, StorageError

SAFE_SQLITE = (3, 51, 3)
"""Write-ahead logging of older SQLite can corrupt a database when the log is reset (fixed in 3.51.3)."""

HEAD = "0005"
"""The migration that brings the tables to what the code declares."""

_BUSY_MS = 30_000  # longer than any transaction of ours; a writer that waits this long has found a stuck process
_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITES = "firstlight_writes"


class Database:
    """The tables of one home. `read()` and `write()` give sessions; a write commits whole or not at all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read = sessionmaker(engine, expire_on_commit=False)
        self._write = sessionmaker(engine.execution_options(**{_WRITES: True}), expire_on_commit=False)

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite database in this file, migrated to the present version; made (mode 0600) when it is not there.

        Raises:
            StorageError: the file cannot be made, opened or migrated.
            StateError: a newer Firstlight has written it.
        """
        try:
            path.touch(mode=0o600, exist_ok=True)
        except OSError as e:
            raise StorageError(
                f"The database {path} cannot be made: {e.strerror}.",
                hint="Check the folder's permissions and that the disk is not full.",
            ) from e
        engine = create_engine(URL.create("sqlite", database=str(path)), module=sqlite)
        _prepare_sqlite(engine)
        database = cls(engine)
        with _wrapped(path):
            database._migrate()
        return database

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database; nothing in it is kept."""
        with _wrapped(self._engine.url.database), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that holds the write lock from its start, and commits at its end unless an error leaves it."""
        with _wrapped(self._engine.url.database), self._write.begin() as session:
            yield session

    @contextmanager
    def write_in_steps(self) -> Iterator[Session]:
        """A session that holds the write lock and keeps only what its user commits, as often as they do."""
        with _wrapped(self._engine.url.database), self._write() as session:
            yield session

    def check(self) -> None:
        """Have the database check itself.

        Raises:
            IntegrityError: it is damaged; the message carries what it said.
        """
        with self.read() as session:
            found = session.connection().exec_driver_sql("PRAGMA integrity_check(5)").scalars().all()
        if found != ["ok"]:
            raise IntegrityError(f"The database is damaged: {'; '.join(map(str, found))}.", hint="Restore a backup.")

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _migrate(self) -> None:
        """Bring the tables to HEAD; a database that stands there already costs one look."""
        with self._engine.connect() as connection:  # where nothing is to be done, nobody who writes is waited for
            if _revision(connection) == HEAD:
                return
        with self._write().bind.connect() as connection, connection.begin():  # type: ignore[union-attr]
            present = _revision(connection)
            if present != HEAD:
                _upgrade(connection, present)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    present = connection.exec_driver_sql("select version_num from alembic_version").scalar()
    return None if present is None else str(present)


def _upgrade(connection: Connection, present: str | None) -> None:
    # Imported here because most starts migrate nothing, and these take longer to load than the rest of the store.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise StateError(
            "This home was written by a newer version of Firstlight.",
            hint="Install that version, or name another folder with --home.",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def sqlite_version() -> str:
    """The version of the SQLite library in use."""
    return str(sqlite.sqlite_version)


def _prepare_sqlite(engine: Engine) -> None:
    safe = tuple(int(part) for part in sqlite_version().split(".")) >= SAFE_SQLITE

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        connection.isolation_level = None  # transactions begin where we say, below
        for pragma in (
            f"busy_timeout={_BUSY_MS}",
            f"journal_mode={'WAL' if safe else 'DELETE'}",
            "synchronous=FULL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            "secure_delete=ON",
            "mmap_size=0",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Taking the write lock at once keeps a transaction from failing halfway because another one wrote first.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _wrapped(where: str | os.PathLike[str] | None) -> Iterator[None]:
    try:
        yield
    except exc.StatementError as e:
        if isinstance(e.orig, FirstlightError):
            raise e.orig from None  # a value that the tables refuse, such as a time without a zone
        said = str(e.orig)
        if "malformed" in said or "not a database" in said:
            raise IntegrityError(f"The database {where} is damaged ({said}).", hint="Restore a backup.") from e
        hints = {
            "full": "Free some disk space and run the command again; nothing of this step was kept.",
            "locked": "Another process is writing for very long; wait for it or stop it, then run the command again.",
            "readonly": "Check the permissions of the home folder.",
            "unable to open": "Check the permissions of the home folder.",
        }
        hint = next((hint for sign, hint in hints.items() if sign in said), "Nothing of this step was kept.")
        raise StorageError(f"The database {where} refused: {said}.", hint=hint) from e
