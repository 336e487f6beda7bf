"""Banks on screen: noted, switched off and on, deleted, and their entries confirmed and denied, each with a reason."""

from __future__ import annotations

import pytest

from firstlight.banks import NewEntry
from firstlight.casework import banking
from firstlight.custody import EventType
from firstlight.values import BankPurpose
from firstlight.web.access.policy import Role
from firstlight.web.service import Service
from web.conftest import SignedInAs

A = "0f" * 32


@pytest.fixture(autouse=True)
def bank(service: Service) -> None:
    """A bank of two entries."""
    banking.create_bank(service.home, "roots", BankPurpose.KNOWN)
    entries = [NewEntry(key="carrot", pdq=A, note="from the list"), NewEntry(key="leek/7", md5="5d" * 16)]
    banking.add_entries(service.home, "roots", entries)


def test_a_bank_is_noted_switched_and_deleted_with_a_reason(signed_in: SignedInAs, service: Service) -> None:
    browser, library = signed_in(Role.SENIOR), service.home.library
    assert 'href="/banks/roots"' in browser.get("/banks").text
    written = browser.post("/banks/roots/note", data={"owner": "Gardens", "licence": "ours", "note": "Ask <Ada>."})
    assert written.status_code == 303
    assert (library.bank("roots").owner, library.bank("roots").note) == ("Gardens", "Ask <Ada>.")
    assert "Ask &lt;Ada&gt;." in browser.get("/banks/roots").text
    assert browser.post("/banks/roots/switch", data={"on": "false", "why": " "}).status_code == 400
    assert browser.post("/banks/roots/switch", data={"on": "false", "why": "the agreement ended"}).status_code == 303
    assert not library.bank("roots").enabled
    assert "the agreement ended" in browser.get("/banks/roots").text
    browser.post("/banks/roots/switch", data={"on": "true", "why": "a new one"})
    assert library.bank("roots").enabled
    for data in ({"name": "root", "why": "x"}, {"name": "roots", "why": ""}, {}):
        assert browser.post("/banks/roots/delete", data=data).status_code == 400
    assert browser.post("/banks/roots/delete", data={"name": "roots", "why": "over"}).status_code == 303
    assert library.banks() == ()
    assert browser.get("/banks/roots").status_code == 404
    with service.home.look() as work:
        said = [entry.event for entry in work.log.entries(types=[EventType.BANK_DELETED])]
    assert said[0] is not None
    assert said[0].actor == "senior-1"


def test_an_entry_is_confirmed_denied_restored_and_noted(signed_in: SignedInAs, service: Service) -> None:
    browser, library = signed_in(Role.SENIOR), service.home.library
    shown = browser.post("/banks/roots/find", data={"key": " carrot "}).text
    assert "from the list" in shown
    assert A not in shown  # its first digits alone
    assert browser.post("/banks/roots/find", data={"key": "none"}).status_code == 404
    for act, standing in (("confirm", "confirmed"), ("deny", "denied"), ("restore", "active")):
        assert browser.post("/banks/roots/opinion", data={"key": "carrot", "act": act}).status_code == 400
        said = browser.post("/banks/roots/opinion", data={"key": "carrot", "act": act, "why": "looked at it"})
        assert said.status_code == 200
        assert library.entry("roots", "carrot").standing.value == standing
    browser.post("/banks/roots/opinion", data={"key": "leek/7", "act": "note", "why": "seen twice"})
    assert library.entry("roots", "leek/7").house_note == "seen twice"
    assert browser.post("/banks/roots/opinion", data={"key": "carrot", "act": "burn", "why": "x"}).status_code == 422


def test_whoever_only_reads_sees_no_form_and_changes_nothing(signed_in: SignedInAs, service: Service) -> None:
    browser = signed_in(Role.AUDITOR)
    page = browser.get("/banks/roots").text
    assert "/find" in page
    assert "/delete" not in page
    for act in ("note", "switch", "delete", "opinion"):
        form = {"on": "false", "name": "roots", "why": "x", "key": "carrot", "act": "deny"}
        assert browser.post(f"/banks/roots/{act}", data=form).status_code == 403
    assert service.home.library.bank("roots").enabled
