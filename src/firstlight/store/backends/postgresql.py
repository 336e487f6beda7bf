"""PostgreSQL: one server that several processes and machines share.

There is one writer at a time, as the custody log needs it: a transaction that writes begins by taking an advisory lock,
which the server lets go at its end or with its connection. Reading transactions see one state and wait for nobody.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, event, exc, make_url, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from firstlight.errors import FirstlightError, InputError, IntegrityError, MissingExtraError, StateError, StorageError
from firstlight.store.backend import Backend, StillAlone
from firstlight.store.tables import Table
from firstlight.values import LOOPBACK_NAMES

OLDEST = 14
"""The oldest major version of the server that its makers still mend."""

_WRITES = "firstlight_writes"
_WAIT_MS = 30_000  # longer than any transaction of ours; a writer that waits this long has found a stuck process
_POOL = 10  # connections kept for one process; as many threads work at once
_MORE = 20  # connections above that for a moment
_DRIVER = {  # libpq's own words; what the URL says goes before them
    "application_name": "firstlight",
    "connect_timeout": "10",  # seconds
    "keepalives_idle": "30",  # seconds until a silent connection is probed
    "tcp_user_timeout": "30000",  # milliseconds until an unanswered one is given up
}
_CONNECTION = ("08", "57P")  # SQLSTATE classes: the connection, and a server that goes down
_SAYS = {
    "53100": "Free some disk space on the database server, then run the command again.",
    "53300": "The server takes no more connections: raise its max_connections, or run fewer processes.",
    "55P03": "Another process is writing for very long; wait for it or stop it, then run the command again.",
    "25006": "This server only reads (a standby, perhaps): name the one that is written to.",
    "42501": "The database user may not do this: it has to own the schema it works in.",
    "3F000": "The user has no schema to make tables in: create one, or grant CREATE on `public`.",
}
_AT_START = (
    ("password", "Check the user and the password; a password is best kept in ~/.pgpass, which libpq reads."),
    ("does not exist", "Create it first: createuser, createdb --encoding UTF8."),
    ("SSL", "Set up TLS on the server, or say in the URL what holds, such as ?sslmode=verify-full."),
)


class PostgreSql(Backend):
    """A database on a server that the operator named."""

    kind = "postgresql"

    def __init__(self, url: str) -> None:
        """The database that this URL names; nothing is contacted before the first transaction.

        Raises:
            InputError: it is no URL of a PostgreSQL database.
            MissingExtraError: the driver is not installed.
        """
        named = parse_url(url)
        self.where = f"{named.database} on {', '.join(filter(None, _hosts(named))) or 'this machine'}"
        try:
            options = {"hide_parameters": True, "connect_args": _arguments(named)}
            engine = create_engine(named, pool_pre_ping=True, pool_size=_POOL, max_overflow=_MORE, **options)
            # Locks have connections of their own: whoever holds one must not keep others from writing.
            self._locks = create_engine(named, poolclass=NullPool, isolation_level="AUTOCOMMIT", **options)
        except ImportError as e:
            raise MissingExtraError(
                "A PostgreSQL database needs the driver psycopg, which is not installed.",
                hint="Install it: pip install 'firstlight[postgresql]'",
            ) from e
        _prepare(engine)
        self.reads = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        # READ COMMITTED: each statement sees what was committed before it, hence all that the writer before us did.
        self.aside = engine.execution_options(isolation_level="READ COMMITTED")
        self.writes = self.aside.execution_options(**{_WRITES: True})

    def explain(self, error: exc.SQLAlchemyError) -> FirstlightError:
        """What happened, by the server's code; its details, which may hold values, are left out."""
        if isinstance(error, exc.TimeoutError):
            return StorageError(
                f"All connections to the database {self.where} are in use.", hint="Try again; fewer at once will do."
            )
        orig: Any = getattr(error, "orig", None)
        state = getattr(orig, "sqlstate", None)
        said = _first_line(getattr(getattr(orig, "diag", None), "message_primary", None) or orig or error)
        if state is None and "NUL" in said:
            return InputError("A text holds the character NUL, which no text can hold.", hint="Remove it.")
        if str(state).startswith("XX0"):
            return IntegrityError(f"The database {self.where} is damaged ({said}).", hint="Restore a backup.")
        if getattr(error, "connection_invalidated", False):
            return StorageError(
                f"The connection to the database {self.where} was lost: {said}.",
                hint="Whether the last step was kept is open: look at what is there, then run the command again.",
                code="storage.connection",
            )
        if state is None or state.startswith(_CONNECTION):
            hint = next((hint for sign, hint in _AT_START if sign in str(orig)), "")
            return StorageError(
                f"The database {self.where} cannot be reached: {said}.",
                hint=hint or "Is the server running? Then run the command again: what was finished is kept.",
                code="storage.connection",
            )
        return StorageError(
            f"The database {self.where} refused: {said}.", hint=_SAYS.get(state, "Nothing of this step was kept.")
        )

    def damage(self, session: Session) -> list[str]:
        """Read every table; a server with data checksums (the default since version 18) names damaged pages."""
        for table in Table.metadata.sorted_tables:
            try:
                session.execute(text(f"select count(*) from {table.name}"))  # noqa: S608 - our own names
            except exc.DBAPIError as e:
                found = self.explain(e)
                if isinstance(found, IntegrityError):
                    return [f"{table.name}: {found.diagnostics().message}"]
                raise
        return []

    @contextmanager
    def alone(self, name: str) -> Iterator[StillAlone]:
        """An advisory lock on a connection of its own; the server lets it go with the connection."""
        try:
            connection = self._locks.connect()
            held = connection.scalar(text(f"select pg_try_advisory_lock({_key(':name')})"), {"name": name})
        except exc.SQLAlchemyError as e:
            raise self.explain(e) from e
        if not held:
            connection.close()
            raise StateError("Another process does this already.", hint="Wait for it, then look again.")

        def still() -> None:
            try:
                connection.scalar(text("select 1"))
            except exc.SQLAlchemyError as e:
                raise self.explain(e) from e

        try:
            yield still
        finally:
            connection.close()

    def close(self) -> None:
        """Let go of every connection."""
        super().close()
        self._locks.dispose()


