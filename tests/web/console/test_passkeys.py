"""What asks for a passkey anew: severe pictures, and approvals of what one person alone may not do."""

from __future__ import annotations

from typing import Any

from firstlight.casework import acts, destinations, holds
from firstlight.casework.destinations import Outside, Settings
from firstlight.custody import EventType
from firstlight.web.access.policy import Role
from web.console.conftest import Browsing
from web.console.house import House, authenticator, look_until_recorded
from web.console.test_pages import inspect


def _with_passkey(browsing: Browsing, name: str, *roles: Role) -> Any:
    page = browsing(name, *roles)
    authenticator(page)
    page.goto("/account")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_selector("th:text-is('Passkey')")
    return page


def test_a_severe_picture_is_shown_after_a_fresh_proof(browsing: Browsing, house: House) -> None:
    page = _with_passkey(browsing, "rev-sure", Role.REVIEWER)
    page.goto(f"/cases/{house.case('severe.jpg')}")
    page.locator("[data-hold]").focus()
    page.keyboard.down(" ")
    page.wait_for_selector("[data-says]:has-text('Confirmed')")
    page.keyboard.up(" ")
    assert page.locator("[data-pane] img").count() == 0
    look_until_recorded(page, house)


def test_an_approval_is_signed_over_exactly_its_act(browsing: Browsing, house: House) -> None:
    case = house.case("ordinary-9.jpg")
    hold = holds.put_on(house.home, case, authority="Letter 7", reason="Asked for by a court.", actor="rev-9")
    holds.lift(house.home, int(hold.id.removeprefix("hold-")), reason="The court has ended it.", actor="rev-9")
    (waiting,) = acts.waiting_acts(house.home).acts
    page = _with_passkey(browsing, "second-1", Role.CUSTODIAN)
    page.goto("/approvals")
    inspect(page, "approvals-waiting")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Approve exactly this").click()
    page.wait_for_selector("dd:has-text('second-1')")
    assert acts.waiting_acts(house.home).acts[0].approved_by == "second-1"
    with house.home.look() as work:
        (event,) = (
            entry.event
            for entry in work.log.entries(types=[EventType.APPROVE])
            if entry.event is not None and entry.event.actor == "second-1"
        )
    approval = event.payload["approval"]
    assert isinstance(approval, dict)
    assert approval["act_sha256"] == waiting.sha256
    assert isinstance(approval["assertion"], dict)
    assert approval["assertion"]["signature"]


def test_production_is_approved_by_a_passkey_over_exactly_its_settings(browsing: Browsing, house: House) -> None:
    settings = Settings(url="https://service.invalid/ispws", username="esp-17", organisation="P", registration_id="17")
    destinations.keep(house.home, Outside.PRODUCTION, settings, "a password", actor="ada")
    try:
        page = _with_passkey(browsing, "answers-1", Role.CUSTODIAN)
        page.goto("/approvals")
        page.fill("#why", "We are registered.")
        page.get_by_role("button", name="Approve these settings").click()
        page.wait_for_selector("dd:has-text('answers-1')")
        assert page.get_by_role("button", name="Approve these settings").count() == 0
        with house.home.look() as work:
            (entry,) = work.log.entries(subjects=[settings.digest()], types=[EventType.APPROVE])
        assert entry.event is not None
        assert entry.event.payload["way"] == "passkey"
        assert entry.event.session
        assertion = entry.event.payload["assertion"]
        assert isinstance(assertion, dict)
        assert assertion["signature"]
    finally:  # the house is shared, and where production is kept every filing has to name its destination
        (house.home.folder / destinations.FOLDER / Outside.PRODUCTION.value).unlink()
