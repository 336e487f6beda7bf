"""How long originals are kept: clocks that only grow, holds that two people lift, destruction that can be shown.

A clock starts at what settles an item: the receipt of its report, or the decision not to report it. What has no clock
is kept. What belongs to one case stays together: while an item of it waits for a person or a report, while a statute
asks for one of them, or while a hold lasts, none of them is destroyed.

Destruction is of the original: its key first, then its file. Digests, verdicts, decisions and reports stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import ClassVar, Literal

from pydantic import JsonValue
from sqlalchemy import Select, insert, select

from firstlight.casework import acts, cases, supplements
from firstlight.casework.home import SERVICE, Home, Work
from firstlight.casework.parts import in_parts
from firstlight.casework.policies import Policies
from firstlight.clock import in_utc, to_text
from firstlight.custody import (
    Act,
    ActKind,
    Disposal,
    EventType,
    Hold,
    KeyDestruction,
    RetentionClock,
    Stored,
    may_destroy,
)
from firstlight.custody.retention import MIN_PURPOSE
from firstlight.cybertip import Receipt
from firstlight.errors import InputError, RefusedError, StateError
from firstlight.store import tables
from firstlight.store.tables import Item
from firstlight.values import Document, Instant, Reason, Sha256Hex, Value, Versioned

_NO_REPORT = "not-reportable"


def start_clocks(work: Work, case_number: int, *, actor: str = SERVICE) -> int:
    """Start the clock of every settled item of a case that has none yet; says how many. Called in the transaction that
    settles an item, and for homes whose items were settled before there were clocks."""
    wanted = (
        select(Item.id, Item.sha256, Item.state, tables.Filing.receipt)
        .outerjoin(tables.Filing, tables.Filing.id == Item.filing_id)
        .where(
            Item.case_id == case_number,
            Item.state != "held",
            ~select(tables.RetentionClock.item_id).where(tables.RetentionClock.item_id == Item.id).exists(),
        )
        .order_by(Item.id)
    )
    unsettled = work.session.execute(wanted).all()
    against = _decided_against(work, case_number) if unsettled else {}
    of_report = cache(lambda receipt: _of_report(work.policies, Receipt.from_json(receipt)))
    of_decision = cache(lambda at: work.policies.table.start(work.policies.not_reported, at))
    rows, events = [], []
    for item, sha256, state, receipt in unsettled:
        if state == "filed" and receipt:
            clock = of_report(receipt)
        elif item in against:
            clock = of_decision(against[item])
        else:
            continue
        text = clock.to_json().decode()
        rows.append({"item_id": item, "policy": clock.policy, "ends": clock.ends, "document": text})
        told = {"item": item, "clock": clock.model_dump(mode="json")}
        events.append(work.event(EventType.RETENTION_SET, actor, case_number, sha256, told))
    for part in in_parts(rows):
        work.session.execute(insert(tables.RetentionClock), part)
    work.log.append_many(events)
    return len(rows)


def extend_by_report(work: Work, item: Item, receipt: Receipt, *, actor: str = SERVICE) -> None:
    """Let the clock of an item that was reported before run until this later report asks for."""
    clock = _of_report(work.policies, receipt)
    row = work.session.get(tables.RetentionClock, (item.id, clock.policy))
    if row is not None and row.ends < clock.ends:
        _keep_clock(work, item, clock, actor)


def _of_report(policies: Policies, receipt: Receipt) -> RetentionClock:
    """The report's year, or what the receipt says where that is longer."""
    clock = policies.table.start(policies.reported, receipt.finished_at)
    ends = max(clock.ends, receipt.preserve_until)
    return clock.model_copy(update={"ends": ends, "not_before": ends})


def _decided_against(work: Work, case_number: int) -> dict[int, datetime]:
    """The items of a case that a person decided not to report, if that is the last word, and when it was said."""
    rows = work.session.execute(
        select(tables.Decision.item_id, tables.Decision.finding, tables.Decision.at)
        .join(Item, Item.id == tables.Decision.item_id)
        .where(Item.case_id == case_number, tables.Decision.withdrawn_at.is_(None))
        .order_by(tables.Decision.id)
    )
    last = {item: (finding, at) for item, finding, at in rows}
    return {item: at for item, (finding, at) in last.items() if finding == _NO_REPORT}


