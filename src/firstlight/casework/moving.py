"""Moves a home's tables from SQLite to PostgreSQL or back, with the custody log verified where they arrive."""

from __future__ import annotations

from typing import ClassVar, Literal

from sqlalchemy import delete
from sqlalchemy.orm import Session

from firstlight.casework import place
from firstlight.casework.home import Home
from firstlight.custody import LogCheck
from firstlight.custody.files import Disk, unseen_folder
from firstlight.errors import IntegrityError, StateError
from firstlight.store import Database
from firstlight.store.copying import copy_tables
from firstlight.store.tables import Table
from firstlight.values import Document, Sha256Hex, Versioned

HERE = "sqlite"
"""The target that means the file in the home's own folder."""

BUILDING = ".moving"
"""The folder in the home where that file is written before it gets its place."""


class Moved(Document):
    """What was copied, and the custody log's size and root as they were verified at the target."""

    title_for_people: ClassVar[str] = "copy of a database"

    kind: Literal["database-copy"] = "database-copy"
    version: Versioned = 1
    source: str
    target: str
    rows: dict[str, int]
    log_size: int
    log_root: Sha256Hex


def copy_database(home: Home, to: str) -> Moved:
    """Copy every table to the database of this URL, or with `sqlite` back into the home's file, and use that one.

    Nobody writes meanwhile. The copy is kept only when the custody log, verified entry by entry in it, has the root of
    the original. The original is left as it is, and not used any more.

    Raises:
        StateError: the target is not empty, or is what is in use already.
        IntegrityError: the log is damaged, or did not arrive as it was; nothing is kept.
        InputError: the URL is none.
        StorageError: one of the databases refuses.
    """
    path = home.folder / place.DATABASE
    if (to == HERE) == (home.database.kind == "sqlite"):
        if to == HERE:
            raise StateError("The tables lie in the home's own file already.", hint="Name a PostgreSQL database.")
        if home.database.kind == "postgresql":
            raise StateError(
                "The tables lie in PostgreSQL already.", hint=f"Copy them back first: firstlight db copy --to {HERE}"
            )
    if to == HERE and path.exists():
        raise StateError(f"{path} is there.", hint="It is from before the move: put it elsewhere, and try again.")
    if to == HERE:
        with unseen_folder(home.folder / BUILDING) as building:
            moved = _moved(home, Database.at(building / place.DATABASE))
            Disk().rename(building / place.DATABASE, path)
            Disk().sync_folder(home.folder)
        place.forget(home.folder)
        return moved.model_copy(update={"target": str(path)})
    moved = _moved(home, Database.connect(to))
    place.record(home.folder, place.Place(where=moved.target))
    return moved


def _moved(home: Home, target: Database) -> Moved:
    try:
        return _copied(home, target)
    finally:
        target.close()


def _copied(home: Home, target: Database) -> Moved:
    with home.database.write() as source, target.write() as session:
        before = checked(home, source)
        _empty_if_ours(home, session, before)
        rows = copy_tables(source, session)
        place.put_claim(session, home.keyring)
        after = checked(home, session)
        if (before.size, before.root) != (after.size, after.root):
            raise IntegrityError("The custody log did not arrive as it was.", hint="Nothing is kept; try it again.")
    return Moved(source=home.database.where, target=target.where, rows=rows, log_size=after.size, log_root=after.root)


def _empty_if_ours(home: Home, target: Session, before: LogCheck) -> None:
    """Empty a database that holds this very copy: whole, but its process was killed before the home could note it."""
    if place.claimed_by(target, home.keyring):
        found = home.log(target).verify()
        if found.ok and (found.size, found.root) == (before.size, before.root):
            for table in reversed(Table.metadata.sorted_tables):
                target.execute(delete(table))


def checked(home: Home, session: Session) -> LogCheck:
    """The custody log in this session, verified.

    Raises:
        IntegrityError: it is not what was written.
    """
    found = home.log(session).verify()
    if not found.ok:
        raise IntegrityError(
            f"The custody log of the database is not what was written: {found.findings[0].says}",
            hint="`firstlight custody verify` tells more; restore a backup.",
            code="integrity.log",
        )
    return found
