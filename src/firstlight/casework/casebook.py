"""The case book: everything that is recorded about one case, for whoever works on it. Facts alone; nothing is shown.

`ItemFacts.origin` is empty until its reader has said what they see themselves (`opinions`). A case may have tens of
thousands of items: the book names them all, and tells the facts of one page of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from sqlalchemy import exists, func, select

from firstlight.casework import cases, opinions
from firstlight.casework.facts import viewings_of_many
from firstlight.casework.home import Home, Work
from firstlight.casework.opinions import FirstJudgement, Question
from firstlight.casework.review import Decision, Finding
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

PAGE = 100
"""Items whose facts stand on one page."""

MOST_DECISIONS = 30
"""Decisions that a book tells, the newest."""


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
    """A case for whoever works on it.

    `items` are the facts of one page of items, from place `start` of all `total` on, counted from 1: those that wait,
    group by group, then those that are `settled`. The item that stands for what comes next is always among them.
    `decisions` are the newest of `decided`; `reports` says whether one of all of them reports.
    """

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
    decided: int = 0
    reports: bool = False
    holds: tuple[Hold, ...] = ()
    total: int
    start: int = 1
    settled: tuple[int, ...] = ()

    @property
    def waiting(self) -> tuple[int, ...]:
        """The items that wait for a decision."""
        return tuple(number for group in self.groups for number in group.everything)

    @property
    def page(self) -> tuple[int, ...]:
        """The items of this page."""
        return (*self.waiting, *self.settled)[self.start - 1 : self.start - 1 + PAGE]

    def item(self, number: int) -> ItemFacts:
        """The item with this number; it is on this page, or the first of the case."""
        return next(item for item in self.items if item.item == number)


def open_case(
    home: Home, number: int, *, reader: str, decides: bool = True, start: int = 1, about: Sequence[int] = ()
) -> CaseBook:
    """Everything about a case that its reader may know now. Who decides nothing is told everything at once.

    The facts are those of the page from place `start` on, or of the first items of `about`.

    Raises:
        NotFoundError: there is no such case.
    """
    with home.look() as work:
        case = cases.one(work, number)
        judged = opinions.first_judgement(work, number, reader)
        told = judged is not None or case.state != "open" or not decides
        units = cases.review_units(work, case)
        groups = tuple(Group(shown=u.shown, same_bytes=u.same_bytes, alike=u.alike) for u in units)
        waiting = [item for group in groups for item in group.everything]
        settled = _others(work, number, waiting)
        everything = [*waiting, *settled]
        wanted = [*everything[:1], *(about[:PAGE] or everything[start - 1 : start - 1 + PAGE])]
        items = _items(work, number, wanted, told=told)
        first = next((item for item in items if groups and item.item == groups[0].shown), None)
        decisions, decided, reports = _decisions(work, number)
        holds = work.session.scalars(select(tables.Hold.document).where(tables.Hold.case_id == number)).all()
        return CaseBook(
            at=work.clock.now(),
            case=case.id,
            state=case.state,
            level=list(Level)[case.level_rank],
            severity=Severity.of(case.severity),
            opened_at=case.opened_at,
            deadline=case.deadline,
            why=tuple(reason.says for reason in first.priority.because) if first else (),
            groups=groups,
            items=items,
            judgement=judged,
            questions=_told(opinions.of_case(work, number), reader, told=told),
            decisions=decisions,
            decided=decided,
            reports=reports,
            holds=tuple(Hold.from_json(text) for text in holds),
            total=len(everything),
            start=start,
            settled=settled,
        )


def _others(work: Work, number: int, waiting: Sequence[int]) -> tuple[int, ...]:
    """The items of a case that wait for nothing, oldest first."""
    known = set(waiting)
    rows = work.session.scalars(select(Item.id).where(Item.case_id == number).order_by(Item.id))
    return tuple(item for item in rows if item not in known)


def _items(work: Work, number: int, wanted: Sequence[int], *, told: bool) -> tuple[ItemFacts, ...]:
    """The facts of these items of a case, each once, in their order."""
    order = list(dict.fromkeys(wanted))
    found = work.session.scalars(select(Item).where(Item.case_id == number, Item.id.in_(order)))
    rows = {row.id: row for row in found}
    destroyed = select(tables.Destruction.item_id).where(tables.Destruction.item_id.in_(order))
    gone = set(work.session.scalars(destroyed))
    seen = viewings_of_many(work, {row.sha256 for row in rows.values()})
    return tuple(
        _item(rows[item], seen[rows[item].sha256], told=told, gone=item in gone) for item in order if item in rows
    )


def _decisions(work: Work, number: int) -> tuple[tuple[Decision, ...], int, bool]:
    """The newest decisions that stand, how many there are, and whether one of them reports."""
    made = (tables.Decision.case_id == number, tables.Decision.withdrawn_at.is_(None))
    rows = work.session.scalars(
        select(tables.Decision.document).where(*made).order_by(tables.Decision.id.desc()).limit(MOST_DECISIONS)
    ).all()
    newest = tuple(Decision.from_json(text) for text in reversed(rows))
    count = work.session.scalar(select(func.count()).where(*made)) or 0
    reports = work.session.scalar(select(exists().where(*made, tables.Decision.finding == Finding.REPORT.value)))
    return newest, count, bool(reports)


def _told(questions: Sequence[Question], reader: str, *, told: bool) -> tuple[Question, ...]:
    """That somebody asked is told at once; what they leant to, after one's own judgement."""
    if told:
        return tuple(questions)
    return tuple(
        one if one.asked_by == reader else one.model_copy(update={"leaning": None, "note": ""}) for one in questions
    )


def _item(row: Item, viewings: tuple[Viewing, ...], *, told: bool, gone: bool) -> ItemFacts:
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
        viewings=viewings,
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