def _keep_clock(work: Work, item: Item, clock: RetentionClock, actor: str) -> None:
    row = tables.RetentionClock(
        item_id=item.id, policy=clock.policy, ends=clock.ends, document=clock.to_json().decode()
    )
    work.session.merge(row)
    work.session.flush()
    work.record(
        EventType.RETENTION_SET,
        actor=actor,
        case=item.case_id,
        subject=item.sha256,
        item=item.id,
        clock=clock.model_dump(mode="json"),
    )


def clocks(work: Work, item: Item) -> tuple[RetentionClock, ...]:
    """The clocks of an item."""
    rows = select(tables.RetentionClock.document).where(tables.RetentionClock.item_id == item.id)
    rows = rows.order_by(tables.RetentionClock.policy)
    return tuple(RetentionClock.from_json(row) for row in work.session.scalars(rows))


def extend(home: Home, item_number: int, until: datetime, *, actor: str, purpose: str) -> RetentionClock:
    """Keep an item longer. No clock can be given an earlier end here, whether a statute asks for it or not.

    Raises:
        NotFoundError: there is no such item.
        StateError: it has no clock yet, so that it is kept anyway; or it was destroyed.
        RefusedError: it is kept that long already.
        InputError: no purpose is given.
    """
    until = in_utc(until)
    with home.work() as work:
        item = cases.item(work, item_number)
        if work.session.get(tables.Destruction, item.id) is not None:
            raise StateError(f"Item {item.id} was destroyed.")
        present = max(clocks(work, item), key=lambda one: one.ends, default=None)
        if present is None:
            raise StateError(f"Item {item.id} has no clock yet: it is kept until it is settled.")
        if until <= present.ends:
            raise RefusedError(
                f"Item {item.id} is kept until {to_text(present.ends)} already.",
                hint="A clock can be extended, never shortened.",
                code="refused.retention",
            )
        longer = present.change_end(until, at=work.clock.now(), by=actor, purpose=purpose)
        _keep_clock(work, item, longer, actor)
        return longer


@dataclass(frozen=True, slots=True)
class Keeping:
    """Everything that speaks about the originals of one case, read once."""

    clocks: Mapping[int, Sequence[RetentionClock]]
    holds: Sequence[Hold]
    statutory: RetentionClock | None
    waiting: Sequence[int]
    destroyed: Mapping[int, datetime]

    @classmethod
    def of(cls, work: Work, items: Sequence[Item], case_number: int | None) -> Keeping:
        """What is recorded of these items: all of a case, or one that has no case yet."""
        found: dict[int, list[RetentionClock]] = {item.id: [] for item in items}
        destroyed: dict[int, datetime] = {}
        for some in in_parts(items):
            part = [item.id for item in some]
            clocks = select(tables.RetentionClock).where(tables.RetentionClock.item_id.in_(part))
            for row in work.session.scalars(clocks.order_by(tables.RetentionClock.policy)):
                found[row.item_id].append(RetentionClock.from_json(row.document))
            gone = select(tables.Destruction.item_id, tables.Destruction.at)
            destroyed |= dict(work.session.execute(gone.where(tables.Destruction.item_id.in_(part))).all())
        minimums = [one for clocks_ in found.values() for one in clocks_ if one.not_before is not None]
        return cls(
            clocks=found,
            holds=() if case_number is None else _holds(work, case_number),
            statutory=max(minimums, key=lambda one: one.ends, default=None),
            waiting=[number for number, clocks_ in found.items() if not clocks_],
            destroyed=destroyed,
        )

    def ends(self, item: int) -> datetime | None:
        """When the item's own clocks have all run out."""
        return max((one.ends for one in self.clocks[item]), default=None)

    def disposal(self, item: int, now: datetime, *, early: bool = False) -> Disposal:
        """Whether the item's original may be destroyed, with every reason against it; `early` asks what speaks against
        it beside the ends that the house itself has set to its clocks."""
        own = list(self.clocks[item])
        if early:
            own = [one.model_copy(update={"ends": one.not_before or one.started}) for one in own]
        if own and self.statutory is not None and self.statutory not in own:
            own.append(self.statutory)
        found = may_destroy(own, self.holds, now)
        waiting = next((number for number in self.waiting if number != item), None)
        if waiting is None:
            return found
        says = f"Item {waiting} of the same case waits for a person or a report."
        because = (*(() if found.allowed else found.reasons.because), Reason(rule="retention.case-open", says=says))
        reasons = Reason(rule="retention.disposal", says="It has to be kept.", because=because)
        return Disposal(at=found.at, allowed=False, reasons=reasons)


