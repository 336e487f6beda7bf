"""A schema that the operator drops in, in another hand than ours: references, types without names, words anywhere.

Ours and that one are both applied, and its refusals are worded as the service words its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from firstlight.clock import FixedClock
from firstlight.cybertip import DEMO_CREDENTIALS, SCHEMA_2025_11, Client, Draft, Service, Simulator
from firstlight.cybertip.schema import SCHEMA_2026, Schema, schema_in_force
from firstlight.cybertip.simulator.description import Description, own_xsd

WORDS = "<xs:annotation><xs:documentation>Words for &lt;readers&gt;.</xs:documentation></xs:annotation>"

STAND_IN = f"""<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">
    {WORDS}
    <xs:element name="report">
        {WORDS}
        <xs:complexType>
            {WORDS}
            <xs:sequence>
                {WORDS}
                <xs:element ref="incidentSummary">{WORDS}</xs:element>
                <xs:element ref="internetDetails" minOccurs="0" maxOccurs="unbounded">{WORDS}</xs:element>
                <xs:element ref="reporter"/>
                <xs:element name="additionalInfo" minOccurs="0" type="text"/>
            </xs:sequence>
        </xs:complexType>
    </xs:element>
    <xs:element name="incidentSummary">
        <xs:complexType>
            <xs:sequence>
                <xs:element name="incidentType" type="incidentType">{WORDS}</xs:element>
                <xs:element name="platform" minOccurs="0">
                    <xs:complexType>
                        <xs:simpleContent>
                            {WORDS}
                            <xs:extension base="xs:string">{WORDS}
                                <xs:attribute name="since" type="xs:dateTime">{WORDS}</xs:attribute>
                            </xs:extension>
                        </xs:simpleContent>
                    </xs:complexType>
                </xs:element>
                <xs:choice>
                    {WORDS}
                    <xs:element name="spam" minOccurs="0" type="xs:boolean">{WORDS}</xs:element>
                    <xs:element name="reportAnnotations" minOccurs="0" type="reportAnnotations"/>
                </xs:choice>
                <xs:element name="incidentDateTime" type="xs:dateTime"/>
            </xs:sequence>
        </xs:complexType>
    </xs:element>
    <xs:complexType name="reportAnnotations">
        <xs:all>
            {WORDS}
            <xs:element name="sextortion" minOccurs="0" type="xs:boolean" fixed="true">{WORDS}</xs:element>
        </xs:all>
    </xs:complexType>
    <xs:element name="internetDetails">
        <xs:complexType>
            <xs:choice>
                {WORDS}
                <xs:element ref="webPageIncident">{WORDS}</xs:element>
            </xs:choice>
        </xs:complexType>
    </xs:element>
    <xs:element name="webPageIncident"><xs:complexType><xs:sequence>
        <xs:element name="url" minOccurs="0" type="xs:string"/>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="reporter"><xs:complexType><xs:sequence>
        <xs:element name="reportingPerson"><xs:complexType><xs:sequence>
            <xs:element name="email" minOccurs="0" type="text"/>
            <xs:element name="shoeSize" minOccurs="0" type="xs:int"/>
        </xs:sequence></xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
    <xs:complexType name="text">
        <xs:simpleContent><xs:extension base="xs:string">
        </xs:extension></xs:simpleContent>
    </xs:complexType>
    <xs:simpleType name="incidentType">
        {WORDS}
        <xs:restriction base="xs:string">
            {WORDS}
            <xs:enumeration value="Child Sex Tourism">{WORDS}</xs:enumeration>
            <xs:enumeration value="Child Sex Trafficking"/>
        </xs:restriction>
    </xs:simpleType>
