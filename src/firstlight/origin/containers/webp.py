"""WebP: the chunks of a RIFF file."""

from __future__ import annotations

from firstlight.origin.container import MAX_PARTS, Carries, Walk


def walk(data: memoryview, found: Walk) -> None:
    """Keep EXIF and XMP."""
    at = 12
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            return
        kind, size = bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            found.stop(f"the chunk at byte {at} is longer than the file")
            return
        body, where = data[at + 8 : at + 8 + size], f"{kind.decode('latin-1').strip()} at byte {at}"
        kept = True
        if kind == b"EXIF":
            kept = found.keep(Carries.EXIF, body[6:] if bytes(body[:6]) == b"Exif\0\0" else body, where)
        elif kind == b"XMP ":
            kept = found.keep(Carries.XMP, body, where)
        elif kind in (b"VP8 ", b"VP8L") and not found.pixels_at:
            found.pixels_at = at
        if not kept:
            return
        at += 8 + size + size % 2
    found.crowd("chunks")
