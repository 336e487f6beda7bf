from __future__ import annotations

from datetime import timedelta

import pytest

from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog
from firstlight.custody.approval import APPROVAL_LIFE, Act, ActKind, Approval, approval_event, require_second_person
from firstlight.errors import RefusedError


@pytest.fixture
def act(clock: FixedClock) -> Act:
    return Act(
        act=ActKind.EXPORT_WITH_MEDIA,
        case="case-1",
        requester="u-1",
        requested=clock.now(),
        nonce="1",
        details={"to": "age1example", "files": 3},
    )


def approve(act: Act, clock: FixedClock, **changes: object) -> Approval:
    approval = Approval(act_sha256=act.digest(), approver="u-2", at=clock.now())
    return approval.model_copy(update=changes)


def test_another_person_may_approve_exactly_this(act: Act, clock: FixedClock) -> None:
    approval = approve(act, clock)
    assert require_second_person(act, [approval], clock.now()) == approval
    clock.advance(APPROVAL_LIFE)
    assert require_second_person(act, [approval], clock.now()) == approval


def test_every_other_approval_is_refused(act: Act, clock: FixedClock) -> None:
    other = act.model_copy(update={"details": {"to": "age1example", "files": 4}})
    again = act.model_copy(update={"nonce": "2"})
    now = clock.now()
    for approvals, why in (
        ([], "nobody"),
        ([approve(other, clock)], "another act"),
        ([approve(again, clock)], "another act"),
        ([approve(act, clock, approver="u-1")], "cannot approve"),
        ([approve(act, clock, at=now + timedelta(seconds=1))], "future"),
        ([approve(act, clock, at=now - timedelta(seconds=1))], "before"),
    ):
        with pytest.raises(RefusedError, match=why):
            require_second_person(act, approvals, now)
    old = approve(act, clock)
    with pytest.raises(RefusedError, match="run out"):
        require_second_person(act, [old], now + APPROVAL_LIFE + timedelta(microseconds=1))


def test_one_bad_approval_does_not_spoil_a_good_one(act: Act, clock: FixedClock) -> None:
    good = approve(act, clock)
    assert require_second_person(act, [approve(act, clock, approver="u-1"), good], clock.now()) == good


def test_the_log_keeps_the_act_beside_its_approval(act: Act, clock: FixedClock, log: CustodyLog) -> None:
    entry = log.append(approval_event(act, approve(act, clock)))
    assert entry.event is not None
    kept = Act.model_validate(entry.event.payload["act"])
    assert kept.digest() == Approval.model_validate(entry.event.payload["approval"]).act_sha256
