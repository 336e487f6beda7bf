"""EXIF, XMP and JSON readers: hostile input, and each limit at its edge."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.origin import bounded, evidence, exif, xmp
from firstlight.origin.bounded import bounded_json
from firstlight.origin.exif import Directory, read_exif, user_comment, wide_text
from firstlight.origin.xmp import IPTC_EXTENSION, read_xmp
from origin.making import exif_segment, jpeg_with, png_with, signs, text, tiff, xmp_packet, xmp_segment


@given(st.binary(max_size=300))
def test_no_bytes_upset_the_readers(data: bytes) -> None:
    read_exif(data)
    read_exif(b"II*\0\x08\0\0\0" + data)
    read_xmp(data)
    bounded_json(data.decode("latin-1"))
    user_comment(data, little=True)
    wide_text(data)


# --- EXIF ---


def test_directories_in_a_circle_end() -> None:
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    found = read_exif(b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + struct.pack("<I", 8))
    assert found is not None
    assert list(found.fields) == [(Directory.PICTURE, 0x8769)]


@pytest.mark.parametrize("count", [0, 2**31, 2**32 - 1])
def test_a_value_of_gigantic_count_is_left_out(count: int) -> None:
    entry = struct.pack("<HHII", 0x010F, 2, count, 8)
    found = read_exif(b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4))
    assert found is not None
    assert found.fields == {}


def test_entries_are_counted() -> None:
    entries = b"".join(struct.pack("<HHIHH", tag, 3, 1, tag, 0) for tag in range(600))
    found = read_exif(b"II*\0\x08\0\0\0" + struct.pack("<H", 600) + entries + bytes(4))
    assert found is not None
    assert len(found.fields) == exif.MAX_ENTRIES
    assert found.number(Directory.PICTURE, 511) == 511


def test_a_value_may_be_as_long_as_the_limit() -> None:
    for size, kept in ((exif.MAX_VALUE, True), (exif.MAX_VALUE + 1, False)):
        found = read_exif(tiff({0x9286: bytes(size)}))
        assert found is not None
        assert ((Directory.PICTURE, 0x9286) in found.fields) is kept


def test_values_that_lie_over_one_another_do_not_add_up() -> None:
    size = 1 << 20
    entries = b"".join(struct.pack("<HHII", tag, 7, size, 8) for tag in range(500))
    found = read_exif(b"II*\0\x08\0\0\0" + struct.pack("<H", 500) + entries + bytes(4 + size))
    assert found is not None
    assert sum(len(field.raw) for field in found.fields.values()) == exif.MAX_VALUES


def test_the_thumbnail_is_cut_out() -> None:
    found = read_exif(tiff({0x010F: "x"}, thumbnail=b"\xff\xd8thumb"))
    assert found is not None
    assert found.thumbnail == b"\xff\xd8thumb"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"UNICODE\0" + "Grün".encode("utf-16-le"), "Grün"),
        (b"UNICODE\0" + "Grün".encode("utf-16-be"), "Grün"),
        (b"UNICODE\0" + "Grün".encode("utf-16"), "Grün"),
        (b"UNICODE\0" + "Grün".encode(), "Grün"),
        (b"ASCII\0\0\0leaf\0\0", "leaf"),
        (b"JIS\0\0\0\0\0" + "葉".encode("iso2022_jp"), "葉"),
        (b"\0" * 8 + b"leaf", "leaf"),
        (b"leaf", "leaf"),
        (b"UNICODE\0\xff", "\ufffd"),
    ],
)
def test_a_comment_is_read_in_every_encoding(raw: bytes, text: str) -> None:
    assert user_comment(raw, little=True) == text


# --- XMP ---


def test_properties_are_flat_whatever_their_form() -> None:
    packet = xmp_packet(
        "<Iptc4xmpExt:AISystemUsed><rdf:Bag><rdf:li>one</rdf:li><rdf:li>two</rdf:li></rdf:Bag></Iptc4xmpExt:AISystemUsed>"
    )
    assert read_xmp(packet).get(IPTC_EXTENSION, "AISystemUsed") == ["one", "two"]


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x SYSTEM "http://host.example/x.dtd"><x/>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    ],
)
def test_document_types_and_entities_are_refused(packet: bytes) -> None:
    found = read_xmp(packet)
    assert found.values == {}
    assert found.stopped


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"x" + b"</a>" * depth


def test_depth_is_limited() -> None:
    assert read_xmp(nested(xmp.MAX_DEPTH)).stopped == ""
    assert read_xmp(nested(xmp.MAX_DEPTH + 1)).stopped == f"more than {xmp.MAX_DEPTH} levels"
    assert read_xmp(nested(200_000)).stopped == f"more than {xmp.MAX_DEPTH} levels"


def test_properties_are_counted_and_what_was_read_stands() -> None:
    row = b"<b>1</b>"
    assert read_xmp(b"<a>" + row * xmp.MAX_PROPERTIES + b"</a>").stopped == ""
    found = read_xmp(b"<a>" + row * (xmp.MAX_PROPERTIES + 1) + b"</a>")
    assert found.stopped == f"more than {xmp.MAX_PROPERTIES} properties"
    assert len(found.get("", "b")) == xmp.MAX_PROPERTIES


def test_a_damaged_packet_is_said_and_its_words_are_not_repeated() -> None:
    data = jpeg_with(xmp_segment(b"<x>cabbage"))
    (sign,) = signs(data).values()
    assert sign.name == "examination.stopped"
    assert "cabbage" not in sign.model_dump_json()


# --- JSON ---


def test_json_is_limited_in_size_and_depth() -> None:
    assert bounded_json("[" * 90 + "]" * 90) is not None
    assert bounded_json("[" * 1_000_000 + "]" * 1_000_000) is None
    assert bounded_json("[" * 1_000_000) is None
    assert bounded_json("[" + " " * (bounded.MAX_JSON - 2) + "]") == []
    assert bounded_json("[" + " " * (bounded.MAX_JSON - 1) + "]") is None


@pytest.mark.parametrize("text", ["", "word", '{"a": ' + "9" * 5000 + "}", '{"a', '{"' + '\\"' * 500_000])
def test_what_is_no_json_is_nothing(text: str) -> None:
    assert bounded_json(text) is None


# --- texts ---


def test_texts_are_limited_in_number_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "MAX_TEXTS", 3)
    opened = evidence.open_evidence(png_with(*[text("a", "b")] * 4))
    assert len(opened.texts) == 3
    assert opened.walk.stopped == "the texts are more than is read"
    monkeypatch.setattr(evidence, "MAX_TEXT_TOTAL", 2)
    assert len(evidence.open_evidence(png_with(*[text("a", "b")] * 3)).texts) == 2


def test_blocks_of_exif_are_limited() -> None:
    blocks = [exif_segment(tiff({0x0131: "x"}))] * (evidence.MAX_EXIF + 1)
    assert len(evidence.open_evidence(jpeg_with(*blocks)).exif) == evidence.MAX_EXIF


def test_a_text_is_read_as_json_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def counted(value: str) -> object:
        seen.append(value)
        return bounded_json(value)

    monkeypatch.setattr(evidence, "bounded_json", counted)
    signs(png_with(text("parameters", '{"sampler": 1}')))
    assert seen == ['{"sampler": 1}']
