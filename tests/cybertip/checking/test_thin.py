"""What an investigator would miss is named, with its reason, and the score is the sum of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firstlight.clock import FixedClock
from firstlight.cybertip import CaseFacts, Draft, FindingKind, Findings, MemoryRecord, check, draft_report
from firstlight.cybertip.drafting.facts import (
    Account,
    Channel,
    Conduct,
    Contact,
    NetworkEvent,
    ReportingParty,
    Sign,
    Where,
)


def checked(case: CaseFacts, clock: FixedClock) -> Findings:
    """The check of a case with nothing recorded."""
    return check(draft_report(case), MemoryRecord(), at=clock.now())


def least(clock: FixedClock, **facts: object) -> CaseFacts:
    """A case of which next to nothing is known."""
    base = {
        "reporter": ReportingParty(email="a@example.com"),
        "conduct": Conduct.MATERIAL,
        "occurred_at": "2026-01-01T00:00:00Z",
    }
    return CaseFacts.model_validate(base | facts)


def test_a_valid_report_may_say_nothing_and_is_then_found_hollow(clock: FixedClock) -> None:
    findings = checked(least(clock), clock)
    assert findings.may_be_filed
    assert {f.rule for f in findings.findings} == {
        "thin.evidence",
        "thin.ip-and-time",
        "thin.port",
        "thin.account",
        "thin.contact",
        "thin.narrative",
        "thin.channel",
    }
    assert findings.completeness == 100 - (20 + 20 + 5 + 15 + 10 + 10 + 5)
    assert all(f.says and f.why and f.do for f in findings.findings)


@pytest.mark.parametrize("name", ["unknown", "N/A", "-", "User", "test", "???"])
def test_what_is_filled_with_nothing_is_called_hollow(clock: FixedClock, name: str) -> None:
    findings = checked(least(clock, suspect=Account(identifier="007", screen_name=name)), clock)
    (hollow,) = [f for f in findings.findings if f.rule == "thin.hollow-text"]
    assert hollow.where == "report/personOrUserReported[1]/screenName"


@pytest.mark.parametrize("ip", ["10.1.2.3", "127.0.0.1", "192.168.1.1", "fe80::1", "::1", "203.0.113.7"])
def test_an_address_that_leads_nowhere_is_called_hollow(clock: FixedClock, ip: str) -> None:
    suspect = Account(identifier="007", events=(NetworkEvent(ip=ip, at=clock.now(), port=1),))
    assert "thin.hollow-ip" in {f.rule for f in checked(least(clock, suspect=suspect), clock).findings}


def test_complete_but_hollow_is_called_so_and_scores_as_what_is_missing(clock: FixedClock) -> None:
    """Every block is filled, and nothing in it leads to anybody."""
    event = NetworkEvent(ip="10.0.0.1", at=datetime(2026, 1, 1, tzinfo=UTC), port=443)
    nothing = Account(identifier="unknown", phones=(Contact(value="n/a"),), events=(event,))
    channel = Channel(where=Where.CHAT, name="chat", text="unknown")
    hollow = checked(least(clock, suspect=nothing, channels=(channel,), narrative="Unknown"), clock)
    rules = {f.rule for f in hollow.findings}
    assert {"thin.hollow", "thin.ip-and-time", "thin.port", "thin.account", "thin.contact", "thin.narrative"} <= rules
    assert hollow.may_be_filed
    empty = checked(least(clock), clock)
    assert hollow.completeness <= empty.completeness
    assert "thin.hollow" not in {f.rule for f in empty.findings}
    (says,) = [f.says for f in hollow.findings if f.rule == "thin.hollow"]
    assert "personOrUserReported" in says


def test_enticement_without_the_child_is_thin_and_urgent_all_the_same(clock: FixedClock) -> None:
    alone = checked(least(clock, conduct=Conduct.ENTICEMENT, signs=(Sign.SEXTORTION,)), clock)
    assert "thin.other-party" in {f.rule for f in alone.findings}
    assert len(alone.urgency) == 2
    known = checked(least(clock, conduct=Conduct.ENTICEMENT, victims=(Account(identifier="child"),)), clock)
    assert "thin.other-party" not in {f.rule for f in known.findings}
    assert known.completeness > alone.completeness


def test_completeness_and_urgency_are_kept_apart(case: CaseFacts, record: MemoryRecord, clock: FixedClock) -> None:
    calm = check(draft_report(case), record, at=clock.now())
    pressed = check(draft_report(case.model_copy(update={"escalation": "He is on his way."})), record, at=clock.now())
    assert calm.completeness == pressed.completeness == 100
    assert (calm.urgency, pressed.urgency) == ((), ("escalated: He is on his way.",))


def test_what_is_not_said_of_a_file_is_thin(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    file = draft.files[0]
    silent = file.description.model_copy(
        update={
            "file_viewed_by_esp": None,
            "publicly_available": None,
            "uploaded_to_esp_timestamp": None,
            "original_file_hash": (),
        }
    )
    bare = draft.model_copy(update={"files": (file.model_copy(update={"description": silent}),)})
    findings = check(bare, record, at=clock.now())
    assert {f.rule for f in findings.of_kind(FindingKind.THIN)} == {
        "thin.viewed-unsaid",
        "thin.upload-time",
        "thin.digest",
        "thin.public-unsaid",
    }


def test_findings_are_a_document(draft: Draft, clock: FixedClock) -> None:
    findings = check(draft, MemoryRecord(), at=clock.now())
    assert Findings.from_json(findings.to_json()) == findings
