"""SQLite: one file in the home, with the settings that keep what was committed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import URL, Engine, create_engine, event, exc
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.orm import Session

from firstlight.errors import FirstlightError, InputError, IntegrityError, StateError, StorageError
from firstlight.store.backend import Backend, StillAlone

SAFE_SQLITE = (3, 51, 3)
"""Write-ahead logging of older SQLite can corrupt a database when the log is reset (fixed in 3.51.3)."""

_BUSY_MS = 30_000  # longer than any transaction of ours; a writer that waits this long has found a stuck process
_WRITES = "firstlight_writes"
_HINTS = {
    "full": "Free some disk space and run the command again; nothing of this step was kept.",
    "disk I/O": "Check that the disk is not full, and its health; nothing of this step was kept.",
    "locked": "Another process is writing for very long; wait for it or stop it, then run the command again.",
    "readonly": "Check the permissions of the home folder.",
    "unable to open": "Check the permissions of the home folder.",
}


class Sqlite(Backend):
    """A database in a file of this machine."""

    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        """The file, made (mode 0600) when it is not there.

        Raises:
            StorageError: it cannot be made.
        """
        try:
            path.touch(mode=0o600, exist_ok=True)
        except OSError as e:
            raise StorageError(
                f"The database {path} cannot be made: {e.strerror}.",
                hint="Check the folder's permissions and that the disk is not full.",
            ) from e
        self._path = path
        self.where = str(path)
        engine = create_engine(URL.create("sqlite", database=str(path)), module=sqlite, hide_parameters=True)
        _prepare(engine)
        self.reads = engine
        self.writes = self.aside = engine.execution_options(**{_WRITES: True})

    def explain(self, error: exc.SQLAlchemyError) -> FirstlightError:
        """What happened, by what SQLite said."""
        said = str(getattr(error, "orig", None) or error)
        if "malformed" in said or "not a database" in said:
            return IntegrityError(f"The database {self.where} is damaged ({said}).", hint="Restore a backup.")
        hint = next((hint for sign, hint in _HINTS.items() if sign in said), "Nothing of this step was kept.")
        return StorageError(f"The database {self.where} refused: {said}.", hint=hint)

    def damage(self, session: Session) -> list[str]:
        """What SQLite's own check finds."""
        found = session.connection().exec_driver_sql("PRAGMA integrity_check(5)").scalars().all()
        return [] if found == ["ok"] else [str(one) for one in found]

    @contextmanager
    def alone(self, name: str) -> Iterator[StillAlone]:
        """A lock on a file beside the database; it goes with the process that holds it."""
        path = self._path.parent / "locks" / name
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise StorageError(f"{path} cannot be used: {e.strerror}.", hint="Check the home's permissions.") from e
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                raise StateError("Another process does this already.", hint="Wait for it, then look again.") from e
            yield lambda: None  # a lock on a file is not lost while it is open
        finally:
            os.close(lock)


def sqlite_version() -> str:
    """The version of the SQLite library in use."""
    return str(sqlite.sqlite_version)


def _prepare(engine: Engine) -> None:
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

    @event.listens_for(engine, "handle_error")
    def _told(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, OverflowError):  # of the driver, and no error of SQLite's
            raise InputError("A number is larger than any that is kept here.", hint="Check it.")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Taking the write lock at once keeps a transaction from failing halfway because another one wrote first.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
