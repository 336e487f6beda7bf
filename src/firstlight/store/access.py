"""The tables of the service: who may come in, and what clients of HMA call things."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from firstlight.store.base import NUMBERED, STRICT, Table


class User(Table):
    """Somebody who may sign in. `name` is the pseudonym that stands in the custody log; it is never used twice.

    `roles` are the names of roles with spaces between. `subject` is who they are to the operator's identity provider.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("name", name="one_user_a_name"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    roles: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    subject: Mapped[str | None] = mapped_column(unique=True)


class Passkey(Table):
    """A public key that a user's device proved to hold the private half of."""

    __tablename__ = "passkeys"
    __table_args__ = (Index("passkeys_by_user", "user_id"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    credential: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    uses: Mapped[int]
    name: Mapped[str]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignIn(Table):
    """A one-time link or a challenge: the SHA-256 of a secret, what it is good for, and until when.

    Whoever uses it removes the row in the same transaction, so that it works once.
    """

    __tablename__ = "sign_ins"
    __table_args__ = STRICT

    sha256: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    session_sha256: Mapped[str | None]
    detail: Mapped[str]
    ends: Mapped[datetime]


class WebSession(Table):
    """A signed-in browser, under the SHA-256 of the random id in its cookie."""

    __tablename__ = "sessions"
    __table_args__ = (Index("sessions_by_user", "user_id"), STRICT)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    passkey_id: Mapped[int | None] = mapped_column(ForeignKey("passkeys.id"))
    way: Mapped[str]
    begun_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class StepUp(Table):
    """That the person of a session has just proved anew who they are, for exactly one act."""

    __tablename__ = "step_ups"
    __table_args__ = STRICT

    session_sha256: Mapped[str] = mapped_column(ForeignKey("sessions.sha256", ondelete="CASCADE"), primary_key=True)
    act_sha256: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    assertion: Mapped[str]


class ApiKey(Table):
    """A machine that may call the API, under the SHA-256 of its key. `scopes` have spaces between."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("name", name="one_api_key_a_name"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    ends: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class HmaBank(Table):
    """The name and the ratio by which clients of HMA know one of the banks."""

    __tablename__ = "hma_banks"
    __table_args__ = STRICT

    name: Mapped[str] = mapped_column(primary_key=True)
    bank: Mapped[str] = mapped_column(unique=True)
    ratio: Mapped[float]


class HmaContent(Table):
    """The number by which clients of HMA know one entry of a bank; `disabled_until` as they say it: 1 is enabled."""

    __tablename__ = "hma_contents"
    __table_args__ = (UniqueConstraint("bank", "entry", name="one_number_an_entry"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    bank: Mapped[str]
    entry: Mapped[str]
    signals: Mapped[str]
    added_at: Mapped[datetime]
    disabled_until: Mapped[int]
    note: Mapped[str]
    user_metadata: Mapped[str]
    uri: Mapped[str | None]
