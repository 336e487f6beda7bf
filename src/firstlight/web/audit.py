"""The record of look-ups: who asked, how often, and every entry that was found, in one event a second at most.

What was looked up is not kept: a hash in a log would be a list of what people send. A look-up without a hit is counted.
A process that is killed takes with it what was not written: the last second, or as long as the database had it wait.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from firstlight.casework.home import Home
from firstlight.custody import EventType
from firstlight.logs import get_logger

EVERY = 0.75
"""Seconds between two writes; with the quarter of a second that a look-up process gathers, one at most."""
HITS_AN_EVENT = 1000
"""Entries that one event names; more become another event."""
_log = get_logger("web")


class LookUp(NamedTuple):
    """One look-up: by whom, of which kind of hash, and the bank and entry of each hit."""

    actor: str
    kind: str
    hits: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Asked:
    """What one caller asked for: look-ups by kind of hash, and the bank and entry of each hit."""

    counts: Counter[str] = field(default_factory=Counter)
    hits: list[tuple[str, str]] = field(default_factory=list)


class Tally:
    """Gathers look-ups, by caller, until they are taken from it. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: defaultdict[str, Asked] = defaultdict(Asked)
        self.total = 0
        self.found = 0

    def add(self, one: LookUp) -> None:
        """Remember a look-up."""
        with self._lock:
            asked = self._asked[one.actor]
            asked.counts[one.kind] += 1
            self.total += 1
            if one.hits:
                asked.hits.extend(one.hits)
                self.found += 1

    def take(self) -> dict[str, Asked]:
        """What was gathered since the last time."""
        with self._lock:
            asked, self._asked = self._asked, defaultdict(Asked)
        return asked

    def put(self, asked: Mapping[str, Asked]) -> None:
        """Remember what was taken, before anything that came since."""
        with self._lock:
            for actor, one in asked.items():
                self._asked[actor].counts.update(one.counts)
                self._asked[actor].hits[:0] = one.hits


class Audit(Tally):
    """Writes what it gathers to the custody log. Close it before the home."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self._home = home
        self._stop = threading.Event()
        self._something = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._begun = False

    def add(self, one: LookUp) -> None:
        """Remember a look-up; it is written within a second."""
        super().add(one)
        self._wake()

    def join(self, asked: Mapping[str, Asked], total: int, found: int) -> None:
        """Remember what another process gathered, `found` of `total` look-ups with a match."""
        self.put(asked)
        with self._lock:
            self.total += total
            self.found += found
        self._wake()

    def _wake(self) -> None:
        if self._something.is_set():
            return
        with self._lock:
            if not self._begun:
                self._begun = True
                self._thread.start()
        self._something.set()

    def flush(self) -> None:
        """Write what was gathered.

        Raises:
            StorageError: the database refuses; what was gathered is kept for the next time.
        """
        asked = self.take()
        if not asked:
            return
        try:
            with self._home.work() as work:
                for actor, one in asked.items():
                    for begin in range(0, max(len(one.hits), 1), HITS_AN_EVENT):
                        hits = [list(hit) for hit in one.hits[begin : begin + HITS_AN_EVENT]]
                        counts = dict(one.counts) if begin == 0 else {}
                        work.record(EventType.MATCH, actor=actor, step="look-up", looked_up=counts, found=hits)
            # One line for all of them: a line each would cost more than the look-up.
            _log.info("look-ups", count=sum(one.counts.total() for one in asked.values()))
        except BaseException:
            self.put(asked)
            raise

    def close(self) -> None:
        """Write what is left and stop."""
        self._stop.set()
        self._something.set()
        if self._begun:
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._something.wait()
            self._something.clear()
            self._stop.wait(EVERY)
            try:
                self.flush()
            except Exception as e:  # noqa: BLE001 - a thread that is gone would keep the record to itself
                _log.error("audit.waits", error=e)
                self._something.set()
