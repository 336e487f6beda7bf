"""Legal holds on cases: one person puts a hold on, two lift it.

Whoever wants a hold lifted asks for it; another person approves exactly this act; then, within ten minutes, the first
one does it. Each step stands in the custody log. That the two names are two people is for whoever lets them in to see
to: here a name is what is given.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from sqlalchemy import select

from firstlight.casework import acts, cases, protection
from firstlight.casework.home import Home
from firstlight.clock import in_utc
from firstlight.custody import ActKind, EventType, Hold
from firstlight.errors import InputError, NotFoundError, StateError, StorageError
from firstlight.store import tables
from firstlight.values import Document, Sha256Hex, Versioned

SHORTEST_REASON = 10
"""Characters: a reason that a stranger can understand later."""


class Release(Document):
    """Where the lifting of a hold stands: done, or waiting for a second person's approval of `act_sha256`."""

    title_for_people: ClassVar[str] = "release of a hold"

    kind: Literal["hold-release"] = "hold-release"
    version: Versioned = 1
    hold: Hold
    act_sha256: Sha256Hex
    approved_by: str | None


def put_on(
    home: Home, case_number: int, *, authority: str, reason: str, actor: str, until: datetime | None = None
) -> Hold:
    """Put a hold on a case: from now on nothing of it is destroyed, until it is lifted or `until` is past.

    Raises:
        NotFoundError: there is no such case.
        InputError: the authority or the reason is missing, or `until` is past already.
    """
    if not authority.strip():
        raise InputError(
            "A hold names its authority.", hint="Such as: letter 7 of the county police, 2026-03-01.", field="authority"
        )
    _require_reason(reason)
    hold = _put_on(home, case_number, authority, reason, actor, until)
    _tell_the_store(home, case_number, actor, "The hold stands")
    return hold


def _put_on(home: Home, case_number: int, authority: str, reason: str, actor: str, until: datetime | None) -> Hold:
    with home.work() as work:
        case = cases.one(work, case_number)
        now = work.clock.now()
        if until is not None and in_utc(until) <= now:
            raise InputError("That end of the hold is past already.", hint="Give a later one, or none.")
        row = tables.Hold(case_id=case.id, reason=reason.strip(), document="")
        work.session.add(row)
        work.session.flush()
        hold = Hold(id=f"hold-{row.id}", authority=authority.strip(), since=now, until=until)
        row.document = hold.to_json().decode()
        work.record(
            EventType.HOLD_ON, actor=actor, case=case.id, hold=hold.model_dump(mode="json"), reason=reason.strip()
        )
        return hold


def of_case(home: Home, case_number: int) -> tuple[Hold, ...]:
    """Every hold that was ever put on a case, oldest first.

    Raises:
        NotFoundError: there is no such case.
    """
    with home.look() as work:
        cases.one(work, case_number)
        rows = select(tables.Hold.document).where(tables.Hold.case_id == case_number).order_by(tables.Hold.id)
        return tuple(Hold.from_json(row) for row in work.session.scalars(rows))


def lift(home: Home, number: int, *, reason: str, actor: str) -> Release:
    """Lift a hold if a second person has approved that this person does so; ask for the approval otherwise.

    Raises:
        NotFoundError: there is no such hold.
        StateError: it does not last any more.
        InputError: the reason is missing.
    """
    _require_reason(reason)
    release, case_number = _lift(home, number, reason.strip(), actor)
    if release.approved_by is not None:
        _tell_the_store(home, case_number, actor, "The hold is lifted")
    return release


def _lift(home: Home, number: int, reason: str, actor: str) -> tuple[Release, int]:
    with home.work() as work:
        row = work.session.get(tables.Hold, number)
        if row is None:
            raise NotFoundError(f"There is no hold {number}.", hint="`firstlight custody hold list CASE` names them.")
        hold, now = Hold.from_json(row.document), work.clock.now()
        if not hold.lasts(now):
            raise StateError(f"Hold {number} does not last any more.")
        details = {"hold": hold.id, "authority": hold.authority, "reason": reason}
        act, approval = acts.asked(work, ActKind.HOLD_RELEASE, row.case_id, details, requester=actor)
        if approval is None:
            return Release(hold=hold, act_sha256=act.digest(), approved_by=None), row.case_id
        lifted = hold.model_copy(update={"released": now})
        row.document = lifted.to_json().decode()
        acts.done(work, act)
        work.record(
            EventType.HOLD_OFF,
            actor=actor,
            case=row.case_id,
            hold=lifted.model_dump(mode="json"),
            act=act.model_dump(mode="json"),
            approved_by=approval.approver,
        )
        return Release(hold=lifted, act_sha256=act.digest(), approved_by=approval.approver), row.case_id


def _tell_the_store(home: Home, case_number: int, actor: str, done: str) -> None:
    """Set or lift the hold in the object store as well.

    Raises:
        StorageError: the store does not answer or refuses; what was done stands in the log all the same.
    """
    try:
        protection.protect(home, case_number, actor=actor)
    except StorageError as e:
        raise StorageError(
            f"{done}, and the object store could not be told: {e.diagnostics().message}",
            hint="Run `firstlight custody protect` when it answers again.",
            code=e.diagnostics().code,
        ) from e


def _require_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise InputError(
            "A reason is missing.", hint=f"Give one of at least {SHORTEST_REASON} characters.", field="reason"
        )
