"""The one way down, and the blind second look at a share of what took it.

A named person lowers exactly these bytes by one step, where records stand that no uploader could have made
(`triage.prioritise` decides that, and nobody can argue with it). The item stays in the queue, and its lowering can be
taken back at any time. Of what was lowered a share (5 %) is drawn at random and put back where it was, as if nobody
had lowered it: somebody else works on it in the ordinary course and is not told. What they conclude is compared and
logged, and the share of misses is told with its interval.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from enum import StrEnum
from random import Random, SystemRandom
from typing import ClassVar, Literal

from pydantic import ValidationError
from sqlalchemy import ColumnElement, func, select

from firstlight.casework import cases
from firstlight.casework.home import SERVICE, Home, Work, named
from firstlight.casework.upload import Upload
from firstlight.custody import EventType, Stored, viewings
from firstlight.cybertip import Rendition
from firstlight.errors import InputError, RefusedError, StateError
from firstlight.logs import get_logger
from firstlight.origin import Verdict
from firstlight.store.tables import Case, Item, Lowering
from firstlight.triage import Confirmation, Priority, PriorityTable, clopper_pearson, prioritise
from firstlight.values import Document, Level, Value, Versioned

_log = get_logger("casework")


class Seems(StrEnum):
    """What a picture looked like to a person, before any hint of its origin."""

    REAL_CHILD = "real-child"
    MADE = "made"
    CANNOT_TELL = "cannot-tell"


class Result(StrEnum):
    """What came of a second look. `same-person` was no second look, and another item is drawn for it."""

    AGREES = "agrees"
    DIFFERS = "differs"
    OPEN = "open"
    SAME_PERSON = "same-person"


class Lowered(Document):
    """What a lowering, or taking one back, did. It does not tell whether the item is among those looked at again."""

    title_for_people: ClassVar[str] = "lowering"

    kind: Literal["lowering"] = "lowering"
    version: Versioned = 1
    case: int
    items: tuple[int, ...]
    says: str


class Rechecks(Value):
    """How often somebody who looked again, blind, saw a real child in what was lowered.

    `open` second looks could not tell; the upper end of the interval counts them as misses.
    """

    lowered: int
    drawn: int
    looked_at: int
    differs: int
    open: int
    share_low: float
    share_high: float
    says: str


def lower(home: Home, item_number: int, *, actor: str, says: str, rng: Random | None = None) -> Lowered:
    """Lower this item, and whatever waits in its case with the same bytes, by one step.

    `says` is what the person concluded from the records; it is kept for ever. `rng` draws the second looks, and is the
    system's unless a test gives one.

    Raises:
        NotFoundError: there is no such item.
        StateError: it does not wait, is not examined, or was lowered by this person already.
        RefusedError: the rules do not allow it (`refused.lowering`); the message says each reason.
        InputError: nobody is named, or no reason is given.
    """
    with home.work() as work:
        item = _waiting(work, item_number)
        confirmation = _confirmation(work, item, named(actor), says)
        row = _row(work, item)
        if row is not None and row.actor == actor:
            raise StateError(f"Item {item_number} was lowered by {actor} already.", hint="Taking it back is possible.")
        wanted = _prioritised(home.table, item, confirmation)
        if wanted.lowered_by is None:
            raise _refused(item_number, wanted)
        if row is not None:
            if not row.drawn:
                raise StateError(f"Item {item_number} is lowered already.", hint=f"It was lowered by {row.actor}.")
            _settle(work, row, item, Result.AGREES, actor)
        done = [one for one in _same_bytes(work, item) if _lower_one(work, home.table, one, confirmation)]
        work.session.add(
            Lowering(
                item_id=item.id,
                actor=actor,
                at=work.clock.now(),
                confirmation=confirmation.model_dump_json(),
                drawn=False,
            )
        )
        work.session.flush()
        _draw(work, home.table, rng or SystemRandom())
        cases.place_again(work, cases.one(work, item.case_id or 0))
        answer = Lowered(
            case=item.case_id or 0,
            items=tuple(one.id for one in done),
            says=f"Recorded. What was lowered waits in {Level.BULK}, the last level, and is never dropped; "
            f"{home.table.lowering.recheck_share:.0%} of it is looked at again by somebody who is not told.",
        )
    _log.info("item.lowered", case=answer.case, count=len(done))
    return answer


def take_back(home: Home, item_number: int, *, actor: str, why: str) -> Lowered:
    """Put a lowered item, and what has the same bytes in its case, back where it stands without the lowering.

    Raises:
        NotFoundError: there is no such item.
        StateError: it does not wait, or is not lowered.
        InputError: nobody is named, or no reason is given.
    """
    if not why.strip():
        raise InputError("No reason is given.", hint="Say why; it stands in the custody log.")
    with home.work() as work:
        item = _waiting(work, item_number)
        row = _row(work, item)
        if row is None:
            raise StateError(f"Item {item_number} is not lowered.")
        row.undone_at = work.clock.now()
        _as_if_never(work, home.table, item, actor=named(actor), step="lowering-taken-back", why=why)
        cases.place_again(work, cases.one(work, item.case_id or 0))
        items = tuple(one.id for one in _same_bytes(work, item))
        return Lowered(case=item.case_id or 0, items=items, says="It stands where it stood before it was lowered.")


def compare(work: Work, item: Item, *, actor: str, seems: Seems, reported: bool) -> None:
    """Compare what somebody has just concluded on this item with an earlier lowering of its bytes, and log it.

    Nothing unless the item was drawn for a second look. Whoever decides calls it in the transaction of the decision.
    """
    row = _row(work, item)
    if row is None or not row.drawn:
        return
    if row.actor == actor:
        result = Result.SAME_PERSON
    elif seems is Seems.REAL_CHILD:
        result = Result.DIFFERS
    elif seems is Seems.MADE or not reported:
        result = Result.AGREES
    else:
        result = Result.OPEN
    _settle(work, row, item, result, actor)


def looked_at_again(work: Work, case_number: int, sha256s: Collection[str]) -> list[str]:
    """Those of these bytes, given by SHA-256, that wait for their second look in this case: `compare` has to be told
    once of each when they are decided."""
    return _drawn_bytes(work, case_number, sha256s, Lowering.undone_at.is_(None), Lowering.result.is_(None))


def compared(work: Work, case_number: int, sha256s: Collection[str]) -> list[str]:
    """Those of these bytes whose second look was had in this case: what `compare_again` takes back, once of each."""
    return _drawn_bytes(work, case_number, sha256s, Lowering.result.is_not(None))


def _drawn_bytes(work: Work, case_number: int, sha256s: Collection[str], *rules: ColumnElement[bool]) -> list[str]:
    wanted = select(Item.sha256).join(Lowering, Lowering.item_id == Item.id).distinct().order_by(Item.sha256)
    found = work.session.scalars(wanted.where(Item.case_id == case_number, Lowering.drawn.is_(True), *rules))
    return [sha256 for sha256 in found if sha256 in sha256s]


def compare_again(work: Work, item: Item, *, actor: str) -> None:
    """Take back the comparison that a decision by this person brought; whoever undoes the decision calls it."""
    row = _latest(work, item, Lowering.drawn.is_(True), Lowering.result.is_not(None))
    if row is not None:
        row.result = None
        work.record(
            EventType.SECOND_DECIDE, actor=actor, case=item.case_id, subject=item.sha256, item=item.id, result=None
        )


def rechecks(work: Work) -> Rechecks:
    """What the second looks have shown so far."""
    counts = dict.fromkeys(Result, 0)
    for result, count in work.session.execute(
        select(Lowering.result, func.count()).where(Lowering.result.is_not(None)).group_by(Lowering.result)
    ):
        counts[Result(result or Result.OPEN)] = count
    lowered = _number(work, Lowering.undone_at.is_(None))
    drawn = _number(work, Lowering.drawn.is_(True), Lowering.undone_at.is_(None))
    differs, undecided = counts[Result.DIFFERS], counts[Result.OPEN]
    looked = counts[Result.AGREES] + differs + undecided
    low = clopper_pearson(differs, looked)[0]
    high = clopper_pearson(differs + undecided, looked)[1]
    if not lowered:
        says = "Nobody has lowered anything."
    elif not looked:
        says = f"{lowered} lowered; nobody has looked again at any of them yet."
    else:
        says = (
            f"{lowered} lowered. Of {looked} looked at again by somebody who was not told, {differs} seemed to show a "
            f"real child and {undecided} could not be told; with 95% confidence that holds for {low:.1%} to {high:.1%} "
            "of what is lowered."
        )
    return Rechecks(
        lowered=lowered,
        drawn=drawn,
        looked_at=looked,
        differs=differs,
        open=undecided,
        share_low=low,
        share_high=high,
        says=says,
    )


def _waiting(work: Work, number: int) -> Item:
    item = cases.item(work, number)
    if item.state != "held":
        raise StateError(f"Item {number} does not wait for anybody.", hint=f"Its state is {item.state}.")
    if item.case_id is None or item.verdict is None:
        raise StateError(f"Item {number} was not examined yet.", hint="`firstlight intake` goes on with what waits.")
    return item


def _confirmation(work: Work, item: Item, actor: str, says: str) -> Confirmation:
    try:
        return Confirmation(by=actor, at=work.clock.now(), sha256=item.sha256, says=says)
    except ValidationError as e:
        raise InputError(
            "No reason is given, or a name or reason is too long.",
            hint="Say in up to 2000 characters which records show that no real child is seen.",
        ) from e


def _refused(number: int, priority: Priority) -> RefusedError:
    """Why it may not be lowered, with every reason."""
    reasons = next(one.because for one in priority.reasons.because if one.rule == "lowering.refused")
    return RefusedError(
        f"Item {number} cannot be lowered. {' '.join(reason.says for reason in reasons)}",
        hint="It keeps its place. A person decides it in its turn.",
        code="refused.lowering",
    )


def _prioritised(table: PriorityTable, item: Item, confirmation: Confirmation | None) -> Priority:
    context = Upload.from_json(item.upload).context
    return prioritise(Verdict.from_json(item.verdict or ""), context, table, confirmation)


def _same_bytes(work: Work, item: Item) -> Sequence[Item]:
    """This item and those of its case that wait with the same bytes."""
    same = (Item.case_id == item.case_id, Item.sha256 == item.sha256, Item.state == "held")
    return work.session.scalars(select(Item).where(*same).order_by(Item.id)).all()


def _lower_one(work: Work, table: PriorityTable, item: Item, confirmation: Confirmation) -> bool:
    """Lower one of the items with these bytes, unless what the service stated of it holds its level."""
    priority = _prioritised(table, item, confirmation)
    if priority.lowered_by is None:
        return False
    _place(work, table, item, priority)
    work.record(
        EventType.PRIORITISE,
        actor=confirmation.by,
        case=item.case_id,
        subject=item.sha256,
        item=item.id,
        step="lowered",
        seen=_seen(work, item),
        priority=priority.model_dump(mode="json"),
    )
    return True


def _seen(work: Work, item: Item) -> bool:
    found = viewings(work.log, Stored.from_json(item.stored).digests)
    return any(one.entire and Rendition(one.rendition).shows_everything for one in found)


def _place(work: Work, table: PriorityTable, item: Item, priority: Priority) -> None:
    item.priority = priority.to_json().decode()
    item.deadline = table.deadline(priority.level, item.received_at)
    work.session.flush()


def _as_if_never(work: Work, table: PriorityTable, item: Item, *, actor: str, step: str, why: str) -> None:
    """Give these bytes the priority that they have without any lowering."""
    for one in _same_bytes(work, item):
        if Priority.from_json(one.priority or "").lowered_by is None:
            continue
        priority = _prioritised(table, one, None)
        _place(work, table, one, priority)
        work.record(
            EventType.PRIORITISE,
            actor=actor,
            case=one.case_id,
            subject=one.sha256,
            item=one.id,
            step=step,
            why=why,
            priority=priority.model_dump(mode="json"),
        )


def _row(work: Work, item: Item) -> Lowering | None:
    """The lowering of these bytes in this case that holds, or waits for its second look."""
    return _latest(work, item, Lowering.undone_at.is_(None), Lowering.result.is_(None))


def _latest(work: Work, item: Item, *rules: ColumnElement[bool]) -> Lowering | None:
    """The latest lowering of these bytes in this case of which these rules are true."""
    wanted = select(Lowering).join(Item, Item.id == Lowering.item_id)
    same = (Item.case_id == item.case_id, Item.sha256 == item.sha256)
    return work.session.scalar(wanted.where(*same, *rules).order_by(Lowering.id.desc()).limit(1))


def _draw(work: Work, table: PriorityTable, rng: Random) -> None:
    """Draw as many of the lowered as the share asks for, each that still waits as likely as any other."""
    standing = Lowering.undone_at.is_(None)
    spoiled = _number(work, standing, Lowering.result == Result.SAME_PERSON.value)
    wanted = math.ceil(round(_number(work, standing) * table.lowering.recheck_share, 9))
    missing = wanted - (_number(work, standing, Lowering.drawn.is_(True)) - spoiled)
    if missing <= 0:
        return
    left = work.session.execute(
        select(Lowering, Item)
        .join(Item, Item.id == Lowering.item_id)
        .where(standing, Lowering.drawn.is_(False), Item.state == "held")
        .order_by(Lowering.id)
    ).all()
    for row, item in rng.sample(left, min(missing, len(left))):
        row.drawn = True
        _as_if_never(work, table, item, actor=SERVICE, step="drawn-for-second-look", why="Drawn at random.")
        cases.place_again(work, work.session.get_one(Case, item.case_id))


def _settle(work: Work, row: Lowering, item: Item, result: Result, actor: str) -> None:
    row.result = result.value
    work.record(
        EventType.SECOND_DECIDE,
        actor=actor,
        case=item.case_id,
        subject=item.sha256,
        item=item.id,
        lowered_by=row.actor,
        result=result.value,
        says=_SAYS[result],
    )
    if result is Result.DIFFERS:
        _log.warning("lowering.missed", case=item.case_id, item=item.id)


_SAYS = {
    Result.AGREES: "A second person, not told that it was lowered, saw no real child either.",
    Result.DIFFERS: "A second person, not told that it was lowered, saw a real child.",
    Result.OPEN: "A second person, not told that it was lowered, could not tell.",
    Result.SAME_PERSON: "Whoever lowered it decided it too: this was no second look.",
}


def _number(work: Work, *rules: object) -> int:
    return work.session.scalar(select(func.count()).select_from(Lowering).where(*rules)) or 0  # type: ignore[arg-type]
