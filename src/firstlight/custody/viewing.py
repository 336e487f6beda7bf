"""Viewings: the only source of the claim that a person saw a file.

A viewing is a logged `reveal` of exactly these bytes: by whom, in which role, in which rendition, for how long, and
whether the entire contents were shown. A false claim can poison a case and a missing one costs a warrant, so a package
and a report carry what the log holds, no more and no less.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from firstlight.custody.contents import FileFacts, Viewed
from firstlight.custody.event import Event, EventType
from firstlight.custody.log import CustodyLog
from firstlight.errors import IntegrityError, RefusedError
from firstlight.values import Digests


def reveal(
    *,
    at: datetime,
    actor: str,
    role: str,
    file: Digests,
    rendition: str,
    seconds: float,
    entire: bool,
    case: str | None = None,
    session: str = "",
) -> Event:
    """The event that says that a person saw a file; logged when the picture leaves the screen."""
    return Event(
        type=EventType.REVEAL,
        at=at,
        actor=actor,
        session=session,
        case=case,
        subject=file.sha256,
        payload={"role": role, "rendition": rendition, "seconds": seconds, "entire": entire},
    )


def viewings(log: CustodyLog, file: Digests) -> tuple[Viewed, ...]:
    """Every viewing of exactly these bytes that the log holds and can still open, in order.

    Raises:
        IntegrityError: a reveal was logged in another form, or the log is broken.
    """
    return viewings_of_many(log, [file.sha256])[file.sha256]


def viewings_of_many(log: CustodyLog, sha256s: Collection[str]) -> dict[str, tuple[Viewed, ...]]:
    """`viewings` of many files, each under its SHA-256, in one walk.

    Raises:
        IntegrityError: a reveal was logged in another form, or the log is broken.
    """
    found: dict[str, list[Viewed]] = {sha256: [] for sha256 in sha256s}
    for entry in log.entries(subjects=list(found), types=[EventType.REVEAL]) if found else ():
        if entry.event is None or entry.event.subject is None:
            continue
        facts = entry.event.payload
        role, rendition, seconds = facts.get("role"), facts.get("rendition"), facts.get("seconds")
        if not (isinstance(role, str) and isinstance(rendition, str) and isinstance(seconds, int | float)):
            raise IntegrityError(f"Entry {entry.seq} of the custody log is no viewing.", code="integrity.entry")
        entire = facts.get("entire") is True
        seen = Viewed(at=entry.event.at, by=role, rendition=rendition, seconds=seconds, entire=entire)
        found[entry.event.subject].append(seen)
    return {sha256: tuple(views) for sha256, views in found.items()}


def require_true_viewings(log: CustodyLog, files: Sequence[FileFacts]) -> None:
    """Return if each file claims exactly the viewings that the log holds.

    Raises:
        RefusedError: one claims more or less.
    """
    logged = viewings_of_many(log, {one.digests.sha256 for one in files})
    for one in files:
        if one.viewed != logged[one.digests.sha256]:
            raise RefusedError(
                f"The facts of file {one.digests.sha256[:16]}… do not name the viewings that the log holds.",
                hint="Take them from `viewings(log, digests)`; nothing else may say that a person saw a file.",
                code="refused.viewings",
            )
