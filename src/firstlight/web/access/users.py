"""Users: a pseudonym, roles, and one-time links that let somebody in for the first time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from firstlight.casework.home import SERVICE, Home, Work
from firstlight.custody import EventType
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.store.tables import Passkey, SignIn, User, WebSession
from firstlight.values import checked_name
from firstlight.web.access.policy import Role, roles_named
from firstlight.web.access.secrets import digest, new_secret
from firstlight.web.forms import about

LINK = "link"
LINK_LIFE = timedelta(hours=12)
"""How long a one-time link works: over a working day, and not until it is forgotten."""


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as it stands."""

    id: int
    name: str
    roles: tuple[Role, ...]
    created_at: datetime
    disabled_at: datetime | None
    passkeys: int
    subject: str | None = None

    @property
    def disabled(self) -> bool:
        """Whether this user may no longer sign in."""
        return self.disabled_at is not None


def add(
    home: Home, name: str, roles: Iterable[str], *, by: str = SERVICE, subject: str | None = None
) -> tuple[UserView, str]:
    """A new user, and the secret of the one-time link that lets them in.

    Raises:
        InputError: the name cannot stand in the log, or a role does not exist.
        StateError: the name was given before.
    """
    with about("name"):
        checked_name(name, "name of a user")
    given = roles_named(roles)
    with home.work() as work:
        if work.session.scalar(select(User.id).where(User.name == name)) is not None:
            raise StateError(
                f"There is a user {name} already.",
                hint="Names stand in the log and are never used twice.",
                field="name",
            )
        row = User(name=name, roles=" ".join(given), created_at=work.clock.now(), subject=subject)
        work.session.add(row)
        work.session.flush()
        work.record(EventType.ROLE_CHANGE, actor=by, user=name, roles=list(given))
        return _view(row, 0), _new_link(work, row)


def free_name(work: Work, wanted: str) -> str:
    """This name, or with a number the first one like it that was never given."""
    name, number = wanted, 1
    while work.session.scalar(select(User.id).where(User.name == name)) is not None:
        number += 1
        name = f"{wanted[:56]}-{number}"
    return name


def change(home: Home, name: str, roles: Iterable[str], *, by: str) -> UserView:
    """Give a user other roles; their sessions have them from the next request on.

    Raises:
        NotFoundError: there is no such user.
        InputError: a role does not exist.
        StateError: nobody would be left to look after users.
    """
    given = roles_named(roles)
    with home.work() as work:
        row = _row(work, name)
        _require_an_admin_left(work, row, given)
        row.roles = " ".join(given)
        work.record(EventType.ROLE_CHANGE, actor=by, user=name, roles=list(given))
        return _view(row, _passkeys(work, row))


def disable(home: Home, name: str, *, by: str) -> UserView:
    """Let a user in no more, and end their sessions and links at once.

    Raises:
        NotFoundError: there is no such user.
        StateError: nobody would be left to look after users.
    """
    with home.work() as work:
        row = _row(work, name)
        _require_an_admin_left(work, row, ())
        row.disabled_at = row.disabled_at or work.clock.now()
        work.session.execute(delete(WebSession).where(WebSession.user_id == row.id))
        work.session.execute(delete(SignIn).where(SignIn.user_id == row.id))
        work.record(EventType.ROLE_CHANGE, actor=by, user=name, roles=[])
        return _view(row, _passkeys(work, row))


def new_link(home: Home, name: str, *, by: str = SERVICE) -> str:
    """The secret of a new one-time link for a user; links given before no longer work.

    Raises:
        NotFoundError: there is no such user.
        StateError: the user may not sign in.
    """
    with home.work() as work:
        row = _row(work, name)
        if row.disabled_at is not None:
            raise StateError(f"The user {name} may not sign in any more.", hint="Add a new user.")
        work.record(EventType.LOGIN, actor=by, user=name, step="link")
        return _new_link(work, row)


def everybody(home: Home) -> tuple[UserView, ...]:
    """Every user, in the order in which they were added."""
    with home.look() as work:
        counts = Counter(work.session.scalars(select(Passkey.user_id)))
        rows = work.session.scalars(select(User).order_by(User.id)).all()
    return tuple(_view(row, counts[row.id]) for row in rows)


def one(home: Home, name: str) -> UserView:
    """The user of this name.

    Raises:
        NotFoundError: there is none.
    """
    with home.look() as work:
        row = _row(work, name)
        return _view(row, _passkeys(work, row))


def roles_of(row: User) -> tuple[Role, ...]:
    """The roles of a user's row."""
    return tuple(Role(name) for name in row.roles.split())


def use_link(work: Work, secret: str) -> User:
    """The user that a one-time link lets in; it works no more.

    Raises:
        NotFoundError: it was used before, has run out, or never was.
    """
    row = work.session.get(SignIn, digest(secret))
    if row is None or row.purpose != LINK or row.ends <= work.clock.now() or row.user_id is None:
        raise NotFoundError(
            "This link works no more: each one works once, and not for long.",
            hint="Ask whoever runs this service for a new one (`firstlight users link NAME`).",
        )
    work.session.delete(row)
    return work.session.get_one(User, row.user_id)


def _new_link(work: Work, row: User) -> str:
    work.session.execute(delete(SignIn).where(SignIn.user_id == row.id, SignIn.purpose == LINK))
    work.session.execute(delete(SignIn).where(SignIn.ends <= work.clock.now()))
    secret = new_secret()
    ends = work.clock.now() + LINK_LIFE
    work.session.add(SignIn(sha256=digest(secret), purpose=LINK, user_id=row.id, detail="", ends=ends))
    return secret


def _row(work: Work, name: str) -> User:
    row = work.session.scalar(select(User).where(User.name == name))
    if row is None:
        raise NotFoundError(f"There is no user {name!r}.", hint="`firstlight users list` names them.")
    return row


def _require_an_admin_left(work: Work, changed: User, roles: Iterable[Role]) -> None:
    if Role.ADMIN in roles or Role.ADMIN not in roles_of(changed) or changed.disabled_at is not None:
        return
    others = work.session.scalars(select(User).where(User.id != changed.id, User.disabled_at.is_(None)))
    if not any(Role.ADMIN in roles_of(row) for row in others):
        raise InputError(
            f"{changed.name} is the last one who may look after users.", hint="Make somebody else an admin first."
        )


def _passkeys(work: Work, row: User) -> int:
    return work.session.scalar(select(func.count()).where(Passkey.user_id == row.id)) or 0


def _view(row: User, passkeys: int) -> UserView:
    return UserView(row.id, row.name, roles_of(row), row.created_at, row.disabled_at, passkeys, row.subject)
