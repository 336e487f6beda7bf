"""Where a home's tables lie: in a file of its folder, or in a PostgreSQL database that several machines may share.

A home remembers which it is, so that a forgotten setting never begins a second, empty set of tables beside the first.
A database remembers the keys that belong to it, so that no home writes into another's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from firstlight.custody import Keyring
from firstlight.custody.files import Disk, write_whole
from firstlight.errors import FirstlightError, IntegrityError, NotFoundError, StateError
from firstlight.store import Database
from firstlight.store.tables import LogLeaf, Setting
from firstlight.values import Document, Versioned

DATABASE = "firstlight.sqlite3"
FILE = "database"
RESTORING = ".restoring"
"""The folder in which `firstlight restore` builds a home; as long as it is there, there is none around it."""
HOW = "Name it: `url` below [database] in settings.toml, or the variable FIRSTLIGHT_DATABASE_URL."

_CLAIM = "keyring"  # the setting that only the keys belonging to this database can open
_PURPOSE = "database"


class Place(Document):
    """Where the tables lie, without a password."""

    kind: Literal["place"] = "place"
    version: Versioned = 1
    database: Literal["postgresql"] = "postgresql"
    where: str


def connect(folder: Path, url: str | None, *, create: bool) -> Database:
    """The database of the home in this folder: the one that the URL names, else the file.

    Raises:
        NotFoundError: there is none, and `create` is off.
        StateError: the tables of this home lie elsewhere.
    """
    kept = recorded(folder)
    if url is not None:
        if kept is None and (folder / DATABASE).exists():
            raise StateError(
                f"The tables of this home lie in its file {DATABASE}.",
                hint="Bring them to PostgreSQL first: firstlight db copy --to URL",
            )
        return Database.connect(url)
    if kept is not None:
        raise StateError(f"The tables of this home lie in PostgreSQL: {kept.where}.", hint=HOW)
    if not create and not (folder / DATABASE).exists():
        raise NotFoundError(f"The home in {folder} has no database.", hint=f"Restore it, or: {HOW}")
    return Database.at(folder / DATABASE)


def claim(folder: Path, database: Database, keyring: Keyring) -> None:
    """Tie a shared database and this home's keys to each other; a file in the home needs no such tie.

    Raises:
        StateError: the database belongs to other keys.
        IntegrityError: it is empty, and the tables of this home were elsewhere.
    """
    if database.kind == "sqlite":
        return
    with database.read() as session:
        text = _claim_in(session)
    if text is None:
        if recorded(folder) is not None and not _holds_a_log(database):
            raise IntegrityError(
                f"The database {database.where} is empty, and this home has tables already.",
                hint="Name the database that holds them, or restore it from its backup.",
                code="integrity.home",
            )
        with database.write() as session:
            text = _claim_in(session)  # two may begin at once
            if text is None:
                put_claim(session, keyring)
    if text is not None and not _opens(keyring, text):
        raise StateError(
            f"The database {database.where} belongs to another home.",
            hint="Machines that share a database need the same keys/ folder; another home needs a database of its own.",
        )
    record(folder, Place(where=database.where))


def put_claim(session: Session, keyring: Keyring) -> None:
    """Write into a database which keys belong to it."""
    sealed = keyring.sealer(_PURPOSE).seal(b"firstlight", _PURPOSE.encode())
    session.merge(Setting(name=_CLAIM, value=sealed.hex()))


def is_claimed(session: Session) -> bool:
    """Whether some keys belong to this database."""
    return _claim_in(session) is not None


def claimed_by(session: Session, keyring: Keyring) -> bool:
    """Whether it is these keys that belong to this database."""
    text = _claim_in(session)
    return text is not None and _opens(keyring, text)


def is_begun(folder: Path) -> bool:
    """Whether a home in this folder has tables, here or elsewhere."""
    return any((folder / one).exists() for one in (DATABASE, FILE))


def require_whole(folder: Path) -> None:
    """Return if the home in this folder is not one that is being restored.

    Raises:
        StateError: it is, or its restore was cut off.
    """
    if (folder / RESTORING).exists():
        raise StateError(
            f"{folder} is being restored, or its restore was cut off.",
            hint="Wait until `firstlight restore` has ended; if it was cut off, run it again.",
        )


def recorded(folder: Path) -> Place | None:
    """What the home remembers of a database outside of its folder."""
    path = folder / FILE
    return Place.from_json(Disk().read(path)) if path.exists() else None


def record(folder: Path, place: Place) -> None:
    """Remember it."""
    if recorded(folder) != place:
        write_whole(Disk(), folder / FILE, [place.to_json()], replace=True)


def forget(folder: Path) -> None:
    """The tables lie in the folder's own file again."""
    Disk().unlink(folder / FILE)


def _claim_in(session: Session) -> str | None:
    return session.scalar(select(Setting.value).where(Setting.name == _CLAIM))


def _holds_a_log(database: Database) -> bool:
    with database.read() as session:
        return bool(session.scalar(select(func.count()).select_from(LogLeaf)))


def _opens(keyring: Keyring, text: str) -> bool:
    try:
        keyring.sealer(_PURPOSE).unseal(bytes.fromhex(text), _PURPOSE.encode())
    except (FirstlightError, ValueError):
        return False
    return True
