"""Time budgets and circuit breakers: a check that hangs or fails must neither hold up the gate nor open it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from firstlight.errors import FirstlightError, UpstreamError
from firstlight.gate.rules import Outcome
from firstlight.logs import get_logger

_log = get_logger("gate")

FAILURES: Final = 5
"""Failures in a row after which a check is not tried for a while: each may have cost its whole budget."""

PAUSE: Final = 15.0
"""Seconds until a check that failed is tried again, by one request alone."""

T = TypeVar("T")


class Breaker:
    """Counts a check's failures in a row; open, it lets one try through in each `pause`."""

    def __init__(
        self, *, failures: int = FAILURES, pause: float = PAUSE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._pause = pause
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failed = 0
        self._next_try = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the check is given up for the moment."""
        return self._failed >= self._limit

    def may_try(self) -> bool:
        """Whether to make the check now."""
        with self._lock:
            if self._failed < self._limit:
                return True
            now = self._monotonic()
            if now < self._next_try:
                return False
            self._next_try = now + self._pause
            return True

    def note(self, *, good: bool) -> None:
        """Tell what became of a try."""
        with self._lock:
            self._failed = 0 if good else self._failed + 1
            if self._failed >= self._limit:
                self._next_try = self._monotonic() + self._pause


@dataclass(frozen=True, slots=True)
class Ran(Generic[T]):
    """What a watched call answered, or the code of what went wrong; and how long it took."""

    milliseconds: float
    answer: T | None = None
    code: str = ""


@dataclass(slots=True)
class Watch:
    """One check's budget in seconds, what its failure means, and its breaker.

    Failing means to block, unless the operator has said otherwise. Without a budget (0) the check runs in the calling
    thread: for what cannot hang.
    """

    budget: float
    on_failure: Outcome = Outcome.BLOCK
    at_once: int = 16
    breaker: Breaker = field(default_factory=Breaker)
    _pool: ThreadPoolExecutor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.budget:
            self._pool = ThreadPoolExecutor(self.at_once, "gate-check")

    def run(self, call: Callable[[], T]) -> Ran[T]:
        """Make the call within the budget. Never raises: whatever goes wrong is a code."""
        started = time.perf_counter()
        if not self.breaker.may_try():
            return Ran(0.0, code="upstream.given-up")
        answer: T | None = None
        code = ""
        try:
            answer = call() if self._pool is None else self._in_time(self._pool, call)
        except FirstlightError as e:
            code = e.diagnostics().code
        except Exception as e:  # noqa: BLE001 - a check that breaks must close the gate, never the program
            _log.error("check.fault", error=e, exc_info=True)
            code = "error.check"
        spent = (time.perf_counter() - started) * 1000
        # What is wrong with one picture says nothing about the check: only its own failures count against it.
        self.breaker.note(good=not code or code.split(".")[0] in ("unreadable", "limit", "input"))
        return Ran(round(spent, 3), answer, code)

    def _in_time(self, pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        future = pool.submit(call)
        try:
            return future.result(self.budget)
        except FutureTimeoutError as e:
            future.cancel()
            raise UpstreamError(f"It was not done after {self.budget:g} seconds.", code="upstream.time") from e

    def close(self) -> None:
        """Let go of the threads, without waiting for a call that hangs."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
