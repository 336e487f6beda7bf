"""What HMA's clients call things: a name and a ratio for each bank, a number for each entry.

Every bank that matches has a name here, whoever made it; `allow` banks have none, since HMA knows no such thing. An
entry gets its number when a client adds it, or when it is matched for the first time.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from firstlight.casework.home import Home, Work
from firstlight.errors import NotFoundError
from firstlight.store.tables import HmaBank, HmaContent, Setting
from firstlight.values import BankPurpose

NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
LONGEST_NAME = 255
REVISION = "hma-revision"
"""The setting that changes whenever an entry's number is forgotten or the entry is disabled."""
ON, OFF = 1, 0
"""What `disable_until_ts` says of content that counts, and of content that is off for good."""


@dataclass(frozen=True, slots=True)
class Named:
    """A bank as HMA's clients know it, and as we do."""

    name: str
    bank: str
    ratio: float

    def shown(self) -> dict[str, object]:
        """The bank as an answer."""
        return {"name": self.name, "matching_enabled_ratio": self.ratio}


@dataclass(frozen=True, slots=True)
class Content:
    """One entry as HMA's clients know it."""

    id: int
    bank: str
    entry: str
    signals: tuple[str, ...]
    added_at: datetime
    disabled_until: int
    note: str
    metadata: dict[str, object]
    uri: str | None

    def counts(self, now: datetime) -> bool:
        """Whether it takes part in filtered look-ups at this time."""
        return self.disabled_until == ON or (self.disabled_until != OFF and self.disabled_until <= now.timestamp())


def banks(home: Home) -> tuple[Named, ...]:
    """Every bank that matches, by name. Those that have no name yet get one."""
    there = [bank.name for bank in home.library.banks() if bank.purpose is not BankPurpose.ALLOW]
    rows = _rows(home)
    fresh = [name for name in there if name not in rows]
    if fresh:
        with home.work() as work:
            for name in fresh:
                if work.session.scalar(select(HmaBank.name).where(HmaBank.bank == name)) is None:
                    work.session.add(HmaBank(name=_free(work, name), bank=name, ratio=1.0))
                    work.session.flush()
        rows = _rows(home)
    return tuple(sorted((rows[name] for name in there), key=lambda one: one.name))


def bank(home: Home, name: str) -> Named | None:
    """The bank that clients know by this name."""
    return next((one for one in banks(home) if one.name == name), None)


def own_name(home: Home, name: str, *, also: Iterable[str] = ()) -> str:
    """The name that a new bank of this HMA name gets in our library; those in `also` are taken, too."""
    plain = re.sub(r"^[^a-z0-9]+", "", name.lower())[:64]
    taken = {one.name for one in home.library.banks()}.union(also)
    if plain and plain not in taken:
        return plain
    number = 2
    while f"{plain[:56] or 'hma'}-{number}" in taken:
        number += 1
    return f"{plain[:56] or 'hma'}-{number}"


def keep_bank(home: Home, one: Named) -> None:
    """Remember the name and the ratio of a bank."""
    with home.work() as work:
        work.session.execute(delete(HmaBank).where(HmaBank.bank == one.bank))
        work.session.execute(delete(HmaBank).where(HmaBank.name == one.name))
        work.session.add(HmaBank(name=one.name, bank=one.bank, ratio=one.ratio))


def forget_bank(home: Home, one: Named) -> None:
    """Forget a bank and the numbers of its entries."""
    with home.work() as work:
        work.session.execute(delete(HmaBank).where(HmaBank.bank == one.bank))
        work.session.execute(delete(HmaContent).where(HmaContent.bank == one.bank))
        _changed(work)


