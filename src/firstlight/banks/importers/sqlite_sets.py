"""Hash sets that are SQLite files: the NSRL's reference data set (version 3), and Autopsy's own (`.kdb`).

The files are opened read-only, without trusting what their schema says functions do.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote

from firstlight.banks.entry import DIGEST_LENGTHS, NewEntry
from firstlight.banks.importer import Found, Item, Junk, ListFile
from firstlight.errors import InputError

_MAGIC: Final = b"SQLite format 3\x00"


class _SqliteSet:
    """One table of hashes in an SQLite file."""

    name: ClassVar[str]
    table: ClassVar[str]
    fields: ClassVar[dict[str, str]]
    """Our kinds of hash, and the columns that hold them."""

    def detects(self, source: ListFile) -> bool:
        """Whether the file is SQLite and has the table with its columns."""
        if not source.head.startswith(_MAGIC):
            return False
        with contextlib.suppress(InputError), _opened(source) as database:
            return bool(self._columns(database))
        return False

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """A record for each row of the table, numbered in order."""
        if columns:
            raise InputError("The columns of this format are known.", hint="Leave the column map out.")
        with _opened(source) as database:
            there = self._columns(database)
            if not there:
                raise InputError(f"The file has no table {self.table!r} with hashes.", hint="Check the format's name.")
            names = ", ".join(f'"{column}"' for column in there.values())
            rows = _each(database, f'SELECT {names} FROM "{self.table}"')  # noqa: S608 - names from our own table
            for number, row in enumerate(rows, 1):
                texts = {kind: _as_hex(value) for kind, value in zip(there, row, strict=True)}
                if not any(texts.values()):
                    yield Junk(number, "there is no hash in it")
                    continue
                yield Item(
                    number, NewEntry(md5=texts.get("md5"), sha1=texts.get("sha1"), sha256=texts.get("sha256"))
                )  # fmt: skip

    def _columns(self, database: sqlite3.Connection) -> dict[str, str]:
        known = {str(row[1]).lower() for row in _each(database, f'PRAGMA table_info("{self.table}")')}
        return {kind: column for kind, column in self.fields.items() if column in known}


class NsrlSet(_SqliteSet):
    """The National Software Reference Library: files that are known and ordinary, for `allow` banks."""

    name = "nsrl"
    says = "NSRL reference data set, version 3 (SQLite)"
    table = "FILE"
    fields: ClassVar = {"md5": "md5", "sha1": "sha1", "sha256": "sha256"}


class AutopsySet(_SqliteSet):
    """A hash set that Autopsy keeps."""

    name = "autopsy"
    says = "Autopsy hash set (.kdb)"
    table = "hashes"
    fields: ClassVar = {"md5": "md5", "sha1": "sha1", "sha256": "sha2_256"}


@contextlib.contextmanager
def _opened(source: ListFile) -> Iterator[sqlite3.Connection]:
    address = f"file:{quote(str(source.path.resolve()))}?mode=ro&immutable=1"
    try:
        database = sqlite3.connect(address, uri=True)
    except sqlite3.Error as e:
        raise InputError(f"The file cannot be opened as SQLite: {e}.", hint="Get it again.") from e
    try:
        _each(database, "PRAGMA trusted_schema = OFF")
        yield database
    finally:
        database.close()


def _each(database: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from database.execute(query)
    except sqlite3.Error as e:
        raise InputError(f"The SQLite file is damaged: {e}.", hint="Get it again.") from e


def _as_hex(value: Any) -> str | None:  # noqa: ANN401 - any SQLite value
    if isinstance(value, bytes):
        text = value.hex()
        return text if len(text) in DIGEST_LENGTHS.values() else value.decode("ascii", errors="replace")
    return str(value) if value else None
