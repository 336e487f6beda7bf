"""A draft that has not the form of one: all faults at once, in the service's words."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cybertip.test_same_verdict import MINIMAL, post
from firstlight.clock import FixedClock
from firstlight.cybertip import Draft, Findings, MemoryRecord, Report, to_xml
from firstlight.cybertip.checking.structure import MAX_JSON_BYTES, check_json
from firstlight.errors import InputError


def checked(clock: FixedClock, **changes: Any) -> Findings:
    """The check of a minimal draft with other parts."""
    report = Report.model_validate(MINIMAL).model_dump(mode="json") | changes
    return check_json(json.dumps({"report": report}).encode(), MemoryRecord(), at=clock.now())


def test_a_whole_draft_is_checked_as_ever(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    assert check_json(draft.to_json(), record, at=clock.now()).findings == ()


def test_all_faults_of_form_are_found_at_once(clock: FixedClock) -> None:
    summary = {"incident_type": "Foo", "incident_date_time": "2026-01-01T00:00:00", "plattform": "x"}
    suspect = {"esp_identifier": 7}
    findings = checked(clock, incident_summary=summary, person_or_user_reported=[suspect], reporter={})
    assert not findings.may_be_filed
    assert {(f.rule.removeprefix("invalid.form."), f.where) for f in findings.findings} == {
        ("enum", "report/incidentSummary/incidentType"),
        ("timezone-aware", "report/incidentSummary/incidentDateTime"),
        ("extra-forbidden", "report/incidentSummary/plattform"),
        ("string-type", "report/personOrUserReported[1]/espIdentifier"),
        ("missing", "report/reporter/reportingPerson"),
    }


def test_the_wording_of_a_wrong_value_is_the_services(clock: FixedClock) -> None:
    xml = to_xml(Report.model_validate(MINIMAL)).replace(b"Child Sex Tourism", b"Child sex tourism")
    said = re.search(r"cvc-.*enumeration\.", post("submit", xml)[1])
    assert said is not None
    summary = {"incident_type": "Child sex tourism", "incident_date_time": "2026-01-01T00:00:00Z"}
    (finding,) = checked(clock, incident_summary=summary).findings
    assert finding.server == said[0]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[1"])
def test_what_is_no_json_is_an_input_error(clock: FixedClock, data: bytes) -> None:
    with pytest.raises(InputError, match="no JSON document"):
        check_json(data, MemoryRecord(), at=clock.now())


def test_too_long_a_draft_is_not_read(clock: FixedClock) -> None:
    with pytest.raises(InputError, match="at most"):
        check_json(b" " * (MAX_JSON_BYTES + 1), MemoryRecord(), at=clock.now())