</xs:schema>""".encode()

SUMMARY = (
    "<incidentSummary><incidentType>Child Sex Tourism</incidentType><platform>Example</platform>{}"
    "<incidentDateTime>2026-01-01T00:00:00Z</incidentDateTime></incidentSummary>"
)
REPORTER = "<reporter><reportingPerson><email>a@example.com</email>{}</reportingPerson></reporter>"
PAGE = "<internetDetails><webPageIncident><url>https://example.com/{}</url></webPageIncident></internetDetails>"


def report(
    *, summary: str = SUMMARY.format(""), inside: str = PAGE.format(1), reporter: str = REPORTER.format("")
) -> bytes:
    """A report that both schemas take, or one with one thing changed."""
    return f"<report>{summary}{inside}{reporter}</report>".encode()


@pytest.fixture
def simulator(clock: FixedClock) -> Simulator:
    """One that was given the stand-in."""
    return Simulator.of(clock, official_xsd=STAND_IN)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (report(), None),
        (report(summary=SUMMARY.format("<reportAnnotations><sextortion/></reportAnnotations>")), None),
        # refused by theirs alone
        (
            report(inside=PAGE.format(1) + "<lawEnforcement><agencyName>x</agencyName></lawEnforcement>"),
            "Invalid content was found starting with element 'lawEnforcement'. One of '{internetDetails, reporter}' is",
        ),
        (
            report(summary=SUMMARY.format("").replace("Tourism", "Molestation").replace("Sex M", "Sexual M")),
            "with respect to enumeration '[Child Sex Tourism, Child Sex Trafficking]'",
        ),
        (
            report(inside=PAGE.format("1</url><url>https://example.com/2")),
            "element 'url'. No child element is expected at this point",
        ),
        # refused by ours alone
        (report(reporter=REPORTER.format("<shoeSize>43</shoeSize>")), "starting with element 'shoeSize'"),
        (
            report(summary=SUMMARY.format("").replace("<platform>", '<platform since="2026-01-01T00:00:00Z">')),
            "Element 'platform' is a simple type, so it cannot have attributes",
        ),
        (report(summary=SUMMARY.format("<spam>true</spam>")), "starting with element 'spam'"),
        # no schema says it: our rules hold as well
        (report(inside=PAGE.format("a b")), "url"),
        # refused by both: theirs speaks first
        (report(summary=""), "starting with element 'internetDetails'. One of '{incidentSummary}' is expected."),
    ],
)
def test_both_schemas_are_applied(simulator: Simulator, document: bytes, words: str | None) -> None:
    login = httpx.BasicAuth(DEMO_CREDENTIALS.username, DEMO_CREDENTIALS.password)
    with simulator, httpx.Client(base_url=simulator.url, auth=login, trust_env=False) as http:
        assert http.get("/xsd").content == STAND_IN
        answer = http.post("/submit", content=document, headers={"Content-Type": "text/xml; charset=utf-8"})
        assert (answer.status_code == 200) == (words is None), answer.text
        if words is not None:
            assert "<responseCode>4100<" in answer.text
            assert words in answer.text.replace("&apos;", "'").replace("&quot;", '"')
        assert len(simulator.reports()) == (words is None)


def with_words_everywhere(xsd: bytes) -> bytes:
    """The schema with words for readers as the first child of each construct that may carry them."""
    carriers = "schema|element|complexType|simpleType|simpleContent|extension|restriction|sequence|choice|all|attribute"
    open_tag = re.compile(rf"<xs:({carriers}|enumeration|pattern)\b([^>]*?)(/?)>")

    def put(found: re.Match[str]) -> str:
        name, attributes, closed = found.groups()
        return f"<xs:{name}{attributes}>{WORDS}" + (f"</xs:{name}>" if closed else "")

    return open_tag.sub(put, xsd.decode()).encode()


@pytest.mark.parametrize("schema", [SCHEMA_2025_11, SCHEMA_2026])
def test_words_for_readers_demand_nothing(
    client_of: Callable[[Service], Client], clock: FixedClock, draft: Draft, schema: Schema
) -> None:
    worded = with_words_everywhere(own_xsd(schema))
    assert Description.read(worded).types.keys() == Description.read(own_xsd(schema)).types.keys()
    assert schema_in_force(worded) == schema
    service = Service({DEMO_CREDENTIALS.username: DEMO_CREDENTIALS.password}, clock, official_xsd=worded)
    assert client_of(service).submit(draft.report).succeeded
