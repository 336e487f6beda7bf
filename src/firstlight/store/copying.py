"""Copies every table of one database into another, of whatever kind, inside the sessions of the caller."""

from __future__ import annotations

from sqlalchemy import func, insert, inspect, select, text
from sqlalchemy.orm import Session

from firstlight.errors import StateError
from firstlight.store.tables import Table

_ROWS = 500
"""Rows read and written at a time; the largest hold a few hundred kilobytes."""


def copy_tables(source: Session, target: Session) -> dict[str, int]:
    """Copy every row, and the last number of each table that numbers its rows; how many rows there were by table.

    Raises:
        StateError: the target holds something already; nothing was written.
    """
    tables = Table.metadata.sorted_tables
    for table in tables:
        if target.execute(select(table).limit(1)).first() is not None:
            raise StateError(
                f"The target is not empty: its table {table.name} holds rows.",
                hint="Name a new, empty database; nothing was written.",
            )
    counted: dict[str, int] = {}
    for table in tables:
        counted[table.name] = 0
        order = list(table.primary_key.columns)
        for rows in source.execute(select(table).order_by(*order)).mappings().partitions(_ROWS):
            target.execute(insert(table), [dict(row) for row in rows])
            counted[table.name] += len(rows)
        _number_on(source, target, table.name)
        if target.scalar(select(func.count()).select_from(table)) != counted[table.name]:
            raise StateError(f"Not all rows of {table.name} arrived.", hint="Nothing is kept; try it again.")
    return counted


def _number_on(source: Session, target: Session, table: str) -> None:
    """Let the target go on numbering where the source stands, so that no number is used twice."""
    last = _last_number(source, table)
    if not last:
        return
    if target.get_bind().dialect.name == "postgresql":
        target.execute(text("select setval(pg_get_serial_sequence(:name, 'id'), :last)"), {"name": table, "last": last})
        return
    changed = {"name": table, "last": last}
    target.execute(text("delete from sqlite_sequence where name = :name"), changed)
    target.execute(text("insert into sqlite_sequence (name, seq) values (:name, :last)"), changed)


def _last_number(session: Session, table: str) -> int:
    if session.get_bind().dialect.name == "postgresql":
        columns = {column["name"] for column in inspect(session.connection()).get_columns(table)}
        if "id" not in columns:
            return 0
        name = session.scalar(text("select pg_get_serial_sequence(:name, 'id')"), {"name": table})
        wanted = f"select last_value from {name} where is_called"  # noqa: S608 - the server's own name for it
        return 0 if name is None else int(session.scalar(text(wanted)) or 0)
    found = session.scalar(text("select seq from sqlite_sequence where name = :name"), {"name": table})
    return int(found or 0)
