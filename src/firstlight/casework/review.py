"""Review: what a person saw and what they concluded. One decision on a bundle writes a record for each member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError
from sqlalchemy import insert, select, update

from firstlight.casework import cases, lowering, picking, retention, severity
from firstlight.casework.home import Home, Work, case_name
from firstlight.casework.lowering import Seems
from firstlight.casework.parts import MANY, in_parts
from firstlight.custody import EventType, Stored, reveal, viewings_of_many
from firstlight.cybertip import Rendition
from firstlight.cybertip.drafting.facts import Conduct, FileSign, Sign
from firstlight.cybertip.model.codes import IndustryClassification
from firstlight.errors import InputError, StateError
from firstlight.logs import get_logger
from firstlight.store import tables
from firstlight.store.tables import Case, Item
from firstlight.triage import Lane, Priority, reopens
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned

LONGEST_NAME = 200
_log = get_logger("casework")

Person = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"\S")]


class Finding(StrEnum):
    """What a person may conclude."""

    REPORT = "report"
    NOT_REPORTABLE = "not-reportable"


class Conclusion(Value):
    """What a reviewer fills in. `why` is required: a decision without a reason cannot be explained later.

    `conduct`, `classification`, `signs` (of the files), `case_signs` (of what happened around them) and `escalation` go
    into the report as the reviewer's own statements. `seems` is what the picture looked like to them before any hint of
    its origin; it goes into no report.
    """

    finding: Finding
    why: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S")]
    conduct: Conduct | None = None
    classification: IndustryClassification | None = None
    signs: tuple[FileSign, ...] = ()
    case_signs: tuple[Sign, ...] = ()
    escalation: Annotated[str, Field(max_length=3000)] = ""
    seems: Seems = Seems.CANNOT_TELL

    @classmethod
    def of(cls, **fields: object) -> Conclusion:
        """The conclusion that a person filled in.

        Raises:
            InputError: a field is missing or too long; the message names it.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            says = (
                "a reason is missing"
                if where == "why" and not str(fields.get("why", "")).strip()
                else f"{where}: {first['msg']}"
            )
            raise InputError(f"The decision cannot be recorded: {says}.", hint="Fill it in.", field=where) from e


class Decision(Document):
    """What a person concluded about one item, for ever."""

    title_for_people: ClassVar[str] = "decision"

    kind: Literal["decision"] = "decision"
    version: Versioned = 1
    case: int
    item: int
    sha256: Sha256Hex
    at: Instant
    actor: Person
    seen: Annotated[bool, Field(description="a viewing of the entire contents of exactly these bytes was logged")]
    conclusion: Conclusion
    carried_from: Annotated[
        int | None, Field(description="the item of the same bytes whose decision was taken over; nobody decided anew")
    ] = None


def record_viewing(
    home: Home,
    item_number: int,
    *,
    actor: Person,
    rendition: Rendition,
    seconds: float,
    entire: bool,
    role: str = "reviewer",
) -> None:
    """Log that this person saw this rendition of exactly this file: the only source of "viewed" in a report.

    Whoever shows a picture calls this with what was really shown; nothing else may. `entire` says that all of it was
    shown, to the last frame and page.

    Raises:
        InputError: nobody saw anything in no time, or nobody is named who saw it.
        NotFoundError: there is no such item.
    """
    if not 0 < seconds < math.inf:
        raise InputError("A viewing lasts longer than no time.", hint="Give the seconds the picture was on the screen.")
    if not actor.strip():
        raise InputError("Nobody is named who saw it.", hint="A viewing without a person is none.")
    with home.work() as work:
        item = cases.item(work, item_number)
        log_viewing(work, item, actor=actor, role=role, rendition=rendition, seconds=seconds, entire=entire)


def log_viewing(
    work: Work,
    item: Item,
    *,
    actor: Person,
    rendition: Rendition,
    seconds: float,
    entire: bool,
    role: str,
    session: str = "",
) -> None:
    """`record_viewing` inside a transaction. 0 seconds: it was sent, and nobody knows for how long it was seen."""
    work.log.append(
        reveal(
            at=work.clock.now(),
            actor=actor,
            role=role,
            file=Stored.from_json(item.stored).digests,
            rendition=rendition.value,
            seconds=seconds,
            entire=entire,
            case=None if item.case_id is None else case_name(item.case_id),
            session=session,
        )
    )