def new_content(
    home: Home, bank_name: str, signals: Iterable[str], *, note: str, metadata: Mapping[str, object], uri: str | None
) -> Content:
    """The next number, for an entry that is about to be added under the key `entry` of the answer."""
    with home.work() as work:
        row = HmaContent(
            bank=bank_name,
            entry="",
            signals=" ".join(signals),
            added_at=work.clock.now(),
            disabled_until=ON,
            note=note,
            user_metadata=json.dumps(dict(metadata)),
            uri=uri,
        )
        work.session.add(row)
        work.session.flush()
        row.entry = f"hma-{row.id}"
        return _content(row)


def forget_content(home: Home, number: int) -> None:
    """Forget the number of an entry."""
    with home.work() as work:
        work.session.execute(delete(HmaContent).where(HmaContent.id == number))
        _changed(work)


def change_content(home: Home, number: int, *, disabled_until: int | None, note: str | None) -> Content:
    """Disable or annotate an entry.

    Raises:
        NotFoundError: there is none of this number.
    """
    with home.work() as work:
        row = work.session.get(HmaContent, number)
        if row is None:
            raise NotFoundError(f"content '{number}' not found")
        if disabled_until is not None:
            row.disabled_until = disabled_until
        if note is not None:
            row.note = note
        _changed(work)
        return _content(row)


def content(home: Home, number: int) -> Content | None:
    """The entry of this number."""
    with home.database.read() as session:
        row = session.get(HmaContent, number)
        return None if row is None else _content(row)


def contents(home: Home) -> tuple[Content, ...]:
    """Every entry that has a number."""
    with home.database.read() as session:
        return tuple(_content(row) for row in session.scalars(select(HmaContent)))


def numbered(home: Home, found: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], Content]:
    """The numbers of entries that were matched, by bank and entry; those that have none get one. The third part of
    each is the signal type that it was found by."""
    wanted = {(bank_name, entry): signal for bank_name, entry, signal in found}
    numbers = known(home, wanted)
    missing = [key for key in wanted if key not in numbers]
    if missing:
        with home.work() as work:
            for bank_name, entry in missing:
                there = select(HmaContent.id).where(HmaContent.bank == bank_name, HmaContent.entry == entry)
                if work.session.scalar(there) is None:
                    work.session.add(
                        HmaContent(
                            bank=bank_name,
                            entry=entry,
                            signals=wanted[bank_name, entry],
                            added_at=work.clock.now(),
                            disabled_until=ON,
                            note="",
                            user_metadata="{}",
                            uri=None,
                        )
                    )
                    work.session.flush()
        numbers = known(home, wanted)
    return numbers


def _changed(work: Work) -> None:
    work.session.merge(Setting(name=REVISION, value=secrets.token_hex(8)))


def known(home: Home, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Content]:
    """The numbers of those of these entries (bank and entry) that have one."""
    out: dict[tuple[str, str], Content] = {}
    with home.database.read() as session:
        for bank_name, entry in wanted:
            row = session.scalar(select(HmaContent).where(HmaContent.bank == bank_name, HmaContent.entry == entry))
            if row is not None:
                out[bank_name, entry] = _content(row)
    return out


def _rows(home: Home) -> dict[str, Named]:
    with home.database.read() as session:
        return {row.bank: Named(row.name, row.bank, row.ratio) for row in session.scalars(select(HmaBank))}


def _free(work: Work, name: str) -> str:
    """A name of HMA's kind for one of our banks that no other has."""
    plain = re.sub(r"[^A-Z0-9_]", "_", name.upper())
    plain = plain if NAME.match(plain) else f"_{plain}"
    wanted, number = plain, 2
    while work.session.get(HmaBank, wanted) is not None:
        wanted, number = f"{plain}_{number}", number + 1
    return wanted


def _content(row: HmaContent) -> Content:
    metadata = json.loads(row.user_metadata)
    return Content(
        id=row.id,
        bank=row.bank,
        entry=row.entry,
        signals=tuple(row.signals.split()),
        added_at=row.added_at,
        disabled_until=row.disabled_until,
        note=row.note,
        metadata=metadata if isinstance(metadata, dict) else {},
        uri=row.uri,
    )
