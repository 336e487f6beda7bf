"""What is written is read back as it was, and what is no report is refused with its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from cybertip.test_same_verdict import MINIMAL
from firstlight.cybertip import Report, Schema, from_xml, schema_in_force, to_xml
from firstlight.cybertip.model.codes import COUNTRIES, STATES
from firstlight.cybertip.model.files import Details, FileDescription
from firstlight.cybertip.model.incident import InternetDetails
from firstlight.cybertip.model.report import clean
from firstlight.cybertip.schema import MAX_XSD_BYTES, SCHEMA_2025_11, Addition
from firstlight.cybertip.simulator.description import own_xsd
from firstlight.cybertip.text import escaped, illegal_characters, without_illegal
from firstlight.cybertip.wire import MAX_XML_BYTES, camel_case
from firstlight.errors import InputError

XML = to_xml(Report.model_validate(MINIMAL)).decode()


def suspect(**fields: Any) -> Report:
    """A minimal report with a suspect."""
    return Report.model_validate(MINIMAL | {"person_or_user_reported": [fields]})


@pytest.mark.parametrize(
    "text",
    ["007", "0123", " 1 ", "1e5", "true", "null", "", "a\r\nb\tc", "<&>\"'", "é€😀", "\u0085\u2028", "]]>", "&amp;"],
)
def test_identifiers_come_back_letter_for_letter(text: str) -> None:
    (user,) = from_xml(to_xml(suspect(esp_identifier=text))).person_or_user_reported
    assert user.esp_identifier == text


def test_a_number_is_no_identifier() -> None:
    with pytest.raises(ValidationError, match="valid string"):
        suspect(esp_identifier=7)


def test_a_time_without_zone_is_no_time() -> None:
    summary = {"incident_type": "Child Sex Tourism", "incident_date_time": "2026-01-01T00:00:00"}
    with pytest.raises(ValidationError, match="timezone"):
        Report.model_validate(MINIMAL | {"incident_summary": summary})
    with pytest.raises(InputError, match="no datetime") as e:
        from_xml(XML.replace("00:00:00Z", "00:00:00").encode())
    assert "need a zone" in e.value.diagnostics().hint


def test_times_are_written_in_utc() -> None:
    there = datetime(2026, 1, 1, 5, 30, 0, 250_000, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    summary = {"incident_type": "Child Sex Tourism", "incident_date_time": there}
    xml = to_xml(Report.model_validate(MINIMAL | {"incident_summary": summary}))
    assert b"<incidentDateTime>2026-01-01T00:00:00.25Z</incidentDateTime>" in xml
    assert from_xml(xml).incident_summary.incident_date_time == there.astimezone(UTC)


def test_absent_is_not_written_and_empty_is() -> None:
    assert b"<personOrUserReported></personOrUserReported>" in to_xml(suspect())
    assert b"<screenName></screenName>" in to_xml(suspect(screen_name=""))
    summary = {
        "incident_type": "Child Sex Tourism",
        "incident_date_time": "2026-01-01T00:00:00Z",
        "report_annotations": [],
    }
    report = Report.model_validate(MINIMAL | {"incident_summary": summary})
    assert b"<reportAnnotations></reportAnnotations>" in to_xml(report)
    assert from_xml(to_xml(report)) == report != Report.model_validate(MINIMAL)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("<reporter>", "<reporter><zzz/>", "report/reporter/zzz"),
        ("<report>", "<report a='b'>", "report/@a"),
        ("<report>", "<report>words", "report: text"),
        ("Child Sex Tourism", "Child sex tourism", "report/incidentSummary/incidentType"),
        ("<email>", "<email verified='yes'>", "report/reporter/reportingPerson/email/@verified"),
        ("<incidentType>", "<incidentType><a/>", "report/incidentSummary/incidentType"),
        ("</report>", "<victim/><intendedRecipient/></report>", "report/intendedRecipient"),
        (
            "</report>",
            "<victim><espIdentifier>1</espIdentifier><espIdentifier>2</espIdentifier></victim></report>",
            "espIdentifier",
        ),
    ],
)
def test_what_is_no_report_is_refused_with_its_place(old: str, new: str, place: str) -> None:
    with pytest.raises(InputError) as e:
        from_xml(XML.replace(old, new, 1).encode())
    assert place in str(e.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<report>",
        b"\xff",
        b"<!DOCTYPE report><report/>",
        b'<!DOCTYPE r [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><report>&c;</report>',
        b"<other/>",
        b'<?xml version="1.0" encoding="no-such"?><report/>',
        b" " * (MAX_XML_BYTES + 1),
    ],
    ids=range(8),
)
def test_what_is_no_document_is_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError):
        from_xml(data)


def test_schema_location_is_no_fault() -> None:
    located = '<report xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="x">'
    assert from_xml(XML.replace("<report>", located).encode()) == Report.model_validate(MINIMAL)


@pytest.mark.parametrize("channels", [{}, {"web_page_incident": {}, "chat_im_incident": {}}])
def test_one_channel_in_each_internet_details(channels: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="exactly one channel"):
        InternetDetails.model_validate(channels)


def test_a_meme_is_said_once() -> None:
    with pytest.raises(ValidationError, match="never beside them"):
        FileDescription.model_validate({"potential_meme": True, "file_annotations": ["viral"]})


def test_details_hold_a_pair() -> None:
    with pytest.raises(ValidationError):
        Details(name_value_pair=())


def test_annotations_are_a_set_in_order() -> None:
    description = FileDescription.model_validate({"file_annotations": ["infant", "viral", "infant"]})
    assert description.file_annotations == ("viral", "infant")


@pytest.mark.parametrize("bad", [{"state": "XX"}, {"country": "UK"}, {"country": "us"}])
def test_codes_are_those_of_the_list(bad: dict[str, str]) -> None:
    person = {"address": [bad]}
    with pytest.raises(ValidationError, match="list of"):
        suspect(person_or_user_reported_person=person)
    assert (len(STATES), len(COUNTRIES)) == (55, 258)


def test_illegal_characters_are_named_and_removed() -> None:
    text = "a\x00b\x0b\ufffe\x00\ud800"
    assert illegal_characters(text) == ("U+0000", "U+000B", "U+FFFE", "U+D800")
    assert without_illegal(text) == "ab"
    assert illegal_characters("\t\n\r \ud7ff\ue000\ufffd\U0010ffff") == ()
    cleaned, removed = clean(suspect(screen_name="a\x1bb", display_name=("c", "d\x00")), "report")
    assert cleaned == suspect(screen_name="ab", display_name=("c", "d"))
    assert [r.where for r in removed] == [
        "report/personOrUserReported[1]/screenName",
        "report/personOrUserReported[1]/displayName[2]",
    ]
    with pytest.raises(InputError, match=r"U\+001B"):
        to_xml(suspect(screen_name="a\x1bb"))
    assert escaped('"\t', attribute=True) == "&quot;&#9;"


def test_the_schema_in_force_is_read_off_the_served_one() -> None:
    assert schema_in_force(own_xsd()) is SCHEMA_2025_11
    live = schema_in_force(own_xsd(Schema(name="x", additions=(Addition.INFORMATIONAL,))))
    assert (live.name, live.additions) == ("live", (Addition.INFORMATIONAL,))
    for data in (b"", b"<html/>", b"x" * (MAX_XSD_BYTES + 1)):
        with pytest.raises(InputError):
            schema_in_force(data)


def test_names_on_the_wire() -> None:
    assert camel_case("peer2peer_incident") == "peer2peerIncident"
    assert camel_case("file_viewed_by_esp") == "fileViewedByEsp"
