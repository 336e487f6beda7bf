"""TIFF: the file is its own EXIF; XMP and IPTC-IIM are tags of the first directory."""

from __future__ import annotations

from firstlight.origin.container import Carries, Walk
from firstlight.origin.exif import Directory, read_exif


def walk(data: memoryview, found: Walk) -> None:
    """Keep XMP, IPTC-IIM, and the file itself as EXIF."""
    exif = read_exif(data)
    if exif is None:
        found.stop("the directory of tags cannot be read")
        return
    found.exif = exif
    for tag, carries in ((0x02BC, Carries.XMP), (0x83BB, Carries.IIM)):
        field = exif.get(Directory.PICTURE, tag)
        if field is not None and field.raw and not found.keep(carries, field.raw, f"tag {tag:#06x}"):
            return
