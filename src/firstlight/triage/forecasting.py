"""What to expect of a backlog, and what would clear it: Little's law and plain arithmetic, told in words."""

from __future__ import annotations

import math

from firstlight.errors import InputError
from firstlight.values import Value

STEADY = 0.05
"""A queue is called steady when arrivals and reviews differ by at most this share: Little's law speaks of no other."""


class Forecast(Value):
    """What a backlog means at the present speed. Times are in hours; `None` says that it never happens.

    `wait_hours` is the mean wait by Little's law, and `None` unless the queue is `steady`: no mean stands still while a
    backlog grows or shrinks. `ahead_hours` is the work that is ahead of whoever comes in now, in order of arrival.
    """

    backlog: int
    arrivals_per_hour: float
    reviews_per_hour: float
    steady: bool
    wait_hours: float | None
    ahead_hours: float | None
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

    Nothing is dropped whatever the answer.

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
    steady = arrivals_per_hour > 0 and abs(surplus) <= STEADY * arrivals_per_hour
    wait = backlog / arrivals_per_hour if steady else None
    ahead = backlog / speed if speed else None if backlog else 0.0
    clear = 0.0 if backlog == 0 and surplus >= 0 else backlog / surplus if surplus > 0 else None
    hold = math.ceil(arrivals_per_hour / reviews_each_per_hour)
    needed = math.ceil((arrivals_per_hour + backlog / clear_within_hours) / reviews_each_per_hour)
    tomorrow = max(0.0, backlog - 24 * surplus)
    says = f"{backlog} wait; {arrivals_per_hour:g} come in and {speed:g} are looked at each hour. "
    says += _course(backlog, surplus, speed, steady, wait, ahead, clear, tomorrow)
    keep = "reviewer keeps" if hold == 1 else "reviewers keep"
    says += f" {hold} {keep} up with what comes in; {needed} would clear the backlog within "
    says += f"{clear_within_hours:g} h. Nothing is dropped meanwhile."
    return Forecast(
        backlog=backlog,
        arrivals_per_hour=arrivals_per_hour,
        reviews_per_hour=speed,
        steady=steady,
        wait_hours=wait,
        ahead_hours=ahead,
        clear_hours=clear,
        backlog_tomorrow=tomorrow,
        reviewers_to_hold=hold,
        reviewers_to_clear=needed,
        says=says,
    )


def _course(
    backlog: int,
    surplus: float,
    speed: float,
    steady: bool,
    wait: float | None,
    ahead: float | None,
    clear: float | None,
    tomorrow: float,
) -> str:
    """Where the backlog is going, and what that means for whoever waits."""
    if not backlog and surplus >= 0:
        return "There is no backlog."
    if steady:
        return (
            f"The backlog stays about as it is: in 24 h it will be about {tomorrow:.0f}. The mean wait is {wait:.1f} h."
        )
    if clear is not None:
        return f"The backlog is cleared in about {clear:.1f} h; {ahead:.1f} h of work are ahead of what comes in now."
    text = f"The backlog grows: in 24 h it will be about {tomorrow:.0f}. No mean wait can be told while it grows"
    if not speed:
        return f"{text}: nobody looks at anything."
    return (
        f"{text}; {ahead:.1f} h of work are ahead of what comes in now, and {tomorrow / speed:.1f} h of what comes in "
        "tomorrow at this time."
    )
