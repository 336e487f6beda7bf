"""Every form of every page: a refused one comes back with all that was typed, and says what is wrong at its field."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from casework.making import case_of, jpeg, put, take_in, upload
from firstlight.banks import NewEntry
from firstlight.casework import banking, destinations, holds, review
from firstlight.casework.destinations import Outside, Settings
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion
from firstlight.errors import StateError
from firstlight.media import Cage
from firstlight.values import BankPurpose
from firstlight.web.access import users
from firstlight.web.access.policy import Role
from firstlight.web.callers import Caller, Require
from web.conftest import SignedInAs
from web.console.test_routes import ACTS

TYPED = "Typed <by> hand & kept"


@dataclass
class Field:
    """A field of a form: what kind, what stands in it or may, and how it is marked."""

    kind: str
    value: str = ""
    options: list[str] = field(default_factory=list)
    attributes: dict[str, str | None] = field(default_factory=dict)


@dataclass
class Form:
    """A form of a page: `fields` are those that somebody fills in, `hidden` goes along."""

    action: str
    fields: dict[str, Field] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page that are sent by POST, by their addresses, as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, Form] = {}
        self.ids: set[str] = set()
        self._form: Form | None = None
        self._open: tuple[str, Field] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = dict(attrs)
        self.ids.add(at.get("id") or "")
        name, kind, value = at.get("name") or "", at.get("type") or tag, at.get("value") or ""
        if tag == "form":
            self._form = Form(at.get("action") or "") if at.get("method") == "post" else None
            if self._form is not None and self._form.action not in self.found:
                self.found[self._form.action] = self._form
        elif self._form is None:
            return
        elif tag == "option" and self._open:
            self._open[1].options.append(value)
            if "selected" in at:
                self._open[1].value = value
        elif kind == "hidden":
            self._form.hidden[name] = value
        elif tag in ("textarea", "select"):
            self._open = (name, Field(kind, attributes=at))
            self._form.fields[name] = self._open[1]
        elif tag == "input":
            one = self._form.fields.setdefault(name, Field(kind, attributes=at))
            one.options.append(value)
            if kind not in ("radio", "checkbox") or "checked" in at:
                one.value = value

    def handle_data(self, data: str) -> None:
        if self._open and self._open[1].kind == "textarea":
            self._open[1].value += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("textarea", "select"):
            self._open = None
        elif tag == "form":
            self._form = None


@pytest.fixture
def case(home: Home, cage: Cage, tmp_path: Path) -> int:
    """A house in which every form stands on some page."""
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(1), "decided.jpg": jpeg(2)}
    take_in(home, cage, [put(tmp_path / "in", files)], default=upload("u1"))
    case, other = case_of(home, "a.jpg"), case_of(home, "decided.jpg")
    assert (case, other) == (1, 2)
    banking.create_bank(home, "roots", BankPurpose.KNOWN)
    banking.add_entries(home, "roots", [NewEntry(key="leek/7", md5="5d" * 16)])
    users.add(home, "ada", [Role.ADMIN])
    holds.put_on(home, case, authority="Letter 7", reason="Asked for by a court.", actor="ada")
    hold = holds.put_on(home, other, authority="Letter 8", reason="Asked for by a court.", actor="ada")
    holds.lift(home, int(hold.id.removeprefix("hold-")), reason="The court has ended it.", actor="ada")
    report = Conclusion.of(finding="report", why="As seen.", conduct="abuse-material")
    review.decide(home, other, report, actor="everybody", items=[3])
    real = Settings(url="https://service.invalid/ispws", username="esp-17", organisation="P", registration_id="17")
    destinations.keep(home, Outside.PRODUCTION, real, "a password", actor="ada")
    return case


@pytest.fixture
def everybody(signed_in: SignedInAs) -> TestClient:
    """Somebody who may do everything."""
    return signed_in(*Role, name="everybody")


PAGES = (
    *("/", "/next", "/cases/1", "/cases/1/bundle", "/cases/1/decide", "/cases/2", "/cases/2/decided"),
    *("/cases/2/report", "/search", "/banks/roots", "/custody", "/approvals", "/jobs", "/users", "/settings"),
    *("/account", "/break"),
)


def _forms(browser: TestClient) -> dict[str, Form]:
    found: dict[str, Form] = {}
    for page in PAGES:
        answer = browser.get(page)
        assert answer.status_code == 200, page
        found |= Forms(answer.text).found
    entry = browser.post("/banks/roots/find", data={"key": "leek/7"})
    return found | Forms(entry.text).found


def _filled(form: Form) -> dict[str, str]:
    """Something else than what stands there, in every field."""
    values = {}
    for name, one in form.fields.items():
        if one.options and one.kind in ("radio", "checkbox", "select"):
            values[name] = one.options[-1]
        else:
            values[name] = "17" if one.kind == "number" else TYPED
    return values


def test_every_refused_form_comes_back_as_it_was_filled_in(
    everybody: TestClient, case: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = _forms(everybody)
    known = Require.__call__

    def faster(self: Require, request: Request) -> Caller:
        caller = known(self, request)
        if request.method == "POST":
            raise StateError("Somebody else was faster.", hint="Look again.")
        return caller

    monkeypatch.setattr(Require, "__call__", faster)
    tried = set()
    for action, form in forms.items():
        typed = _filled(form)
        answer = everybody.post(action, data={**form.hidden, **typed})
        assert answer.status_code == 409, action
        assert "Somebody else was faster." in answer.text, action
        if not typed:
            continue
        tried.add(action)
        assert "<title>Not done: " in answer.text, action
        assert 'role="alert"' in answer.text, action
        again = Forms(answer.text).found
        assert action in again, action
        assert {name: again[action].fields[name].value for name in typed} == typed, action
        assert again[action].hidden == form.hidden, action
    assert tried >= {
        *("/cases/1/judgement", "/cases/1/opinion", "/cases/1/hold", "/cases/1/hold/1/lift", "/cases/1/decide"),
        *("/cases/2/report", "/search", "/banks/roots/note", "/banks/roots/find", "/banks/roots/opinion"),
        *("/banks/roots/switch", "/banks/roots/delete", "/custody/proof", "/approvals/production", "/users"),
        *("/users/ada/roles", "/settings/limits", "/settings/limits/everybody"),
    }


def test_every_address_that_takes_a_form_has_one(everybody: TestClient, case: int) -> None:
    known = {action.replace("ada", "nobody").replace("/cases/2/", "/cases/1/") for action in _forms(everybody)}
    where_linked = {"/cases/1/links/1", "/cases/1/links/join"}
    sent_by_scripts = {"/cases/1/check", "/items/1/reveal", "/picture/x/hidden", "/cases/1/undo"}
    shown_by_act = {"/approvals/0123456789", "/jobs/1/revive", "/jobs/1/discard"}
    assert set(ACTS) - sent_by_scripts - shown_by_act - where_linked <= known


AT_FIELDS = (
    ("/users", {"name": "Not A Name", "roles": "auditor"}, "name"),
    ("/users", {"name": "everybody", "roles": "auditor"}, "name"),
    ("/settings/limits", {"files_a_day": "40", "break_minutes": "0"}, "break_minutes"),
    ("/settings/limits/everybody", {"files_a_day": "many", "severe_a_day": "9"}, "files_a_day"),
    ("/cases/1/hold", {"authority": " ", "reason": "A reason that is long enough."}, "authority"),
    ("/cases/1/hold", {"authority": "Letter 9", "reason": "short"}, "reason"),
    ("/cases/1/hold/1/lift", {"reason": "short"}, "reason"),
    ("/cases/1/opinion", {"note": "x" * 5000}, "note"),
    ("/cases/1/decide", {"finding": "report", "why": " ", "escalation": TYPED}, "why"),
    ("/cases/1/decide", {"finding": "report", "why": TYPED, "escalation": "x" * 3001}, "escalation"),
    ("/search", {"words": "x" * 400}, "words"),
    ("/banks/roots/delete", {"name": "rots", "why": TYPED}, "name"),
    ("/banks/roots/switch", {"on": "false", "why": " "}, "why"),
    ("/banks/roots/opinion", {"key": "leek/7", "act": "deny", "why": " "}, "why"),
    ("/banks/roots/note", {"owner": "x" * 201, "licence": TYPED}, "owner"),
    ("/banks/roots/find", {"key": "turnip"}, "key"),
    ("/custody/proof", {"seq": "99999"}, "seq"),
    ("/custody/proof", {"seq": "none"}, "seq"),
    ("/approvals/production", {"why": " "}, "why"),
)
BESIDE_CHOICES = (
    ("/users", {"name": "bob"}, "No role is named."),
    ("/users/ada/roles", {"other": ""}, "No role is named."),
    ("/cases/1/decide", {"why": TYPED}, "Nothing is concluded yet."),
)


def test_what_is_wrong_is_said_at_its_field(everybody: TestClient, case: int, subtests: pytest.Subtests) -> None:
    for action, fields, wrong in AT_FIELDS:
        with subtests.test(action=action, wrong=wrong):
            answer = everybody.post(action, data=fields)
            assert answer.status_code in (400, 404, 409, 422)
            page = Forms(answer.text)
            form = page.found[action]
            at = form.fields[wrong].attributes
            assert at["aria-invalid"] == "true"
            assert "autofocus" in at
            said = (at["aria-describedby"] or "").split()
            assert said[-1].endswith(f"{wrong}-wrong")
            assert set(said) <= page.ids
            typed = {name: value for name, value in fields.items() if name in form.fields}
            assert {name: form.fields[name].value.strip() for name in typed} == {n: v.strip() for n, v in typed.items()}
            assert answer.text.count('aria-invalid="true"') == 1


def test_of_choices_the_words_beside_them_have_the_focus(everybody: TestClient, case: int) -> None:
    for action, fields, words in BESIDE_CHOICES:
        page = everybody.post(action, data=fields).text
        assert f'tabindex="-1" autofocus>{words}' in page, action


def test_a_decision_that_came_too_late_keeps_its_words(everybody: TestClient, home: Home, case: int) -> None:
    """A colleague has decided it meanwhile: what was written is not lost with the form."""
    items = [1, 2]
    review.decide(home, case, Conclusion.of(finding="not-reportable", why="A turnip."), actor="bob", items=items)
    fields = {"finding": "report", "why": TYPED, "conduct": "abuse-material", "items": items}
    answer = everybody.post(f"/cases/{case}/decide", data=fields)
    assert answer.status_code == 409
    assert "Typed &lt;by&gt; hand &amp; kept" in answer.text


def test_no_page_is_shown_again_to_whoever_may_not_see_it(signed_in: SignedInAs, home: Home, case: int) -> None:
    auditor = signed_in(Role.AUDITOR)
    refused = auditor.post("/users", data={"name": "bob", "roles": "admin"})
    assert refused.status_code == 403
    assert "bob" not in refused.text
    assert "Pseudonym" not in refused.text


def test_machines_are_told_in_a_document(everybody: TestClient, case: int) -> None:
    answer = everybody.post("/users", data={"name": "Not A Name"}, headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["facts"]["field"] == "name"
