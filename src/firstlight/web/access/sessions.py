"""Sessions of browsers: they lie in the database, end by themselves, and can all be ended at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import delete, select

from firstlight.casework.home import Home, Work
from firstlight.custody import EventType
from firstlight.store.tables import SignIn, User, WebSession
from firstlight.web.access.policy import Role
from firstlight.web.access.secrets import digest, new_secret
from firstlight.web.access.users import roles_of

IDLE = timedelta(minutes=15)
"""A session ends when nothing was asked for so long."""
LONGEST = timedelta(hours=8)
"""A session ends then, whatever is done."""
MOST = 5
"""Sessions that one user may have at once; the oldest ends when another begins."""
_LOOK_STEP = timedelta(minutes=1)  # how exactly idleness is known: a write for each request would cost a durable commit


class Way(StrEnum):
    """How somebody signed in."""

    LINK = "link"
    PASSKEY = "passkey"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose session it is."""

    sha256: str
    user_id: int
    name: str
    roles: tuple[Role, ...]
    way: Way
    passkey_id: int | None

    @property
    def short(self) -> str:
        """Names the session in the custody log without opening it."""
        return self.sha256[:16]


def begin(work: Work, user: User, way: Way, passkey_id: int | None = None) -> str:
    """A new session of this user: the secret for their cookie. The oldest beyond `MOST` end."""
    secret = new_secret()
    now = work.clock.now()
    rows = work.session.scalars(
        select(WebSession).where(WebSession.user_id == user.id).order_by(WebSession.begun_at.desc())
    ).all()
    for old in rows[MOST - 1 :]:
        work.session.delete(old)
    work.session.execute(delete(WebSession).where(WebSession.begun_at <= now - LONGEST))
    work.session.add(
        WebSession(
            sha256=digest(secret), user_id=user.id, passkey_id=passkey_id, way=way.value, begun_at=now, seen_at=now
        )
    )
    work.record(EventType.LOGIN, actor=user.name, step="begin", way=way.value, session=digest(secret)[:16])
    return secret


def whose(home: Home, secret: str) -> SignedIn | None:
    """Whose session this is, if it still lasts and its user may be here; looking keeps it from going idle."""
    sha256 = digest(secret)
    now = home.clock.now()
    with home.database.read() as session:
        found = session.execute(
            select(WebSession, User).join(User, User.id == WebSession.user_id).where(WebSession.sha256 == sha256)
        ).one_or_none()
    if found is None:
        return None
    row, user = found
    if user.disabled_at is not None or now - row.seen_at >= IDLE or now - row.begun_at >= LONGEST:
        return None
    if now - row.seen_at >= _LOOK_STEP:
        with home.database.write() as session:
            fresh = session.get(WebSession, sha256)
            if fresh is None:
                return None
            fresh.seen_at = max(now, fresh.seen_at)
    return SignedIn(sha256, user.id, user.name, roles_of(user), Way(row.way), row.passkey_id)


def end(home: Home, signed_in: SignedIn, *, everywhere: bool = False) -> int:
    """Sign out here, or everywhere; answers how many sessions ended."""
    with home.work() as work:
        wanted = delete(WebSession).where(WebSession.user_id == signed_in.user_id)
        if not everywhere:
            wanted = wanted.where(WebSession.sha256 == signed_in.sha256)
        work.session.execute(delete(SignIn).where(SignIn.session_sha256 == signed_in.sha256))
        ended = work.session.execute(wanted.returning(WebSession.sha256)).all()
        work.record(EventType.LOGIN, actor=signed_in.name, step="end", session=signed_in.short, ended=len(ended))
    return len(ended)
