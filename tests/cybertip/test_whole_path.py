"""From the facts of a case to a receipt, over a real connection on loopback."""

from __future__ import annotations

from cybertip.small_case import BYTES, digests, open_bytes
from firstlight.clock import FixedClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    Client,
    Draft,
    FilingState,
    MemoryJournal,
    MemoryRecord,
    Simulator,
    check,
    file_details_from_xml,
    file_report,
    from_xml,
    to_xml,
)


def test_a_case_becomes_a_receipt(draft: Draft, record: MemoryRecord, clock: FixedClock, simulator: Simulator) -> None:
    findings = check(draft, record, at=clock.now())
    assert findings.may_be_filed
    assert findings.findings == ()
    assert findings.completeness == 100
    journal = MemoryJournal()
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        filing = file_report(client, draft, open_bytes, record=record, journal=journal, clock=clock)
    (received,) = simulator.reports()
    assert filing.state is FilingState.FINISHED
    assert filing.receipt is not None
    assert filing.receipt.report_id == received.report_id > 2**32
    assert filing.receipt.file_list == "verified"
    assert [f.key for f in filing.receipt.files] == ["harbour", "log"]
    assert filing.receipt.request_id == simulator.log()[-1].request_id
    assert from_xml(received.xml.encode()) == draft.report
    assert {f.sha256 for f in received.files.values()} == {digests(b).sha256 for b in BYTES.values()}


def test_identifiers_arrive_as_they_are(
    draft: Draft, record: MemoryRecord, clock: FixedClock, simulator: Simulator
) -> None:
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        file_report(client, draft, open_bytes, record=record, journal=MemoryJournal(), clock=clock)
    (received,) = simulator.reports()
    assert "<espIdentifier>007</espIdentifier>" in received.xml
    assert "<screenName>0123</screenName>" in received.xml
    (user,) = from_xml(received.xml.encode()).person_or_user_reported
    assert (user.esp_identifier, user.screen_name) == ("007", "0123")


def test_viewed_is_said_as_recorded_and_for_each_file(
    draft: Draft, record: MemoryRecord, clock: FixedClock, simulator: Simulator
) -> None:
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        file_report(client, draft, open_bytes, record=record, journal=MemoryJournal(), clock=clock)
    (received,) = simulator.reports()
    details = [file_details_from_xml((f.details or "").encode()) for f in received.files.values()]
    assert [d.file_viewed_by_esp for d in details] == [True, False]
    assert [d.exif_viewed_by_esp for d in details] == [False, False]
    assert [d.is_supplemental for d in details] == [False, True]
    assert to_xml(details[0]).startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<fileDetails>')


def test_a_filed_report_is_not_filed_again(
    draft: Draft, record: MemoryRecord, clock: FixedClock, simulator: Simulator
) -> None:
    journal = MemoryJournal()
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        first = file_report(client, draft, open_bytes, record=record, journal=journal, clock=clock)
        asked = len(simulator.log())
        second = file_report(client, draft, open_bytes, record=record, journal=journal, clock=clock)
    assert first == second
    assert len(simulator.log()) == asked
