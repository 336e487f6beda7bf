"""What to expect of a backlog, and what would clear it: Little's law and plain arithmetic, told in words."""

from __future__ import annotations

import math

from firstlight.errors import InputError
from firstlight.values import Value


class Forecast(Value):
    """What a backlog means at the present speed. Times are in hours; `None` says that it never happens."""

    backlog: int
    arrivals_per_hour: float
    reviews_per_hour: float
    wait_hours: float | None
    clear_hours: float | None
    backlog_tomorrow: float
    reviewers_to_hold: int
    reviewers_to_clear: int
    says: str


def forecast(
    backlog: int,
    *,
    arrivals_per_hour: float,
    reviewers: int,
    reviews_each_per_hour: float,
    clear_within_hours: float = 24.0,
) -> Forecast:
    """The expected course of a backlog of review units that come in and are looked at this fast.

    `wait_hours` is Little's law, backlog by arrivals: the mean wait if the backlog stays as it is. Nothing is dropped
    whatever the answer.

    Raises:
        InputError: a number is negative or endless, or a reviewer's speed or the time to clear is not above 0.
    """
    speeds = (arrivals_per_hour, reviews_each_per_hour, clear_within_hours)
    if (
        min(backlog, arrivals_per_hour, reviewers) < 0
        or min(speeds[1:]) <= 0
        or not all(math.isfinite(number) for number in speeds)
    ):
        raise InputError(
            "These numbers cannot be a queue.", hint="Give counts of 0 and more, and speeds and times above 0."
        )
    speed = reviewers * reviews_each_per_hour
    surplus = speed - arrivals_per_hour
    wait = backlog / arrivals_per_hour if arrivals_per_hour else None
    clear = 0.0 if backlog == 0 and surplus >= 0 else backlog / surplus if surplus > 0 else None
    hold = math.ceil(arrivals_per_hour / reviews_each_per_hour)
    needed = math.ceil((arrivals_per_hour + backlog / clear_within_hours) / reviews_each_per_hour)
    tomorrow = max(0.0, backlog - 24 * surplus)
    says = f"{backlog} wait; {arrivals_per_hour:g} come in and {speed:g} are looked at each hour. "
    if clear is None:
        says += (
            f"The backlog does not shrink: in 24 h it will be about {tomorrow:.0f}. "
            f"{hold} reviewer(s) would stop it growing"
        )
    else:
        says += f"It is cleared in about {clear:.1f} h. {hold} reviewer(s) keep up with what comes in"
    says += f"; {needed} would clear it within {clear_within_hours:g} h. Nothing is dropped meanwhile."
    if wait is not None and backlog:
        says += f" While it stays as it is, the mean wait is {wait:.1f} h."
    return Forecast(
        backlog=backlog,
        arrivals_per_hour=arrivals_per_hour,
        reviews_per_hour=speed,
        wait_hours=wait,
        clear_hours=clear,
        backlog_tomorrow=tomorrow,
        reviewers_to_hold=hold,
        reviewers_to_clear=needed,
        says=says,
    )
