"""Sessions on SQLite or, by URL, on PostgreSQL: what is read is one state, what is written is kept whole or not at all.

Every error of a driver leaves this room as an error of the house that says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import exc, inspect
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, sessionmaker

from firstlight.errors import FirstlightError, IntegrityError, StateError
from firstlight.store.backend import Backend, StillAlone
from firstlight.store.backends.sqlite import SAFE_SQLITE, Sqlite, sqlite_version

__all__ = ["HEAD", "SAFE_SQLITE", "Database", "sqlite_version"]

_MIGRATIONS = Path(__file__).parent / "migrations"

HEAD = max(path.name[1:5] for path in (_MIGRATIONS / "versions").glob("v[0-9]*.py"))
"""The migration that brings the tables to what the code declares."""


class Database:
    """The tables of one home. `read()` and `write()` give sessions; a write commits whole or not at all."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._read = sessionmaker(backend.reads, expire_on_commit=False)
        self._write = sessionmaker(backend.writes, expire_on_commit=False)
        self._aside = sessionmaker(backend.aside, expire_on_commit=False)

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite database in this file, migrated to the present version; made (mode 0600) when it is not there.

        Raises:
            StorageError: the file cannot be made, opened or migrated.
            StateError: a newer Firstlight has written it.
        """
        return cls._opened(Sqlite(path))

    @classmethod
    def connect(cls, url: str) -> Database:
        """The PostgreSQL database that this URL names, migrated to the present version.

        Raises:
            InputError: it is no such URL.
            MissingExtraError: the driver is not installed.
            StorageError: the server cannot be reached, or refuses.
            StateError: a newer Firstlight has written the database.
        """
        from firstlight.store.backends.postgresql import PostgreSql  # most homes never need it

        return cls._opened(PostgreSql(url))

    @classmethod
    def _opened(cls, backend: Backend) -> Database:
        database = cls(backend)
        try:
            with database._wrapped():
                database._migrate()
        except BaseException:
            database.close()
            raise
        return database

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._backend.kind

    @property
    def where(self) -> str:
        """The database in words, without a password."""
        return self._backend.where

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database; nothing in it is kept."""
        with self._wrapped(), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session of the one writer there is at a time; it commits at its end unless an error leaves it."""
        with self._wrapped(), self._write.begin() as session:
            yield session

    @contextmanager
    def write_in_steps(self) -> Iterator[Session]:
        """A session that holds the write lock and keeps only what its user commits, as often as they do."""
        with self._wrapped(), self._write() as session:
            yield session

    @contextmanager
    def write_aside(self) -> Iterator[Session]:
        """A session for what is no part of the custody log, such as the lease of a job.

        On PostgreSQL several may be open at once, beside the one writer: lock the rows that are changed. On SQLite it
        is the same as `write()`.
        """
        with self._wrapped(), self._aside.begin() as session:
            yield session

    def alone(self, name: str) -> AbstractContextManager[StillAlone]:
        """Keep every other process, on every machine that shares this database, from what has this name.

        The value of the context is to be called before each act that must not be done twice: it raises a
        `StorageError` when the lock was lost.

        Raises:
            StateError: another process is at it.
        """
        return self._backend.alone(name)

    def check(self) -> None:
        """Have the database check itself.

        Raises:
            IntegrityError: it is damaged; the message carries what it said.
        """
        with self.read() as session:
            found = self._backend.damage(session)
        if found:
            raise IntegrityError(f"The database is damaged: {'; '.join(found)}.", hint="Restore a backup.")

    def close(self) -> None:
        """Let go of every connection."""
        self._backend.close()

    @contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except exc.SQLAlchemyError as e:
            orig = getattr(e, "orig", None)
            if isinstance(orig, FirstlightError):
                raise orig from None  # a value that the tables refuse, such as a time without a zone
            if not isinstance(e, exc.StatementError | exc.TimeoutError):
                raise  # a slip of ours, such as a second answer where one was expected
            raise self._backend.explain(e) from e

    def _migrate(self) -> None:
        """Bring the tables to HEAD; a database that stands there already costs one look."""
        with (
            self._backend.reads.connect() as connection
        ):  # where nothing is to be done, nobody who writes is waited for
            if _revision(connection) == HEAD:
                return
        with self._backend.writes.connect() as connection, connection.begin():
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
