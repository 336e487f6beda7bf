"""Signing in through an identity provider: what is signed for this browser and attempt counts, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from banks.exchanges.servers import serving
from firstlight.casework.home import Home
from firstlight.casework.settings import Given
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.custody import EventType
from firstlight.errors import InputError, RefusedError
from firstlight.web.access import oidc, users
from firstlight.web.access.policy import Role
from firstlight.web.app import create_app
from firstlight.web.service import Service
from web.conftest import ADDRESS, SAME_ORIGIN

pytest.importorskip("authlib", reason="the extra [oidc] is not installed")

from joserfc.jwk import RSAKey

from web.access.identity_provider import CLIENT, SECRET, IdentityProvider

ACT = "ab" * 32


@pytest.fixture
def idp() -> Iterator[IdentityProvider]:
    """The provider, listening."""
    idp = IdentityProvider()
    with serving(idp):
        yield idp


@pytest.fixture
def service(tmp_path: Path, idp: IdentityProvider) -> Iterator[Service]:
    """A service that names it."""
    given = {
        "oidc.issuer": idp.url,
        "oidc.client_id": CLIENT,
        "oidc.client_secret_file": "oidc-secret",
        "oidc.roles": ("reviewers=reviewer", "leads=senior"),
    }
    with Home.open(tmp_path / "home", given=Given(flags=given)) as home:
        secret = home.folder / "oidc-secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        yield Service(home=home, settings=ServiceSettings())


@pytest.fixture
def browser(service: Service) -> TestClient:
    """A browser that nobody has signed in with."""
    return TestClient(create_app(service), ADDRESS, headers=SAME_ORIGIN, follow_redirects=False)


def to_provider(browser: TestClient, path: str = "/sign-in/oidc", **form: str) -> str:
    """Begin, sign in there, and answer where the provider sends the browser."""
    begun = browser.post(path, data=form)
    assert begun.status_code == 303, begun.text
    location: str = httpx.get(begun.headers["location"]).headers["location"]
    return location


def back(browser: TestClient, location: str) -> Any:
    """Come back, from another site."""
    return browser.get(location, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})


def test_whoever_has_a_role_gets_in_and_has_it(browser: TestClient, service: Service, idp: IdentityProvider) -> None:
    page = browser.get("/sign-in")
    assert "Sign in with your organisation" in page.text
    assert f"form-action 'self' {idp.url};" in page.headers["content-security-policy"]
    came = back(browser, to_provider(browser))
    assert came.status_code == 200
    assert came.headers["refresh"] == "0; url=/"
    assert browser.get("/").status_code == 200
    (user,) = users.everybody(service.home)
    assert (user.name, user.roles, user.subject) == ("ada", (Role.REVIEWER,), f"{idp.url} subject-7")

    idp.groups = ["leads", "others"]
    idp.claims = {"preferred_username": "somebody else"}
    back(browser, to_provider(browser))
    (user,) = users.everybody(service.home)  # the subject counts, and the roles are those of now
    assert (user.name, user.roles) == ("ada", (Role.SENIOR,))
    idp.subject, idp.claims = "subject-8", {}
    back(browser, to_provider(browser))
    assert [one.name for one in users.everybody(service.home)] == ["ada", "ada-2"]  # nobody takes over a name
    with service.home.look() as work:
        steps = [entry.event.payload.get("way") for entry in work.log.entries(types=[EventType.LOGIN]) if entry.event]
    assert steps.count("oidc") == 3


def _wrong(**claims: Any) -> dict[str, Any]:
    return claims


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        (_wrong(iss="https://elsewhere.example"), "issuer"),
        (_wrong(aud="another"), "audience"),
        (_wrong(aud=[CLIENT, "another"]), "party"),
        (_wrong(azp="another"), "party"),
        (_wrong(exp=1), "time"),
        (_wrong(iat=1), "time"),
        (_wrong(exp="never"), "time"),
        (_wrong(nonce="another"), "nonce"),
        (_wrong(nonce=None), "nonce"),
        (_wrong(sub=""), "subject"),
        (_wrong(groups=["others"]), "no role|Nobody with a role"),
        (_wrong(groups=None), "Nobody with a role"),
    ],
)
def test_a_claim_that_is_not_what_was_asked_for_lets_nobody_in(
    service: Service, browser: TestClient, idp: IdentityProvider, claims: dict[str, Any], says: str
) -> None:
    idp.claims = claims
    location = to_provider(browser)
    with pytest.raises(RefusedError, match=says):
        assert service.provider is not None
        service.provider.end(
            f"{ADDRESS}/sign-in/oidc/back", _query(location), browser.cookies[f"{service.cookie}-oidc"]
        )
    assert users.everybody(service.home) == ()


def _query(location: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(location).query).items()}


def test_an_answer_works_once_for_the_browser_that_began(browser: TestClient, service: Service) -> None:
    location = to_provider(browser)
    thief = TestClient(create_app(service), ADDRESS, headers=SAME_ORIGIN, follow_redirects=False)
    assert back(thief, location).status_code == 403
    assert back(browser, location).status_code == 200
    assert back(browser, location).status_code == 403
    location = to_provider(browser)
    for changed in ("state=x", "code=x&state=" + _query(location)["state"]):
        assert back(browser, f"/sign-in/oidc/back?{changed}").status_code in (403, 502)
    assert back(browser, location).status_code == 403  # it was used up by the wrong code
    location = to_provider(browser)
    assert back(browser, f"{location}&iss=https://elsewhere.example").status_code == 403
    location = to_provider(browser)
    assert back(browser, f"{location}&error=access_denied").status_code == 403
    assert len(users.everybody(service.home)) == 1


def test_only_the_providers_own_keys_count(browser: TestClient, service: Service, idp: IdentityProvider) -> None:
    idp.signer = RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)
    assert back(browser, to_provider(browser)).status_code == 403
    idp.key = idp.signer  # it has changed its key: that is looked at anew
    assert back(browser, to_provider(browser)).status_code == 200


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "https://elsewhere.example/token"},
        {"authorization_endpoint": "http://elsewhere.example/authorize"},
        {"jwks_uri": ""},
    ],
)
def test_a_provider_that_leads_elsewhere_is_not_followed(
    browser: TestClient, idp: IdentityProvider, described: dict[str, str]
) -> None:
    idp.described = described
    answer = browser.post("/sign-in/oidc")
    assert answer.status_code == 502
    assert all(asked.path.startswith(("/.well-known", "/keys")) for asked in idp.asked)


def test_a_disabled_user_stays_out(browser: TestClient, service: Service) -> None:
    back(browser, to_provider(browser))
    users.disable(service.home, "ada", by="operator")
    assert browser.get("/").status_code == 303
    assert back(browser, to_provider(browser)).status_code == 403


def test_a_fresh_proof_is_for_one_act_of_one_session(
    browser: TestClient, service: Service, idp: IdentityProvider
) -> None:
    back(browser, to_provider(browser))
    asked = browser.post("/step-up/begin", json={"act": ACT}, headers={"accept": "application/json"})
    assert (asked.status_code, asked.json()["code"]) == (409, "state.provider")
    location = to_provider(browser, "/step-up/oidc", act=ACT, after="/queue")
    sent = next(asked for asked in reversed(idp.asked) if asked.path == "/authorize").query
    assert (sent["prompt"], sent["max_age"], sent["nonce"].partition(".")[0]) == ("login", "0", ACT)
    came = back(browser, location)
    assert came.headers["refresh"] == "0; url=/queue"
    assert _proofs(service) == [ACT]

    for claims in ({"auth_time": int(time.time()) - 600}, {"auth_time": None}, {"sub": "somebody-else"}):
        idp.claims = claims
        assert back(browser, to_provider(browser, "/step-up/oidc", act="cd" * 32)).status_code == 403
    idp.claims = {}
    came = back(browser, to_provider(browser, "/step-up/oidc", act=ACT, after="//elsewhere.example"))
    assert came.headers["refresh"] == "0; url=/"
    assert _proofs(service) == [ACT]


def _proofs(service: Service) -> list[str]:
    from sqlalchemy import select

    from firstlight.store.tables import StepUp

    with service.home.look() as work:
        return list(work.session.scalars(select(StepUp.act_sha256)))


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"oidc.issuer": "http://elsewhere.example"}, "https only"),
        ({"oidc.client_id": ""}, "not whole"),
        ({"oidc.roles": ()}, "not whole"),
        ({"oidc.roles": ("reviewers",)}, "GROUP=ROLE"),
        ({"oidc.roles": ("reviewers=king",)}, "no role"),
    ],
)
def test_settings_that_are_not_whole_stop_the_start(tmp_path: Path, flags: dict[str, Any], says: str) -> None:
    whole = {"oidc.issuer": "https://id.example.org", "oidc.client_id": "c", "oidc.roles": ("r=reviewer",)}
    with (
        Home.open(tmp_path / "home", given=Given(flags={**whole, **flags})) as home,
        pytest.raises(InputError, match=says),
    ):
        oidc.provider(home)