def parse_url(url: str) -> URL:
    """The URL of a PostgreSQL database, with the driver that is used for it.

    A host beyond this machine is spoken to over TLS unless the URL says otherwise (`?sslmode=`).

    Raises:
        InputError: it is none; the message does not repeat it, since it may hold a password.
    """
    how = "Write it as postgresql://user@host/database."
    try:
        named = make_url(url)
    except exc.ArgumentError as e:
        raise InputError("The database's URL is no URL.", hint=how) from e
    if named.get_backend_name() not in ("postgresql", "postgres"):
        raise InputError(f"{named.drivername} is no kind of database that is known here.", hint=how)
    if not named.database:
        raise InputError("The database's URL names no database.", hint=how)
    named = named.set(drivername="postgresql+psycopg")
    if "sslmode" not in named.query and any(map(_is_outside, _hosts(named))):
        named = named.update_query_dict({"sslmode": "require"})
    return named


def _hosts(named: URL) -> list[str]:
    """Every host that the URL names; libpq tries them one after another."""
    told: list[str] = [named.host or ""]
    for name in ("host", "hostaddr"):
        found = named.query.get(name, ())
        told += [found] if isinstance(found, str) else found
    return [host for part in told for host in part.split(",")]


def _is_outside(host: str) -> bool:
    if not host or host in LOOPBACK_NAMES or host.startswith(("/", "@")):
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _arguments(named: URL) -> dict[str, str]:
    return {name: value for name, value in _DRIVER.items() if name not in named.query}


def _key(name: str) -> str:
    """A lock's number: databases and schemas do not stand in each other's way."""
    return f"hashtextextended(current_schema() || ' firstlight ' || cast({name} as text), 0)"


def _prepare(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        version, encoding = connection.info.server_version, connection.info.parameter_status("server_encoding")
        if version < OLDEST * 10_000:
            raise StorageError(
                f"The PostgreSQL server is of version {version // 10_000}.", hint=f"Use {OLDEST} or newer."
            )
        if encoding != "UTF8":
            raise StorageError(
                f"The database keeps its text as {encoding}.",
                hint="Make it anew: createdb --encoding UTF8 --template template0",
            )
        with connection.cursor() as cursor:
            cursor.execute(f"set lock_timeout = {_WAIT_MS}")
            # What is committed has to be on the disk, whatever the server's settings say.
            name = "'synchronous_commit'"
            cursor.execute(f"select set_config({name}, 'on', false) where current_setting({name}) = 'off'")
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_WRITES):
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({_key(chr(39) + 'writer' + chr(39))})")


def _first_line(said: object) -> str:
    lines = str(said).strip().splitlines() or ["no reason given"]
    return lines[0].rstrip(".")
