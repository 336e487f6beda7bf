"""What kind of media some bytes are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.media import SNIFF_BYTES, MediaType, sniff


def _box(major: bytes, *compatible: bytes) -> bytes:
    body = major + bytes(4) + b"".join(compatible)
    return (len(body) + 8).to_bytes(4, "big") + b"ftyp" + body


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", MediaType.EMPTY),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", MediaType.JPEG),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", MediaType.PNG),
        (b"GIF89a", MediaType.GIF),
        (b"GIF87a", MediaType.GIF),
        (b"RIFF\0\0\0\0WEBPVP8 ", MediaType.WEBP),
        (b"RIFF\0\0\0\0AVI LIST", MediaType.AVI),
        (b"II*\0\x08\0\0\0", MediaType.TIFF),
        (b"MM\0*\0\0\0\x08", MediaType.TIFF),
        (b"BM" + bytes(12) + b"\x28\0\0\0", MediaType.BMP),
        (b"BM is the start of a sentence", MediaType.TEXT),
        (_box(b"heic", b"mif1", b"heic"), MediaType.HEIC),
        (_box(b"mif1", b"heic"), MediaType.HEIC),
        (_box(b"avif", b"mif1", b"miaf"), MediaType.AVIF),
        (_box(b"mif1", b"avif", b"miaf"), MediaType.AVIF),
        (_box(b"isom", b"iso2", b"mp41"), MediaType.MP4),
        (_box(b"mp42", b"heic"), MediaType.MP4),
        (_box(b"qt  "), MediaType.QUICKTIME),
        (b"\x1aE\xdf\xa3", MediaType.MATROSKA),
        (b"%PDF-1.7", MediaType.PDF),
        (b"PK\3\4", MediaType.ZIP),
        (b"BZh91AY&SY", MediaType.BZIP2),
        (b"BZh5\x17rE8P\x90", MediaType.BZIP2),
        (b"BZh! is no word", MediaType.TEXT),
        (b"BZh", MediaType.TEXT),
        (b"\xfd7zXZ\0", MediaType.XZ),
        (b"\x28\xb5\x2f\xfd", MediaType.ZSTD),
        (b'<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="">', MediaType.SVG),
        (b"\xef\xbb\xbf <svg>", MediaType.SVG),
        (b"<!DOCTYPE html><svg>", MediaType.HTML),
        (b"a carrot, a leek", MediaType.TEXT),
        ("\ufeffKürbis".encode("utf-16"), MediaType.TEXT),
        (b"\x00\x01\x02", MediaType.UNKNOWN),
        (b"caf\xe9", MediaType.UNKNOWN),
    ],
)
def test_kind_is_read_from_the_first_bytes(head: bytes, kind: MediaType) -> None:
    assert sniff(head) is kind


def test_a_letter_cut_in_two_at_the_end_is_still_text() -> None:
    assert sniff(("x" + "ü" * SNIFF_BYTES).encode()[:SNIFF_BYTES]) is MediaType.TEXT


@given(st.binary(max_size=200))
def test_every_head_has_a_kind(head: bytes) -> None:
    assert isinstance(sniff(head), MediaType)
    assert sniff(head).words


@given(st.text(min_size=1))
def test_text_is_never_taken_for_a_picture(text: str) -> None:
    kind = sniff(("leek " + text).encode("utf-8", "ignore"))
    assert not kind.is_picture
    assert not kind.is_video


def test_public_pictures_are_recognised(public_pictures: Path) -> None:
    kinds = {".jpg": MediaType.JPEG, ".png": MediaType.PNG, ".webp": MediaType.WEBP, ".mp4": MediaType.MP4}
    seen = 0
    for path in public_pictures.rglob("*"):
        if path.suffix in kinds:
            seen += 1
            with path.open("rb") as file:
                assert sniff(file.read(SNIFF_BYTES)) is kinds[path.suffix], path
    assert seen > 50
