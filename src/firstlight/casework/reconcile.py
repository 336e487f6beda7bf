"""Nothing is lost silently: what came in equals what is held, decided and filed, and each claim is checked twice.

The custody log and the tables are written in one transaction but read apart here, so that a fault in one shows
against the other.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from firstlight.banks import Flood
from firstlight.casework import cases, floods, retention, supplements
from firstlight.casework.filing import ENDED
from firstlight.casework.home import Home, Work, follow_banks
from firstlight.custody import EventType, Stored
from firstlight.errors import FirstlightError
from firstlight.store.tables import Case, Decision, Filing, Item, RetentionClock, Supplement
from firstlight.values import Document, Instant, Value, Versioned, canonical_json

Count = Annotated[int, Field(ge=0)]


class Discrepancy(Value):
    """Something that does not add up, and what to do about it."""

    about: str
    says: str
    hint: str


class Reconciliation(Document):
    """The account of a home at one time. `discrepancies` is empty when everything adds up.

    `leftovers` are originals that an interrupted intake stored and never recorded: nothing was said to have been taken
    in, so that nothing is missing, and the next intake of the same files stores them anew. `floods` are entries of
    banks that matched more than their share and wait for a person's word; they are questions, no discrepancies.
    """

    title_for_people: ClassVar[str] = "reconciliation"

    kind: Literal["reconciliation"] = "reconciliation"
    version: Versioned = 1
    at: Instant
    came_in: Count
    held: Count
    decided: Count
    filed: Count
    unexamined: Count
    overdue: Count
    reports_unfinished: Count
    log_entries: Count
    leftovers: Count
    floods: tuple[Flood, ...] = ()
    discrepancies: tuple[Discrepancy, ...]

    @property
    def adds_up(self) -> bool:
        """Whether nothing is missing and nothing contradicts."""
        return not self.discrepancies

    @property
    def only_lists_missing(self) -> bool:
        """Whether every item is accounted for, and hash lists alone are not there, as after a restore."""
        return bool(self.discrepancies) and all(one.about == BANKS for one in self.discrepancies)


BANKS = "banks"
"""What a missing hash list is about."""

_ASK_WHO = "Ask who has credentials of the bucket; no key of this house does that."
_RESTORE = "Stop writing to this home, keep it as it is, and compare it with the backup."


def reconcile(home: Home, *, originals: bool = False) -> Reconciliation:
    """Count everything twice and compare; with `originals`, also open and hash every original in the vault."""
    now = home.clock.now()
    with home.look() as work:
        session = work.session
        states = Counter(dict(session.execute(select(Item.state, func.count()).group_by(Item.state)).all()))
        unexamined = _count(session, select(Item.id).where(Item.verdict.is_(None)))
        overdue = _count(session, select(Item.id).where(Item.state == "held", Item.deadline < now))
        unfinished = _count(session, select(Filing.id).where(Filing.state.not_in(ENDED)))
        check = work.log.verify()
        found = [Discrepancy(about="custody log", says=one.says, hint=_RESTORE) for one in check.findings]
        came_in = 0
        if check.ok:
            logged = _Logged.of(work)
            came_in = logged.ingest.total()
            found += _against_the_log(session, logged)
            found += _banks(home, logged)
            found += _shredded(work, logged)
            found += _clocks(session, logged)
        found += _states(session)
        found += _places(work)
        rows = session.execute(select(Item.id, Item.stored)).all()
        context = supplements.every(work)
        destroyed = retention.destroyed(work)
        sealed = {number for number, until in retention.kept_sealed(work).items() if until > now}
    every = [(number, Stored.from_json(text)) for number, text in rows]
    every += [(one.item, one.stored) for one in context]
    stored = [(number, one) for number, one in every if number not in destroyed]
    there = {object_id for _, object_id in home.vault}
    found += _vault(home, stored, there, originals=originals)
    gone = [(number, one) for number, one in every if number in destroyed]
    found += _destroyed(home, gone, there, destroyed, sealed)
    for object_id, what in home.vault.disturbed():
        found.append(Discrepancy(about="vault", says=f"Object {object_id} {what}.", hint=_ASK_WHO))
    return Reconciliation(
        at=now,
        came_in=came_in,
        held=states["held"],
        decided=states["decided"],
        filed=states["filed"],
        unexamined=unexamined,
        overdue=overdue,
        reports_unfinished=unfinished,
        log_entries=check.size,
        leftovers=len(there - {one.id for _, one in every}),
        floods=floods.asking(home),
        discrepancies=tuple(found),
    )


def _count(session: Session, wanted: Select[int]) -> int:
    return session.scalar(select(func.count()).select_from(wanted.subquery())) or 0


@dataclass(slots=True)
class _Logged:
    """What the log says came in, was ranked, decided and filed, each as a short digest of what was said of it.

    An item may be ranked again, by another table; the last word holds.
    """

    ingest: Counter[bytes] = field(default_factory=Counter)
    supplements: Counter[bytes] = field(default_factory=Counter)
    decide: Counter[bytes] = field(default_factory=Counter)
    rank: dict[int, bytes] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    shredded: set[int] = field(default_factory=set)
    clocks: dict[tuple[int, str], bytes] = field(default_factory=dict)
    banks: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, work: Work) -> _Logged:
        """Every entry that can still be opened."""
        made = cls()
        for entry in work.log.entries(types=_WANTED):
            if entry.event is not None:
                made._take(entry.event.type, entry.event.subject, entry.event.payload)
        return made

    def _take(self, kind: EventType, subject: str | None, payload: dict[str, JsonValue]) -> None:
        match payload:
            case {"supplement": supplement} if kind is EventType.INGEST:
                self.supplements[_digest(supplement)] += 1
            case {"source": source, "stored": stored, "upload": upload} if kind is EventType.INGEST:
                self.ingest[_digest([subject, source, stored, upload])] += 1
            case {"decision": decision} if kind is EventType.DECIDE:
                self.decide[_digest(decision)] += 1
            case {"item": int(item), "priority": priority} if kind is EventType.PRIORITISE:
                self.rank[item] = _digest([item, priority])
            case {"filing": int(filing)} if kind is EventType.REPORT_FINISHED:
                self.finished.add(filing)
            case {"item": int(item), "clock": None} if kind is EventType.RETENTION_SET:
                policy = payload.get("policy")  # older entries name none: there was one clock alone then
                for key in [one for one in self.clocks if one[0] == item and policy in (None, one[1])]:
                    del self.clocks[key]  # the decision that had started it was undone
            case {"item": int(item), "clock": dict(clock)} if kind is EventType.RETENTION_SET:
                self.clocks[item, str(clock.get("policy"))] = _digest(clock)
            case {"item": int(item)} if kind is EventType.SHRED:
                self.shredded.add(item)
            case {"report": _}:
                follow_banks(self.banks, kind, payload)


_WANTED = (
    EventType.INGEST,
    EventType.DECIDE,
    EventType.PRIORITISE,
    EventType.REPORT_FINISHED,
    EventType.SHRED,
    EventType.RETENTION_SET,
    EventType.BANK_CREATED,
    EventType.BANK_DELETED,
)


def _digest(value: JsonValue) -> bytes:
    return hashlib.sha256(canonical_json(value)).digest()


def _against_the_log(session: Session, logged: _Logged) -> Iterator[Discrepancy]:
    """What stands in the tables was logged in the same words, and the other way round."""
    items = session.execute(select(Item.sha256, Item.source, Item.stored, Item.upload))
    ranked = session.execute(select(Item.id, Item.priority).where(Item.priority.is_not(None)))
    for what, log, there in (
        (
            "came in",
            logged.ingest,
            (_digest([sha, source, json.loads(stored), json.loads(upload)]) for sha, source, stored, upload in items),
        ),
        (
            "got context",
            logged.supplements,
            (_digest(json.loads(row)) for row in session.scalars(select(Supplement.document))),
        ),
        (
            "were decided",
            logged.decide,
            (_digest(json.loads(row)) for row in session.scalars(select(Decision.document))),
        ),
        (
            "were ranked so",
            Counter(logged.rank.values()),
            (_digest([number, json.loads(row or "")]) for number, row in ranked),
        ),
    ):
        counted = Counter(there)
        missing, extra = (counted - log).total(), (log - counted).total()
        if missing:
            says = f"{missing} items {what}, and the log does not say so."
            yield Discrepancy(about="custody log", says=says, hint=_RESTORE)
        if extra:
            says = f"The log says that {extra} items {what} which are not there."
            yield Discrepancy(about="items", says=says, hint=_RESTORE)
    filings = dict(session.execute(select(Filing.id, Filing.receipt)).all())
    for number in sorted({one for one, receipt in filings.items() if receipt} - logged.finished):
        says = f"Filing {number} has a receipt, and the log does not say that it was finished."
        yield Discrepancy(about="custody log", says=says, hint=_RESTORE)
    for number in sorted(logged.finished - set(filings)):
        yield Discrepancy(about="filings", says=f"Filing {number} was finished and is not there.", hint=_RESTORE)


def _shredded(work: Work, logged: _Logged) -> Iterator[Discrepancy]:
    """Nothing was destroyed that the log does not know of."""
    there = set(retention.destroyed(work))
    for number in sorted(there - logged.shredded):
        says = f"Item {number} was destroyed, and the log does not say so."
        yield Discrepancy(about="custody log", says=says, hint=_RESTORE)
    for number in sorted(logged.shredded - there):
        says = f"The log says that item {number} was destroyed, and the tables do not."
        yield Discrepancy(about="items", says=says, hint=_RESTORE)


def _clocks(session: Session, logged: _Logged) -> Iterator[Discrepancy]:
    """Each clock stands as it was last set."""
    rows = session.execute(select(RetentionClock.item_id, RetentionClock.policy, RetentionClock.document))
    there = {(number, policy): _digest(json.loads(document)) for number, policy, document in rows}
    for key in sorted({*there, *logged.clocks}):
        if there.get(key) != logged.clocks.get(key):
            says = f"The retention clock of item {key[0]} is not the one that was logged."
            yield Discrepancy(about="retention", says=says, hint=_RESTORE)


def _banks(home: Home, logged: _Logged) -> Iterator[Discrepancy]:
    """A bank that is gone would turn every match into a miss."""
    for name in sorted(logged.banks.keys() - {bank.name for bank in home.library.banks()}):
        hint = "Make it and import its list again; after a restore that is to be expected, for no backup holds lists."
        yield Discrepancy(about=BANKS, says=f"The bank {name} was made and is not there.", hint=hint)


def _places(work: Work) -> Iterator[Discrepancy]:
    """Every open case stands where its members put it."""
    for case in work.session.scalars(select(Case).where(Case.state == "open").order_by(Case.id)):
        left = cases.review_units(work, case)
        if not left:
            says = f"Case {case.id} is open, and nothing in it waits."
        elif (case.level_rank, case.place_order) != (left[0].level.rank, left[0].order):
            says = f"Case {case.id} does not stand where its items put it."
        else:
            continue
        yield Discrepancy(about="cases", says=says, hint=_RESTORE)


def _states(session: Session) -> Iterator[Discrepancy]:
    """Each state rests on what brings it about, and everything held has a case, an owner and a deadline."""
    decided = select(Decision.id).where(Decision.item_id == Item.id, Decision.withdrawn_at.is_(None)).exists()
    receipt = select(Filing.id).where(Filing.id == Item.filing_id, Filing.receipt.is_not(None)).exists()
    anew = select(Decision.id).where(  # it came back to a person after its report
        Decision.item_id == Item.id, Decision.withdrawn_at.is_(None), Decision.at > Filing.drafted_at
    )
    anew = anew.correlate(Item, Filing)
    ended = select(Filing.id).where(Filing.id == Item.filing_id, Filing.state.in_(ENDED), ~anew.exists()).exists()
    homeless = Item.verdict.is_not(None) & (Item.case_id.is_(None) | (Item.owner == ""))
    closed = select(Case.id).where(Case.id == Item.case_id, Case.state == "open").exists()
    for says, condition in (
        ("are decided or filed without a decision", Item.state.in_(["decided", "filed"]) & ~decided),
        ("are held although they were decided", (Item.state == "held") & decided),
        ("are filed without a receipt", (Item.state == "filed") & ~receipt),
        ("wait for a report whose filing has ended", (Item.state == "decided") & ended),
        ("were examined and belong to no case or nobody", homeless),
        ("are held in a case that is closed", (Item.state == "held") & Item.case_id.is_not(None) & ~closed),
    ):
        numbers = session.scalars(select(Item.id).where(condition).order_by(Item.id)).all()
        if numbers:
            first = ", ".join(map(str, numbers[:5]))
            yield Discrepancy(about="items", says=f"{len(numbers)} items {says} (first: {first}).", hint=_RESTORE)


def _vault(
    home: Home, items: Sequence[tuple[int, Stored]], there: set[str], *, originals: bool
) -> Iterator[Discrepancy]:
    """Every original lies where it was put."""
    for number, stored in items:
        if stored.id not in there:
            yield Discrepancy(about="vault", says=f"The original of item {number} is gone.", hint=_RESTORE)
        elif originals:
            try:
                home.vault.check(stored)
            except FirstlightError as e:
                yield Discrepancy(about="vault", says=f"Item {number}: {e.diagnostics().message}", hint=_RESTORE)


def _destroyed(
    home: Home,
    items: Sequence[tuple[int, Stored]],
    there: set[str],
    finished: Mapping[int, bool],
    sealed: Collection[int],
) -> Iterator[Discrepancy]:
    """What was destroyed stays so: a backup that was restored may have brought its key or its file back. Those that an
    object store still locks are `sealed` and lie there without a key."""
    for number, stored in items:
        again = f"firstlight custody destroy {number}"
        if not finished[number]:
            says = f"The destruction of item {number} was begun and not finished."
            yield Discrepancy(about="vault", says=says, hint=f"Run it again: {again}")
        elif (stored.id in there and number not in sealed) or home.keyring.destruction(stored.case) is None:
            says = f"Item {number} was destroyed, and its file or its key is there again."
            yield Discrepancy(about="vault", says=says, hint=f"Destroy the backup that it came from; then run: {again}")
