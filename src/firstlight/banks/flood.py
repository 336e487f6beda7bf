"""The flood guard: an entry that suddenly matches far more than its share is put before a person.

Lists hold mistakes, such as a blank frame or a well-known poster, and one such entry can drown everything else. The
guard only asks. It never holds a match back and never lowers anything: that is for a person to do, with `Library.deny`
or an `allow` bank.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from firstlight.banks.flood_log import SharedLog
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
    """Counts which entries match within a window of time: in this process, or, with a `path`, in all that share it.

    The file holds times and digests of entries' keys, nothing of their hashes. Where it cannot be written or read, this
    process counts alone: a guard that only asks must not stop the work it guards.
    """

    def __init__(
        self,
        clock: Clock,
        path: Path | None = None,
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
        self._shared = SharedLog(path) if path is not None else None
        self._mutex = threading.Lock()
        self._noted: deque[tuple[datetime, frozenset[int]]] = deque()
        self._counts: Counter[int] = Counter()
        self._asked: dict[int, datetime] = {}

    def note(self, matches: Iterable[Match]) -> tuple[Flood, ...]:
        """Count the matches of one item; answers the entries that flood now, each once a window.

        Vetoed matches count too: a flood that an `allow` bank holds back is still one.
        """
        now = self._clock.now()
        entries = {_number(match): match for match in matches}
        with self._mutex, contextlib.ExitStack() as stack:
            if self._shared is not None and entries:
                stack.enter_context(self._shared.held())
                for at, asked, numbers in self._shared.read(now - self._window):
                    self._take(at, asked, numbers)
            self._forget(now)
            if not entries:
                return ()
            self._take(now, False, frozenset(entries))
            floods = tuple(self._floods(entries, now))
            if self._shared is not None:
                asked_now = frozenset(_number(flood) for flood in floods)
                self._shared.write([(now, False, frozenset(entries))] + [(now, True, asked_now)] * bool(asked_now))
        return floods

    def _floods(self, entries: Mapping[int, Match], now: datetime) -> Iterator[Flood]:
        for number, match in sorted(entries.items(), key=lambda one: (one[1].bank, one[1].entry)):
            count = self._counts[number]
            if number in self._asked or count < self._matches or count < self._share * len(self._noted):
                continue
            self._asked[number] = now
            since, of = self._noted[0][0], len(self._noted)
            yield Flood(bank=match.bank, entry=match.entry, at=now, since=since, items=count, of=of)

    def _take(self, at: datetime, asked: bool, numbers: frozenset[int]) -> None:
        if asked:
            self._asked.update(dict.fromkeys(numbers, at))
        else:
            self._noted.append((at, numbers))
            self._counts.update(numbers)

    def _forget(self, now: datetime) -> None:
        while self._noted and (now - self._noted[0][0] >= self._window or len(self._noted) >= MAX_NOTED):
            _, numbers = self._noted.popleft()
            for number in numbers:
                self._counts[number] -= 1
                if not self._counts[number]:
                    del self._counts[number]
        for number in [number for number, at in self._asked.items() if now - at >= self._window]:
            del self._asked[number]


def _number(one: Match | Flood) -> int:
    digest = hashlib.blake2b(f"{one.bank} {one.entry}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