def decide(
    home: Home, case_number: int, conclusion: Conclusion, *, actor: Person, items: Sequence[int]
) -> tuple[Decision, ...]:
    """Conclude for these items of a case and for everything in it with the same bytes: one record each, all or none.

    `items` are those that the person had before them, so that a decision never lands on what came in meanwhile. What
    is only alike by pixels is decided when it is named, and not before.

    Raises:
        NotFoundError: there is no such case.
        StateError: nothing in it waits for a decision, or an item named does not wait in it.
        InputError: no item is named, a report does not say what happened, or nobody's name stands under the decision.
    """
    if not items:
        raise InputError("No item is named.", hint="Name those that were looked at; `firstlight case show` lists them.")
    if not 0 < len(actor.strip()) <= LONGEST_NAME:
        raise InputError("Nobody is named who decides.", hint=f"Give a name of 1 to {LONGEST_NAME} characters.")
    if conclusion.finding is Finding.REPORT and conclusion.conduct is None:
        raise InputError("A report needs to say what happened.", hint=f"It is one of: {', '.join(Conduct)}.")
    with home.work() as work:
        case = cases.one(work, case_number)
        held = select(Item.id, Item.sha256).where(Item.case_id == case.id, Item.state == "held")
        waiting = dict(work.session.execute(held.order_by(Item.id)).all())
        if not waiting:
            said = _decided_already(work, items) or f"Its state is {case.state}."
            raise StateError(f"Nothing in case {case_number} waits for a decision.", hint=said)
        strange = [number for number in items if number not in waiting]
        if strange:
            raise StateError(
                f"Item {strange[0]} does not wait for a decision in case {case_number}.",
                hint=_decided_already(work, strange[:1]) or "`firstlight case show` lists what waits.",
            )
        bytes_seen = {waiting[number] for number in items}
        wanted = {number: sha256 for number, sha256 in waiting.items() if sha256 in bytes_seen}
        lane = picking.take_turn(work, home.table, case, found=conclusion.finding is Finding.REPORT)
        made = _decisions(work, case.id, wanted, conclusion, actor)
        _record(work, case.id, made, conclusion, actor, lane)
        retention.start_clocks(work, case.id)
        cases.place_again(work, case)
    _log.info("case.decided", case=case_number, count=len(made), kind=conclusion.finding.value)
    return made


def _decided_already(work: Work, items: Sequence[int]) -> str:
    """What stands decided of the first of these items that is decided, in words; nothing if none is."""
    found = work.session.scalar(
        select(tables.Decision.document)
        .where(tables.Decision.item_id.in_(items[:MANY]), tables.Decision.withdrawn_at.is_(None))
        .order_by(tables.Decision.id.desc())
        .limit(1)
    )
    if found is None:
        return ""
    one = Decision.from_json(found)
    return f"Item {one.item} is decided: {one.conclusion.finding.value}, by {one.actor}, {one.at:%Y-%m-%d %H:%M} UTC."


def proposed(
    home: Home, case_number: int, conclusion: Conclusion, *, actor: Person, items: Sequence[int]
) -> tuple[Decision, ...]:
    """The decisions that `decide` would make on exactly these items, without making them.

    Raises:
        NotFoundError: there is no such case, or no such item.
    """
    with home.look() as work:
        cases.one(work, case_number)
        known: dict[int, str] = {}
        for part in in_parts(sorted(set(items))):
            known.update(work.session.execute(select(Item.id, Item.sha256).where(Item.id.in_(part))).all())
        for number in items:
            if number not in known:
                cases.item(work, number)  # which says that there is none
        return _decisions(work, case_number, known, conclusion, actor)


def _record(
    work: Work, case: int, made: Sequence[Decision], conclusion: Conclusion, actor: Person, lane: Lane | None
) -> None:
    """The decisions on items of a case: their rows, an event of each, and the states that follow."""
    _keep(work, case, made, conclusion, actor)
    turn = lane.value if lane else None
    work.log.append_many(
        [
            work.event(
                EventType.DECIDE,
                actor,
                case,
                one.sha256,
                {"decision": one.model_dump(mode="json"), "lane": turn},
                one.at,
            )
            for one in made
        ]
    )
    first = {one.sha256: one.item for one in reversed(made)}
    reported = conclusion.finding is Finding.REPORT
    for sha256 in lowering.looked_at_again(work, case, first):
        item = work.session.get_one(Item, first[sha256])
        lowering.compare(work, item, actor=actor, seems=conclusion.seems, reported=reported)
    work.session.flush()


