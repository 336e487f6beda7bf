"""Exposure: what a reviewer may still be shown. Hard limits of the router, and never advice.

Three parties may set limits: the organisation for everybody, the organisation for one person, and the reviewer. **The
strictest of the three is in force**, part by part. So the organisation can tighten what a reviewer set and can never
loosen it, and the other way round. What a reviewer set is told to nobody else: the custody log says that it changed and
not how.

What was spent is counted from the custody log's viewings and from nothing else: distinct files in any 24 hours, by
severity, a file as heavy as it is known to be today. A break is a gap between two viewings; one that is due begins with
the last viewing and is over when its time is, so that nobody has to end it, and nobody can end it early.

Whoever shows media asks `require_may_see` before each file. Whoever hands out cases uses `routing.next_case`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy import func, select

from firstlight.casework import cases
from firstlight.casework.home import Home, Work, named
from firstlight.casework.ledger import SqlLeafStore
from firstlight.casework.severity import SEVERE_CATEGORIES, Severity
from firstlight.custody import EventType
from firstlight.errors import InputError, IntegrityError, RefusedError
from firstlight.store.tables import Item, Setting
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned

DAY = timedelta(hours=24)
"""Exposure is counted over any 24 hours, so that a shift around midnight is no two half ones."""

LONGEST_NAME = 200
_MANY = 500  # values in one statement
_Kept = TypeVar("_Kept", bound=Value)

Count = Annotated[int, Field(ge=0, le=100_000)]
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]


class Limits(Value):
    """What a person may be shown. `None` is no limit of that kind.

    `heavy_a_day` counts severe files too. A break of `break_minutes` is due after so many severe files, or minutes of
    work, without one. `severest` is the hardest that is ever shown; `moving` says whether films are.
    """

    files_a_day: Count | None = None
    heavy_a_day: Count | None = None
    severe_a_day: Count | None = None
    severe_before_break: Annotated[int, Field(ge=1, le=100_000)] | None = None
    minutes_before_break: Minutes | None = None
    break_minutes: Minutes = 1
    no_two_severe: bool = False
    severest: Severity = Severity.SEVERE
    moving: bool = True

    @classmethod
    def of(cls, **fields: object) -> Limits:
        """The limits that a person filled in.

        Raises:
            InputError: one of them cannot be; the message names it.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            said = where.replace("_", " ")
            raise InputError(
                f"The limit '{said}' cannot be set: {first['msg']}.", hint="Correct it.", field=where
            ) from e

    def __and__(self, other: Limits) -> Limits:
        """The stricter of both, part by part: never looser than either."""
        return Limits(
            files_a_day=_less(self.files_a_day, other.files_a_day),
            heavy_a_day=_less(self.heavy_a_day, other.heavy_a_day),
            severe_a_day=_less(self.severe_a_day, other.severe_a_day),
            severe_before_break=_less(self.severe_before_break, other.severe_before_break),
            minutes_before_break=_less(self.minutes_before_break, other.minutes_before_break),
            break_minutes=max(self.break_minutes, other.break_minutes),
            no_two_severe=self.no_two_severe or other.no_two_severe,
            severest=min(self.severest, other.severest, key=lambda one: one.burden),
            moving=self.moving and other.moving,
        )


def _less(one: int | None, other: int | None) -> int | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)


SHIPPED = Limits(
    files_a_day=500,
    heavy_a_day=250,
    severe_a_day=80,
    severe_before_break=20,
    minutes_before_break=55,
    break_minutes=10,
    no_two_severe=True,
)
"""The organisation's limits as long as it sets none. The numbers are assumed: published work says that less and fewer
severe pictures, and breaks, go with better health, and gives no threshold."""


class ReviewerLimits(Document):
    """The limits of one reviewer: by whom which were set, and what is `in_force`."""

    title_for_people: ClassVar[str] = "limits of a reviewer"

    kind: Literal["reviewer-limits"] = "reviewer-limits"
    version: Versioned = 1
    reviewer: str
    everybody: Limits
    for_reviewer: Limits | None = None
    own: Limits | None = None

    @property
    def in_force(self) -> Limits:
        """The strictest of all, part by part."""
        return self.everybody & (self.for_reviewer or Limits()) & (self.own or Limits())


