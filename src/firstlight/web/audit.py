"""The record of look-ups: who asked, how often, and every entry that was found, in one event a second at most.

What was looked up is not kept: a hash in a log would be a list of what people send. A look-up without a hit is counted.
A process that is killed takes at most the last second with it.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from firstlight.casework.home import Home
from firstlight.custody import EventType
from firstlight.errors import FirstlightError
from firstlight.logs import get_logger

EVERY = 1.0
"""Seconds between two writes."""
HITS_AN_EVENT = 1000
"""Entries that one event names; more become another event."""
_log = get_logger("web")


@dataclass(frozen=True, slots=True)
class LookUp:
    """One look-up: by whom, of which kind of hash, and the bank and entry of each hit."""

    actor: str
    kind: str
    hits: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Asked:
    counts: Counter[str] = field(default_factory=Counter)
    hits: list[tuple[str, str]] = field(default_factory=list)


class Audit:
    """Gathers look-ups and writes them to the custody log. Threads may share it. Close it before the home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._asked: defaultdict[str, _Asked] = defaultdict(_Asked)
        self._stop = threading.Event()
        self._something = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._begun = False
        self.total = 0
        self.found = 0

    def add(self, one: LookUp) -> None:
        """Remember a look-up; it is written within a second."""
        with self._lock:
            asked = self._asked[one.actor]
            asked.counts[one.kind] += 1
            asked.hits.extend(one.hits)
            self.total += 1
            self.found += bool(one.hits)
            if not self._begun:
                self._begun = True
                self._thread.start()
        if not self._something.is_set():
            self._something.set()

    def flush(self) -> None:
        """Write what was gathered.

        Raises:
            StorageError: the database refuses; what was gathered is kept for the next time.
        """
        with self._lock:
            asked, self._asked = self._asked, defaultdict(_Asked)
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
        except FirstlightError:
            with self._lock:
                for actor, one in asked.items():
                    self._asked[actor].counts.update(one.counts)
                    self._asked[actor].hits[:0] = one.hits
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
            except FirstlightError as e:
                _log.error("audit.waits", error=e)
                self._something.set()
