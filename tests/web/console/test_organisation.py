"""Signing in through an identity provider in a real browser, and proving anew who one is: nothing typed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("authlib", reason="the extra [oidc] is not installed")

from banks.exchanges.servers import serving
from firstlight.casework import destinations
from firstlight.casework.destinations import Outside, Settings
from firstlight.casework.settings import Oidc
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.custody import EventType
from firstlight.web.access.oidc import Provider
from firstlight.web.service import Service
from web.access.identity_provider import CLIENT, SECRET, IdentityProvider
from web.console.conftest import Browsing
from web.console.house import House, look_until_recorded, served
from web.console.test_pages import inspect

REAL = Settings(url="https://service.invalid/ispws", username="esp-18", organisation="P", registration_id="17")
WHY = "We are registered, and I answer for it."


@pytest.fixture(scope="module")
def idp() -> Iterator[IdentityProvider]:
    """The provider, listening."""
    idp = IdentityProvider()
    with serving(idp):
        yield idp


@pytest.fixture(scope="module")
def address(house: House, idp: IdentityProvider) -> Iterator[str]:
    """The same house behind a second server, into which people come through the provider."""
    (house.home.folder / "oidc-secret").write_text(SECRET)
    (house.home.folder / "oidc-secret").chmod(0o600)
    named = Oidc(
        issuer=idp.url,
        client_id=CLIENT,
        client_secret_file="oidc-secret",
        roles=("reviewers=reviewer", "keepers=custodian"),
    )

    def made(port: int) -> Service:
        service = Service(home=house.home, settings=ServiceSettings(port=port), cage=house.service.cage)
        object.__setattr__(service, "provider", Provider(house.home, named))
        return service

    with served(made) as service:
        yield f"http://localhost:{service.settings.port}"


def _signed_in(browsing: Browsing, address: str, idp: IdentityProvider, subject: str, group: str) -> Any:
    """A browser whose user has come through the provider."""
    idp.subject, idp.groups = subject, [group]
    idp.claims = {"preferred_username": subject}
    page = browsing("", base_url=address)
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with your organisation").click()
    page.wait_for_selector(f"h1:text-is('Hello, {subject}')")
    assert page.url == f"{address}/"
    return page


@contextmanager
def _production(house: House) -> Iterator[None]:
    destinations.keep(house.home, Outside.PRODUCTION, REAL, "a password", actor="ada")
    try:
        yield
    finally:  # the house is shared, and where production is kept every filing has to name its destination
        (house.home.folder / destinations.FOLDER / Outside.PRODUCTION.value).unlink()


def test_an_approval_asks_the_organisation_anew_and_keeps_what_was_typed(
    browsing: Browsing, house: House, address: str, idp: IdentityProvider
) -> None:
    with _production(house):
        page = _signed_in(browsing, address, idp, "keeper-1", "keepers")
        page.goto("/approvals")
        page.fill("#why", WHY)
        approve = page.get_by_role("button", name="Approve these settings")
        approve.click()
        page.wait_for_selector("[data-passkey-says]:has-text('You are back')")
        assert page.url == f"{address}/approvals"
        sent = next(asked for asked in reversed(idp.asked) if asked.path == "/authorize").query
        assert (sent["prompt"], sent["nonce"].partition(".")[0]) == ("login", REAL.digest())
        assert page.input_value("#why") == WHY
        assert page.evaluate("document.activeElement.id") == "why"
        assert page.evaluate("sessionStorage.length") == 0
        assert destinations.show(house.home, Outside.PRODUCTION).approved_by == ()  # coming back approves nothing
        approve.click()
        page.wait_for_selector("dd:has-text('keeper-1')")
        with house.home.look() as work:
            (entry,) = work.log.entries(subjects=[REAL.digest()], types=[EventType.APPROVE])
        assert entry.event is not None
        assert (entry.event.actor, entry.event.payload["way"]) == ("keeper-1", "oidc")
        assert entry.event.payload["reason"] == WHY
        proof = entry.event.payload["assertion"]
        assert isinstance(proof, dict)
        assert proof["iss"] == idp.url


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"sub": "somebody-else"}, "somebody else signed in"),
        ({"auth_time": 1}, "did not ask anew"),
    ],
)
def test_who_is_not_asked_anew_approves_nothing_and_loses_nothing(
    browsing: Browsing, house: House, address: str, idp: IdentityProvider, claims: dict[str, Any], says: str
) -> None:
    with _production(house):
        page = _signed_in(browsing, address, idp, "keeper-2", "keepers")
        page.goto("/approvals")
        page.fill("#why", WHY)
        idp.claims = claims
        page.get_by_role("button", name="Approve these settings").click()
        page.wait_for_selector(f"main:has-text('{says}')")
        inspect(page, "step-up-refused")
        page.get_by_role("link", name="Back to the page you were on").click()
        page.wait_for_url("**/approvals")
        assert page.input_value("#why") == WHY
        assert "keeper-2" not in page.inner_text("main")
        assert "keeper-2" not in destinations.show(house.home, Outside.PRODUCTION).approved_by


def test_a_severe_picture_is_shown_after_the_organisation_was_asked(
    browsing: Browsing, house: House, address: str, idp: IdentityProvider
) -> None:
    page = _signed_in(browsing, address, idp, "looker-1", "reviewers")
    page.goto(f"/cases/{house.case('severe.jpg')}")
    page.get_by_text("Ask a colleague for a second").click()
    page.fill("#note", "The corner on the left.")
    page.select_option("#leaning", "report")
    page.locator("[data-hold]").focus()
    page.keyboard.down(" ")
    page.wait_for_selector("[data-says]:has-text('You are back')")
    page.keyboard.up(" ")
    assert page.locator("[data-pane] img").count() == 0  # nothing is shown by coming back
    assert (page.input_value("#note"), page.input_value("#leaning")) == ("The corner on the left.", "report")
    page.locator("[data-hold]").focus()
    look_until_recorded(page, house)


def test_somebody_without_a_role_is_told_so(browsing: Browsing, address: str, idp: IdentityProvider) -> None:
    idp.subject, idp.groups, idp.claims = "stranger", ["others"], {}
    page = browsing("", base_url=address)
    page.goto("/sign-in")
    inspect(page, "sign-in-organisation")
    page.get_by_role("button", name="Sign in with your organisation").click()
    page.wait_for_selector("main:has-text('Nobody with a role here')")
    page.goto("/queue")
    assert page.url == f"{address}/sign-in"