class Standing(Document):
    """What a reviewer has been shown in 24 hours, and what they may be shown next.

    `may_take` is the severest that they may be shown now; `None`: nothing. `break_until` is set while a break is due.
    `last_severity` is that of the last file seen since the last break.
    """

    title_for_people: ClassVar[str] = "standing of a reviewer"

    kind: Literal["exposure-standing"] = "exposure-standing"
    version: Versioned = 1
    at: Instant
    reviewer: str
    limits: Limits
    files: int
    heavy: int
    severe: int
    last_severity: Severity | None = None
    break_until: Instant | None = None
    free_again_at: Instant | None = None
    may_take: Severity | None
    says: str


class Seen(Value):
    """One viewing, as counted: which file, until when it was on the screen, and for how long."""

    until: Instant
    sha256: Sha256Hex
    seconds: float

    @property
    def since(self) -> datetime:
        """When it came on the screen."""
        return self.until - timedelta(seconds=self.seconds)


class _Counted(Value):
    """A reviewer's viewings as far as the log was read: only a place to go on from, never a source."""

    upto: int = 0
    views: tuple[Seen, ...] = ()


def limits_of(home: Home, reviewer: str) -> ReviewerLimits:
    """Who set which limits for this reviewer, and what is in force.

    Raises:
        InputError: nobody is named.
    """
    with home.look() as work:
        return _limits(work, require_name(reviewer))


def limit_everybody(home: Home, limits: Limits, *, actor: str) -> None:
    """Set the organisation's limits for everybody, from now on; an event in the custody log with the name and values.

    Raises:
        InputError: nobody is named who does it.
    """
    with home.work() as work:
        _set(work, "everybody", limits)
        work.record(
            EventType.CONFIG_CHANGE,
            actor=named(actor),
            what="exposure-limits",
            who="everybody",
            limits=limits.model_dump(mode="json"),
        )


def limit_reviewer(home: Home, reviewer: str, limits: Limits | None, *, actor: str) -> ReviewerLimits:
    """Set, or with `None` take back, what the organisation asks for one person. It tightens; it cannot loosen.

    Raises:
        InputError: nobody is named.
    """
    with home.work() as work:
        _set(work, f"for:{require_name(reviewer)}", limits)
        plain = None if limits is None else limits.model_dump(mode="json")
        work.record(
            EventType.CONFIG_CHANGE,
            actor=named(actor),
            what="exposure-limits",
            who="one-reviewer",
            reviewer=reviewer,
            limits=plain,
        )
        return _limits(work, reviewer)


def limit_myself(home: Home, reviewer: str, limits: Limits | None) -> ReviewerLimits:
    """Set, or with `None` take back, a reviewer's own limits. The log says that they changed, and not to what.

    Raises:
        InputError: nobody is named.
    """
    with home.work() as work:
        _set(work, f"own:{require_name(reviewer)}", limits)
        work.record(EventType.CONFIG_CHANGE, actor=reviewer, what="exposure-limits", who="self")
        return _limits(work, reviewer)


def severe_categories(work: Work) -> frozenset[str]:
    """The categories of hash lists that mean severe here."""
    row = work.session.get(Setting, "exposure:severe-categories")
    if row is None:
        return SEVERE_CATEGORIES
    return frozenset(TypeAdapter(list[str]).validate_json(row.value))


def name_severe(home: Home, categories: Iterable[str], *, actor: str) -> None:
    """Say which categories of hash lists mean severe; it holds for what is examined from now on.

    Raises:
        InputError: nobody is named who does it.
    """
    words = sorted({word.strip() for word in categories if word.strip()})
    text = TypeAdapter(list[str]).dump_json(words).decode()
    with home.work() as work:
        work.session.merge(Setting(name="exposure:severe-categories", value=text))
        work.record(EventType.CONFIG_CHANGE, actor=named(actor), what="severe-categories", categories=words)


