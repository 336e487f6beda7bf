"""Whether the service can answer: it says no until everything that an answer needs is there."""

from __future__ import annotations

import threading
from collections.abc import Iterable


class Readiness:
    """The parts that have to be there before the service says that it is ready. Threads may share it."""

    def __init__(self, parts: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._missing = dict.fromkeys(parts)
        self._failed: str | None = None

    def done(self, part: str) -> None:
        """This part is there."""
        with self._lock:
            self._missing.pop(part, None)

    def fail(self, part: str) -> None:
        """This part cannot be had; the service stays not ready."""
        with self._lock:
            self._failed = part

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not there yet, or will not be."""
        with self._lock:
            return tuple(self._missing)

    @property
    def failed(self) -> str | None:
        """The part that could not be had."""
        with self._lock:
            return self._failed

    def __bool__(self) -> bool:
        return not self.missing
