"""Showing: a rendition that one person may fetch once, and the viewing that follows from it.

Nothing is shown by opening a case. A reviewer asks for a rendition and is given a secret that fetches it once, within
seconds, in their own sign-in. What was fetched is a viewing as soon as it is hidden: with the rendition that was sent
and the seconds on the screen as the browser measured them, but never more than the server's own clock allows. What
nobody ever hid is a viewing of unknown length. `entire` is said only where all of the file was in it.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select

from firstlight.casework import cases, exposure
from firstlight.casework.home import Home, Work, named
from firstlight.casework.review import log_viewing
from firstlight.custody import Stored
from firstlight.cybertip import Rendition
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.media import Cage, MediaType, Region, storyboard
from firstlight.media import Rendition as Picture
from firstlight.media import rendition as make_rendition
from firstlight.store.tables import Item, Showing
from firstlight.values import Value

PRELOAD = ("firstlight.media.renditions", "firstlight.media.storyboards")
"""What the cage has to load: `Cage(preload=PRELOAD)`."""

OFFER_LIFE = timedelta(seconds=20)
"""How long a secret may be used: time for a slow line, and none for passing it on."""

LONGEST = timedelta(minutes=2)
"""The longest that one showing can last; afterwards it is hidden, and asked for anew."""

ENTIRE_EDGE = 320
"""Pixels of the longer edge from which on a person can say that they saw all of a picture, unless it has fewer."""

ENTIRE_SECONDS = 1.0
"""A glance that is shorter is a viewing, and not one of the entire contents."""

PARTS = 9
"""A picture is shown in nine parts, three by three, counted from the top left."""

Edge = Literal[160, 320, 640, 1280]


class Ask(Value):
    """What a reviewer asks to see: how large, grey or not, and all of it (0) or one of its nine parts."""

    edge: Edge = 320
    colour: bool = False
    part: Literal[0, 1, 2, 3, 4, 5, 6, 7, 8, 9] = 0

    @property
    def region(self) -> Region | None:
        """The part, none for all of it."""
        if not self.part:
            return None
        row, column = divmod(self.part - 1, 3)
        return Region(column / 3, row / 3, (column + 1) / 3, (row + 1) / 3)


@dataclass(frozen=True, slots=True)
class Shown:
    """A rendition on its way to a browser, and what it is."""

    picture: Picture
    rendition: Rendition
    covers: bool


def offer(home: Home, item_number: int, ask: Ask, *, actor: str, role: str, session: str) -> str:
    """The secret that fetches this rendition once, for this sign-in alone.

    What is decided is not shown again.

    Raises:
        NotFoundError: there is no such item.
        StateError: it does not wait for a decision.
        RefusedError: a limit of this reviewer's exposure stands against it.
        InputError: nobody is named.
    """
    close_forgotten(home)
    exposure.require_may_see(home, actor, item_number)
    secret = secrets.token_urlsafe(32)
    with home.work() as work:
        item = cases.item(work, item_number)
        if item.state != "held":
            raise StateError(f"Item {item.id} is decided, and is not shown again.")
        work.session.add(
            Showing(
                token=_digest(secret),
                session=session,
                actor=named(actor),
                role=role,
                item_id=item.id,
                asked=ask.model_dump_json(),
                offered_at=work.clock.now(),
            )
        )
    return secret


def serve(home: Home, cage: Cage, secret: str, *, session: str) -> Shown:
    """The rendition, made now in a caged worker and marked with the reviewer's name and the time. It is served once.

    Raises:
        NotFoundError: this secret fetches nothing: it was used, has run out, or belongs to another sign-in.
        UnreadableError, LimitError, MissingExtraError: the file cannot be shown; it counts as no viewing.
    """
    with home.work() as work:
        row = _row(work, secret, session)
        now = work.clock.now()
        if row.served_at is not None or now - row.offered_at > OFFER_LIFE:
            raise _gone()
        row.served_at = now  # from here on it cannot be fetched again, whatever becomes of this one
        item = cases.item(work, row.item_id)
        stored, media_type = Stored.from_json(item.stored), item.media_type
        ask, mark = Ask.model_validate_json(row.asked), _mark(row.actor, now)
    try:
        with home.vault.open(stored) as original:
            shown = _made(cage, original.read(), media_type, ask, mark)
    except BaseException:
        with home.work() as work:  # nothing was shown
            work.session.delete(_row(work, secret, session))
        raise
    with home.work() as work:
        row = _row(work, secret, session)
        row.rendition, row.covers = shown.rendition.value, shown.covers
        row.served_at = work.clock.now()
    return shown


def _made(cage: Cage, data: bytes, media_type: str, ask: Ask, mark: str) -> Shown:
    moving = media_type in list(MediaType) and MediaType(media_type).is_video
    if not moving:
        made = make_rendition(cage, data, edge=ask.edge, colour=ask.colour, region=ask.region, mark=mark)
        if made.frames == 1:
            sharp = max(made.width, made.height) >= min(ENTIRE_EDGE, max(made.original_width, made.original_height))
            kind = Rendition.REDUCED if ask.colour else Rendition.GREY
            return Shown(made, kind, covers=ask.part == 0 and sharp)
    tile = min(ask.edge, 512)
    return Shown(storyboard(cage, data, tile=tile, colour=ask.colour, mark=mark), Rendition.FRAMES, covers=False)


def hide(home: Home, secret: str, *, session: str, seconds: float) -> float:
    """Log the viewing: it was on the screen for so long, and is no more. Answers the seconds that were logged.

    Said twice, the first stands.

    Raises:
        NotFoundError: nothing was shown by this secret in this sign-in.
        StateError: the rendition was not fetched.
        InputError: these are no seconds.
    """
    if not 0 <= seconds < math.inf:
        raise InputError("These are no seconds.", hint="Give how long the picture was on the screen.")
    with home.work() as work:
        row = _row(work, secret, session)
        if row.served_at is None or row.rendition is None:
            raise StateError("This was not shown.")
        if row.ended_at is not None:
            return 0.0
        return _end(work, row, min(seconds, _most(work.clock.now() - row.served_at)))


def close_forgotten(home: Home) -> int:
    """Log what was shown and never hidden, as a viewing of unknown length; drop what was never sent. Says how many.

    A browser that crashed cannot say for how long it showed something. That it was sent is known.
    """
    with home.work() as work:
        now = work.clock.now()
        lost = select(Showing).where(
            Showing.ended_at.is_(None), Showing.served_at < now - LONGEST, Showing.rendition.is_not(None)
        )
        count = 0
        for row in work.session.scalars(lost).all():
            _end(work, row, 0.0)
            count += 1
        # Without a rendition nothing was sent, whatever became of the process that was making it.
        unused = select(Showing).where(Showing.rendition.is_(None), Showing.offered_at < now - LONGEST)
        for row in work.session.scalars(unused).all():
            work.session.delete(row)
    return count


def _end(work: Work, row: Showing, seconds: float) -> float:
    row.ended_at = work.clock.now()
    item = work.session.get_one(Item, row.item_id)
    log_viewing(
        work,
        item,
        actor=row.actor,
        role=row.role,
        session=row.session,
        rendition=Rendition(str(row.rendition)),
        seconds=round(seconds, 3),
        entire=bool(row.covers) and seconds >= ENTIRE_SECONDS,
    )
    return seconds


def _most(since: timedelta) -> float:
    return max(0.0, min(since, LONGEST) / timedelta(seconds=1))


def _row(work: Work, secret: str, session: str) -> Showing:
    row = work.session.get(Showing, _digest(secret))
    if row is None or not secrets.compare_digest(row.session, session):
        raise _gone()
    return row


def _gone() -> NotFoundError:
    return NotFoundError("This picture was shown already, or too late.", hint="Ask for it anew.")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _mark(actor: str, at: datetime) -> str:
    """What is written across the pixels: whose screen it was, and when."""
    plain = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in actor)
    return f"{plain[:40]} {at:%Y-%m-%d %H:%M} UTC"