def standing(home: Home, reviewer: str) -> Standing:
    """What this reviewer has been shown and may be shown next, by the log as it is now.

    Raises:
        InputError: nobody is named.
    """
    with home.look() as work:
        return stand(work, require_name(reviewer))


def require_may_see(home: Home, reviewer: str, item_number: int) -> None:
    """Return if this reviewer may be shown this item now. Ask before each file, and not only once a case.

    A file that was seen within 24 hours is no new exposure: it is refused in a break alone.

    Raises:
        NotFoundError: there is no such item.
        RefusedError: a limit stands against it (`refused.exposure`); the message says which, and until when.
    """
    with home.look() as work:
        item = cases.item(work, item_number)
        now = stand(work, require_name(reviewer))
        again = any(view.sha256 == item.sha256 for view in _counted(work, reviewer).views)
    moving = item.media_type.startswith("video/") and not now.limits.moving
    if now.break_until is not None or moving or not (again or _fits(now, Severity.of(item.severity))):
        says = "This reviewer is shown no films." if moving else now.says
        raise RefusedError(says, hint="Hand the case on; somebody else can take it.", code="refused.exposure")


def _fits(now: Standing, severity: Severity) -> bool:
    return now.may_take is not None and severity.burden <= now.may_take.burden


def stand(work: Work, reviewer: str, *, remember: bool = False) -> Standing:
    """`standing` inside a transaction; `remember` keeps how far the log was read."""
    at = work.clock.now()
    limits = _limits(work, reviewer).in_force
    counted = _counted(work, reviewer)
    if remember:
        work.session.merge(Setting(name=f"exposure:seen:{reviewer}", value=counted.model_dump_json()))
    return _weighed(at, reviewer, limits, counted.views, _severities(work, counted.views))


def _weighed(
    at: datetime, reviewer: str, limits: Limits, views: Sequence[Seen], known: dict[str, Severity]
) -> Standing:
    """The standing that follows from these viewings, oldest first; the same arguments always give the same one."""
    first = {view.sha256: view.until for view in reversed(views)}
    files = sorted((until, known[sha256]) for sha256, until in first.items())
    spell = _since_last_break(views, limits, at)
    rest = _break_until(spell, limits, known)
    free: list[datetime] = []
    may: Severity | None = limits.severest
    for least, limit in (
        (Severity.SEVERE, limits.severe_a_day),
        (Severity.HEAVY, limits.heavy_a_day),
        (Severity.ORDINARY, limits.files_a_day),
    ):
        counting = [until for until, severity in files if severity.burden >= least.burden]
        if limit is None or len(counting) < limit:
            continue
        free.append(counting[len(counting) - limit] + DAY if limit else at + DAY)
        below = least.burden - 1
        may = None if below == 0 or may is None else min(may, Severity.of(below), key=lambda one: one.burden)
    if rest is not None:
        may = None
    return Standing(
        at=at,
        reviewer=reviewer,
        limits=limits,
        files=len(files),
        heavy=sum(severity.burden >= Severity.HEAVY.burden for _, severity in files),
        severe=sum(severity is Severity.SEVERE for _, severity in files),
        last_severity=known[spell[-1].sha256] if spell else None,
        break_until=rest,
        free_again_at=max(free) if free and may is None else rest,
        may_take=may,
        says=_words(may, limits, rest, max(free, default=None)),
    )


def _since_last_break(views: Sequence[Seen], limits: Limits, at: datetime) -> list[Seen]:
    """The viewings since the last gap as long as a break; none when the present gap is as long already."""
    gap = timedelta(minutes=limits.break_minutes)
    spell: list[Seen] = []
    for view in views:
        if spell and view.since - spell[-1].until >= gap:
            spell.clear()
        spell.append(view)
    return [] if spell and at - spell[-1].until >= gap else spell


def _break_until(spell: Sequence[Seen], limits: Limits, known: dict[str, Severity]) -> datetime | None:
    if not spell:
        return None
    severe = len({view.sha256 for view in spell if known[view.sha256] is Severity.SEVERE})
    worked = spell[-1].until - spell[0].since
    by_count = limits.severe_before_break is not None and severe >= limits.severe_before_break
    minutes = limits.minutes_before_break
    if by_count or (minutes is not None and worked >= timedelta(minutes=minutes)):
        return spell[-1].until + timedelta(minutes=limits.break_minutes)
    return None


