"""What every page of the console has at hand: the rooms of its navigation, and how times, sizes and counts read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from jinja2 import Environment
from markupsafe import Markup

from firstlight.clock import in_utc
from firstlight.origin.verdict import unseen
from firstlight.web.access.policy import Permission
from firstlight.web.console.numbers import spans


@dataclass(frozen=True, slots=True)
class Room:
    """One entry of the navigation, for those who may go there."""

    name: str
    path: str
    permission: Permission


ROOMS = (
    Room("Next case", "/next", Permission.DECIDE),
    Room("Queue", "/queue", Permission.QUEUE_READ),
    Room("Reports", "/reports", Permission.FILINGS_READ),
    Room("Search", "/search", Permission.SEARCH),
    Room("Banks", "/banks", Permission.BANKS_READ),
    Room("Custody", "/custody", Permission.CUSTODY_READ),
    Room("Figures", "/figures", Permission.DASHBOARD),
    Room("Approvals", "/approvals", Permission.APPROVE),
    Room("Jobs", "/jobs", Permission.JOBS),
    Room("Users", "/users", Permission.USERS),
)


def install(environment: Environment) -> None:
    """Give an environment what the console's templates use."""
    environment.globals["rooms"] = ROOMS
    environment.filters.update(when=when, size=size, count=count, hours=hours, words=words, spans=spans, unseen=unseen)


def when(at: datetime) -> Markup:
    """A time as people read it, and as programs do."""
    utc = in_utc(at)
    return Markup('<time datetime="{}">{}</time>').format(f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%Y-%m-%d %H:%M} UTC")


def size(number: int) -> str:
    """A number of bytes."""
    value = float(number)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000 or unit == "MB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def count(number: int, one: str, many: str = "") -> str:
    """`3 items`, `1 item`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def hours(value: float | None) -> str:
    """A time in hours as people say it."""
    if value is None:
        return "never, at this speed"
    if value < 1 / 60:
        return "under a minute"
    if value < 1:
        return count(round(value * 60), "minute")
    if value < 48:
        return count(round(value), "hour")
    return count(round(timedelta(hours=value) / timedelta(days=1)), "day")


def words(name: str) -> str:
    """A name of the code as a word: `known-ai` is `known ai`."""
    return name.replace("-", " ").replace("_", " ")
