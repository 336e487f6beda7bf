"""Legal holds on cases: one person puts a hold on, two lift it.

Whoever wants a hold lifted asks for it; another person approves exactly this act; then, within ten minutes, the first
one does it. Each step stands in the custody log. That the two names are two people is for whoever lets them in to see
to: here a name is what is given.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal

from sqlalchemy import select

from firstlight.casework import cases
from firstlight.casework.home import Home, Work, case_name
from firstlight.clock import in_utc
from firstlight.custody import (
    Act,
    ActKind,
    Approval,
    EventType,
    Hold,
    approval_event,
    require_second_person,
)
from firstlight.custody.approval import APPROVAL_LIFE
from firstlight.errors import InputError, NotFoundError, RefusedError, StateError
from firstlight.store import tables
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned

SHORTEST_REASON = 10
"""Characters: a reason that a stranger can understand later."""

SHORTEST_START = 8
"""Digits of an act's digest that name it: enough that nobody approves another one by a slip."""


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
        raise InputError("A hold names its authority.", hint="Such as: letter 7 of the county police, 2026-03-01.")
    _require_reason(reason)
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
    with home.work() as work:
        row = work.session.get(tables.Hold, number)
        if row is None:
            raise NotFoundError(f"There is no hold {number}.", hint="`firstlight custody hold list CASE` names them.")
        hold, now = Hold.from_json(row.document), work.clock.now()
        if not hold.lasts(now):
            raise StateError(f"Hold {number} does not last any more.")
        asked = _asked(work, hold, actor)
        if asked is None:
            act = _ask(work, row.case_id, hold, reason.strip(), actor)
            return Release(hold=hold, act_sha256=act.digest(), approved_by=None)
        act, approval = asked
        if approval is None:
            return Release(hold=hold, act_sha256=act.digest(), approved_by=None)
        lifted = hold.model_copy(update={"released": now})
        row.document = lifted.to_json().decode()
        work.session.get_one(tables.Act, act.digest()).done_at = now
        work.record(
            EventType.HOLD_OFF,
            actor=actor,
            case=row.case_id,
            hold=lifted.model_dump(mode="json"),
            act=act.model_dump(mode="json"),
            approved_by=approval.approver,
        )
        return Release(hold=lifted, act_sha256=act.digest(), approved_by=approval.approver)


class WaitingAct(Value):
    """An act that somebody asked for and that is not done, with its digest and who has approved it, if anybody."""

    sha256: Sha256Hex
    act: Act
    approved_by: str
    approval_ends: Instant | None


class WaitingActs(Document):
    """Every act that waits for a second person, or for the first one to go on; the newest first."""

    title_for_people: ClassVar[str] = "acts that wait"

    kind: Literal["waiting-acts"] = "waiting-acts"
    version: Versioned = 1
    at: Instant
    acts: tuple[WaitingAct, ...]


def waiting_acts(home: Home) -> WaitingActs:
    """The acts that were asked for and are not done."""
    with home.look() as work:
        rows = work.session.scalars(select(tables.Act).where(tables.Act.done_at.is_(None))).all()
        made = tuple(_waiting_act(row) for row in rows)
        newest = tuple(sorted(made, key=lambda one: one.act.requested, reverse=True))
        return WaitingActs(at=work.clock.now(), acts=newest)


def _waiting_act(row: tables.Act) -> WaitingAct:
    approval = Approval.from_json(row.approval) if row.approval else None
    return WaitingAct(
        sha256=row.sha256,
        act=Act.from_json(row.document),
        approved_by=approval.approver if approval else "",
        approval_ends=approval.at + APPROVAL_LIFE if approval else None,
    )


def approve(home: Home, act_starts_with: str, *, actor: str, assertion: Mapping[str, str] | None = None) -> Act:
    """Approve the act whose digest starts so. It can be done within ten minutes from now, by whoever asked for it.

    `assertion` is what the approver's passkey signed over the act's digest; it is kept with the approval.

    Raises:
        NotFoundError: no act that waits starts so, or more than one does.
        RefusedError: whoever asked for it cannot approve it.
    """
    if len(act_starts_with) < SHORTEST_START:
        raise InputError(f"Give at least the first {SHORTEST_START} digits of the act.")
    if not actor.strip():
        raise InputError("Nobody is named who approves.", hint="Say who you are with --by.")
    with home.work() as work:
        wanted = tables.Act.sha256.startswith(act_starts_with.lower(), autoescape=True) & tables.Act.done_at.is_(None)
        rows = work.session.scalars(select(tables.Act).where(wanted).limit(2)).all()
        if len(rows) != 1:
            raise NotFoundError(
                f"{'No act waits' if not rows else 'More than one act waits'} whose digest starts so.",
                hint="Whoever asked for it was told its digest.",
            )
        act = Act.from_json(rows[0].document)
        if _same_person(actor, act.requester):
            raise RefusedError(
                "Whoever asks for an act cannot approve it.",
                hint="Let another person do so.",
                code="refused.second-person",
            )
        signed = dict(assertion or {})
        approval = Approval(act_sha256=act.digest(), approver=actor, at=work.clock.now(), assertion=signed)
        require_second_person(act, [approval], work.clock.now())
        rows[0].approval = approval.to_json().decode()
        work.log.append(approval_event(act, approval))
        return act


def _asked(work: Work, hold: Hold, actor: str) -> tuple[Act, Approval | None] | None:
    """The act by which this person asked for this hold to be lifted, while it can still come to something."""
    for row in work.session.scalars(select(tables.Act).where(tables.Act.done_at.is_(None))):
        act = Act.from_json(row.document)
        if (act.act, act.details.get("hold")) != (ActKind.HOLD_RELEASE, hold.id) or act.requester != actor:
            continue
        if row.approval is None:
            return act, None
        approval = Approval.from_json(row.approval)
        try:
            return act, require_second_person(act, [approval], work.clock.now())
        except RefusedError:
            continue  # it has run out: it is asked for anew
    return None


def _ask(work: Work, case_number: int, hold: Hold, reason: str, actor: str) -> Act:
    if not actor.strip():
        raise InputError("Nobody is named who asks.", hint="Say who you are with --by.")
    act = Act(
        act=ActKind.HOLD_RELEASE,
        case=case_name(case_number),
        requester=actor,
        requested=work.clock.now(),
        nonce=secrets.token_hex(16),
        details={"hold": hold.id, "authority": hold.authority, "reason": reason},
    )
    work.session.add(tables.Act(sha256=act.digest(), document=act.to_json().decode(), approval=None, done_at=None))
    return act


def _same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _require_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise InputError("A reason is missing.", hint=f"Give one of at least {SHORTEST_REASON} characters.")
