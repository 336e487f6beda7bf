"""Writes the IPTC digital source type into a picture's container: one XMP packet, no pixel touched.

It is the mark that catalogues and platforms read without knowing content credentials. Anyone can remove or write it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"

_JPEG_XMP: Final = b"http://ns.adobe.com/xap/1.0/\x00"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_XMP: Final = b"iTXtXML:com.adobe.xmp\x00"
_XMP_FLAG: Final = 0x04
_VP8X: Final = b"VP8X"


def packet(source_type: str) -> bytes:
    """An XMP packet that says how a picture was made, and nothing else."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPES}{source_type}"/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def with_source_type(data: bytes, source_type: str) -> bytes:
    """The picture with the source type in it; unchanged where it has an XMP packet already or is of another kind.

    What was there stays there, byte for byte: JPEG, PNG and WebP get one more segment or chunk.
    """
    xmp = packet(source_type)
    if data.startswith(b"\xff\xd8\xff"):
        return data if _JPEG_XMP in data else _jpeg(data, xmp)
    if data.startswith(_PNG):
        return _png(data, xmp)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data, xmp)
    return data


def _jpeg(data: bytes, xmp: bytes) -> bytes:
    """Behind the JFIF or EXIF segments, which have to come first."""
    at = 2
    while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1") and len(data) >= at + 4:
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    body = _JPEG_XMP + xmp
    return data[:at] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[at:]


def _png(data: bytes, xmp: bytes) -> bytes:
    """Behind the header chunk."""
    if any(data.startswith(_PNG_XMP, at) for at in _png_chunks(data)):
        return data
    end = len(_PNG) + 12 + struct.unpack(">I", data[8:12])[0]
    body = _PNG_XMP + b"\x00\x00\x00\x00" + xmp
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return b"".join((data[:end], chunk, memoryview(data)[end:]))


def _png_chunks(data: bytes) -> Iterator[int]:
    """Where the chunks begin, at their names."""
    at = len(_PNG)
    while at + 8 <= len(data):
        yield at + 4
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _webp(data: bytes, xmp: bytes) -> bytes:
    """At the end; a simple file becomes an extended one, whose header says that there is XMP."""
    chunks = list(_chunks(data))
    if any(kind == b"XMP " for kind, _ in chunks) or not chunks:
        return data
    kind, first = chunks[0]
    if kind == _VP8X:
        header = bytes([first[0] | _XMP_FLAG]) + first[1:]
        chunks[0] = (_VP8X, header)
    else:
        size = _webp_size(kind, first)
        if size is None:
            return data
        width, height, alpha = size
        flags = _XMP_FLAG | (0x10 if alpha else 0)
        header = bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunks.insert(0, (_VP8X, header))
    chunks.append((b"XMP ", xmp))
    body = b"".join(k + struct.pack("<I", len(b)) + b + b"\x00" * (len(b) & 1) for k, b in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    out = []
    at = 12
    while at + 8 <= len(data):
        size = struct.unpack("<I", data[at + 4 : at + 8])[0]
        out.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + (size & 1)
    return out


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int, bool] | None:
    """Width, height and transparency of a simple file; None for one that is neither lossy nor lossless."""
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF, False
    if kind == b"VP8L" and body[:1] == b"\x2f":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    return None