def _holds(work: Work, case_number: int) -> tuple[Hold, ...]:
    rows = select(tables.Hold.document).where(tables.Hold.case_id == case_number).order_by(tables.Hold.id)
    return tuple(Hold.from_json(row) for row in work.session.scalars(rows))


def keeping(work: Work, item: Item) -> Keeping:
    """Everything that speaks about the item's original, with its case."""
    if item.case_id is None:
        return Keeping.of(work, [item], None)
    return Keeping.of(work, cases.members(work, cases.one(work, item.case_id)), item.case_id)


class ItemRetention(Value):
    """One item's original: until when it is kept, and whether it may be destroyed now."""

    item: int
    case: int | None
    state: str
    ends: Instant | None
    disposal: Disposal | None
    destroyed: Instant | None = None


class RetentionView(Document):
    """Every item with what may be done with its original."""

    title_for_people: ClassVar[str] = "retention"

    kind: Literal["retention"] = "retention"
    version: Versioned = 1
    at: Instant
    items: tuple[ItemRetention, ...]


def overview(home: Home, case_number: int | None = None) -> RetentionView:
    """What may be destroyed, what has to be kept and why, of one case or of the whole home.

    Raises:
        NotFoundError: there is no such case.
    """
    _start_what_is_missing(home)
    with home.look() as work:
        if case_number is not None:
            cases.one(work, case_number)
        wanted = select(Item) if case_number is None else select(Item).where(Item.case_id == case_number)
        by_case: dict[int | None, list[Item]] = {}
        for item in work.session.scalars(wanted.order_by(Item.id)):
            by_case.setdefault(item.case_id, []).append(item)
        now = work.clock.now()
        found = [one for case, items in by_case.items() for one in _standing(work, case, items, now)]
        return RetentionView(at=now, items=tuple(sorted(found, key=lambda one: one.item)))


def _standing(work: Work, case: int | None, items: Sequence[Item], now: datetime) -> Iterator[ItemRetention]:
    kept = Keeping.of(work, items, case)
    for item in items:
        gone = kept.destroyed.get(item.id)
        yield ItemRetention(
            item=item.id,
            case=case,
            state=item.state,
            ends=kept.ends(item.id),
            disposal=kept.disposal(item.id, now) if gone is None else None,
            destroyed=gone,
        )


def _start_what_is_missing(home: Home) -> None:
    """For items that were settled before there were clocks, or reported before the present policy was in force; what is
    not settled is not asked about again."""
    timed = select(tables.RetentionClock.item_id).where(tables.RetentionClock.item_id == Item.id).exists()
    settled = select(Item.case_id).where(Item.state != "held", ~timed).distinct().order_by(Item.case_id)
    with home.look() as work:
        numbers = [number for number in work.session.scalars(settled) if number is not None]
        reported_under_another = work.session.scalars(_not_under(work.policies.reported)).all()
    if numbers or reported_under_another:
        with home.work() as work:
            for number in numbers:
                start_clocks(work, number)
            for item in work.session.scalars(_not_under(work.policies.reported)).all():
                receipt = work.session.get_one(tables.Filing, item.filing_id).receipt
                _keep_clock(work, item, _of_report(work.policies, Receipt.from_json(receipt or "")), SERVICE)


