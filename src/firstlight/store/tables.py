"""The tables: what the house remembers between two processes.

Large answers (verdicts, priorities, reports) are stored as the canonical JSON of their documents, so that what was
said can be read back as it was said. Times are RFC 3339 text in UTC with microseconds, so that they sort. Types are
kept to the few that SQLite's STRICT tables and PostgreSQL both know.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from firstlight.store.access import ApiKey, HmaBank, HmaContent, Passkey, SignIn, StepUp, User, WebSession
from firstlight.store.base import NUMBERED, STRICT, Table, UtcTime, YesNo

__all__ = [
    "Act",
    "ApiKey",
    "Assignment",
    "Bearing",
    "Case",
    "Decision",
    "Destruction",
    "Filing",
    "FilingStep",
    "HmaBank",
    "HmaContent",
    "Hold",
    "Item",
    "Job",
    "LogCheckpoint",
    "LogHash",
    "LogLeaf",
    "Lowering",
    "Mention",
    "Opinion",
    "Pass",
    "Passkey",
    "RetentionClock",
    "Setting",
    "Showing",
    "SignIn",
    "StepUp",
    "Supplement",
    "Table",
    "User",
    "UtcTime",
    "WebSession",
    "YesNo",
]


class Case(Table):
    """What a reviewer opens: a bundle of items, with the level and the deadline of its most urgent member.

    `bundle` is the number of the bundle's first item. `severity` is what is expected of the hardest of its items that
    wait, 1 to 3; it decides who may be shown the case, and never when. `cause` is the row of the priority table that
    asks for the level; `waiting` counts the items that wait, as far as it was counted. `says` is made of `why`, the
    reasons of the most urgent member, of that count, and of `reported`: a report went out and something waits again.
    """

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("state in ('open', 'decided', 'filed')", name="case_state"),
        Index("cases_by_age", "state", "severity", "opened_at", "id"),
        Index("cases_by_level_and_age", "state", "level_rank", "severity", "opened_at", "id"),
        Index("cases_by_cause", "state", "level_rank", "cause", "severity", "opened_at", "id"),
        Index("cases_by_state", "state", "id"),
        Index("cases_by_deadline", "state", "deadline", "level_rank"),
        NUMBERED,
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
    cause: Mapped[str] = mapped_column(default="", server_default="")
    waiting: Mapped[int] = mapped_column(default=0, server_default="0")
    why: Mapped[str] = mapped_column(default="", server_default="")
    reported: Mapped[bool] = mapped_column(YesNo, default=False, server_default="0")


# By rank in one direction: the larger `place_order` comes first, and the older of two alike.
_RANK = (Case.place_order.desc(), Case.opened_at, Case.id)
Index("cases_by_place", Case.state, Case.severity, Case.level_rank, *_RANK)
Index("cases_by_cause_and_place", Case.state, Case.level_rank, Case.cause, Case.severity, *_RANK)


class Assignment(Table):
    """Whom a case was given to, and the lane whose turn it was; without a reviewer it was given back and goes first."""

    __tablename__ = "assignments"
    __table_args__ = (UniqueConstraint("reviewer", name="one_case_a_reviewer"), STRICT)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    reviewer: Mapped[str | None]
    lane: Mapped[str]
    at: Mapped[datetime]


class Pass(Table):
    """That a reviewer does not want to be given a case; nobody is told, and no reason is asked for."""

    __tablename__ = "passes"
    __table_args__ = STRICT

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(primary_key=True)


class Lowering(Table):
    """That a named person lowered an item, whether it is looked at again blind, and what came of that."""

    __tablename__ = "lowerings"
    __table_args__ = (Index("lowerings_by_item", "item_id"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    actor: Mapped[str]
    at: Mapped[datetime]
    confirmation: Mapped[str]
    drawn: Mapped[bool]
    undone_at: Mapped[datetime | None]
    result: Mapped[str | None]


_UNEXAMINED = text("verdict is null")


class Item(Table):
    """One piece of media or text that came in. In exactly one state, with an owner and a deadline.

    A row stands as soon as the original lies in the vault; case, verdict and priority follow when it was examined.
    """

    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint("state in ('held', 'decided', 'filed')", name="item_state"),
        UniqueConstraint("source", "sha256", name="item_once_per_source"),
        Index("items_by_sha256", "sha256"),
        Index("items_by_sha256_and_state", "sha256", "state", "filing_id"),
        Index("items_by_case", "case_id", "state", "media_type"),
        Index("items_unexamined", "id", sqlite_where=_UNEXAMINED, postgresql_where=_UNEXAMINED),
        NUMBERED,
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


class Mention(Table):
    """That an item speaks of an account, and as what. `bearer` is the SHA-256 by which the account is looked up."""

    __tablename__ = "mentions"
    __table_args__ = (Index("mentions_by_bearer", "bearer", "item_id"), STRICT)

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    bearer: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class Bearing(Table):
    """That an account bears an identifier, and of which item that was stated first; an unlinked one joins nothing and
    stays. A confirmed one joins although the identifier looks shared: a person said that it is one person's."""

    __tablename__ = "bearings"
    __table_args__ = (
        UniqueConstraint("bearer", "kind", "value", name="one_bearing"),
        Index("bearings_by_identifier", "kind", "value"),
        NUMBERED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bearer: Mapped[str]
    kind: Mapped[str]
    value: Mapped[str]
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    role: Mapped[str]
    at: Mapped[datetime]
    unlinked_at: Mapped[datetime | None]
    unlinked_by: Mapped[str | None]
    unlinked_why: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None]
    confirmed_why: Mapped[str | None]


