"""The check and the simulator were written apart, from one reference; here they judge the same reports.

A report that the check calls valid is accepted and parses back to itself; whatever fault is in it, both find one.
"""

from __future__ import annotations

import hashlib
import random
import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cybertip.strategies import NOW, descriptions, reports
from firstlight.clock import FixedClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    Draft,
    FileDescription,
    FileDetails,
    Knobs,
    PlannedFile,
    Report,
    Service,
    file_details_from_xml,
    from_xml,
    to_xml,
)
from firstlight.cybertip.checking.invalid import invalid_findings
from firstlight.cybertip.model.annotations import ReportAnnotation
from firstlight.cybertip.schema import SCHEMA_2025_11, SCHEMA_2026
from firstlight.cybertip.simulator.service import Request
from firstlight.errors import InputError
from firstlight.values import Digests

EMPTY = Digests(
    md5=hashlib.md5(b"").hexdigest(), sha1=hashlib.sha1(b"").hexdigest(), sha256=hashlib.sha256(b"").hexdigest(), size=0
)
AUTH = {"authorization": "Basic c2ltdWxhdG9yOnNpbXVsYXRvcg==", "content-type": "text/xml; charset=utf-8"}
QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=120)


def fresh_service(knobs: Knobs | None = None) -> Service:
    """A service at the time of the strategies."""
    return Service({DEMO_CREDENTIALS.username: DEMO_CREDENTIALS.password}, FixedClock(NOW), knobs=knobs)


SERVICE = fresh_service()
LATER = fresh_service(Knobs(schema_in_force=SCHEMA_2026))


def post(path: str, body: bytes, content_type: str = AUTH["content-type"], *, to: Service = SERVICE) -> tuple[int, str]:
    """Response code and whole answer of the simulated service."""
    headers = AUTH | {"content-type": content_type}
    reply = to.handle(Request("POST", f"/ispws/{path}", headers, iter((body,))))
    assert reply is not None
    text = reply.body.decode()
    found = re.search(r"<responseCode>(\d+)<", text)
    assert found is not None
    return int(found[1]), text


def sent_file() -> tuple[int, str]:
    """An open report and a file in it."""
    report = Report.model_validate(
        {
            "incident_summary": {"incident_type": "Child Sex Tourism", "incident_date_time": "2026-01-01T00:00:00Z"},
            "reporter": {"reporting_person": {"email": [{"address": "a@example.com"}]}},
        }
    )
    number = re.search(r"<reportId>(\d+)<", post("submit", to_xml(report))[1])
    assert number is not None
    part = "--b\r\nContent-Disposition: form-data; name="
    form = f'{part}"id"\r\n\r\n{number[1]}\r\n{part}"file"; filename="f"\r\n\r\n\r\n--b--\r\n'
    answer = post("upload", form.encode(), "multipart/form-data; boundary=b")[1]
    file_id = re.search(r"<fileId>(\w+)<", answer)
    assert file_id is not None
    return int(number[1]), file_id[1]


def wrong(report: Report, *files: FileDescription) -> list[str]:
    """The rules of the check that the draft breaks."""
    planned = tuple(PlannedFile(key=str(n), digests=EMPTY, description=f) for n, f in enumerate(files))
    found = invalid_findings(Draft(report=report, files=planned), at=NOW, schema=SCHEMA_2025_11)
    return [f.rule for f in found]


@QUIET
@given(reports())
def test_a_valid_report_is_accepted_and_parses_back_to_itself(report: Report) -> None:
    assert wrong(report) == []
    xml = to_xml(report)
    assert from_xml(xml) == report
    assert post("submit", xml)[0] == 0, post("submit", xml)[1]


@settings(QUIET, max_examples=40)
@given(reports())
def test_what_was_added_in_2026_is_taken_by_that_schema_alone(report: Report) -> None:
    known = report.incident_summary.report_annotations or ()
    summary = report.incident_summary.model_copy(
        update={"report_annotations": (*known, ReportAnnotation.INFORMATIONAL)}
    )
    newer = report.model_copy(update={"incident_summary": summary})
    xml = to_xml(newer, SCHEMA_2026)
    assert from_xml(xml) == newer
    for schema, rules, codes in (
        (SCHEMA_2026, [], {0}),
        (SCHEMA_2025_11, ["invalid.not-in-schema"], {4100}),
    ):
        draft = Draft(report=newer, files=())
        assert [f.rule for f in invalid_findings(draft, at=NOW, schema=schema)] == rules
        assert {post("submit", xml, to=LATER if schema is SCHEMA_2026 else SERVICE)[0]} == codes


