"""How often somebody may ask for what tells a thief most: to sign in, to look, to search. Counted in this process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from firstlight.errors import LimitError

MINUTE = 60.0
MOST_KEPT = 10_000
"""Callers that are remembered; when there are more, those that have been quiet are forgotten."""


class Asking(StrEnum):
    """What is counted."""

    SIGN_IN = "sign-in"
    LOOK = "look"
    SEARCH = "search"


A_MINUTE = {Asking.SIGN_IN: 120, Asking.LOOK: 120, Asking.SEARCH: 60}
"""More than anybody needs: a shift behind one proxy that signs in, a person who goes through a film step by step."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(slots=True)
class Rates:
    """Remembers how often everybody asked. Threads may share it."""

    now: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _buckets: dict[tuple[Asking, str], _Bucket] = field(default_factory=dict)

    def take(self, asking: Asking, who: str) -> None:
        """Count one more.

        Raises:
            LimitError: it is too many; the facts say after how many seconds another one is fine.
        """
        most = A_MINUTE[asking]
        each = MINUTE / most
        with self._lock:
            now = self.now()
            if len(self._buckets) >= MOST_KEPT:
                # Whoever may ask as often as a stranger need not be remembered.
                self._buckets = {
                    key: one
                    for key, one in self._buckets.items()
                    if one.left + (now - one.at) * A_MINUTE[key[0]] / MINUTE < A_MINUTE[key[0]]
                }
            bucket = self._buckets.setdefault((asking, who), _Bucket(most, now))
            bucket.left = min(most, bucket.left + (now - bucket.at) / each)
            bucket.at = now
            if bucket.left < 1:
                seconds = math.ceil((1 - bucket.left) * each)
                raise LimitError(
                    f"That was asked for more than {most} times in a minute.",
                    hint=f"Wait {seconds} s.",
                    code="limit.rate",
                    seconds=seconds,
                )
            bucket.left -= 1


__all__ = ["A_MINUTE", "Asking", "Rates"]
