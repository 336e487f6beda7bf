"""The store: tables, migrations and sessions. It knows values only; the use cases give its rows their meaning."""

from firstlight.store.database import Database, sqlite_version

__all__ = ["Database", "sqlite_version"]