def _not_under(policy: str) -> Select[Item]:
    """Reported originals that are still there and have no clock of this policy: it can only lengthen what they have."""
    clock = select(tables.RetentionClock.item_id).where(
        tables.RetentionClock.item_id == Item.id, tables.RetentionClock.policy == policy
    )
    gone = select(tables.Destruction.item_id).where(tables.Destruction.item_id == Item.id)
    return (
        select(Item)
        .join(tables.Filing, tables.Filing.id == Item.filing_id)
        .where(Item.state == "filed", tables.Filing.receipt.is_not(None), ~clock.exists(), ~gone.exists())
        .order_by(Item.id)
    )


class DestructionCertificate(Document):
    """That an original was destroyed: which bytes, why that was allowed, how it was done, where the log says so.

    `context` are the SHA-256 of the item's context files, which lay under the same key and went with it. Other copies
    there are none: what was shown was made in memory for one showing.
    `sealed_until`: an object store that has locked the sealed file keeps it so long. Nobody can open it.
    """

    title_for_people: ClassVar[str] = "certificate of destruction"

    kind: Literal["destruction-certificate"] = "destruction-certificate"
    version: Versioned = 1
    item: int
    case: int | None
    sha256: Sha256Hex
    size: int
    received_at: Instant
    decided_at: Instant
    by: str
    disposal: Disposal
    key: KeyDestruction
    context: tuple[Sha256Hex, ...] = ()
    sealed_until: Instant | None = None


def destroy(home: Home, item_number: int, *, actor: str) -> DestructionCertificate:
    """Destroy an item's original for good; a second call answers the certificate of the first.

    The log says it first, durably; then the key goes, then the file. What is cut off in between is finished by the
    next call.

    Raises:
        NotFoundError: there is no such item.
        RefusedError: it has to be kept; every reason is told.
    """
    _start_what_is_missing(home)
    with home.work() as work:
        item = cases.item(work, item_number)
        if work.session.get(tables.Destruction, item.id) is None:
            _begin(work, item, actor)
    return _carry_out(home, item_number)


class EarlyDestruction(Document):
    """Where a destruction before the end of a clock stands: waiting for a second person's approval, or done."""

    title_for_people: ClassVar[str] = "early destruction"

    kind: Literal["early-destruction"] = "early-destruction"
    version: Versioned = 1
    act_sha256: Sha256Hex
    approved_by: str | None
    certificate: DestructionCertificate | None = None


def destroy_early(home: Home, item_number: int, *, actor: str, reason: str) -> EarlyDestruction:
    """Destroy an original before the end that the house itself has set to its clock, if two people agree.

    The first call asks for it; once another person has approved exactly this, the same call does it, within ten
    minutes. What a statute, a hold or an open case asks for is kept whoever agrees.

    Raises:
        NotFoundError: there is no such item.
        RefusedError: it has to be kept; every reason is told.
        StateError: its time is over, so that it takes no second person; or it was destroyed already.
        InputError: the reason is missing.
    """
    if len(reason.strip()) < MIN_PURPOSE:
        raise InputError("An early destruction needs a reason.", hint="Say why, in words that a stranger understands.")
    _start_what_is_missing(home)
    with home.work() as work:
        item = cases.item(work, item_number)
        if work.session.get(tables.Destruction, item.id) is not None:
            raise StateError(f"Item {item.id} was destroyed already.")
        kept, now = keeping(work, item), work.clock.now()
        if kept.disposal(item.id, now).allowed:
            raise StateError(f"The time of item {item.id} is over.", hint="Destroy it without --early.")
        _require_free(work, item, kept.disposal(item.id, now, early=True))
        details: dict[str, JsonValue] = {"item": item.id, "sha256": item.sha256, "reason": reason.strip()}
        act, approval = acts.asked(work, ActKind.SHRED_EARLY, item.case_id or 0, details, requester=actor)
        if approval is None:
            return EarlyDestruction(act_sha256=act.digest(), approved_by=None)
        says = f"{actor} and {approval.approver} agreed to destroy it before the end of its clock: {reason.strip()}"
        because = kept.disposal(item.id, now).reasons.because
        agreed = Reason(rule="retention.early", says=says, because=because)
        acts.done(work, act)
        _record(work, item, actor, Disposal(at=now, allowed=True, reasons=agreed), act)
    certificate = _carry_out(home, item_number)
    return EarlyDestruction(act_sha256=act.digest(), approved_by=approval.approver, certificate=certificate)