class Supplement(Table):
    """A file that goes with an item's report as context; `document` says what it is and where its bytes lie."""

    __tablename__ = "supplements"
    __table_args__ = (UniqueConstraint("item_id", "sha256", name="one_supplement_an_item"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    sha256: Mapped[str]
    document: Mapped[str]


class Decision(Table):
    """What a person concluded about one item, with reasons; rows are only ever added.

    One that was undone before anything left stays, with the time at which it was; it settles nothing. One that was
    taken over from the same bytes is `carried`.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index("decisions_by_case", "case_id"),
        Index("decisions_by_people", "case_id", "carried"),
        NUMBERED,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    finding: Mapped[str]
    document: Mapped[str]
    withdrawn_at: Mapped[datetime | None]
    carried: Mapped[bool] = mapped_column(YesNo, default=False, server_default="0")


class Filing(Table):
    """The life of one CyberTipline report."""

    __tablename__ = "filings"
    __table_args__ = (UniqueConstraint("case_id", "round", name="one_filing_per_round"), NUMBERED)

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
    __table_args__ = STRICT

    filing_id: Mapped[int] = mapped_column(ForeignKey("filings.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    entry: Mapped[str]


_VIEWINGS = text("viewing = 1")


class LogLeaf(Table):
    """A leaf of the custody log. `sealed` opens it; destroying that leaves the tree whole. `viewing`: it says that
    somebody was shown a file, as the leaf itself tells; kept apart so that those are found among millions."""

    __tablename__ = "log_leaves"
    __table_args__ = (
        Index("log_leaves_by_case", "case_name"),
        Index("log_leaves_by_subject", "subject"),
        Index("log_leaves_viewings", "seq", sqlite_where=_VIEWINGS, postgresql_where=_VIEWINGS),
        STRICT,
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    leaf: Mapped[bytes]
    sealed: Mapped[bytes | None]
    case_name: Mapped[str | None]
    subject: Mapped[str | None]
    viewing: Mapped[bool] = mapped_column(YesNo, default=False, server_default="0")


class LogHash(Table):
    """A stored hash of the custody log's tree."""

    __tablename__ = "log_hashes"
    __table_args__ = STRICT

    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[bytes]


class LogCheckpoint(Table):
    """A signed statement of the log's size and root."""

    __tablename__ = "log_checkpoints"
    __table_args__ = STRICT

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    note: Mapped[bytes]


class LogStamp(Table):
    """A checkpoint whose time a time stamping authority is asked for; `response` is there once it has answered."""

    __tablename__ = "log_stamps"
    __table_args__ = STRICT

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    note: Mapped[bytes]
    queued_at: Mapped[datetime]
    tries: Mapped[int]
    error: Mapped[str]
    response: Mapped[bytes | None]
    certificates: Mapped[bytes]
    stamped_at: Mapped[datetime | None]


class RetentionClock(Table):
    """Until when one item is kept under one policy; `document` is the clock with everything that was done to it."""

    __tablename__ = "retention_clocks"
    __table_args__ = STRICT

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    ends: Mapped[datetime]
    document: Mapped[str]


class Hold(Table):
    """A legal hold on a case, with its authority; a released one stays."""

    __tablename__ = "holds"
    __table_args__ = (Index("holds_by_case", "case_id"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    reason: Mapped[str]
    document: Mapped[str]


class Act(Table):
    """Something that two people have to agree on: what exactly, the second one's approval, and when it was done."""

    __tablename__ = "acts"
    __table_args__ = STRICT

    sha256: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[str]
    approval: Mapped[str | None]
    done_at: Mapped[datetime | None]


class Destruction(Table):
    """That an item's original was to be destroyed, and why it could be; `certificate` is there once its key is gone."""

    __tablename__ = "destructions"
    __table_args__ = STRICT

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
    __table_args__ = (Index("showings_by_item", "item_id"), Index("showings_open", "ended_at", "served_at"), STRICT)

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
    __table_args__ = (Index("opinions_by_case", "case_id"), Index("opinions_by_asker", "asked_by"), NUMBERED)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    leaning: Mapped[str | None]
    note: Mapped[str]


class Setting(Table):
    """A fact about this home, such as the organisation's name."""

    __tablename__ = "settings"
    __table_args__ = STRICT

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


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
        NUMBERED,
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
