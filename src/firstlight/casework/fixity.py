"""Fixity: originals are read, opened and hashed again, and the log keeps what was found."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from sqlalchemy import select

from firstlight.casework import retention, supplements
from firstlight.casework.home import SERVICE, Home
from firstlight.custody import EventType, Stored
from firstlight.errors import FirstlightError, StorageError
from firstlight.store.tables import Item
from firstlight.values import Document, ErrorNote, Instant, Sha256Hex, Value, Versioned, canonical_json

Count = Annotated[int, Field(ge=0)]


class Unfit(Value):
    """An original that is not what was stored, or is not there."""

    item: int
    sha256: Sha256Hex
    error: ErrorNote


class FixityReport(Document):
    """What a check of originals found. `items_sha256` is of the JSON list of the numbers of those that were checked."""

    title_for_people: ClassVar[str] = "fixity report"

    kind: Literal["fixity-report"] = "fixity-report"
    version: Versioned = 1
    begun: Instant
    ended: Instant
    originals: Count
    checked: Count
    items_sha256: Sha256Hex
    unfit: tuple[Unfit, ...]


def check(
    home: Home,
    *,
    sample: int | None = None,
    draw: random.Random | None = None,
    actor: str = SERVICE,
    advance: Callable[[], None] = lambda: None,
) -> FixityReport:
    """Check every original that is to be there, or a sample drawn at random, and log what was found.

    Each original that is not what was stored gets an event of its own, the run one for all of it.

    Raises:
        StorageError: the disk refuses to be read; nothing is logged then, because nothing is known.
    """
    begun = home.clock.now()
    with home.look() as work:
        gone = retention.destroyed(work)
        rows = [(number, text) for number, text in work.session.execute(select(Item.id, Item.stored).order_by(Item.id))]
        rows += [(one.item, one.stored.to_json().decode()) for one in supplements.every(work)]
    there = [(number, stored) for number, stored in rows if number not in gone]
    chosen = there if sample is None else sorted((draw or random.SystemRandom()).sample(there, min(sample, len(there))))
    unfit: list[Unfit] = []
    for number, text in chosen:
        stored = Stored.from_json(text)
        try:
            home.vault.check(stored)
        except StorageError:
            raise
        except FirstlightError as e:
            found = e.diagnostics()
            note = ErrorNote(code=found.code, message=found.message, hint=found.hint)
            unfit.append(Unfit(item=number, sha256=stored.digests.sha256, error=note))
        advance()
    with home.look() as work:
        gone = retention.destroyed(work)  # by somebody else meanwhile
    unfit = [one for one in unfit if one.item not in gone]
    report = FixityReport(
        begun=begun,
        ended=home.clock.now(),
        originals=len(there),
        checked=len(chosen),
        items_sha256=_digest([number for number, _ in chosen]),
        unfit=tuple(unfit),
    )
    _keep(home, report, actor)
    return report


def _digest(numbers: Sequence[int]) -> str:
    return hashlib.sha256(canonical_json(list(numbers))).hexdigest()


def _keep(home: Home, report: FixityReport, actor: str) -> None:
    plain = report.model_dump(mode="json", exclude={"unfit"}) | {"unfit": len(report.unfit)}
    with home.work() as work:
        events = [
            work.event(EventType.FIXITY_CHECK, actor, None, one.sha256, one.model_dump(mode="json"))
            for one in report.unfit
        ]
        work.log.append_many([*events, work.event(EventType.FIXITY_CHECK, actor, None, None, {"report": plain})])
