"""What an object store enforces, brought in line with clocks and holds: locks are lengthened, holds set and lifted.

A home whose originals lie in a folder, or in a bucket without locks, has nothing to bring in line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from sqlalchemy import select

from firstlight.casework import cases, retention, supplements
from firstlight.casework.home import SERVICE, Home, Work
from firstlight.custody import EventType, Stored
from firstlight.custody.storage import Protection
from firstlight.store.tables import Item
from firstlight.values import Document, Instant, Versioned

AT_ONCE = 8
"""Requests to the store at the same time: each waits much longer than it works."""

Count = Annotated[int, Field(ge=0)]


class ProtectionReport(Document):
    """How many originals were looked at, and of how many the store's lock or hold was changed."""

    title_for_people: ClassVar[str] = "protection report"

    kind: Literal["protection-report"] = "protection-report"
    version: Versioned = 1
    at: Instant
    enforced: bool
    originals: Count
    changed: Count


def protect(
    home: Home,
    case_number: int | None = None,
    *,
    actor: str = SERVICE,
    advance: Callable[[], None] = lambda: None,
) -> ProtectionReport:
    """Bring the store's locks and holds in line, of one case or of every original; it may be run again at any time.

    Raises:
        NotFoundError: there is no such case; or an original is gone.
        StorageError: the store does not answer or refuses; what was done before stays done.
    """
    now = home.clock.now()
    if home.vault.first_lock(now) is None:
        return ProtectionReport(at=now, enforced=False, originals=0, changed=0)
    with home.look() as work:
        wanted = list(_wanted(home, work, case_number, now))

    def one(pair: tuple[Stored, Protection]) -> bool:
        changed = home.vault.protect(*pair)
        advance()
        return changed

    with ThreadPoolExecutor(AT_ONCE) as pool:
        changed = sum(pool.map(one, wanted))
    report = ProtectionReport(at=now, enforced=True, originals=len(wanted), changed=changed)
    if changed:
        with home.work() as work:
            work.record(
                EventType.RETENTION_SET, actor=actor, case=case_number, protection=report.model_dump(mode="json")
            )
    return report


def _wanted(home: Home, work: Work, case_number: int | None, now: datetime) -> Iterator[tuple[Stored, Protection]]:
    if case_number is not None:
        cases.one(work, case_number)
    chosen = select(Item) if case_number is None else select(Item).where(Item.case_id == case_number)
    by_case: dict[int | None, list[Item]] = {}
    for item in work.session.scalars(chosen.order_by(Item.id)):
        by_case.setdefault(item.case_id, []).append(item)
    for case, items in by_case.items():
        yield from _of_case(home, work, case, items, now)


def _of_case(
    home: Home, work: Work, case: int | None, items: Sequence[Item], now: datetime
) -> Iterator[tuple[Stored, Protection]]:
    kept = retention.Keeping.of(work, items, case)
    hold = any(one.lasts(now) for one in kept.holds)
    for item in items:
        if item.id in kept.destroyed:
            continue
        ends = [end for end in (kept.ends(item.id), kept.statutory.ends if kept.statutory else None) if end]
        if kept.waiting:
            ends.append(home.vault.first_lock(now) or now)
        wanted = Protection(max(ends), hold)
        yield Stored.from_json(item.stored), wanted
        yield from ((one.stored, wanted) for one in supplements.of_item(work, item.id))
