"""Entries that suddenly match more than their share: recorded, and put before a person until one has decided.

Nothing is held back and nothing is lowered. What is counted is what all processes of the home have examined within the
guard's window; what it found stays in the custody log and in the home until a person confirms, denies or withdraws the
entry.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from firstlight.banks import Flood, Match, Standing
from firstlight.casework.home import Home, Work
from firstlight.custody import EventType
from firstlight.errors import NotFoundError
from firstlight.store.tables import Setting

_NAME = "flood "


def note(home: Home, work: Work, matches: Iterable[Match]) -> None:
    """Count the matches of one examined item; an entry that floods becomes an event and a question, both or none."""
    for flood in home.flood_guard.note(matches):
        work.record(EventType.BANK_FLOOD, flood=flood.model_dump(mode="json"))
        name = f"{_NAME}{flood.bank} {flood.entry}"
        work.session.merge(Setting(name=name, value=flood.to_json().decode()))


def asking(home: Home) -> tuple[Flood, ...]:
    """The floods that no person has decided about, by bank and entry, each as it was last seen.

    An entry is decided about when it was confirmed, denied or withdrawn, or when its bank is disabled or gone.
    """
    with home.look() as work:
        wanted = select(Setting.value).where(Setting.name.startswith(_NAME, autoescape=True)).order_by(Setting.name)
        floods = [Flood.from_json(value) for value in work.session.scalars(wanted)]
    return tuple(flood for flood in floods if _is_open(home, flood))


def _is_open(home: Home, flood: Flood) -> bool:
    try:
        if not home.library.bank(flood.bank).enabled:
            return False
        return home.library.entry(flood.bank, flood.entry).standing is Standing.ACTIVE
    except NotFoundError:
        return False
