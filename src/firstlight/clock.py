"""Time enters by argument: every time in the house is aware, in UTC, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from firstlight.errors import InputError


class Clock(Protocol):
    """Tells the time. `now()` is aware, in UTC."""

    def now(self) -> datetime:
        """The present instant."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock for tests and reproducible output: it starts at an instant and moves on by `step` at every look."""

    def __init__(self, at: datetime, step: timedelta = timedelta(0)) -> None:
        self._now = in_utc(at)
        self._step = step

    def now(self) -> datetime:
        """The instant set; the next look is `step` later."""
        now = self._now
        self._now = now + self._step
        return now

    def advance(self, by: timedelta) -> None:
        """Move the clock on."""
        self._now += by


def in_utc(at: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        InputError: the time has no zone, so nobody can say which instant it is.
    """
    if at.tzinfo is None:
        raise InputError("This time has no zone.", hint="Give it with its zone, such as 2026-01-31T12:00:00Z.")
    return at.astimezone(UTC)


def to_text(at: datetime) -> str:
    """RFC 3339 with microseconds and `Z`, so that texts sort as times do."""
    return in_utc(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_text(text: str) -> datetime:
    """The instant that an RFC 3339 text names.

    Raises:
        InputError: the text is no time, or has no zone.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise InputError(f"{text!r} is no time.", hint="Write it like 2026-01-31T12:00:00Z.") from e
    return in_utc(at)
