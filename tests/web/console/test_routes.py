"""Each address of the console over plain HTTP: who may call it, what it refuses, and that a page claims nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from casework.making import case_of, jpeg, put, report_it, take_in, upload
from firstlight.casework import acts, cases, exposure, holds, jobs, review, routing
from firstlight.casework.home import Home
from firstlight.casework.review import Finding
from firstlight.errors import InputError
from firstlight.media import Cage
from firstlight.web.access.policy import GRANTS, Permission, Role
from firstlight.web.console.numbers import spans
from firstlight.web.service import Service
from web.conftest import SignedInAs

PAGES = {
    "/next": Permission.DECIDE,
    "/queue": Permission.QUEUE_READ,
    "/reports": Permission.FILINGS_READ,
    "/search": Permission.SEARCH,
    "/banks": Permission.BANKS_READ,
    "/custody": Permission.CUSTODY_READ,
    "/figures": Permission.DASHBOARD,
    "/approvals": Permission.APPROVE,
    "/jobs": Permission.JOBS,
    "/users": Permission.USERS,
    "/cases/1": Permission.CASES_READ,
    "/cases/1/bundle": Permission.CASES_READ,
    "/cases/1/decide": Permission.DECIDE,
    "/cases/1/decided": Permission.DECIDE,
    "/cases/1/report": Permission.FILINGS_READ,
    "/settings": Permission.SELF,
    "/help": Permission.SELF,
    "/break": Permission.SELF,
}
ACTS = {
    "/next": Permission.DECIDE,
    "/break": Permission.DECIDE,
    "/search": Permission.SEARCH,
    "/custody/verify": Permission.CUSTODY_READ,
    "/custody/proof": Permission.CUSTODY_READ,
    "/users": Permission.USERS,
    "/users/nobody/roles": Permission.USERS,
    "/users/nobody/link": Permission.USERS,
    "/users/nobody/disable": Permission.USERS,
    "/approvals/0123456789": Permission.APPROVE,
    "/approvals/production": Permission.APPROVE,
    "/jobs/1/revive": Permission.SETTINGS_WRITE,
    "/jobs/1/discard": Permission.SETTINGS_WRITE,
    "/settings/limits": Permission.DECIDE,
    "/settings/limits/everybody": Permission.SETTINGS_WRITE,
    "/cases/1/judgement": Permission.DECIDE,
    "/cases/1/pass": Permission.DECIDE,
    "/cases/1/opinion": Permission.DECIDE,
    "/cases/1/bundle": Permission.DECIDE,
    "/cases/1/check": Permission.DECIDE,
    "/cases/1/decide": Permission.DECIDE,
    "/cases/1/undo": Permission.DECIDE,
    "/cases/1/report": Permission.REPORT,
    "/cases/1/links/join": Permission.DECIDE,
    "/cases/1/links/1": Permission.DECIDE,
    "/cases/1/hold": Permission.HOLDS,
    "/cases/1/hold/1/lift": Permission.HOLDS,
    "/items/1/reveal": Permission.MEDIA_VIEW,
    "/picture/x/hidden": Permission.MEDIA_VIEW,
}
REPORT = {"finding": "report", "why": "As seen.", "conduct": "abuse-material"}


@pytest.fixture
def case(home: Home, cage: Cage, tmp_path: Path) -> int:
    """A case of two copies; another one waits."""
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(1), "other.jpg": jpeg(2)}
    take_in(home, cage, [put(tmp_path / "in", files)], default=upload("u1"))
    return case_of(home, "a.jpg")


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.CUSTODIAN, Role.ADMIN])
def test_a_role_reaches_what_it_is_granted_and_nothing_else(signed_in: SignedInAs, role: Role) -> None:
    browser = signed_in(role)
    for method, table in (("GET", PAGES), ("POST", ACTS)):
        for path, permission in table.items():
            answer = browser.request(method, path, json={} if "reveal" in path or "hidden" in path else None)
            allowed = permission in GRANTS[role]
            assert (answer.status_code != 403 or "refused.permission" not in answer.text) is allowed, (
                path,
                answer.text,
            )


def test_whoever_is_not_signed_in_reaches_nothing(visitor: TestClient) -> None:
    for path in PAGES:
        assert visitor.get(path).headers["location"] == "/sign-in", path
    for path in ACTS:
        assert visitor.post(path).status_code == 401, path
    assert visitor.get("/picture/x", headers={"Accept": "image/*"}).status_code == 401


def test_every_page_has_the_strict_headers(signed_in: SignedInAs) -> None:
    browser = signed_in(Role.SENIOR)
    for path in ("/", "/queue", "/help"):
        answer = browser.get(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
        for word in ("<script>", "style=", "onclick", "http://", "https://"):
            assert word not in answer.text.replace("https://photos.example", ""), (path, word)


def test_a_bundle_is_decided_once_and_named(signed_in: SignedInAs, home: Home, case: int) -> None:
    browser = signed_in(Role.REVIEWER)
    items = [item.item for item in cases.show(home, case).items]
    page = browser.get(f"/cases/{case}/decide").text
    assert f'name="items" value="{spans(items)}"' in page
    answer = browser.post(f"/cases/{case}/decide", data={**REPORT, "items": items})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{case}/decided")
    made = review.decisions(home, case)
    assert {(one.item, one.actor, one.conclusion.finding) for one in made} == {
        (item, "reviewer-1", Finding.REPORT) for item in items
    }
    assert "can be taken back" in browser.get(f"/cases/{case}/decided").text
    assert browser.post(f"/cases/{case}/undo").status_code == 303
    assert review.decisions(home, case) == ()
    assert browser.post(f"/cases/{case}/undo").status_code == 409


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Nothing is concluded yet"),
        ({"finding": "report", "conduct": "abuse-material"}, "why"),
        ({"finding": "report", "why": "x"}, "needs to say what happened"),
        ({**REPORT, "finding": "maybe"}, "finding"),
        ({**REPORT, "classification": "Z9"}, "classification"),
        ({**REPORT, "why": "x" * 4001}, "why"),
    ],
)
def test_a_form_that_is_not_filled_in_says_so_and_keeps_what_is(
    signed_in: SignedInAs, home: Home, case: int, fields: dict[str, str], says: str
) -> None:
    browser = signed_in(Role.REVIEWER)
    item = cases.show(home, case).items[0].item
    answer = browser.post(f"/cases/{case}/decide", data={"items": item, **fields})
    assert answer.status_code == 400
    assert says in answer.text
    assert review.decisions(home, case) == ()


def test_an_item_of_another_case_is_not_decided_here(signed_in: SignedInAs, home: Home, case: int) -> None:
    other = cases.show(home, case_of(home, "other.jpg")).items[0].item
    answer = signed_in(Role.REVIEWER).post(f"/cases/{case}/decide", data={**REPORT, "items": other})
    assert answer.status_code == 409, answer.text


def test_the_live_check_tells_what_is_missing_and_why(signed_in: SignedInAs, home: Home, case: int) -> None:
    browser = signed_in(Role.REVIEWER)
    item = cases.show(home, case).items[0].item
    found = browser.post(f"/cases/{case}/check", data={**REPORT, "items": item, "classification": "A1"}).json()
    (report,) = found["reports"]
    assert not report["may_be_filed"]
    assert {one["kind"] for one in report["findings"]} >= {"untrue", "thin"}
    assert all(one["why"] for one in report["findings"] if one["kind"] == "thin")
    assert browser.post(f"/cases/{case}/check", data={"items": item}).json()["unmet"]


def test_passing_on_and_asking_need_no_reason(signed_in: SignedInAs, home: Home, case: int) -> None:
    browser = signed_in(Role.REVIEWER)
    first = routing.next_case(home, "reviewer-1").case
    assert browser.post(f"/cases/{first}/pass").headers["location"] == "/next"
    second = routing.next_case(home, "reviewer-1").case
    assert second not in (None, first)
    assert browser.post(f"/cases/{second}/opinion", data={"note": "<b>turnip?</b>"}).status_code == 303
    assert "No case for you" in browser.post("/next").text
    senior = signed_in(Role.SENIOR)
    assert f"/cases/{second}" in senior.get("/").text
    senior.post(f"/cases/{second}/judgement", data={"impression": "cannot-tell"})
    assert "&lt;b&gt;turnip?&lt;/b&gt;" in senior.get(f"/cases/{second}").text


def test_a_report_leaves_when_it_cannot_be_undone_any_more(signed_in: SignedInAs, home: Home, case: int) -> None:
    browser = signed_in(Role.REVIEWER)
    report_it(home, case)
    answer = browser.post(f"/cases/{case}/report", data={"destination": "simulator"})
    assert answer.status_code == 409
    assert "can still be undone" in answer.text
    assert browser.post(f"/cases/{case}/report", data={"destination": "somewhere"}).status_code == 409


def test_an_act_is_approved_by_a_second_person_with_a_passkey(signed_in: SignedInAs, home: Home, case: int) -> None:
    first, second = signed_in(Role.CUSTODIAN), signed_in(Role.SENIOR)
    first.post(f"/cases/{case}/hold", data={"authority": "Letter 7", "reason": "Asked for by a court."})
    (hold,) = holds.of_case(home, case)
    assert "Letter 7" in second.get(f"/cases/{case}").text
    lift = f"/cases/{case}/hold/{hold.id.removeprefix('hold-')}/lift"
    asked = first.post(lift, data={"reason": "The court has ended it."})
    assert asked.headers["location"] == "/approvals"
    (waiting,) = acts.waiting_acts(home).acts
    assert "You asked for this" in first.get("/approvals").text
    assert "Approve exactly this" in second.get("/approvals").text
    refused = second.post(f"/approvals/{waiting.sha256}")
    assert refused.status_code == 403
    assert "asks anew who you are" in refused.text
    assert acts.waiting_acts(home).acts[0].approved_by == ""
    acts.approve(home, waiting.sha256, actor="senior-1")  # as after the passkey has signed
    assert first.post(lift, data={"reason": "The court has ended it."}).headers["location"] == f"/cases/{case}"
    assert holds.of_case(home, case)[0].released is not None


def test_a_dead_job_is_seen_by_many_and_revived_by_whoever_runs_the_machine(signed_in: SignedInAs, home: Home) -> None:
    def refuse(_home: Home, _job: jobs.Job) -> None:
        raise InputError("The address is wrong.")

    with home.work() as work:
        number = jobs.enqueue(work, "send-webhook")
    jobs.Worker(home, {"send-webhook": refuse}, name="w").run_once()
    auditor, admin = signed_in(Role.AUDITOR), signed_in(Role.ADMIN)
    seen = auditor.get("/jobs").text
    assert "The address is wrong." in seen
    assert "Try anew" not in seen
    assert "Try anew" in admin.get("/jobs").text
    assert admin.post(f"/jobs/{number}/revive").status_code == 303
    assert jobs.standing(home).waiting == 1
    assert admin.post(f"/jobs/{number}/discard").status_code == 404  # it is dead no more
    assert "No job is dead." in admin.get("/jobs").text


def test_a_reviewers_own_limits_are_told_to_nobody_and_loosened_by_nobody(signed_in: SignedInAs, home: Home) -> None:
    reviewer, admin = signed_in(Role.REVIEWER), signed_in(Role.ADMIN)
    assert reviewer.post("/settings/limits", data={"files_a_day": "7", "no_films": "true"}).status_code == 303
    assert admin.post("/settings/limits/everybody", data={"files_a_day": "900"}).status_code == 303
    in_force = exposure.limits_of(home, "reviewer-1").in_force
    assert (in_force.files_a_day, in_force.moving) == (7, False)
    assert 'value="7"' not in admin.get("/settings").text
    wrong = reviewer.post("/settings/limits", data={"files_a_day": "-1"})
    assert (wrong.status_code, "files_a_day" in wrong.text) == (400, True)


def test_a_new_user_gets_a_link_that_is_shown_once(signed_in: SignedInAs) -> None:
    admin = signed_in(Role.ADMIN)
    made = admin.post("/users", data={"name": "new-1", "roles": ["reviewer", "senior"]})
    assert "http://localhost/enter/" in made.text
    assert "/enter/" not in admin.get("/users").text
    assert admin.post("/users/new-1/roles", data={"roles": "auditor"}).status_code == 303
    assert admin.post("/users/new-1/disable").status_code == 303
    assert "may not sign in" in admin.get("/users").text
    assert admin.post("/users", data={"name": "new-1", "roles": "reviewer"}).status_code == 409
    assert admin.post("/users/admin-1/disable").status_code == 400


def test_nothing_is_served_without_a_cage(signed_in: SignedInAs, service: Service, home: Home, case: int) -> None:
    browser = signed_in(Role.REVIEWER)
    item = cases.show(home, case).items[0].item
    assert browser.post(f"/items/{item}/reveal", json={"edge": 5000}).status_code == 422
    assert browser.post(f"/items/{item}/reveal", json={"edge": 320, "part": 10}).status_code == 422
    assert browser.post("/items/999/reveal", json={}).status_code == 404
    address = browser.post(f"/items/{item}/reveal", json={}).json()["picture"]
    assert browser.get(address).status_code == 409
    report_it(home, case)
    assert browser.post(f"/items/{item}/reveal", json={}).status_code == 409  # decided: not shown again


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "99999999999999999999", "x", "1.5"])
def test_a_number_that_is_none_is_refused_and_harms_nothing(signed_in: SignedInAs, number: str) -> None:
    browser = signed_in(Role.SENIOR)
    for path in (f"/cases/{number}", f"/cases/{number}/decide", f"/cases/{number}/report", f"/custody?case={number}"):
        assert browser.get(path).status_code in (404, 422), path
    assert browser.post(f"/items/{number}/reveal", json={}).status_code in (404, 422)
    assert browser.post("/search", data={"words": number}).status_code == 200
    assert browser.post("/cases/1/bundle", data={"items": number}).status_code in (400, 404)


def test_choosing_nothing_decides_nothing(signed_in: SignedInAs, home: Home, case: int) -> None:
    answer = signed_in(Role.REVIEWER).post(f"/cases/{case}/bundle")
    assert (answer.status_code, "No item was chosen" in answer.text) == (400, True)
    assert review.decisions(home, case) == ()


def test_who_decides_nothing_is_told_the_signs_at_once(signed_in: SignedInAs, case: int) -> None:
    assert "Told after your own judgement" in signed_in(Role.REVIEWER).get(f"/cases/{case}").text
    auditor = signed_in(Role.AUDITOR).get(f"/cases/{case}").text
    assert "Told after your own judgement" not in auditor
    assert "No sign is not a sign" in auditor
