"""Acts that take two people: one asks, another approves exactly that within ten minutes, and only then it is done."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import JsonValue
from sqlalchemy import select

from firstlight.casework.home import Home, Work, case_name
from firstlight.custody import Act, ActKind, Approval, approval_event, require_second_person
from firstlight.custody.approval import APPROVAL_LIFE
from firstlight.errors import InputError, NotFoundError, RefusedError
from firstlight.store import tables
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned

SHORTEST_START = 8
"""Digits of an act's digest that name it: enough that no two acts that wait begin with the same."""


def asked(
    work: Work, kind: ActKind, case_number: int, details: Mapping[str, JsonValue], *, requester: str
) -> tuple[Act, Approval | None]:
    """The act by which this person asked for exactly this, with the approval that lets it be done now, if there is one.

    It is asked for now where it was not, or where its approval has run out.

    Raises:
        InputError: nobody is named who asks.
    """
    if not requester.strip():
        raise InputError("Nobody is named who asks.", hint="Say who you are with --by.")
    for row in work.session.scalars(select(tables.Act).where(tables.Act.done_at.is_(None))):
        act = Act.from_json(row.document)
        same = (act.act, act.case, act.requester, act.details) == (kind, case_name(case_number), requester, details)
        if not same:
            continue
        if row.approval is None:
            return act, None
        approval = Approval.from_json(row.approval)
        try:
            return act, require_second_person(act, [approval], work.clock.now())
        except RefusedError:
            continue  # it has run out: it is asked for anew
    act = Act(
        act=kind,
        case=case_name(case_number),
        requester=requester,
        requested=work.clock.now(),
        nonce=secrets.token_hex(16),
        details=dict(details),
    )
    work.session.add(tables.Act(sha256=act.digest(), document=act.to_json().decode(), approval=None, done_at=None))
    return act, None


def done(work: Work, act: Act) -> None:
    """Note that the act was done: its approval is used up."""
    work.session.get_one(tables.Act, act.digest()).done_at = work.clock.now()


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


def _same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
