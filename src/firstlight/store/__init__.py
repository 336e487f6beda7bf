"""Tables, migrations and sessions: what the house remembers between two processes."""

from firstlight.store.backend import StillAlone
from firstlight.store.database import Database, sqlite_version

__all__ = ["Database", "StillAlone", "sqlite_version"]
