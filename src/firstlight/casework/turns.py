"""The count of reviews that the lanes share out, and what the random audit has found so far; kept in the database."""

from __future__ import annotations

from random import Random
from typing import Annotated

from pydantic import Field, ValidationError
from sqlalchemy.orm import Session

from firstlight.errors import IntegrityError
from firstlight.store.tables import Setting
from firstlight.values import Value

_NAME = "turns"
Count = Annotated[int, Field(ge=0)]


class Turns(Value):
    """`count` reviews that were not immediate; `owed` reserved turns put off; `urgent` turns that immediate cases asked
    for; of `audited` cases `found` reported."""

    count: Count = 0
    owed: Count = 0
    urgent: Count = 0
    audited: Count = 0
    found: Count = 0

    def draws(self, seed: int = 0) -> Random:
        """The audit's draws of this turn: the same in every process until the turn was taken, and new after it."""
        return Random(f"{seed}:{self.count}")  # noqa: S311 - a sample, not a secret


def load(session: Session) -> Turns:
    """The turns taken so far.

    Raises:
        IntegrityError: the row is damaged.
    """
    row = session.get(Setting, _NAME)
    if row is None:
        return Turns()
    try:
        return Turns.model_validate_json(row.value)
    except ValidationError as e:
        raise IntegrityError(
            "The count of reviews is damaged.", hint="Restore the home from its backup.", code="integrity.home"
        ) from e


def save(session: Session, turns: Turns) -> None:
    """Keep them, with everything else in this session."""
    session.merge(Setting(name=_NAME, value=turns.model_dump_json()))
