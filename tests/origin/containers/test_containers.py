"""Each container's walker: what it finds, and where it stops."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from firstlight.origin import container
from firstlight.origin.container import MAX_BLOCK, MAX_BLOCKS, Carries, Container, container_of, inflate
from firstlight.origin.containers import walk
from origin.making import (
    chunk,
    exif_segment,
    itxt,
    jpeg,
    jpeg_with,
    picture,
    png,
    png_with,
    segment,
    signs,
    source_type_xmp,
    text,
    tiff,
    webp,
    xmp_segment,
    ztxt,
)

XMP = source_type_xmp("trainedAlgorithmicMedia")
EXIF = tiff({0x010F: "Canon", 0x0110: "EOS"})


def heif(kind: str) -> bytes:
    out = io.BytesIO()
    pillow_heif.register_heif_opener()
    pillow_heif.register_avif_opener() if hasattr(pillow_heif, "register_avif_opener") else None
    picture().save(out, kind, exif=b"Exif\0\0" + EXIF, xmp=XMP)
    return out.getvalue()


def gif() -> bytes:
    magic = bytes([1, *range(255, -1, -1), 0])
    out = io.BytesIO()
    picture().save(out, "GIF", comment=b"hello")
    data = out.getvalue()
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    return data[:at] + b"\x21\xff\x0bXMP DataXMP" + XMP + magic + data[at:]


def tiff_file() -> bytes:
    out = io.BytesIO()
    picture().save(out, "TIFF", tiffinfo={700: XMP, 271: "Canon", 272: "EOS"})
    return out.getvalue()


SAMPLES: dict[Container, Callable[[], bytes]] = {
    Container.JPEG: lambda: jpeg_with(exif_segment(EXIF), xmp_segment(XMP)),
    Container.PNG: lambda: png_with(chunk(b"eXIf", EXIF), itxt("XML:com.adobe.xmp", XMP)),
    Container.WEBP: lambda: webp(exif=b"Exif\0\0" + EXIF, xmp=XMP),
    Container.TIFF: tiff_file,
    Container.HEIC: lambda: heif("HEIF"),
    Container.AVIF: lambda: heif("AVIF"),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_exif_and_xmp_are_found_in_every_container(kind: Container) -> None:
    data = SAMPLES[kind]()
    assert container_of(data) is kind
    assert walk(data).stopped == ""
    assert {"metadata.source_type.model", "camera.tags"} <= set(signs(data))


def test_a_gif_carries_xmp_and_comments() -> None:
    found = walk(gif())
    assert [block.data for block in found.of(Carries.TEXT)] == [b"hello"]
    assert "metadata.source_type.model" in signs(gif())
    Image.open(io.BytesIO(gif())).load()


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_file_cut_anywhere_is_read_as_far_as_it_goes(kind: Container) -> None:
    data = SAMPLES[kind]()
    for end in range(0, len(data), max(1, len(data) // 100)):
        walk(data[:end])
        signs(data[:end])


def test_what_is_told_of_a_file_that_ends_early() -> None:
    said = signs(png_with(text("parameters", "x"))[:60])
    assert said["examination.stopped"].claim == "unreadable"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", Container.OTHER),
        (b"hello", Container.OTHER),
        (b"%PDF-1.7", Container.PDF),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', Container.SVG),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", Container.MP4),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Container.HEIC),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", Container.AVIF),
    ],
)
def test_the_container_is_told_from_the_first_bytes(head: bytes, kind: Container) -> None:
    assert container_of(head) is kind
    assert walk(head).blocks == []


def test_an_extended_packet_is_joined_in_the_order_of_its_offsets() -> None:
    guid, half = b"A" * 32, len(XMP) // 2
    head = b"http://ns.adobe.com/xmp/extension/\0" + guid + struct.pack(">I", len(XMP))
    first = segment(0xE1, head + struct.pack(">I", 0) + XMP[:half])
    second = segment(0xE1, head + struct.pack(">I", half) + XMP[half:])
    assert "metadata.source_type.model" in signs(jpeg_with(second, first))


def test_imagemagicks_hex_profiles_are_read() -> None:
    profile = b"\nxmp\n" + str(len(XMP)).encode() + b"\n" + XMP.hex().encode() + b"\n"
    assert "metadata.source_type.model" in signs(png_with(ztxt("Raw profile type xmp", profile)))
    assert walk(png_with(ztxt("Raw profile type xmp", b"\nxmp\n3\nzz\n"))).of(Carries.XMP)[0].data == b""


# --- limits, each at its edge ---


def test_a_text_is_inflated_up_to_the_limit_and_no_further() -> None:
    assert inflate(zlib.compress(bytes(MAX_BLOCK))) == bytes(MAX_BLOCK)
    assert inflate(zlib.compress(bytes(MAX_BLOCK + 1))) is None
    assert inflate(b"no stream") is None
    assert inflate(zlib.compress(b"cut off" * 99)[:-9]) is None


@pytest.mark.parametrize("make", [ztxt, lambda key, value: itxt(key, value, deflate=True)])
def test_a_bomb_in_a_text_is_stopped_and_hides_nothing_else(make: object) -> None:
    bomb = make("parameters", bytes(64 << 20))  # type: ignore[operator]
    assert len(bomb) < 1 << 17
    said = signs(png_with(bomb, itxt("XML:com.adobe.xmp", XMP)))
    assert "inflates beyond the limit" in said["examination.stopped"].says
    assert "metadata.source_type.model" in said


def test_many_bombs_cost_no_more_than_the_limit_for_all() -> None:
    full = ztxt("a", bytes(MAX_BLOCK))
    found = walk(png_with(*[full] * 40))
    assert sum(len(block.data) for block in found.blocks) <= container.MAX_TOTAL
    assert found.stopped


def test_many_damaged_bombs_end_the_walk() -> None:
    bomb = ztxt("a", bytes(MAX_BLOCK + 1))
    found = walk(png_with(*[bomb] * 1_000, text("after", "x")))
    assert found.of(Carries.TEXT) == []
    assert "inflates beyond the limit" in found.stopped


def test_blocks_are_counted() -> None:
    assert walk(png_with(*[text("a", "b")] * MAX_BLOCKS)).stopped == ""
    found = walk(png_with(*[text("a", "b")] * (MAX_BLOCKS + 1)))
    assert len(found.blocks) == MAX_BLOCKS
    assert "blocks of metadata" in found.stopped


@pytest.mark.parametrize(
    "data",
    [
        png()[:33] + chunk(b"abCd", b"") * (container.MAX_PARTS + 1),
        b"RIFF\0\0\0\0WEBP" + b"abcd\0\0\0\0" * (container.MAX_PARTS + 1),
        b"\xff\xd8" + b"\xff\xd0" * (container.MAX_PARTS + 1),
        b"\0\0\0\x14ftypheic\0\0\0\0heic" + b"\0\0\0\x08free" * (container.MAX_PARTS + 1),
        b"GIF89a" + bytes(7) + b"\x21\x01\0" * (container.MAX_PARTS + 1),
    ],
)
def test_parts_are_counted(data: bytes) -> None:
    found = walk(data)
    assert f"more than {container.MAX_PARTS}" in found.stopped
    assert found.crowded


def test_sub_blocks_of_a_gif_are_counted() -> None:
    start = b"GIF89a" + bytes(7) + b"\x21\xfe"
    assert not walk(start + b"\x01a" * 499_999 + b"\0;").crowded
    assert walk(start + b"\x01a" * 500_000 + b"\0;").crowded


def test_no_other_reader_is_sent_over_a_crowded_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the reader of credentials was asked")

    monkeypatch.setattr("firstlight.origin.indicators.content_credentials.read_credential", asked)
    crowd = png()[:33] + chunk(b"abCd", b"") * (container.MAX_PARTS + 1)
    assert set(signs(crowd)) == {"examination.stopped"}
    assert set(signs(crowd + chunk(b"caBX", b"c2pa"))) == {"c2pa.unreadable", "examination.stopped"}


@pytest.mark.parametrize(
    "data",
    [
        png()[:33] + struct.pack(">I", 2**32 - 1) + b"tEXt" + bytes(30),
        b"RIFF\0\0\0\0WEBPEXIF" + b"\xff" * 20,
        b"\xff\xd8\xff\xe1\xff\xff" + bytes(100),
        b"\xff\xd8\xff\xe1\0\x01" + bytes(100),
        b"\0\0\0\x14ftypheic\0\0\0\0heic\xff\xff\xff\xffmeta" + bytes(40),
        b"\0\0\0\x14ftypheic\0\0\0\0heic\0\0\0\x01meta" + b"\xff" * 8 + bytes(40),
    ],
)
def test_a_length_beyond_the_file_is_said(data: bytes) -> None:
    assert "longer than" in walk(data).stopped


def test_a_meta_box_that_announces_everything_and_holds_nothing_is_cheap() -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + kind + body

    locations = b"\x02\0\0\0\x88\x88" + b"\xff" * 4 + b"\xff" * 400
    infos = b"\x01\0\0\0" + b"\xff" * 4 + box(b"infe", b"\x03\0\0\0" + b"\0\0\0\x01\0\0Exif\0")
    data = b"\0\0\0\x14ftypheic\0\0\0\0heic" + box(b"meta", bytes(4) + box(b"iloc", locations) + box(b"iinf", infos))
    signs(data)
    # One item whose places all lie over one another may not grow beyond one block.
    place = struct.pack(">QQ", 0, 1 << 16)
    locations = b"\x01\0\0\0\x88\0" + b"\0\x01" + b"\0\x01\0\0\0\0" + struct.pack(">H", 4096) + place * 4096
    infos = b"\0\0\0\0\0\x01" + box(b"infe", b"\x02\0\0\0\0\x01\0\0Exif\0")
    meta = box(b"meta", bytes(4) + box(b"iloc", locations) + box(b"iinf", infos))
    found = walk(b"\0\0\0\x14ftypheic\0\0\0\0heic" + meta + bytes(1 << 16))
    assert sum(len(block.data) for block in found.blocks) <= MAX_BLOCK


def test_public_pictures_are_walked_to_their_end(public_pictures: Path) -> None:
    stopped = {}
    for path in sorted(public_pictures.rglob("*")):
        if path.suffix in (".jpg", ".jpeg", ".png", ".gif", ".webp", ".tif"):
            found = walk(path.read_bytes())
            if found.stopped:
                stopped[path.name] = found.stopped
    assert stopped == {}


def test_a_plain_picture_carries_nothing() -> None:
    assert walk(jpeg()).blocks == walk(png()).blocks == walk(webp()).blocks == []
