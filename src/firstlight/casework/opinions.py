"""First judgements and second opinions: what a person thinks before they are told what others think.

Signs of origin, and what a colleague leant to, are told to a reviewer only after they have said what they see
themselves. Whoever is told first tends to see what they were told.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError
from sqlalchemy import select

from firstlight.casework import cases, routing
from firstlight.casework.home import Home, Work, case_name, named
from firstlight.casework.review import Finding
from firstlight.custody import EventType
from firstlight.errors import InputError, StateError
from firstlight.store import tables
from firstlight.store.tables import Case, Opinion
from firstlight.values import Document, Instant, Value, Versioned

LONGEST_NOTE = 2000
_STEP = "first-judgement"


class Impression(StrEnum):
    """What a person takes a picture for, by their own eyes or by the facts alone."""

    PHOTOGRAPH = "photograph"
    GENERATED = "generated"
    EDITED = "edited"
    DRAWN = "drawn"
    CANNOT_TELL = "cannot-tell"
    NOT_LOOKED = "not-looked"


class FirstJudgement(Value):
    """What one person took a case for before they were told of signs; it decides nothing."""

    by: str
    at: Instant
    impression: Impression


def judge(home: Home, case_number: int, impression: Impression, *, actor: str) -> FirstJudgement:
    """Record what this person takes the case for. Said twice, the first stands.

    Raises:
        NotFoundError: there is no such case.
        InputError: nobody is named.
    """
    with home.work() as work:
        case = cases.one(work, case_number)
        before = first_judgement(work, case.id, named(actor))
        if before is not None:
            return before
        event = work.event(EventType.CLASSIFY, actor, case.id, None, {"step": _STEP, "impression": impression.value})
        work.log.append(event)
        return FirstJudgement(by=actor, at=event.at, impression=impression)


def first_judgement(work: Work, case_number: int, actor: str) -> FirstJudgement | None:
    """What this person took the case for, if they have said so."""
    for entry in work.log.entries(cases=[case_name(case_number)], types=[EventType.CLASSIFY]):
        event = entry.event
        if event is not None and event.actor == actor and event.payload.get("step") == _STEP:
            return FirstJudgement(by=actor, at=event.at, impression=Impression(str(event.payload["impression"])))
    return None


class Question(Value):
    """That somebody asked for another pair of eyes. `leaning` is what they would have concluded."""

    number: int
    case: int
    asked_by: str
    asked_at: Instant
    leaning: Finding | None
    note: str
    answered_by: str = ""
    answered_at: Instant | None = None
    answer: Finding | None = None


class Questions(Document):
    """Second opinions that were asked for, oldest first."""

    title_for_people: ClassVar[str] = "second opinions"

    kind: Literal["questions"] = "questions"
    version: Versioned = 1
    at: Instant
    questions: tuple[Question, ...]


class _Asked(Value):
    leaning: Finding | None = None
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] = ""


def ask(home: Home, case_number: int, *, actor: str, leaning: Finding | None = None, note: str = "") -> Question:
    """Hand a case to a colleague with a question; whoever asks is not given it again.

    Raises:
        NotFoundError: there is no such case.
        StateError: nothing in it waits.
        InputError: the note is too long, or nobody is named.
    """
    try:
        asked = _Asked(leaning=leaning, note=note.strip())
    except ValidationError as e:
        raise InputError("The note is too long.", hint=f"Use up to {LONGEST_NOTE} characters.", field="note") from e
    with home.work() as work:
        case = cases.one(work, case_number)
        if case.state != "open":
            raise StateError(f"Nothing in case {case_number} waits for a decision.", hint=f"Its state is {case.state}.")
        row = Opinion(
            case_id=case.id,
            asked_by=named(actor),
            asked_at=work.clock.now(),
            leaning=asked.leaning.value if asked.leaning else None,
            note=asked.note,
        )
        work.session.add(row)
        work.session.flush()
        work.record(EventType.ASSIGN, actor=actor, case=case.id, step="opinion-asked", opinion=row.id)
        question = _question(work, row)
    routing.pass_on(home, actor, case_number)
    return question


def waiting(home: Home) -> Questions:
    """Every question whose case still waits."""
    wanted = select(Opinion).join(Case, Case.id == Opinion.case_id).where(Case.state == "open").order_by(Opinion.id)
    with home.look() as work:
        rows = work.session.scalars(wanted).all()
        found = tuple(_question(work, row) for row in rows)
    return Questions(at=home.clock.now(), questions=found)


def asked_by(home: Home, actor: str) -> Questions:
    """What this person asked, with what came of it."""
    with home.look() as work:
        rows = work.session.scalars(select(Opinion).where(Opinion.asked_by == actor).order_by(Opinion.id)).all()
        found = tuple(_question(work, row) for row in rows)
    return Questions(at=home.clock.now(), questions=found)


def of_case(work: Work, case_number: int) -> tuple[Question, ...]:
    """What was asked about a case."""
    rows = work.session.scalars(select(Opinion).where(Opinion.case_id == case_number).order_by(Opinion.id)).all()
    return tuple(_question(work, row) for row in rows)


def _question(work: Work, row: Opinion) -> Question:
    """The question, and the first decision on its case that stands and was made later."""
    decision = tables.Decision
    answer = work.session.execute(
        select(decision.actor, decision.at, decision.finding)
        .where(decision.case_id == row.case_id, decision.at > row.asked_at, decision.withdrawn_at.is_(None))
        .order_by(decision.id)
        .limit(1)
    ).first()
    return Question(
        number=row.id,
        case=row.case_id,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        leaning=Finding(row.leaning) if row.leaning else None,
        note=row.note,
        answered_by=answer.actor if answer else "",
        answered_at=answer.at if answer else None,
        answer=Finding(answer.finding) if answer else None,
    )
