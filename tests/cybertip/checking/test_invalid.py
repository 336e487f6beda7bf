"""Each rule of the service, at its edge: the check names the rule and the place, and the simulator refuses it too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cybertip.strategies import NOW
from cybertip.test_same_verdict import MINIMAL, post, sent_file, wrong
from firstlight.cybertip import SCHEMA_2025_11, SCHEMA_2026, FileDescription, FileDetails, Report, to_xml
from firstlight.cybertip.checking.values import schema_findings
from firstlight.errors import InputError

PAST = datetime(2026, 1, 1, tzinfo=UTC)
EMAIL = {"address": "a@example.com"}


def report(**parts: Any) -> Report:
    """The least report that is valid, with other parts."""
    return Report.model_validate(MINIMAL | parts)


def suspect(**fields: Any) -> Report:
    """A report with one suspect."""
    return report(person_or_user_reported=[fields])


def summary(**fields: Any) -> Report:
    """A report with another summary."""
    return report(incident_summary={"incident_type": "Child Sex Tourism", "incident_date_time": PAST} | fields)


def batched(**parts: Any) -> Report:
    """A batched report."""
    return report(
        batched_report={}, person_or_user_reported=[{"esp_identifier": "007"}, {"esp_identifier": "8"}], **parts
    )


IP = {"ip_address": "93.184.216.34"}
CASES = [
    ("too-long", summary(platform="x" * 257), summary(platform="x" * 256)),
    ("not-blank", summary(escalate_to_high_priority=" "), summary(escalate_to_high_priority="now")),
    ("too-long", summary(escalate_to_high_priority="x" * 3001), summary(escalate_to_high_priority="x" * 3000)),
    ("not-past", summary(incident_date_time=NOW), summary(incident_date_time=NOW - timedelta(microseconds=1))),
    ("url", suspect(profile_url=["example.com"]), suspect(profile_url=["https://example.com"])),
    ("url", suspect(profile_url=["https://example.com/a b"]), suspect(profile_url=["https://example.com/a%20b"])),
    ("ip", suspect(ip_capture_event=[{"ip_address": "1.2.3.4:80"}]), suspect(ip_capture_event=[IP])),
    ("range", suspect(ip_capture_event=[IP | {"port": 65536}]), suspect(ip_capture_event=[IP | {"port": 65535}])),
    ("range", suspect(ip_capture_event=[IP | {"port": 0}]), suspect(ip_capture_event=[IP | {"port": 1}])),
    ("too-long", suspect(esp_identifier="0" * 256), suspect(esp_identifier="0" * 255)),
    ("no-report", suspect(prior_ct_reports=[0]), suspect(prior_ct_reports=[2**40])),
    (
        "range",
        suspect(person_or_user_reported_person={"age": 151}),
        suspect(person_or_user_reported_person={"age": 150}),
    ),
    (
        "email",
        suspect(person_or_user_reported_person={"email": [{"address": "x" * 65 + "@example.com"}]}),
        suspect(person_or_user_reported_person={"email": [{"address": "x" * 64 + "@example.com"}]}),
    ),
    (
        "verified",
        suspect(person_or_user_reported_person={"email": [EMAIL | {"verification_date": PAST}]}),
        suspect(person_or_user_reported_person={"email": [EMAIL | {"verification_date": PAST, "verified": True}]}),
    ),
    (
        "calling-code-twice",
        suspect(person_or_user_reported_person={"phone": [{"number": "+1 555", "country_calling_code": "+1"}]}),
        suspect(person_or_user_reported_person={"phone": [{"number": "555", "country_calling_code": "+1"}]}),
    ),
    (
        "calling-code",
        suspect(person_or_user_reported_person={"phone": [{"number": "5", "country_calling_code": "1"}]}),
        suspect(person_or_user_reported_person={"phone": [{"number": "5", "country_calling_code": "+999"}]}),
    ),
    (
        "digits",
        suspect(person_or_user_reported_person={"phone": [{"number": "5", "extension": "1a"}]}),
        suspect(person_or_user_reported_person={"phone": [{"number": "5", "extension": "1234567890"}]}),
    ),
    (
        "location-country",
        suspect(estimated_location={"city": "Reno", "region": "NV"}),
        suspect(estimated_location={"city": "Reno", "region": "NV", "country_code": "US"}),
    ),
    (
        "location-region",
        suspect(estimated_location={"city": "Lyon", "country_code": "FR"}),
        suspect(estimated_location={"country_code": "FR"}),
    ),
    (
        "location-state",
        suspect(estimated_location={"region": "Nevada", "country_code": "US"}),
        suspect(estimated_location={"region": "Auvergne", "country_code": "FR"}),
    ),
    (
        "age-twice",
        suspect(associated_account=[{"type": "Other", "approximate_age": 30, "date_of_birth": "1996-01-01"}]),
        suspect(associated_account=[{"type": "Other", "date_of_birth": "1996-01-01"}]),
    ),
    (
        "notified-before-disabled",
        suspect(
            account_permanently_disabled={
                "disabled": True,
                "disabled_date": PAST,
                "user_notified_date": PAST - timedelta(seconds=1),
            }
        ),
        suspect(account_permanently_disabled={"disabled": True, "disabled_date": PAST, "user_notified_date": PAST}),
    ),
    (
        "reenabled-before-disabled",
        suspect(account_temporarily_disabled={"disabled": True, "disabled_date": PAST, "reenabled_date": PAST}),
        suspect(
            account_temporarily_disabled={
                "disabled": True,
                "disabled_date": PAST,
                "reenabled_date": PAST + timedelta(seconds=1),
            }
        ),
    ),
    (
        "email-without-person",
        report(internet_details=[{"email_incident": {"email_address": [EMAIL]}}]),
        report(
            internet_details=[{"email_incident": {"email_address": [EMAIL]}}],
            victim=[{"victim_person": {"email": [EMAIL]}}],
        ),
    ),
    (
        "reporter-email",
        report(reporter={"reporting_person": {"first_name": "Ada"}}),
        report(reporter={"reporting_person": {"email": [EMAIL]}}),
    ),
    ("several-suspects", report(person_or_user_reported=[{}, {}]), report(person_or_user_reported=[{}])),
]


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CASES)])
def test_each_rule_at_its_edge(rule: str, bad: Report, good: Report) -> None:
    assert wrong(bad) == [f"invalid.{rule}"]
    assert post("submit", to_xml(bad))[0] == 4100
    assert wrong(good) == []
    assert post("submit", to_xml(good))[0] == 0


FILES = [
    ("exif-without-file", {"exif_viewed_by_esp": True}, {"exif_viewed_by_esp": True, "file_viewed_by_esp": True}),
    (
        "supplemental-classification",
        {"file_relevance": "Supplemental Reported", "industry_classification": "A1"},
        {"file_relevance": "Reported", "industry_classification": "A1"},
    ),
    (
        "supplemental-meme",
        {"file_relevance": "Supplemental Reported", "file_annotations": ["potentialMeme"]},
        {"file_relevance": "Supplemental Reported", "file_annotations": ["viral"]},
    ),
    (
        "supplemental-meme",
        {"file_relevance": "Supplemental Reported", "potential_meme": True},
        {"potential_meme": True},
    ),
    ("too-long", {"original_file_name": "x" * 2057}, {"original_file_name": "x" * 2056}),
    (
        "too-long",
        {"details": [{"name_value_pair": [{"name": "x" * 65, "value": ""}]}]},
        {"details": [{"name_value_pair": [{"name": "x" * 64, "value": ""}]}]},
    ),
]


@pytest.mark.parametrize(("rule", "bad", "good"), FILES, ids=[f"{n}-{c[0]}" for n, c in enumerate(FILES)])
def test_each_rule_on_files_at_its_edge(rule: str, bad: dict[str, Any], good: dict[str, Any]) -> None:
    for values, rules in ((bad, [f"invalid.{rule}"]), (good, [])):
        description = FileDescription.model_validate(values)
        assert wrong(report(), description) == rules
        code = post("fileinfo", to_xml(FileDetails.of(*sent_file(), description)))[0]
        assert code == (4100 if rules else 0)


VIRAL = FileDescription.model_validate({"file_annotations": ["viral"]})
BATCHES = [
    ("batch-forbidden", batched(additional_info="x")),
    ("batch-forbidden", batched(additional_info="")),
    ("batch-forbidden", batched(victim=[{}])),
    ("batch-forbidden", batched(intended_recipient=[{}])),
    ("batch-forbidden", batched(law_enforcement={"agency_name": "x"})),
    ("batch-forbidden", batched(internet_details=[{"web_page_incident": {}}])),
    ("batch-user", report(batched_report={}, person_or_user_reported=[{"esp_identifier": "7", "screen_name": "s"}])),
]


@pytest.mark.parametrize(("rule", "bad"), BATCHES)
def test_what_a_batched_report_must_not_hold(rule: str, bad: Report) -> None:
    assert wrong(bad, VIRAL) == [f"invalid.{rule}"]
    assert post("submit", to_xml(bad))[0] == 4100


def test_a_batched_report_names_many_users_and_one_viral_file() -> None:
    assert wrong(batched(), VIRAL) == []
    assert post("submit", to_xml(batched()))[0] == 0
    assert wrong(batched()) == ["invalid.batch-one-file"]
    assert wrong(batched(), VIRAL, VIRAL)[0] == "invalid.batch-one-file"


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({}, "batch-annotation"),
        ({"file_annotations": ["viral", "infant"]}, "batch-forbidden"),
        ({"file_annotations": ["viral"], "file_relevance": "Supplemental Reported"}, "batch-relevance"),
        ({"file_annotations": ["viral"], "original_file_name": "a"}, "batch-forbidden"),
        ({"file_annotations": ["viral"], "additional_info": ["a"]}, "batch-forbidden"),
        ({"potential_meme": True, "ip_capture_event": {"ip_address": "93.184.216.34"}}, "batch-forbidden"),
    ],
)
def test_what_the_file_of_a_batched_report_must_not_say(values: dict[str, Any], rule: str) -> None:
    assert wrong(batched(), FileDescription.model_validate(values)) == [f"invalid.{rule}"]


def test_additions_of_a_later_schema_are_found_and_not_written() -> None:
    later = summary(report_annotations=["informational"])
    (finding,) = schema_findings(later, "report", SCHEMA_2025_11)
    assert finding.where == "report/incidentSummary/reportAnnotations/informational"
    assert finding.server.startswith("cvc-complex-type.2.4.a")
    with pytest.raises(InputError, match="not in the schema in force"):
        to_xml(later)
    assert b"<informational>true</informational>" in to_xml(later, SCHEMA_2026)
    person = suspect(person_or_user_reported_person={"age": 15, "age_assertion_discrepancy": True})
    assert b"<age>15</age><ageAssertionDiscrepancy>true</ageAssertionDiscrepancy>" in to_xml(person, SCHEMA_2026)
    assert list(schema_findings(person, "report", SCHEMA_2026)) == []
