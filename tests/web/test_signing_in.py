"""Who gets in, how, and for how long."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from firstlight.clock import FixedClock
from firstlight.store.tables import Passkey, SignIn, User, WebSession
from firstlight.web.access import sessions, users
from firstlight.web.access.policy import Role
from firstlight.web.access.secrets import digest
from firstlight.web.app import create_app
from firstlight.web.service import Service
from web.conftest import SAME_ORIGIN, SignedInAs


def test_without_a_session_a_page_leads_to_the_sign_in(visitor: TestClient) -> None:
    answer = visitor.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "passkey" in visitor.get("/sign-in").text


def test_a_one_time_link_lets_in_once(service: Service, visitor: TestClient) -> None:
    _, secret = users.add(service.home, "ada", [Role.ADMIN])
    page = visitor.get(f"/enter/{secret}")
    assert secret in page.text
    assert visitor.get("/account").status_code == 303  # looking at the page used nothing up
    entered = visitor.post("/enter", data={"secret": secret})
    assert (entered.status_code, entered.headers["location"]) == (303, "/account")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "go on without one" in visitor.get("/account").text
    visitor.cookies.clear()
    assert visitor.post("/enter", data={"secret": secret}).status_code == 404


def test_a_link_runs_out(service: Service, visitor: TestClient, clock: FixedClock) -> None:
    _, secret = users.add(service.home, "ada", [Role.ADMIN])
    _advance(service, users.LINK_LIFE)
    assert visitor.post("/enter", data={"secret": secret}).status_code == 404


@pytest.mark.parametrize(
    ("quiet", "times", "lasts"),
    [
        (timedelta(minutes=14), 3, True),
        (sessions.IDLE, 1, False),
        (timedelta(minutes=14), 40, False),  # whatever is done, it ends after eight hours
    ],
)
def test_a_session_ends_by_itself(
    service: Service, signed_in: SignedInAs, quiet: timedelta, times: int, lasts: bool
) -> None:
    browser = signed_in(Role.REVIEWER)
    status = 200
    for _ in range(times):
        _advance(service, quiet)
        status = browser.get("/account").status_code
    assert status == (200 if lasts else 303)


def test_only_digests_of_secrets_lie_in_the_database(service: Service, signed_in: SignedInAs) -> None:
    _, link = users.add(service.home, "bob", [Role.AUDITOR])
    browser = signed_in(Role.REVIEWER)
    secret = browser.cookies[service.cookie]
    with service.home.look() as work:
        assert work.session.get(WebSession, digest(secret)) is not None
        assert work.session.get(SignIn, digest(link)) is not None
    data = (service.home.folder / "firstlight.sqlite3").read_bytes()
    wal = (service.home.folder / "firstlight.sqlite3-wal").read_bytes()
    assert secret.encode() not in data + wal
    assert link.encode() not in data + wal


def test_signing_out_everywhere_ends_every_session(service: Service, signed_in: SignedInAs) -> None:
    browser = signed_in(Role.REVIEWER)
    with service.home.work() as work:
        user = users.one(service.home, "reviewer-1")
        row = work.session.get_one(User, user.id)
        other = sessions.begin(work, row, sessions.Way.PASSKEY)
    assert browser.post("/sign-out", data={"everywhere": "true"}).headers["location"] == "/sign-in"
    assert sessions.whose(service.home, other) is None
    assert browser.get("/account").status_code == 303


def test_the_oldest_of_too_many_sessions_ends(service: Service, signed_in: SignedInAs) -> None:
    first = signed_in(Role.REVIEWER)
    for _ in range(sessions.MOST):
        _advance(service, timedelta(seconds=1))
        with service.home.work() as work:
            sessions.begin(work, work.session.get_one(User, 1), sessions.Way.PASSKEY)
    assert first.get("/account").status_code == 303


def test_a_disabled_user_is_out_at_once(service: Service, signed_in: SignedInAs) -> None:
    browser = signed_in(Role.REVIEWER)
    users.disable(service.home, "reviewer-1", by="ada")
    assert browser.get("/account").status_code == 303


def test_roles_count_from_the_next_request_on(service: Service, signed_in: SignedInAs) -> None:
    browser = signed_in(Role.REVIEWER)
    assert "reviewer" in browser.get("/").text
    users.change(service.home, "reviewer-1", [Role.AUDITOR], by="ada")
    assert "auditor" in browser.get("/").text


@pytest.mark.parametrize("address", ["/account", "/"])
@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "", "origin": "http://localhost"}, False),
    ],
)
def test_reading_is_open_to_links_from_elsewhere_and_changing_is_not(
    signed_in: SignedInAs, address: str, headers: dict[str, str], passes: bool
) -> None:
    browser = signed_in(Role.REVIEWER)
    assert browser.get(address, headers=headers).status_code == 200
    changed = browser.post("/sign-out", headers=headers)
    assert changed.status_code == (303 if passes else 403)


def test_a_browser_that_does_not_say_where_it_is_must_come_from_this_host(signed_in: SignedInAs) -> None:
    browser = signed_in(Role.REVIEWER)
    del browser.headers["sec-fetch-site"]
    assert browser.post("/sign-out", headers={"origin": "https://elsewhere.example"}).status_code == 403
    assert browser.post("/sign-out", headers={"origin": "null"}).status_code == 403
    assert browser.post("/sign-out", headers={"origin": "http://["}).status_code == 403
    assert browser.post("/sign-out").status_code == 403  # a cookie and no word of where it comes from
    assert browser.post("/sign-out", headers={"origin": "http://localhost"}).status_code == 303


def test_a_foreign_name_of_the_host_is_refused(visitor: TestClient) -> None:
    for name in ("rebound.example", "[", "[::1", "]"):
        assert visitor.get("/sign-in", headers={"host": name}).status_code == 421
    assert visitor.get("/status/live", headers={"host": "10.0.0.1"}).status_code == 200


def test_every_answer_carries_the_headers(visitor: TestClient) -> None:
    for address in ("/sign-in", "/nowhere", "/status"):
        headers = visitor.get(address).headers
        assert re.match(r"default-src 'none'; img-src 'self';", headers["content-security-policy"])
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_errors_are_pages_for_people_and_problems_for_machines(visitor: TestClient) -> None:
    page = visitor.get("/nowhere")
    assert page.headers["content-type"].startswith("text/html")
    document = visitor.get("/nowhere", headers={"accept": "application/json"})
    assert document.headers["content-type"] == "application/problem+json"
    assert (document.json()["status"], document.json()["code"]) == (404, "not-found")
    assert visitor.get("/account", headers={"accept": "application/json"}).status_code == 401


def test_beyond_this_machine_a_link_is_good_for_a_passkey_alone(service: Service, signed_in: SignedInAs) -> None:
    browser = signed_in(Role.REVIEWER, Role.ADMIN)
    with service.home.work() as work:
        for row in work.session.query(WebSession):
            row.way = sessions.Way.LINK.value
    behind = Service(
        home=service.home,
        settings=service.settings.model_copy(update={"behind_proxy": True, "public_url": "https://review.example.org"}),
    )
    client = TestClient(create_app(behind), "https://review.example.org", headers=SAME_ORIGIN)
    client.cookies.set(behind.cookie, browser.cookies[service.cookie])
    assert behind.cookie == "__Host-firstlight"
    page = client.get("/account")
    assert "Add one to go on" in page.text
    assert "strict-transport-security" in page.headers
    with service.home.look() as work:
        assert work.session.query(Passkey).count() == 0


def _advance(service: Service, by: timedelta) -> None:
    assert isinstance(service.clock, FixedClock)
    service.clock.advance(by)
