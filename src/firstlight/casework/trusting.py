"""Trust lists as an operator uses them: put into the home, told about, and every change an event of the custody log.

Nothing is fetched. A list is written first and its event after it, in one transaction with what the tables remember of
it; a list that lies in the folder without its record is named by `standing`.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from sqlalchemy import select

from firstlight.casework.home import SERVICE, TRUST, Home
from firstlight.custody import EventType
from firstlight.errors import InputError
from firstlight.logs import get_logger
from firstlight.origin import trust_folder
from firstlight.origin.trust import ListFile
from firstlight.store.tables import Setting
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned

_log = get_logger("casework")

_NAME = "trust."


class ListStanding(Value):
    """One trust list of the home, and whether it can be relied on today.

    `whole`: the file is the one that was put there. `recorded`: the custody log holds how it came there. `old`: its
    publisher has surely issued a newer one. `expired` counts certificates in it that have run out; they are no fault
    of the list, and a signature made while they were valid may still be trusted.
    """

    name: str
    date: str
    sha256: Sha256Hex
    entries: int
    expired: int
    first_expiry: Instant | None
    whole: bool
    recorded: bool
    old: bool

    @property
    def stands(self) -> bool:
        """Whether nothing has to be done about it."""
        return self.whole and self.recorded and not self.old


class TrustStanding(Document):
    """All trust lists of a home as they are."""

    title_for_people: ClassVar[str] = "trust lists"

    kind: Literal["trust-lists"] = "trust-lists"
    version: Versioned = 1
    at: Instant
    lists: tuple[ListStanding, ...]

    @property
    def stands(self) -> bool:
        """Whether nothing has to be done about any of them."""
        return all(one.stands for one in self.lists)


def add(home: Home, name: str, source: Path, *, date_of_list: str, actor: str = SERVICE) -> ListFile:
    """Put a list into the home, in the place of an earlier one of that name.

    What was examined before keeps its verdict; what comes in from now on is judged by the new list.

    Raises:
        InputError: the name, the date or the actor is wrong, or the file is no such list.
        NotFoundError: the file cannot be read.
        StorageError: the home cannot be written.
    """
    if not actor.strip():
        raise InputError("Nobody is named who changes the trust lists.", hint="Name them with --by.")
    with home.work() as work:
        before = work.session.get(Setting, _NAME + name)
        was = before.value if before else None
        file = trust_folder.install(home.folder / TRUST, name, source, date_of_list=date_of_list)
        work.session.merge(Setting(name=_NAME + name, value=file.sha256))
        work.record(
            EventType.CONFIG_CHANGE, actor=actor, what="trust-list", list=file.model_dump(mode="json"), before=was
        )
    home.forget_trust()
    _log.info("config.changed", kind="trust-list", count=file.entries)
    return file


def standing(home: Home) -> TrustStanding:
    """Every list in the home, with what is wrong with it; a damaged list is told and never an error.

    Raises:
        InputError: the folder's own table of lists is damaged.
    """
    now = home.clock.now()
    with home.look() as work:
        rows = work.session.scalars(select(Setting).where(Setting.name.startswith(_NAME))).all()
    recorded = {row.name.removeprefix(_NAME): row.value for row in rows}
    found = trust_folder.inspect(home.folder / TRUST, now.date())
    lists = [
        ListStanding(
            name=one.name,
            date=one.date,
            sha256=one.sha256,
            entries=one.entries,
            expired=sum(expiry < now for expiry in one.expiries),
            first_expiry=min(one.expiries, default=None),
            whole=one.whole,
            recorded=recorded.get(one.name) == one.sha256,
            old=one.old,
        )
        for one in found
    ]
    there = {one.name for one in lists}
    lists += [_gone(name, sha256) for name, sha256 in sorted(recorded.items()) if name not in there]
    return TrustStanding(at=now, lists=tuple(lists))


def _gone(name: str, sha256: str) -> ListStanding:
    """A list that the log knows and the folder has lost."""
    return ListStanding(
        name=name,
        date="",
        sha256=sha256,
        entries=0,
        expired=0,
        first_expiry=None,
        whole=False,
        recorded=True,
        old=False,
    )
