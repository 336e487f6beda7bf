"""Schema errors in the service's own words: what its validator says of each fault, letter for letter."""

from __future__ import annotations

import re

import pytest

from cybertip.test_same_verdict import MINIMAL, post, sent_file
from firstlight.cybertip import FileDescription, FileDetails, Report, to_xml
from firstlight.cybertip.model.codes import IncidentType

REPORT = to_xml(Report.model_validate(MINIMAL)).decode().partition("\n")[2]
MISPLACED = "cvc-complex-type.2.4.a: Invalid content was found starting with element"
EXPECTED = "One of '{deviceId, details, additionalInfo}' is expected."
CALLS = [
    (
        "<incidentType>Child Sex Tourism</incidentType>",
        "",
        (
            "cvc-complex-type.2.4.a: Invalid content was found starting with element 'incidentDateTime'. One of "
            "'{incidentType}' is expected."
        ),
    ),
    (
        "<incidentDateTime>",
        "<reportAnnotations><informational>true</informational></reportAnnotations><incidentDateTime>",
        (
            "cvc-complex-type.2.4.a: Invalid content was found starting with element 'informational'. "
            "One of '{sextortion, "
            "csamSolicitation, minorToMinorInteraction, spam, sadisticOnlineExploitation}' is expected."
        ),
    ),
    (
        r"<reporter>.*</reporter>",
        "",
        (
            "cvc-complex-type.2.4.b: The content of element 'report' is not complete. One of '{internetDetails, "
            "lawEnforcement, reporter}' is expected."
        ),
    ),
    (
        "Child Sex Tourism",
        "Foo",
        (
            "cvc-enumeration-valid: Value 'Foo' is not facet-valid with respect to enumeration "
            f"'[{', '.join(t.value for t in IncidentType)}]'. It must be a value from the enumeration."
        ),
    ),
    (
        "2026-01-01T00:00:00Z",
        "yesterday",
        "cvc-datatype-valid.1.2.1: 'yesterday' is not a valid value for 'dateTime'.",
    ),
    (
        "<reporter>",
        "<internetDetails><webPageIncident/><emailIncident/></internetDetails><reporter>",
        (
            "cvc-complex-type.2.4.d: Invalid content was found starting with element 'emailIncident'. "
            "No child element is "
            "expected at this point."
        ),
    ),
    ("^<report>", "<foo/><report>", None),
    (r"<report>.*", "<foo/>", "cvc-elt.1.a: Cannot find the declaration of element 'foo'."),
    ("<report>", '<report xmlns="urn:x">', "cvc-elt.1.a: Cannot find the declaration of element 'report'."),
    (
        "<email>",
        "<age/><email>",
        "cvc-datatype-valid.1.2.1: '' is not a valid value for 'integer'.",
    ),
]
FILES = [
    (
        "</fileDetails>",
        "<ipCaptureEvent><ipAddress>1.2.3.4</ipAddress></ipCaptureEvent>" * 2 + "</fileDetails>",
        f"{MISPLACED} 'ipCaptureEvent'. {EXPECTED}",
    ),
    (
        "</fileDetails>",
        (
            "<ipCaptureEvent><ipAddress>1.2.3.4</ipAddress></ipCaptureEvent><industryClassification>A1"
            "</industryClassification></fileDetails>"
        ),
        f"{MISPLACED} 'industryClassification'. {EXPECTED}",
    ),
    (
        "</fileDetails>",
        "<fileAnnotations><viral/><viral/></fileAnnotations></fileDetails>",
        (
            "cvc-complex-type.2.4.a: Invalid content was found starting with element 'viral'. One of "
            "'{animeDrawingVirtualHentai, potentialMeme, possibleSelfProduction, physicalHarm, "
            "violenceGore, bestiality, "
            "liveStreaming, infant, generativeAi}' is expected."
        ),
    ),
    (
        r"<reportId>\d+",
        "<reportId>x",
        "cvc-datatype-valid.1.2.1: 'x' is not a valid value for 'integer'.",
    ),
    (
        "</fileDetails>",
        "<fileAnnotations><viral>false</viral></fileAnnotations></fileDetails>",
        "cvc-elt.5.2.2.2.2: The value 'false' of element 'viral' does not match the {value constraint} value 'true'.",
    ),
    (
        "</fileDetails>",
        "<originalFileHash>x</originalFileHash></fileDetails>",
        "cvc-complex-type.4: Attribute 'hashType' must appear on element 'originalFileHash'.",
    ),
    (
        "</fileDetails>",
        '<details><nameValuePair type="EXIF"><name>a</name><value>b</value></nameValuePair></details></fileDetails>',
        "cvc-complex-type.3.2.2: Attribute 'type' is not allowed to appear in element 'nameValuePair'.",
    ),
    (
        "</fileDetails>",
        "<details/></fileDetails>",
        (
            "cvc-complex-type.2.4.b: The content of element 'details' is not complete. "
            "One of '{nameValuePair}' is expected."
        ),
    ),
]


def said(path: str, xml: str) -> tuple[int, str]:
    """Code and description of the answer."""
    code, answer = post(path, xml.encode())
    found = re.search(r"<responseDescription>(.*)</responseDescription>", answer, re.DOTALL)
    return code, found[1] if found else ""


@pytest.mark.parametrize(("old", "new", "words"), CALLS)
def test_what_is_said_of_a_report(old: str, new: str, words: str | None) -> None:
    code, description = said("submit", re.sub(old, lambda _: new, REPORT, count=1))
    if words is None:
        assert code == 4110
        return
    assert code == 4100
    assert re.fullmatch(r"Validation failed\n\[1,\d+\] - " + re.escape(words), description)


@pytest.mark.parametrize(("old", "new", "words"), FILES)
def test_what_is_said_of_file_details(old: str, new: str, words: str) -> None:
    xml = to_xml(FileDetails.of(*sent_file(), FileDescription())).decode()
    code, description = said("fileinfo", re.sub(old, lambda _: new, xml, count=1))
    assert code == 4100
    assert re.fullmatch(r"Validation failed\n\[2,\d+\] - " + re.escape(words), description)


@pytest.mark.parametrize(
    ("xml", "place"),
    [
        ("<foo/>", "[1,7]"),
        ("<report>\n  <zzz a='>'>x</zzz></report>", "[2,14]"),
        ("<report>\n</report>", "[2,10]"),
        ("<report><incidentSummary><incidentType>é</incidentType></incidentSummary></report>", "[1,56]"),
        ("<report><incidentSummary/></report>", "[1,27]"),
    ],
)
def test_places_stand_just_after_the_tag(xml: str, place: str) -> None:
    assert said("submit", xml)[1].startswith(f"Validation failed\n{place} - cvc-")
