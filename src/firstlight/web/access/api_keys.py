"""Keys of machines: `fl_` and 256 random bits, with the scopes that they are good for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from firstlight.casework.changes import tell
from firstlight.casework.home import SERVICE, Home
from firstlight.custody import EventType
from firstlight.errors import NotFoundError, StateError
from firstlight.store.tables import ApiKey
from firstlight.values import checked_name
from firstlight.web.access.policy import Permission, scopes_named
from firstlight.web.access.secrets import digest, new_secret

PREFIX = "fl_"
"""How every key begins, so that a scanner of leaked secrets knows one when it sees it."""


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as it stands; the key itself is shown once, when it is made."""

    id: int
    name: str
    scopes: tuple[Permission, ...]
    created_at: datetime
    created_by: str
    ends: datetime | None
    disabled_at: datetime | None

    def works(self, now: datetime) -> bool:
        """Whether it opens anything at this time."""
        return self.disabled_at is None and (self.ends is None or now < self.ends)


def add(
    home: Home, name: str, scopes: Iterable[str], *, by: str = SERVICE, ends: datetime | None = None
) -> tuple[KeyView, str]:
    """A new key, and its secret, which nobody can read again.

    Raises:
        InputError: the name cannot stand in the log, or a scope does not exist.
        StateError: the name was given before.
    """
    checked_name(name, "name of a key")
    given = scopes_named(scopes)
    secret = PREFIX + new_secret()
    with home.work() as work:
        if work.session.scalar(select(ApiKey.id).where(ApiKey.name == name)) is not None:
            raise StateError(f"There is a key {name} already.", hint="Names stand in the log and are never used twice.")
        row = ApiKey(
            name=name,
            sha256=digest(secret),
            scopes=" ".join(given),
            created_at=work.clock.now(),
            created_by=by,
            ends=ends,
        )
        work.session.add(row)
        work.session.flush()
        work.record(EventType.ROLE_CHANGE, actor=by, key=name, scopes=list(given))
        return _view(row), secret


def disable(home: Home, name: str, *, by: str = SERVICE) -> KeyView:
    """Let a key open nothing from now on, in every process of this machine, and within a second on others.

    Raises:
        NotFoundError: there is no such key.
    """
    with home.work() as work:
        row = work.session.scalar(select(ApiKey).where(ApiKey.name == name))
        if row is None:
            raise NotFoundError(f"There is no key {name!r}.", hint="`firstlight keys list` names them.")
        row.disabled_at = row.disabled_at or work.clock.now()
        work.record(EventType.ROLE_CHANGE, actor=by, key=name, scopes=[])
        view = _view(row)
    tell(home.folder)
    return view


def every(home: Home) -> tuple[KeyView, ...]:
    """Every key, in the order in which they were made."""
    with home.look() as work:
        return tuple(_view(row) for row in work.session.scalars(select(ApiKey).order_by(ApiKey.id)))


def whose(home: Home, secret: str) -> KeyView | None:
    """The key with this secret, if it works now."""
    if not secret.startswith(PREFIX):
        return None
    with home.database.read() as session:
        row = session.scalar(select(ApiKey).where(ApiKey.sha256 == digest(secret)))
    found = None if row is None else _view(row)
    return found if found is not None and found.works(home.clock.now()) else None


def _view(row: ApiKey) -> KeyView:
    scopes = tuple(Permission(name) for name in row.scopes.split())
    return KeyView(row.id, row.name, scopes, row.created_at, row.created_by, row.ends, row.disabled_at)