def _words(may: Severity | None, limits: Limits, rest: datetime | None, free: datetime | None) -> str:
    if rest is not None:
        return f"A break is due until {rest:%H:%M} UTC; until then nothing is shown."
    until = f" until {free:%F %H:%M} UTC" if free is not None else ""
    if may is None:
        return f"The limit of 24 hours is reached: nothing more is shown{until}."
    if may.burden < limits.severest.burden:
        return f"A limit of 24 hours is reached: nothing that is expected to be harder than {may} is shown{until}."
    if may is not Severity.SEVERE:
        return f"Nothing that is expected to be harder than {may} is shown to this reviewer."
    return "No limit stands against the next case."


def require_name(reviewer: str) -> str:
    """The reviewer, if one is named.

    Raises:
        InputError: nobody is.
    """
    if not 0 < len(reviewer.strip()) <= LONGEST_NAME:
        raise InputError("No reviewer is named.", hint=f"Give a name of 1 to {LONGEST_NAME} characters.")
    return named(reviewer)


def _set(work: Work, what: str, limits: Limits | None) -> None:
    name = f"exposure:{what}"
    if limits is not None:
        work.session.merge(Setting(name=name, value=limits.model_dump_json()))
    elif (row := work.session.get(Setting, name)) is not None:
        work.session.delete(row)
    work.session.flush()


def _limits(work: Work, reviewer: str) -> ReviewerLimits:
    names = ("everybody", f"for:{reviewer}", f"own:{reviewer}")
    rows = work.session.execute(
        select(Setting.name, Setting.value).where(Setting.name.in_(f"exposure:{name}" for name in names))
    )
    kept = dict(rows.all())
    everybody, for_reviewer, own = (_parsed(name, kept.get(f"exposure:{name}"), Limits) for name in names)
    return ReviewerLimits(reviewer=reviewer, everybody=everybody or SHIPPED, for_reviewer=for_reviewer, own=own)


def _parsed(what: str, text: str | None, kind: type[_Kept]) -> _Kept | None:
    if text is None:
        return None
    try:
        return kind.model_validate_json(text)
    except ValidationError as e:
        raise IntegrityError(
            f"The exposure limits ({what}) are damaged.",
            hint="Restore the home from its backup.",
            code="integrity.home",
        ) from e


def _counted(work: Work, reviewer: str) -> _Counted:
    """The viewings of the last 24 hours, oldest first, read from the log from where it was read last."""
    after = work.clock.now() - DAY
    row = work.session.get(Setting, f"exposure:seen:{reviewer}")
    before = _parsed(f"seen:{reviewer}", None if row is None else row.value, _Counted) or _Counted()
    size = len(work.log)
    start = before.upto if before.upto <= size else 0
    events = (work.log.open_leaf(leaf).event for leaf in SqlLeafStore(work.session).viewings(start, after))
    new = tuple(
        Seen(until=event.at, sha256=event.subject, seconds=float(seconds))
        for event in events
        if event is not None  # its key was destroyed together with the file
        and event.actor == reviewer
        and event.subject is not None
        and isinstance(seconds := event.payload.get("seconds"), int | float)
    )
    old = before.views if start else ()
    views = sorted((view for view in (*old, *new) if view.until > after), key=lambda view: view.until)
    return _Counted(upto=size, views=tuple(views))


def _severities(work: Work, views: Iterable[Seen]) -> dict[str, Severity]:
    """How hard each of these files is known to be today."""
    wanted = sorted({view.sha256 for view in views})
    known = dict.fromkeys(wanted, Severity.ORDINARY)
    for start in range(0, len(wanted), _MANY):
        part = wanted[start : start + _MANY]
        rows = select(Item.sha256, func.max(Item.severity)).where(Item.sha256.in_(part)).group_by(Item.sha256)
        known |= {sha256: Severity.of(burden) for sha256, burden in work.session.execute(rows)}
    return known
