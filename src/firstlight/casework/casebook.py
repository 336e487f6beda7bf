"""The case book: everything that is recorded about one case, for whoever works on it. Facts alone; nothing is shown.

`CaseBook.origin` is empty until its reader has said what they see themselves (`opinions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from sqlalchemy import select

from firstlight.casework import cases, opinions
from firstlight.casework.facts import viewings_of
from firstlight.casework.home import Home, Work
from firstlight.casework.opinions import FirstJudgement, Question
from firstlight.casework.review import Decision
from firstlight.casework.severity import Severity
from firstlight.casework.upload import Upload
from firstlight.custody import Hold
from firstlight.cybertip import Viewing
from firstlight.media import MediaType
from firstlight.origin import Verdict
from firstlight.store import tables
from firstlight.store.tables import Item
from firstlight.triage import FACTS, Priority
from firstlight.values import Document, ErrorNote, Instant, Level, Reason, Sha256Hex, Value, Versioned


class MatchFact(Value):
    """That an item stands in a list, in words."""

    bank: str
    purpose: str
    exact: bool
    distance: int
    counts: bool
    categories: tuple[str, ...]


class SignFact(Value):
    """A sign of origin as its source states it, and who could have made it up."""

    claim: str
    says: str
    strength: str
    forgeable_by: str


class ItemFacts(Value):
    """What is recorded about one item, without a byte of it."""

    item: int
    state: str
    sha256: Sha256Hex
    size: int
    media_type: str
    moving: bool
    width: int | None
    height: int | None
    severity: Severity
    received_at: Instant
    deadline: Instant
    upload: Upload
    stated: tuple[str, ...]
    priority: Reason
    matches: tuple[MatchFact, ...]
    unreadable: ErrorNote | None
    viewings: tuple[Viewing, ...]
    origin: tuple[SignFact, ...] = ()
    destroyed: bool = False

    @property
    def seen(self) -> bool:
        """Whether a person has seen exactly these bytes in full."""
        return any(viewing.counts for viewing in self.viewings)


class Group(Value):
    """What is decided at once: one item that stands for the others, those with its bytes, and those alike by pixels."""

    shown: int
    same_bytes: tuple[int, ...]
    alike: tuple[int, ...]

    @property
    def everything(self) -> tuple[int, ...]:
        """All of them."""
        return (self.shown, *self.same_bytes, *self.alike)


class CaseBook(Document):
    """A case for whoever works on it."""

    title_for_people: ClassVar[str] = "case book"

    kind: Literal["case-book"] = "case-book"
    version: Versioned = 1
    at: Instant
    case: int
    state: str
    level: Level
    severity: Severity
    opened_at: Instant
    deadline: Instant
    why: tuple[str, ...]
    groups: tuple[Group, ...]
    items: tuple[ItemFacts, ...]
    judgement: FirstJudgement | None
    questions: tuple[Question, ...] = ()
    decisions: tuple[Decision, ...] = ()
    holds: tuple[Hold, ...] = ()

    @property
    def waiting(self) -> tuple[int, ...]:
        """The items that wait for a decision."""
        return tuple(number for group in self.groups for number in group.everything)

    def item(self, number: int) -> ItemFacts:
        """The item with this number; it is in the case."""
        return next(item for item in self.items if item.item == number)


def open_case(home: Home, number: int, *, reader: str, decides: bool = True) -> CaseBook:
    """Everything about a case that its reader may know now. Who decides nothing is told everything at once.

    Raises:
        NotFoundError: there is no such case.
    """
    with home.look() as work:
        case = cases.one(work, number)
        rows = cases.members(work, case)
        judged = opinions.first_judgement(work, number, reader)
        told = judged is not None or case.state != "open" or not decides
        gone = set(
            work.session.scalars(
                select(tables.Destruction.item_id).where(tables.Destruction.item_id.in_([row.id for row in rows]))
            )
        )
        units = cases.review_units(work, case)
        made = select(tables.Decision.document).where(
            tables.Decision.case_id == number, tables.Decision.withdrawn_at.is_(None)
        )
        decisions = work.session.scalars(made.order_by(tables.Decision.id)).all()
        holds = work.session.scalars(select(tables.Hold.document).where(tables.Hold.case_id == number)).all()
        items = tuple(_item(work, row, told=told, gone=row.id in gone) for row in rows)
        first = next((item for item in items if units and item.item == units[0].shown), None)
        return CaseBook(
            at=work.clock.now(),
            case=case.id,
            state=case.state,
            level=list(Level)[case.level_rank],
            severity=Severity.of(case.severity),
            opened_at=case.opened_at,
            deadline=case.deadline,
            why=tuple(reason.says for reason in first.priority.because) if first else (),
            groups=tuple(Group(shown=u.shown, same_bytes=u.same_bytes, alike=u.alike) for u in units),
            items=items,
            judgement=judged,
            questions=_told(opinions.of_case(work, number), reader, told=told),
            decisions=tuple(Decision.from_json(text) for text in decisions),
            holds=tuple(Hold.from_json(text) for text in holds),
        )


def _told(questions: Sequence[Question], reader: str, *, told: bool) -> tuple[Question, ...]:
    """That somebody asked is told at once; what they leant to, after one's own judgement."""
    if told:
        return tuple(questions)
    return tuple(
        one if one.asked_by == reader else one.model_copy(update={"leaning": None, "note": ""}) for one in questions
    )


def _item(work: Work, row: Item, *, told: bool, gone: bool) -> ItemFacts:
    upload = Upload.from_json(row.upload)
    verdict = Verdict.from_json(row.verdict or "")
    moving = row.media_type in list(MediaType) and MediaType(row.media_type).is_video
    return ItemFacts(
        item=row.id,
        state=row.state,
        sha256=row.sha256,
        size=row.size,
        media_type=row.media_type,
        moving=moving,
        width=verdict.width,
        height=verdict.height,
        severity=Severity.of(row.severity),
        received_at=row.received_at,
        deadline=row.deadline,
        upload=upload,
        stated=tuple(FACTS[fact].says for fact in upload.context.facts),
        priority=_reasons(Priority.from_json(row.priority or "").reasons, told=told),
        matches=tuple(
            MatchFact(
                bank=match.bank,
                purpose=match.purpose.value,
                exact=match.exact,
                distance=match.distance,
                counts=match.counts,
                categories=tuple(match.categories),
            )
            for match in verdict.matches
        ),
        unreadable=verdict.unreadable,
        viewings=viewings_of(work, row.sha256),
        origin=_signs(verdict) if told else (),
        destroyed=gone,
    )


def _reasons(tree: Reason, *, told: bool) -> Reason:
    """Why it stands where it stands; what only tells of signs that move nothing comes after one's own judgement."""
    if told:
        return tree
    return tree.model_copy(update={"because": tuple(one for one in tree.because if one.rule not in _OF_ORIGIN)})


_OF_ORIGIN = ("base", "leads")


def _signs(verdict: Verdict) -> tuple[SignFact, ...]:
    return tuple(
        SignFact(
            claim=sign.claim.value.replace("_", " "),
            says=sign.says,
            strength=sign.strength.words,
            forgeable_by=sign.forgeable_by.words,
        )
        for sign in verdict.indicators
    )
