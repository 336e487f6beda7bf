"""Marks in files: those that generators leave, those that a camera leaves, and one put on by a forger."""

from __future__ import annotations

import struct
from datetime import datetime

from PIL import Image, PngImagePlugin

from firstlight.cli.demo.canvas import Rng
from firstlight.cli.demo.edits import as_jpeg, as_png

_VEGETABLES = ("carrot", "pumpkin", "leek", "beetroot", "cabbage", "turnip", "celery", "parsnip")

_XMP = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\x00"

# EXIF tags and types, as TIFF and EXIF number them.
_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 2, 3, 4, 5, 7
_THUMBNAIL_SIDE = 160


def prompt_of_vegetables(rng: Rng) -> str:
    """A harmless prompt with its settings, in the form that a widespread local program writes."""
    first, second = rng.choice(_VEGETABLES, 2, replace=False)
    return (
        f"a basket with a {first} and a {second}, oil painting, morning light\nNegative prompt: blurry, watermark\n"
        f"Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: {int(rng.integers(1, 2**31))}, Size: 640x480, "
        f"Model: kitchen-garden-v1"
    )


def png_with_parameters(picture: Image.Image, rng: Rng) -> bytes:
    """A PNG with the generator's settings in a text chunk."""
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", prompt_of_vegetables(rng))
    return as_png(picture, pnginfo=info)


def jpeg_with_source_type(picture: Image.Image) -> bytes:
    """A JPEG whose XMP says that a trained model made it."""
    return stamped_as_generated(as_jpeg(picture))


def stamped_as_generated(jpeg: bytes) -> bytes:
    """The JPEG with that XMP put in, not re-encoded: what anyone can do to any photograph with one line of code."""
    at = 2
    while jpeg[at : at + 1] == b"\xff" and 0xE0 <= jpeg[at + 1] <= 0xEF:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return jpeg[:at] + _segment(0xE1, _XMP_MARK + _XMP) + jpeg[at:]


def camera_jpeg(picture: Image.Image, taken: datetime, rng: Rng) -> bytes:
    """A JPEG with what a camera writes: EXIF with make, model, exposure, maker's note, and a thumbnail of the picture.

    The name is that of a real maker, because readers know makers' notes by how they begin.
    """
    small = picture.copy()
    small.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    exif = b"Exif\x00\x00" + _camera_exif(picture.size, as_jpeg(small, quality=80), taken, rng)
    return as_jpeg(picture, quality=95, subsampling="4:2:2", exif=exif)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _camera_exif(size: tuple[int, int], thumbnail: bytes, taken: datetime, rng: Rng) -> bytes:
    """A TIFF structure, big-endian: IFD0, the EXIF IFD behind it, IFD1 with the thumbnail."""
    when = taken.strftime("%Y:%m:%d %H:%M:%S").encode() + b"\x00"
    maker_note = b"OLYMPUS\x00II\x03\x00" + struct.pack("<HI", 0, 0) + rng.bytes(480)
    main = {
        0x010F: (_ASCII, b"OLYMPUS CORPORATION\x00"),
        0x0110: (_ASCII, b"E-M10\x00"),
        0x0112: (_SHORT, struct.pack(">H", 1)),
        0x0131: (_ASCII, b"Version 1.2\x00"),
        0x0132: (_ASCII, when),
    }
    exposure = {
        0x829A: (_RATIONAL, struct.pack(">II", 1, int(rng.choice([60, 125, 250, 500])))),
        0x829D: (_RATIONAL, struct.pack(">II", int(rng.choice([28, 40, 56, 80])), 10)),
        0x8827: (_SHORT, struct.pack(">H", int(rng.choice([100, 200, 400])))),
        0x9000: (_UNDEFINED, b"0231"),
        0x9003: (_ASCII, when),
        0x9004: (_ASCII, when),
        0x920A: (_RATIONAL, struct.pack(">II", int(rng.integers(14, 43)), 1)),
        0x927C: (_UNDEFINED, maker_note),
        0xA002: (_LONG, struct.pack(">I", size[0])),
        0xA003: (_LONG, struct.pack(">I", size[1])),
        0xA434: (_ASCII, b"14-42mm F3.5-5.6\x00"),
    }
    pointer = (_LONG, bytes(4))
    main_at = 8
    exposure_at = main_at + len(_directory({**main, 0x8769: pointer}, 0, 0))
    small_at = exposure_at + len(_directory(exposure, 0, 0))
    small = {
        0x0103: (_SHORT, struct.pack(">H", 6)),
        0x0201: pointer,
        0x0202: (_LONG, struct.pack(">I", len(thumbnail))),
    }
    small[0x0201] = (_LONG, struct.pack(">I", small_at + len(_directory(small, 0, 0))))
    main[0x8769] = (_LONG, struct.pack(">I", exposure_at))
    return b"".join(
        [
            b"MM\x00\x2a" + struct.pack(">I", main_at),
            _directory(main, main_at, small_at),
            _directory(exposure, exposure_at, 0),
            _directory(small, small_at, 0),
            thumbnail,
        ]
    )


def _directory(entries: dict[int, tuple[int, bytes]], at: int, following: int) -> bytes:
    """One IFD at this offset: entries in order, the next IFD's offset, then the values longer than 4 bytes."""
    unit = {_ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _UNDEFINED: 1}
    table, values = [], b""
    values_at = at + 2 + 12 * len(entries) + 4
    for tag, (kind, value) in sorted(entries.items()):
        if len(value) <= 4:
            place = value.ljust(4, b"\x00")
        else:
            place = struct.pack(">I", values_at + len(values))
            values += value + b"\x00" * (len(value) % 2)
        table.append(struct.pack(">HHI", tag, kind, len(value) // unit[kind]) + place)
    return struct.pack(">H", len(entries)) + b"".join(table) + struct.pack(">I", following) + values
