"""The tables: what the house remembers between two processes.

Large answers (verdicts, priorities, reports) are stored as the canonical JSON of their documents, so that what was
said can be read back as it was said. Times are RFC 3339 text in UTC with microseconds, so that they sort. Types are
kept to the few that SQLite's STRICT tables and PostgreSQL both know.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Dialect, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from firstlight import clock
from firstlight.store import columns


class UtcTime(TypeDecorator[datetime]):
    """An aware time as sortable text."""

    impl = columns.TEXT
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the signature is given
        """To text; a time without a zone is refused."""
        return None if value is None else clock.to_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is given
        """From text."""
        return None if value is None else clock.from_text(value)


class YesNo(TypeDecorator[bool]):
    """A truth value as 0 or 1."""

    impl = columns.NUMBER
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the signature is given
        """To 0 or 1."""
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> bool | None:  # noqa: ARG002 - the signature is given
        """From 0 or 1."""
        return None if value is None else bool(value)


class Table(DeclarativeBase):
    """The base of all tables; STRICT in SQLite, so that a wrong type is refused there as it is in PostgreSQL."""

    type_annotation_map: ClassVar[dict[Any, TypeEngine[Any] | type[TypeEngine[Any]]]] = {
        str: columns.TEXT,
        int: columns.NUMBER,
        float: columns.FRACTION,
        bytes: columns.BYTES,
        bool: YesNo,
        datetime: UtcTime,
    }


_STRICT: dict[str, Any] = {"sqlite_strict": True}
_NUMBERED: dict[str, Any] = {"sqlite_strict": True, "sqlite_autoincrement": True}  # a number is never used twice


class Case(Table):
    """What a reviewer opens: a bundle of items, with the level and the deadline of its most urgent member.

    `bundle` is the number of the bundle's first item. `severity` is what is expected of the hardest of its items that
    wait, 1 to 3; it decides who may be shown the case, and never when.
    """

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("state in ('open', 'decided', 'filed')", name="case_state"),
        Index("cases_by_place", "state", "severity", "level_rank", "place_order", "opened_at", "id"),
        Index("cases_by_age", "state", "severity", "opened_at", "id"),
        Index("cases_by_state", "state", "id"),
        _NUMBERED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bundle: Mapped[int] = mapped_column(unique=True)
    state: Mapped[str]
    level_rank: Mapped[int]
    place_order: Mapped[float]
    opened_at: Mapped[datetime]
    deadline: Mapped[datetime]
    owner: Mapped[str]
    says: Mapped[str]
    severity: Mapped[int] = mapped_column(default=1, server_default="1")


class Assignment(Table):
    """Whom a case was given to, and the lane whose turn it was; without a reviewer it was given back and goes first."""

    __tablename__ = "assignments"
    __table_args__ = (UniqueConstraint("reviewer", name="one_case_a_reviewer"), _STRICT)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    reviewer: Mapped[str | None]
    lane: Mapped[str]
    at: Mapped[datetime]


class Pass(Table):
    """That a reviewer does not want to be given a case; nobody is told, and no reason is asked for."""

    __tablename__ = "passes"
    __table_args__ = _STRICT

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(primary_key=True)


class Lowering(Table):
    """That a named person lowered an item, whether it is looked at again blind, and what came of that."""

    __tablename__ = "lowerings"
    __table_args__ = (Index("lowerings_by_item", "item_id"), _NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    actor: Mapped[str]
    at: Mapped[datetime]
    confirmation: Mapped[str]
    drawn: Mapped[bool]
    undone_at: Mapped[datetime | None]
    result: Mapped[str | None]


class Item(Table):
    """One piece of media or text that came in. In exactly one state, with an owner and a deadline.

    A row stands as soon as the original lies in the vault; case, verdict and priority follow when it was examined.
    """

    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint("state in ('held', 'decided', 'filed')", name="item_state"),
        UniqueConstraint("source", "sha256", name="item_once_per_source"),
        Index("items_by_sha256", "sha256"),
        Index("items_by_case", "case_id"),
        _NUMBERED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    state: Mapped[str]
    owner: Mapped[str]
    deadline: Mapped[datetime]
    received_at: Mapped[datetime]
    source: Mapped[str]
    upload: Mapped[str]
    sha256: Mapped[str]
    md5: Mapped[str]
    sha1: Mapped[str]
    size: Mapped[int]
    media_type: Mapped[str]
    pdq: Mapped[str | None]
    pdq_quality: Mapped[int | None]
    stored: Mapped[str]
    bundle: Mapped[int | None]
    filing_id: Mapped[int | None] = mapped_column(ForeignKey("filings.id"))
    verdict: Mapped[str | None]
    priority: Mapped[str | None]
    severity: Mapped[int] = mapped_column(default=1, server_default="1")


class Decision(Table):
    """What a person concluded about one item, with reasons; rows are only ever added.

    One that was undone before anything left stays, with the time at which it was; it settles nothing.
    """

    __tablename__ = "decisions"
    __table_args__ = (Index("decisions_by_case", "case_id"), _NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    finding: Mapped[str]
    document: Mapped[str]
    withdrawn_at: Mapped[datetime | None]


class Filing(Table):
    """The life of one CyberTipline report."""

    __tablename__ = "filings"
    __table_args__ = (UniqueConstraint("case_id", "round", name="one_filing_per_round"), _NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    round: Mapped[int]
    account: Mapped[str]
    state: Mapped[str]
    drafted_at: Mapped[datetime]
    draft: Mapped[str]
    receipt: Mapped[str | None]


class FilingStep(Table):
    """One line of a filing's journal: what was about to be done, or what came of it."""

    __tablename__ = "filing_steps"
    __table_args__ = _STRICT

    filing_id: Mapped[int] = mapped_column(ForeignKey("filings.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    entry: Mapped[str]


class LogLeaf(Table):
    """A leaf of the custody log. `sealed` opens it; destroying that leaves the tree whole."""

    __tablename__ = "log_leaves"
    __table_args__ = (Index("log_leaves_by_case", "case_name"), Index("log_leaves_by_subject", "subject"), _STRICT)

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    leaf: Mapped[bytes]
    sealed: Mapped[bytes | None]
    case_name: Mapped[str | None]
    subject: Mapped[str | None]


class LogHash(Table):
    """A stored hash of the custody log's tree."""

    __tablename__ = "log_hashes"
    __table_args__ = _STRICT

    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[bytes]


class LogCheckpoint(Table):
    """A signed statement of the log's size and root."""

    __tablename__ = "log_checkpoints"
    __table_args__ = _STRICT

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    note: Mapped[bytes]


class RetentionClock(Table):
    """Until when one item is kept under one policy; `document` is the clock with everything that was done to it."""

    __tablename__ = "retention_clocks"
    __table_args__ = _STRICT

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    ends: Mapped[datetime]
    document: Mapped[str]


class Hold(Table):
    """A legal hold on a case, with its authority; a released one stays."""

    __tablename__ = "holds"
    __table_args__ = (Index("holds_by_case", "case_id"), _NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    reason: Mapped[str]
    document: Mapped[str]


class Act(Table):
    """Something that two people have to agree on: what exactly, the second one's approval, and when it was done."""

    __tablename__ = "acts"
    __table_args__ = _STRICT

    sha256: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[str]
    approval: Mapped[str | None]
    done_at: Mapped[datetime | None]


class Destruction(Table):
    """That an item's original was to be destroyed, and why it could be; `certificate` is there once its key is gone."""

    __tablename__ = "destructions"
    __table_args__ = _STRICT

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    disposal: Mapped[str]
    certificate: Mapped[str | None]


class Showing(Table):
    """A rendition that one sign-in may fetch once: what of which item, when it was fetched, and when it was hidden.

    `token` is the SHA-256 of the secret that fetches it. `covers` says that all of the file is in it. Once it is
    hidden, the custody log holds the viewing; this row only waits for that.
    """

    __tablename__ = "showings"
    __table_args__ = (Index("showings_by_item", "item_id"), Index("showings_open", "ended_at", "served_at"), _STRICT)

    token: Mapped[str] = mapped_column(primary_key=True)
    session: Mapped[str]
    actor: Mapped[str]
    role: Mapped[str]
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    asked: Mapped[str]
    offered_at: Mapped[datetime]
    served_at: Mapped[datetime | None]
    rendition: Mapped[str | None]
    covers: Mapped[bool | None]
    ended_at: Mapped[datetime | None]


class Opinion(Table):
    """That a reviewer asked for another pair of eyes on a case, and what they would have concluded themselves."""

    __tablename__ = "opinions"
    __table_args__ = (Index("opinions_by_case", "case_id"), Index("opinions_by_asker", "asked_by"), _NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    leaning: Mapped[str | None]
    note: Mapped[str]


class Setting(Table):
    """A fact about this home, such as the organisation's name."""

    __tablename__ = "settings"
    __table_args__ = _STRICT

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class User(Table):
    """Somebody who may sign in. `name` is the pseudonym that stands in the custody log; it is never used twice.

    `roles` are the names of roles with spaces between. `subject` is who they are to the operator's identity provider.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("name", name="one_user_a_name"), _NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    roles: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    subject: Mapped[str | None] = mapped_column(unique=True)


class Passkey(Table):
    """A public key that a user's device proved to hold the private half of."""

    __tablename__ = "passkeys"
    __table_args__ = (Index("passkeys_by_user", "user_id"), _NUMBERED)

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
    __table_args__ = _STRICT

    sha256: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    session_sha256: Mapped[str | None]
    detail: Mapped[str]
    ends: Mapped[datetime]


class WebSession(Table):
    """A signed-in browser, under the SHA-256 of the random id in its cookie."""

    __tablename__ = "sessions"
    __table_args__ = (Index("sessions_by_user", "user_id"), _STRICT)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    passkey_id: Mapped[int | None] = mapped_column(ForeignKey("passkeys.id"))
    way: Mapped[str]
    begun_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class StepUp(Table):
    """That the person of a session has just proved anew who they are, for exactly one act."""

    __tablename__ = "step_ups"
    __table_args__ = _STRICT

    session_sha256: Mapped[str] = mapped_column(ForeignKey("sessions.sha256", ondelete="CASCADE"), primary_key=True)
    act_sha256: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    assertion: Mapped[str]


class ApiKey(Table):
    """A machine that may call the API, under the SHA-256 of its key. `scopes` have spaces between."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("name", name="one_api_key_a_name"), _NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    ends: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class Job(Table):
    """Work to be done later: what it is, when it is due, and who has leased it until when.

    Who has finished a job removes its row, or lets it wait once more where it was asked for `again` meanwhile. `lease`
    is new with every lease, so that nobody ends what another has taken over. A dead one stays until somebody looks.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'leased', 'dead')", name="job_state"),
        UniqueConstraint("kind", "key", name="one_job_a_key"),
        Index("jobs_by_turn", "state", "urgent", "due", "id"),
        _NUMBERED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    key: Mapped[str]
    payload: Mapped[str]
    state: Mapped[str]
    urgent: Mapped[bool]
    asked_at: Mapped[datetime]
    due: Mapped[datetime]
    tries: Mapped[int]
    again: Mapped[bool]
    lease: Mapped[str | None]
    worker: Mapped[str | None]
    said: Mapped[str]