def _begin(work: Work, item: Item, actor: str) -> None:
    found = keeping(work, item).disposal(item.id, work.clock.now())
    _require_free(work, item, found)
    _record(work, item, actor, found)


def _require_free(work: Work, item: Item, found: Disposal) -> None:
    """Return if the item's original may be destroyed.

    Raises:
        RefusedError: it may not; every reason is told.
    """
    _require_its_year(work, item, found.at)
    if not found.allowed:
        raise RefusedError(
            f"Item {item.id} has to be kept: {' '.join(one.says for one in found.reasons.because)}",
            hint="`firstlight custody retention` tells what may be destroyed.",
            code="refused.retention",
        )


def _record(work: Work, item: Item, actor: str, found: Disposal, act: Act | None = None) -> None:
    stored = Stored.from_json(item.stored)
    work.session.add(
        tables.Destruction(
            item_id=item.id, at=found.at, actor=actor, disposal=found.to_json().decode(), certificate=None
        )
    )
    work.record(
        EventType.SHRED,
        actor=actor,
        case=item.case_id,
        subject=item.sha256,
        item=item.id,
        object=stored.id,
        key=stored.key_id,
        disposal=found.model_dump(mode="json"),
        **({"act": act.model_dump(mode="json")} if act else {}),
    )


def _require_its_year(work: Work, item: Item, now: datetime) -> None:
    """The receipt is asked again: a clock that somebody has set back in the tables shortens nothing.

    Raises:
        RefusedError: the statute still asks for it.
    """
    receipt = work.session.scalar(select(tables.Filing.receipt).where(tables.Filing.id == item.filing_id))
    if receipt and now < (ends := _of_report(work.policies, Receipt.from_json(receipt)).ends):
        raise RefusedError(
            f"Item {item.id} has to be kept until {to_text(ends)}: {work.policies.reported}, by its receipt.",
            hint="`firstlight reconcile` tells whether its clock was changed.",
            code="refused.retention",
        )


def _carry_out(home: Home, item_number: int) -> DestructionCertificate:
    """Key, file, certificate; each step can be taken again."""
    with home.look() as work:
        item = cases.item(work, item_number)
        row = work.session.get_one(tables.Destruction, item.id)
        context = supplements.of_item(work, item.id)
    stored = Stored.from_json(item.stored)
    key = home.keyring.destroy_case_key(stored.case, home.clock.now())
    sealed_until = home.vault.remove(stored)
    for one in context:
        home.vault.remove(one.stored)
    if row.certificate is not None:  # done before; the steps above undo a backup that brought key or file back
        return DestructionCertificate.from_json(row.certificate)
    certificate = DestructionCertificate(
        item=item.id,
        case=item.case_id,
        sha256=item.sha256,
        size=item.size,
        received_at=item.received_at,
        decided_at=row.at,
        by=row.actor,
        disposal=Disposal.from_json(row.disposal),
        key=key,
        context=tuple(one.stored.digests.sha256 for one in context),
        sealed_until=sealed_until,
    )
    with home.work() as work:
        work.session.get_one(tables.Destruction, item.id).certificate = certificate.to_json().decode()
    return certificate


def kept_sealed(work: Work) -> dict[int, datetime]:
    """The destroyed items whose sealed files an object store keeps for a time, and until when."""
    rows = select(tables.Destruction.certificate).where(tables.Destruction.certificate.is_not(None))
    found = (DestructionCertificate.from_json(row or "") for row in work.session.scalars(rows))
    return {one.item: one.sealed_until for one in found if one.sealed_until is not None}


def destroyed(work: Work) -> dict[int, bool]:
    """The items whose originals were to be destroyed, and whether that was finished."""
    rows = work.session.execute(select(tables.Destruction.item_id, tables.Destruction.certificate)).all()
    return {number: certificate is not None for number, certificate in rows}
