"""Outcomes: what became of what a person decided. It is told to them, and counted for nobody."""

from __future__ import annotations

from typing import ClassVar, Literal

from sqlalchemy import ColumnElement, select

from firstlight.casework.home import Home
from firstlight.cybertip import Receipt
from firstlight.store import tables
from firstlight.store.tables import Item
from firstlight.values import Document, Instant, Value, Versioned

MOST = 50
"""Reports that are told, newest first: a reminder, and no tally."""


class Outcome(Value):
    """A report that left, and that its receiver has acknowledged."""

    case: int
    report_id: int
    destination: str
    acknowledged_at: Instant
    escalated: bool


class Outcomes(Document):
    """What became of reports, newest first."""

    title_for_people: ClassVar[str] = "outcomes"

    kind: Literal["outcomes"] = "outcomes"
    version: Versioned = 1
    at: Instant
    outcomes: tuple[Outcome, ...]


def of(home: Home, actor: str) -> Outcomes:
    """What became of this person's reports."""
    return _outcomes(home, tables.Decision.actor == actor)


def everybody(home: Home) -> Outcomes:
    """The reports that have left, whoever decided."""
    return _outcomes(home)


def _outcomes(home: Home, *rules: ColumnElement[bool]) -> Outcomes:
    wanted = (
        select(tables.Filing.id, tables.Filing.case_id, tables.Filing.receipt, tables.Decision.document)
        .join(Item, Item.filing_id == tables.Filing.id)
        .join(tables.Decision, tables.Decision.item_id == Item.id)
        .where(
            *rules,
            tables.Decision.finding == "report",
            tables.Decision.withdrawn_at.is_(None),
            tables.Filing.receipt.is_not(None),
        )
        .order_by(tables.Filing.id.desc())
        .limit(MOST * 20)
    )
    found: dict[int, Outcome] = {}
    with home.look() as work:
        for number, case, text, decision in work.session.execute(wanted):
            if number in found or not text or len(found) == MOST:
                continue
            receipt = Receipt.from_json(text)
            found[number] = Outcome(
                case=case,
                report_id=receipt.report_id,
                destination=receipt.destination,
                acknowledged_at=receipt.finished_at,
                escalated='"escalation":""' not in decision,
            )
    return Outcomes(at=home.clock.now(), outcomes=tuple(found.values()))
