"""Damaged files: no crash, no detector that fails, and the same answer for the same bytes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from firstlight.origin.examination import examine_bytes
from origin.making import (
    A1111,
    chunk,
    exif_segment,
    itxt,
    jpeg_with,
    png_with,
    source_type_xmp,
    tiff,
    webp,
    xmp_segment,
)
from origin.mutating import mutate, try_mutations
from origin.signing import Authority

EXIF = tiff(
    {0x010F: "Canon", 0x0110: "EOS"}, {0x9286: b"UNICODE\0" + A1111.encode("utf-16-le"), 0x927C: bytes(80)},
    {1: "N"}, b"\xff\xd8\xff\xd9",
)  # fmt: skip
XMP = source_type_xmp("trainedAlgorithmicMedia")
MADE = {
    "jpeg": jpeg_with(exif_segment(EXIF), xmp_segment(XMP)),
    "png": png_with(
        chunk(b"eXIf", EXIF), itxt("XML:com.adobe.xmp", XMP), itxt("parameters", A1111.encode(), deflate=True)
    ),
    "webp": webp(exif=EXIF, xmp=XMP),
    "tiff": EXIF,
}


@pytest.mark.parametrize("name", MADE)
def test_made_files(name: str) -> None:
    try_mutations(MADE[name], 250, seed=7)


def test_a_signed_file() -> None:
    try_mutations(Authority.new().signer().sign(MADE["jpeg"]), 150, seed=7)


def test_public_files(public_pictures: Path) -> None:
    """A few of each; `python -m origin.mutating` runs thousands."""
    folders = (public_pictures / "c2pa", public_pictures / "c2pa-python")
    media = (".jpg", ".jpeg", ".pdf", ".mp4")
    files = [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in media]
    assert files
    for path in files:
        if path.stat().st_size < 400_000:
            try_mutations(path.read_bytes(), 6, seed=len(path.name))


def test_the_same_bytes_always_get_the_same_answer() -> None:
    rng = random.Random(3)
    for _ in range(50):
        mutated = mutate(MADE["png"], rng)
        assert examine_bytes(mutated) == examine_bytes(mutated)