@QUIET
@given(descriptions())
def test_a_valid_description_is_accepted_and_parses_back_to_itself(description: FileDescription) -> None:
    details = FileDetails.of(*sent_file(), description)
    xml = to_xml(details)
    assert file_details_from_xml(xml) == details
    code, answer = post("fileinfo", xml)
    assert code == 0, answer


@QUIET
@given(reports(wild=True), descriptions(wild=True))
def test_a_draft_is_the_same_after_a_journey_as_json(report: Report, description: FileDescription) -> None:
    draft = Draft(report=report, files=(PlannedFile(key="a", digests=EMPTY, description=description),))
    assert Draft.from_json(draft.to_json()) == draft
    assert Draft.from_json(draft.to_json()).to_json() == draft.to_json()


@QUIET
@given(reports(wild=True))
def test_check_and_simulator_agree_on_any_report(report: Report) -> None:
    rules = wrong(report)
    if "invalid.control-characters" in rules:
        with pytest.raises(InputError, match="XML cannot carry"):
            to_xml(report)
        return
    code, answer = post("submit", to_xml(report))
    assert (code != 0) == bool(rules), (rules, answer)
    assert code in (0, 4100)


@QUIET
@given(descriptions(wild=True))
def test_check_and_simulator_agree_on_any_description(description: FileDescription) -> None:
    (minimal,) = [r for r in [Report.model_validate(MINIMAL)] if wrong(r) == []]
    rules = wrong(minimal, description)
    details = FileDetails.of(*sent_file(), description)
    if "invalid.control-characters" in rules:
        with pytest.raises(InputError, match="XML cannot carry"):
            to_xml(details)
        return
    code, answer = post("fileinfo", to_xml(details))
    assert (code != 0) == bool(rules), (rules, answer)


MINIMAL = {
    "incident_summary": {"incident_type": "Child Sex Tourism", "incident_date_time": datetime(2026, 1, 1, tzinfo=UTC)},
    "reporter": {"reporting_person": {"email": [{"address": "a@example.com"}]}},
}

_TAG = re.compile(r"<(/?)(\w+)([^>]*)>")


def _damaged(xml: str, chance: random.Random) -> str:
    """The document with one thing wrong: an element lost, doubled, moved, renamed, a value or an attribute spoiled."""
    leaves = list(re.finditer(r"<(\w+)([^>]*)>([^<]*)</\1>", xml))
    leaf = chance.choice(leaves)
    name, attributes, text = leaf.groups()
    start, end = leaf.span()
    match chance.randrange(7):
        case 0:
            return xml[:start] + xml[end:]
        case 1:
            return xml[:end] + leaf.group() + xml[end:]
        case 2:
            other = chance.choice(leaves)
            return xml[: other.start()] + leaf.group() + xml[other.start() :]
        case 3:
            return f"{xml[:start]}<{name}x{attributes}>{text}</{name}x>{xml[end:]}"
        case 4:
            spoiled = chance.choice(["", " ", "maybe", "2026-01-01T00:00:00", "-1", "Foo", "1e5", "2026-13-01"])
            return f"{xml[:start]}<{name}{attributes}>{spoiled}</{name}>{xml[end:]}"
        case 5:
            return f'{xml[:start]}<{name}{attributes} zzz="1">{text}</{name}>{xml[end:]}'
        case _:
            return f"{xml[:start]}<{name}{attributes}>{text}{xml[end:]}"


@QUIET
@given(reports(), st.integers(0, 2**32))
def test_both_refuse_a_document_with_one_thing_wrong(report: Report, seed: int) -> None:
    xml = to_xml(report).decode()
    damaged = _damaged(xml, random.Random(seed)).encode()
    code, answer = post("submit", damaged)
    try:
        ours = wrong(from_xml(damaged))
    except InputError as e:
        ours = [str(e)]
    assert (code != 0) == bool(ours), (ours, answer, damaged)
    assert code in (0, 4100, 4110)
