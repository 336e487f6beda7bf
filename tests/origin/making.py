"""Pictures drawn by code, and the marks that tests put into them."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image, ImageDraw

from firstlight.origin.examination import examine_bytes
from firstlight.origin.indicator import Indicator
from firstlight.origin.trust import NO_TRUST, TrustLists


def picture(seed: int = 1, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A landscape of boxes and circles; another seed is another landscape."""
    image = Image.new("RGB", size, (90, 140, 200))
    draw = ImageDraw.Draw(image)
    for i in range(12):
        x, y = (i * 37 * seed) % size[0], (i * 53 * seed) % size[1]
        colour = ((i * 40 * seed) % 256, (i * 90) % 256, (i * 150 + seed) % 256)
        draw.rectangle((x, y, x + 25, y + 18), fill=colour)
        draw.ellipse((y, x // 2, y + 20, x // 2 + 20), fill=colour[::-1])
    return image


def jpeg(seed: int = 1, **options: object) -> bytes:
    out = io.BytesIO()
    picture(seed).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def png(seed: int = 1, **options: object) -> bytes:
    out = io.BytesIO()
    picture(seed).save(out, "PNG", **options)
    return out.getvalue()


def webp(seed: int = 1, **options: object) -> bytes:
    out = io.BytesIO()
    picture(seed).save(out, "WEBP", quality=80, **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes, seed: int = 1, at_end: bool = False) -> bytes:
    """A PNG with further chunks after its header, or after its picture."""
    data = png(seed)
    at = len(data) - 12 if at_end else 33
    return data[:at] + b"".join(chunks) + data[at:]


def text(key: str, value: str) -> bytes:
    return chunk(b"tEXt", key.encode("latin-1") + b"\0" + value.encode())


def ztxt(key: str, value: bytes) -> bytes:
    return chunk(b"zTXt", key.encode("latin-1") + b"\0\0" + zlib.compress(value, 9))


def itxt(key: str, value: bytes, *, deflate: bool = False) -> bytes:
    body = zlib.compress(value, 9) if deflate else value
    return chunk(b"iTXt", key.encode("latin-1") + b"\0" + bytes([deflate, 0]) + b"\0\0" + body)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(*segments: bytes, seed: int = 1) -> bytes:
    """A JPEG with further segments at its start."""
    data = jpeg(seed)
    return data[:2] + b"".join(segments) + data[2:]


Tags = dict[int, bytes | str | int]


def tiff(
    first: Tags | None = None, camera: Tags | None = None, place: Tags | None = None, thumbnail: bytes = b"", *,
    order: str = "<",
) -> bytes:  # fmt: skip
    """A block of EXIF with these tags: text as ASCII, bytes as UNDEFINED, numbers as LONG."""
    first = dict(first or {})
    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    pointers: dict[int, int] = {}
    if camera is not None:
        first[0x8769] = 0
    if place is not None:
        first[0x8825] = 0
    _directory(out, first, order, pointers)
    for tag, tags in ((0x8769, camera), (0x8825, place)):
        if tags is not None:
            struct.pack_into(order + "I", out, pointers[tag], len(out))
            _directory(out, tags, order, {})
    if thumbnail:
        struct.pack_into(order + "I", out, pointers[-1], len(out))
        inner: dict[int, int] = {}
        _directory(out, {0x0201: 0, 0x0202: len(thumbnail)}, order, inner)
        struct.pack_into(order + "I", out, inner[0x0201], len(out))
        out += thumbnail
    return bytes(out)


def _directory(out: bytearray, tags: Tags, order: str, pointers: dict[int, int]) -> None:
    start = len(out)
    out += struct.pack(order + "H", len(tags)) + bytes(12 * len(tags) + 4)
    pointers[-1] = start + 2 + 12 * len(tags)
    for i, (tag, value) in enumerate(sorted(tags.items())):
        at = start + 2 + 12 * i
        kind, raw = _raw(value, order)
        struct.pack_into(order + "HHI", out, at, tag, kind, len(raw) if kind != 4 else 1)
        pointers[tag] = at + 8
        if len(raw) <= 4:
            out[at + 8 : at + 8 + len(raw)] = raw
        else:
            struct.pack_into(order + "I", out, at + 8, len(out))
            out += raw


def _raw(value: bytes | str | int, order: str) -> tuple[int, bytes]:
    if isinstance(value, int):
        return 4, struct.pack(order + "I", value)
    return (2, value.encode() + b"\0") if isinstance(value, str) else (7, value)


def exif_segment(block: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + block)


def xmp_packet(properties: str, namespaces: str = "") -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f"{namespaces}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    ).encode()


def xmp_segment(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def source_type_xmp(value: str) -> bytes:
    return xmp_packet(
        "<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/"
        f"{value}</Iptc4xmpExt:DigitalSourceType>"
    )


A1111 = (
    "a cabbage on a table, morning light\nNegative prompt: blurry\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12, Size: 512x512, Model hash: abc, Model: garden"
)


def signs(data: bytes, trust: TrustLists = NO_TRUST) -> dict[str, Indicator]:
    """What an examination says, by the name of the statement."""
    return {sign.name: sign for sign in examine_bytes(data, trust)}
