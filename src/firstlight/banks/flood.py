"""The flood guard: an entry that suddenly matches far more than its share is put before a person.

Lists hold mistakes, such as a blank frame or a well-known poster, and one such entry can drown everything else. The
guard only asks. It never holds a match back and never lowers anything: that is for a person to do, with `Library.deny`
or an `allow` bank.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from firstlight.banks.match import Match
from firstlight.clock import Clock
from firstlight.errors import InputError
from firstlight.values import Document, Instant, Versioned

DEFAULT_WINDOW: Final = timedelta(hours=1)
DEFAULT_MATCHES: Final = 50
"""Fewer matches of one entry in a window are too few to speak of a flood, whatever their share."""
DEFAULT_SHARE: Final = 0.2
MAX_NOTED: Final = 1_000_000
"""Items remembered at most; beyond it the window gets shorter, not the memory larger."""


class Flood(Document):
    """One entry matches so many items that a person should look at it before anything else that it matches."""

    title_for_people = "flood of matches"

    kind: Literal["flood"] = "flood"
    version: Versioned = 1
    bank: str
    entry: str
    at: Instant
    since: Instant
    items: Annotated[int, Field(ge=1, description="items that the entry matched in the window")]
    of: Annotated[int, Field(ge=1, description="items that matched anything in the window")]


class FloodGuard:
    """Counts, in this process, which entries match within a window of time."""

    def __init__(
        self,
        clock: Clock,
        *,
        window: timedelta = DEFAULT_WINDOW,
        matches: int = DEFAULT_MATCHES,
        share: float = DEFAULT_SHARE,
    ) -> None:
        """An entry floods when it matched at least `matches` items and at least `share` of all that matched."""
        if matches < 1 or not 0 <= share <= 1 or window <= timedelta(0):
            raise InputError("A flood is at least one match, a share from 0 to 1 and a time that passes.")
        self._clock = clock
        self._window = window
        self._matches = matches
        self._share = share
        self._noted: deque[tuple[datetime, frozenset[tuple[str, str]]]] = deque()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._asked: dict[tuple[str, str], datetime] = {}

    def note(self, matches: Iterable[Match]) -> tuple[Flood, ...]:
        """Count the matches of one item; answers the entries that flood now, each once a window.

        Vetoed matches count too: a flood that an `allow` bank holds back is still one.
        """
        now = self._clock.now()
        self._forget(now)
        entries = frozenset((match.bank, match.entry) for match in matches)
        if not entries:
            return ()
        self._noted.append((now, entries))
        self._counts.update(entries)
        floods = []
        for bank, entry in sorted(entries):
            count = self._counts[bank, entry]
            asked = self._asked.get((bank, entry))
            if asked is not None and now - asked < self._window:
                continue
            if count >= self._matches and count >= self._share * len(self._noted):
                self._asked[bank, entry] = now
                floods.append(
                    Flood(bank=bank, entry=entry, at=now, since=self._noted[0][0], items=count, of=len(self._noted))
                )
        return tuple(floods)

    def _forget(self, now: datetime) -> None:
        while self._noted and (now - self._noted[0][0] >= self._window or len(self._noted) >= MAX_NOTED):
            _, entries = self._noted.popleft()
            for entry in entries:
                self._counts[entry] -= 1
                if not self._counts[entry]:
                    del self._counts[entry]
        for entry in [entry for entry, at in self._asked.items() if now - at >= self._window]:
            del self._asked[entry]
