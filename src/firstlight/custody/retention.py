"""How long originals are kept: policies are data, statutory clocks only ever grow, holds stop destruction.

A clock starts at an event of the log, such as the receipt of a report. Nothing can set its end before the statutory
one; an extension needs a recorded purpose; a legal hold names its authority and suspends destruction while it lasts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError

from firstlight.clock import in_utc, to_text
from firstlight.custody.event import EventType
from firstlight.errors import InputError, NotFoundError, RefusedError
from firstlight.values import Document, Instant, Reason, Value, Versioned

_SHIPPED = Path(__file__).with_name("retention.toml")
MIN_PURPOSE = 10
"""Characters: a purpose that a stranger can understand later."""


class RetentionPolicy(Value):
    """One rule: from which event on, for how long, and whether a statute asks for it."""

    title: str
    basis: str
    starts: EventType
    years: Annotated[int, Field(ge=0, le=100)] = 0
    days: Annotated[int, Field(ge=0, le=36_500)] = 0
    minimum: bool

    def end(self, start: datetime) -> datetime:
        """When what started then may be destroyed: the same moment so many calendar years and days later, in UTC."""
        start = in_utc(start)
        try:
            later = start.replace(year=start.year + self.years)
        except ValueError:  # 29 February in a year that has none: a day more, never a day less
            later = start.replace(year=start.year + self.years, month=3, day=1)
        return later + timedelta(days=self.days)


class RetentionTable(Value):
    """All policies of a house, by name; read from a file."""

    version: int
    policy: dict[str, RetentionPolicy]

    @classmethod
    def load(cls, path: Path | None = None) -> RetentionTable:
        """The shipped policies, or those in this file.

        Raises:
            InputError: the file holds something else; the message names the first field that is wrong.
        """
        source = path or _SHIPPED
        try:
            return cls.model_validate(tomllib.loads(source.read_text("utf-8")))
        except OSError as e:
            raise InputError(f"Cannot read {source}: {e.strerror}.") from e
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise InputError(f"{source} is no TOML file: {e}.") from e
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{source} holds no retention policies: {where}: {first['msg']}.") from e

    def start(self, name: str, at: datetime) -> RetentionClock:
        """A clock under this policy that starts now.

        Raises:
            NotFoundError: there is no such policy.
        """
        if name not in self.policy:
            raise NotFoundError(f"There is no retention policy {name!r}.", hint=f"There are: {', '.join(self.policy)}.")
        policy = self.policy[name]
        end = policy.end(at)
        return RetentionClock(
            policy=name,
            table_version=self.version,
            basis=policy.basis,
            started=in_utc(at),
            not_before=end if policy.minimum else None,
            ends=end,
        )


class Extension(Value):
    """That a clock was set to a later end, by whom and what for."""

    at: Instant
    by: str
    ends: Instant
    purpose: Annotated[str, Field(min_length=MIN_PURPOSE)]


class RetentionClock(Document):
    """Until when one thing is kept, and why. `not_before` is the statutory end, which nothing can move forward."""

    title_for_people: ClassVar[str] = "retention clock"

    kind: Literal["retention-clock"] = "retention-clock"
    version: Versioned = 1
    policy: str
    table_version: int
    basis: str
    started: Instant
    not_before: Instant | None
    ends: Instant
    extensions: tuple[Extension, ...] = ()

    def change_end(self, ends: datetime, *, at: datetime, by: str, purpose: str) -> RetentionClock:
        """The clock with another end.

        Raises:
            RefusedError: that would be before the statutory end.
            InputError: no purpose is given.
        """
        ends = in_utc(ends)
        if self.not_before is not None and ends < self.not_before:
            raise RefusedError(
                f"{self.basis} asks to keep this until {to_text(self.not_before)}.",
                hint="A statutory clock can be extended, never shortened.",
                code="refused.retention",
            )
        if len(purpose.strip()) < MIN_PURPOSE:
            raise InputError("A change of the retention needs a purpose.", hint="Say what for, in a few words.")
        extension = Extension(at=in_utc(at), by=by, ends=ends, purpose=purpose.strip())
        return self.model_copy(update={"ends": ends, "extensions": (*self.extensions, extension)})


class Hold(Document):
    """A legal hold: while it lasts nothing it covers is destroyed. Without `until` it lasts until it is released."""

    title_for_people: ClassVar[str] = "legal hold"

    kind: Literal["hold"] = "hold"
    version: Versioned = 1
    id: str
    authority: Annotated[str, Field(min_length=1)]
    since: Instant
    until: Instant | None = None
    released: Instant | None = None

    def lasts(self, now: datetime) -> bool:
        """Whether it forbids destruction at this time. One that begins later counts already."""
        if self.released is not None and self.released <= now:
            return False
        return self.until is None or now < self.until


class Disposal(Document):
    """Whether something may be destroyed now, with the reasons for the answer."""

    title_for_people: ClassVar[str] = "disposal"

    kind: Literal["disposal"] = "disposal"
    version: Versioned = 1
    at: Instant
    allowed: bool
    reasons: Reason


def may_destroy(clocks: Sequence[RetentionClock], holds: Sequence[Hold], now: datetime) -> Disposal:
    """Whether everything that speaks about a thing lets it be destroyed now. What has no clock is kept."""
    now = in_utc(now)
    because: list[Reason] = []
    for clock in clocks:
        if now < clock.ends:
            says = f"{clock.policy}: kept until {to_text(clock.ends)} ({clock.basis})."
            because.append(Reason(rule="retention.clock", says=says))
    for hold in holds:
        if hold.lasts(now):
            until = f" until {to_text(hold.until)}" if hold.until else ""
            because.append(Reason(rule="retention.hold", says=f"Hold {hold.id} of {hold.authority} lasts{until}."))
    if not clocks:
        because.append(Reason(rule="retention.no-clock", says="No clock was ever started, so nobody said it may go."))
    allowed = not because
    says = "Every clock has run out and no hold lasts." if allowed else "It has to be kept."
    return Disposal(
        at=now, allowed=allowed, reasons=Reason(rule="retention.disposal", says=says, because=tuple(because))
    )
