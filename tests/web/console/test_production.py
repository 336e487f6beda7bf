"""Filing real reports is approved on the page: signed in, by two people, each with a fresh proof over what is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from firstlight.casework import destinations
from firstlight.casework.destinations import Outside, Settings
from firstlight.casework.home import Home
from firstlight.custody.approval import APPROVAL_LIFE
from firstlight.errors import RefusedError
from firstlight.store.tables import StepUp
from firstlight.web.access.policy import Role
from firstlight.web.access.secrets import digest
from web.conftest import SignedInAs

REAL = Settings(url="https://service.invalid/ispws", username="esp-17", organisation="P", registration_id="17")
WHY = "We are registered."


@pytest.fixture
def kept(home: Home) -> str:
    """Production is kept: the digest of its settings."""
    destinations.keep(home, Outside.PRODUCTION, REAL, "a password", actor="ada")
    return REAL.digest()


def _proved(home: Home, browser: TestClient, act: str, *, ago: timedelta = timedelta(0)) -> None:
    """As after the passkey of this browser's session has signed the act."""
    (secret,) = (cookie.value for cookie in browser.cookies.jar)
    with home.work() as work:
        at = work.clock.now() - ago
        row = StepUp(session_sha256=digest(str(secret)), act_sha256=act, at=at, assertion='{"signature": "AAAA"}')
        work.session.merge(row)


def _approve(browser: TestClient, act: str, why: str = WHY) -> int:
    return browser.post("/approvals/production", data={"digest": act, "why": why}).status_code


def _approvers(home: Home) -> tuple[str, ...]:
    return destinations.show(home, Outside.PRODUCTION).approved_by


def test_two_people_approve_production_on_the_page(signed_in: SignedInAs, home: Home, kept: str) -> None:
    first, second = signed_in(Role.CUSTODIAN), signed_in(Role.KEY_OFFICER)
    for browser in (first, second):
        assert f'data-act="{kept}"' in browser.get("/approvals").text
        _proved(home, browser, kept)
    assert _approve(first, kept) == 303
    assert "You have approved it" in first.get("/approvals").text
    with pytest.raises(RefusedError, match="1 approved"):
        destinations.client(home, Outside.PRODUCTION)
    assert _approve(second, kept) == 303
    assert "Two people answer for it" in second.get("/approvals").text
    destinations.client(home, Outside.PRODUCTION).close()


def test_one_person_is_not_two(signed_in: SignedInAs, home: Home, kept: str) -> None:
    browser = signed_in(Role.CUSTODIAN)
    _proved(home, browser, kept)
    assert [_approve(browser, kept), _approve(browser, kept)] == [303, 403]
    assert _approvers(home) == ("custodian-1",)


def test_whoever_may_not_approve_is_refused(signed_in: SignedInAs, home: Home, kept: str) -> None:
    for role in (Role.REVIEWER, Role.ADMIN, Role.AUDITOR):
        browser = signed_in(role)
        _proved(home, browser, kept)
        assert _approve(browser, kept) == 403
    assert _approvers(home) == ()


def test_without_a_fresh_proof_over_exactly_this_nothing_is_approved(
    signed_in: SignedInAs, home: Home, kept: str
) -> None:
    browser, other = signed_in(Role.CUSTODIAN), signed_in(Role.SENIOR)
    assert _approve(browser, kept) == 403  # none
    _proved(home, other, kept)
    assert _approve(browser, kept) == 403  # somebody else's
    _proved(home, browser, kept, ago=APPROVAL_LIFE + timedelta(seconds=1))
    assert _approve(browser, kept) == 403  # stale
    _proved(home, browser, kept)
    assert _approve(browser, kept, why=" ") == 400  # no reason
    destinations.keep(
        home, Outside.PRODUCTION, REAL.model_copy(update={"username": "esp-18"}), "a password", actor="ada"
    )
    assert _approve(browser, kept) == 409  # signed over what is no longer kept
    assert _approvers(home) == ()
