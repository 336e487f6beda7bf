"""A schema of another hand than ours: types in any order, restrictions, references."""

from __future__ import annotations

import pytest

from firstlight.cybertip.simulator.description import Description
from firstlight.cybertip.simulator.document import read_document
from firstlight.cybertip.simulator.validate import SchemaFaultError, validate
from firstlight.errors import InputError

XSD = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:annotation><xs:documentation>a harbour</xs:documentation></xs:annotation>
  <xs:element name="harbour">
    <xs:complexType>
      <xs:sequence>
        <xs:element ref="quay" maxOccurs="2"/>
        <xs:element name="depth" type="depth" minOccurs="0"/>
        <xs:choice minOccurs="0">
          <xs:element name="crane" type="xs:string"/><xs:element name="slip" type="xs:date"/>
        </xs:choice>
      </xs:sequence>
      <xs:attribute name="code" use="required">
        <xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}"/></xs:restriction></xs:simpleType>
      </xs:attribute>
    </xs:complexType>
  </xs:element>
  <xs:element name="quay" type="short"/>
  <xs:simpleType name="short"><xs:restriction base="name"><xs:maxLength value="4"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="name"><xs:restriction base="xs:string"><xs:minLength value="2"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="depth">
    <xs:restriction base="xs:int"><xs:minInclusive value="1"/><xs:maxInclusive value="30"/></xs:restriction>
  </xs:simpleType>
</xs:schema>"""
QUAY = "<quay>east</quay>"


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        (QUAY, None),
        (QUAY * 2 + "<depth>30</depth><slip>2026-01-01</slip>", None),
        (QUAY + "<crane/>", None),
        (QUAY * 3, "One of '{depth, crane, slip}' is expected"),
        ("", "One of '{quay}' is expected"),
        (
            "<quay>northern</quay>",
            "Value 'northern' with length = '8' is not facet-valid with respect to maxLength '4'",
        ),
        ("<quay>x</quay>", "minLength '2' for type 'short'"),
        (
            QUAY + "<depth>31</depth>",
            "cvc-maxInclusive-valid: Value '31' is not facet-valid with respect to maxInclusive '30'",
        ),
        (QUAY + "<depth>0</depth>", "minInclusive '1' for type 'depth'"),
        (QUAY + "<crane/><slip>2026-01-01</slip>", "No child element is expected"),
    ],
)
def test_documents_are_held_against_it(inside: str, words: str | None) -> None:
    root = read_document(f'<harbour code="NL">{inside}</harbour>'.encode())
    description = Description.read(XSD)
    if words is None:
        validate(root, description)
        assert root.declared is not None
        return
    with pytest.raises(SchemaFaultError) as e:
        validate(root, description)
    assert words in str(e.value)


def test_attributes_may_have_types_of_their_own() -> None:
    for code, words in (("nl", "pattern '[A-Z]{2}'"), ("NLX", "pattern")):
        with pytest.raises(SchemaFaultError) as e:
            validate(read_document(f'<harbour code="{code}">{QUAY}</harbour>'.encode()), Description.read(XSD))
        assert words in str(e.value)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (b"<xs:maxLength", b"<xs:fractionDigits", "fractionDigits"),
        (b'<xs:element ref="quay" maxOccurs="2"/>', b'<xs:group ref="quays"/>', "group"),
        (b"<xs:annotation>", b'<xs:include schemaLocation="x"/><xs:annotation>', "include"),
        (b'type="depth" minOccurs', b'type="width" minOccurs', "width"),
        (b"[A-Z]{2}", b"\\i[A-Z", "pattern"),
    ],
)
def test_what_is_not_known_is_said(old: bytes, new: bytes, name: str) -> None:
    with pytest.raises(InputError, match=name):
        Description.read(XSD.replace(old, new, 1))


def test_what_is_no_schema_is_said() -> None:
    with pytest.raises(InputError, match="no XML Schema"):
        Description.read(b"<html/>")
