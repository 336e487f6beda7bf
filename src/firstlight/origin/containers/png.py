"""PNG: the chunks before and after the picture's data."""

from __future__ import annotations

import binascii
from typing import Final

from firstlight.origin.container import MAX_BLOCK, MAX_PARTS, Carries, Walk, inflate

_XMP_KEY: Final = "XML:com.adobe.xmp"
_RAW_PROFILES: Final = {
    "Raw profile type exif": Carries.EXIF,
    "Raw profile type APP1": Carries.EXIF,
    "Raw profile type xmp": Carries.XMP,
    "Raw profile type iptc": Carries.IIM,
}
"""ImageMagick's way to carry metadata: hex digits in a text chunk."""


def walk(data: memoryview, found: Walk) -> None:
    """Keep EXIF, XMP and every text chunk, inflated within the limits."""
    at = 8
    for _ in range(MAX_PARTS):
        if at + 12 > len(data):
            found.stop("the chunks end before the end mark")
            return
        size, kind = int.from_bytes(data[at : at + 4]), bytes(data[at + 4 : at + 8])
        if at + 12 + size > len(data):
            found.stop(f"the chunk at byte {at} is longer than the file")
            return
        body = data[at + 8 : at + 8 + size]
        if kind == b"IDAT" and not found.pixels_at:
            found.pixels_at = at
        if kind == b"IEND" or not _keep(kind, body, f"{kind.decode('latin-1')} at byte {at}", found):
            return
        at += 12 + size
    found.crowd("chunks")


def _keep(kind: bytes, body: memoryview, where: str, found: Walk) -> bool:
    if kind == b"eXIf":
        return found.keep(Carries.EXIF, body, where)
    if kind not in (b"tEXt", b"zTXt", b"iTXt"):
        return True
    if len(body) > MAX_BLOCK:
        return found.stop(f"{where} holds more text than is read")
    raw = bytes(body)
    key, _, rest = raw.partition(b"\0")
    name = key[:79].decode("latin-1")
    text = _text(kind, rest)
    if text is None:
        # One chunk that is damaged or swells beyond the limit does not hide the others; many of them end the walk.
        found.stop(f"{where} is damaged or inflates beyond the limit")
        return found.spend(MAX_BLOCK)
    if name == _XMP_KEY:
        return found.keep(Carries.XMP, text, where)
    if (carries := _RAW_PROFILES.get(name)) is not None:
        return found.keep(carries, _raw_profile(text), where)
    return found.keep(Carries.TEXT, text, where, name)


def _text(kind: bytes, rest: bytes) -> bytes | None:
    """The text of a chunk after its keyword, as UTF-8."""
    if kind == b"tEXt":
        return rest.decode("latin-1").encode() if not _is_utf8(rest) else rest
    if kind == b"zTXt":
        return inflate(rest[1:])
    if len(rest) < 2:
        return None
    deflated, rest = rest[0] == 1, rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, text = rest.partition(b"\0")
    return inflate(text) if deflated else text


def _is_utf8(text: bytes) -> bool:
    """Whether the text reads as UTF-8: the standard says Latin-1, generators write UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _raw_profile(text: bytes) -> bytes:
    """The bytes in `\\nname\\n length\\nhex...`; empty when it is no such thing."""
    parts = text.split(b"\n", 3)
    if len(parts) < 4:
        return b""
    try:
        profile = binascii.unhexlify(b"".join(parts[3].split()))
    except binascii.Error:
        return b""
    return profile.removeprefix(b"Exif\0\0").removeprefix(b"http://ns.adobe.com/xap/1.0/\0")
