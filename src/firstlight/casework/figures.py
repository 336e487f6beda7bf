"""Figures of the whole house: how long cases waited, how often nobody had to look. Of a person there are none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Literal

from sqlalchemy import func, select

from firstlight.casework.home import Home, Work
from firstlight.store import tables
from firstlight.store.tables import Case, Decision, Item
from firstlight.values import Document, Instant, Level, Value, Versioned

OVER = timedelta(days=30)
MOST = 50_000
"""Decisions of the time that are counted: the newest ones."""


class Waits(Value):
    """How long the items of a level waited for a person, in hours."""

    level: Level
    decided: int
    median: float
    nine_of_ten: float
    longest: float


class Views(Value):
    """How often somebody had to look. Of `decided` items `files` differ by their bytes; `shown` of these were seen."""

    decided: int
    files: int
    shown: int

    @property
    def avoided(self) -> int:
        """Items for which nobody had to look again: their copy was seen, or the facts were enough."""
        return self.decided - self.shown

    @property
    def share(self) -> float:
        """Of all that was decided, the share that nobody had to look at."""
        return self.avoided / self.decided if self.decided else 0.0


class Figures(Document):
    """Figures of the last thirty days."""

    title_for_people: ClassVar[str] = "figures"

    kind: Literal["figures"] = "figures"
    version: Versioned = 1
    at: Instant
    days: int
    waits: tuple[Waits, ...]
    views: Views


def figures(home: Home) -> Figures:
    """The figures of the last thirty days."""
    with home.look() as work:
        now = work.clock.now()
        since = now - OVER
        wanted = (
            select(Decision.at, Item.received_at, Case.level_rank)
            .join(Item, Item.id == Decision.item_id)
            .join(Case, Case.id == Decision.case_id)
            .where(Decision.at > since, Decision.withdrawn_at.is_(None))
            .order_by(Decision.id.desc())
            .limit(MOST)
        )
        rows = work.session.execute(wanted).all()
        views = _views(work, since)
    waits = [
        _waits(level, sorted((at - received) / timedelta(hours=1) for at, received, rank in rows if rank == level.rank))
        for level in Level
    ]
    return Figures(at=now, days=OVER.days, waits=tuple(one for one in waits if one.decided), views=views)


def _waits(level: Level, hours: Sequence[float]) -> Waits:
    if not hours:
        return Waits(level=level, decided=0, median=0, nine_of_ten=0, longest=0)
    last = len(hours) - 1
    return Waits(
        level=level,
        decided=len(hours),
        median=round(hours[last // 2], 2),
        nine_of_ten=round(hours[-(-last * 9 // 10)], 2),
        longest=round(hours[last], 2),
    )


def _views(work: Work, since: Instant) -> Views:
    stands = (Decision.at > since, Decision.withdrawn_at.is_(None))
    decided = work.session.scalar(select(func.count()).select_from(Decision).where(*stands)) or 0
    of = select(func.count(func.distinct(Item.sha256))).join(Decision, Decision.item_id == Item.id).where(*stands)
    files = work.session.scalar(of) or 0
    looked_at = select(tables.Showing.item_id).where(tables.Showing.rendition.is_not(None))
    of_shown = of.where(Decision.document.contains('"seen":true') | Decision.item_id.in_(looked_at))
    shown = work.session.scalar(of_shown)
    return Views(decided=decided, files=files, shown=shown or 0)