def _decisions(
    work: Work, case: int, items: Mapping[int, str], conclusion: Conclusion, actor: Person
) -> tuple[Decision, ...]:
    """The decisions on these items, given with their SHA-256; in the order of their numbers, all of one moment."""
    views = viewings_of_many(work.log, set(items.values()))
    seen = {
        sha256: any(one.entire and Rendition(one.rendition).shows_everything for one in found)
        for sha256, found in views.items()
    }
    at = work.clock.now()
    return tuple(
        Decision(case=case, item=item, sha256=sha256, at=at, actor=actor, seen=seen[sha256], conclusion=conclusion)
        for item, sha256 in sorted(items.items())
    )


def _keep(work: Work, case: int, made: Sequence[Decision], conclusion: Conclusion, actor: Person) -> None:
    """The rows of decisions of one conclusion, and what they make of the items; a statement a batch."""
    rows = [
        {
            "case_id": case,
            "item_id": one.item,
            "at": one.at,
            "actor": one.actor,
            "finding": conclusion.finding.value,
            "document": one.to_json().decode(),
            "carried": one.carried_from is not None,
        }
        for one in made
    ]
    known = severity.decided(conclusion.classification, conclusion.signs).burden
    work.session.flush()
    for part in in_parts(rows):
        work.session.execute(insert(tables.Decision), part)
    for some in in_parts(made):
        items = Item.id.in_([one.item for one in some])
        work.session.execute(update(Item).where(items).values(state="decided", owner=actor))
        work.session.execute(update(Item).where(items, Item.severity < known).values(severity=known))
    alike = (Item.case_id == case, Item.state == "held", Item.severity < known)
    work.session.execute(update(Item).where(*alike).values(severity=known))  # what is alike is expected to be as hard


def carry_over(work: Work, case: Case, item: Item) -> Decision | None:
    """Let a copy that has just come in take over what a person decided on exactly these bytes, if anything was.

    Only where a person has seen exactly these bytes in full, all decisions on them agree, none of them waits to be
    looked at again, and nothing known now asks for a sooner look than what was known then (`triage.reopens`). A picture
    that is merely alike takes over nothing. The reason for haste of the earlier report is not taken over: it was that
    upload's.
    """
    # Each look costs the same however many copies took it over before.
    same = (Item.case_id == case.id, Item.sha256 == item.sha256, Item.id != item.id)
    if work.session.scalar(select(Item.id).where(*same, Item.state == "held").limit(1)) is not None:
        return None
    by_people = (tables.Decision.case_id == case.id, tables.Decision.carried.is_(False))
    rows = work.session.execute(
        select(tables.Decision.document, Item.priority)
        .join(Item, Item.id == tables.Decision.item_id)
        .where(*by_people, tables.Decision.withdrawn_at.is_(None), *same)
        .order_by(tables.Decision.id)
    ).all()
    earlier = [Decision.from_json(document) for document, _ in rows]
    if not earlier or not earlier[-1].seen or len({one.conclusion.finding for one in earlier}) != 1:
        return None
    reported = select(Item.id).where(*same, Item.state.in_(("decided", "filed")), Item.filing_id.is_not(None)).limit(1)
    if earlier[-1].conclusion.finding is not Finding.REPORT and work.session.scalar(reported) is not None:
        return None  # these bytes were reported; that nothing more is to be said of one upload does not clear the next
    now = Priority.from_json(item.priority or "")
    # What took a decision over asked for no sooner look than what was decided, so this is the soonest of all.
    then = min((Priority.from_json(priority or "").level for _, priority in rows), key=lambda level: level.rank)
    if reopens(now.level, raising=bool(now.raising), decided_at=then, same_bytes=True):
        return None
    last = earlier[-1]
    decision = last.model_copy(
        update={
            "item": item.id,
            "at": work.clock.now(),
            "carried_from": last.item,
            "conclusion": last.conclusion.model_copy(update={"escalation": ""}),
        }
    )
    _keep(work, case.id, [decision], decision.conclusion, decision.actor)
    work.record(EventType.DECIDE, case=case.id, subject=item.sha256, decision=decision.model_dump(mode="json"))
    return decision


def decisions(home: Home, case_number: int) -> tuple[Decision, ...]:
    """Every decision of a case that stands, oldest first."""
    with home.look() as work:
        rows = work.session.scalars(
            select(tables.Decision.document)
            .where(tables.Decision.case_id == case_number, tables.Decision.withdrawn_at.is_(None))
            .order_by(tables.Decision.id)
        ).all()
    return tuple(Decision.from_json(row) for row in rows)
