"""What a camera leaves in EXIF: its make, its own notes, the time and exposure, a thumbnail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firstlight.errors import Fact
from firstlight.origin import exif as tags
from firstlight.origin.container import Carries
from firstlight.origin.evidence import Evidence
from firstlight.origin.exif import Directory, Exif
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.statement import PLANTABLE, PLANTABLE_MODERATE, Kind, Statement, own_source

TAGS: Final = Statement(
    name="camera.tags",
    claim=Claim.CAMERA,
    strength=PLANTABLE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="The tags of the file name a camera of {make}. Nothing protects them: anyone can write them into any file. "
    "They are kept as a lead.",
    does_not_say="That the picture was taken with that camera.",
)

NOTES: Final = Statement(
    name="camera.maker_note",
    claim=Claim.CAMERA,
    strength=PLANTABLE_MODERATE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="Beside the tags of a camera of {make} stand the maker's own notes in the form that this maker uses. They can "
    "be copied from another photograph. They are kept as a lead: serial numbers and places may stand in them.",
    does_not_say="That these notes were made together with this picture.",
)

KIND: Final = Kind(
    name="camera_tags",
    title="Tags of a camera",
    reads="EXIF: make, model, maker's notes, exposure, thumbnail, serial number and place (whether they are there)",
    statements=(TAGS, NOTES),
)

_MAKERS: Final[dict[str, tuple[bytes, ...]]] = {
    "Apple": (b"Apple iOS\0",),
    "Canon": (),
    "Casio": (b"QVC\0",),
    "DJI": (),
    "Fujifilm": (b"FUJIFILM",),
    "Google": (b"HDRP",),
    "GoPro": (),
    "Hasselblad": (),
    "HTC": (),
    "Huawei": (b"HUAWEI",),
    "Kodak": (b"KDK", b"KODAK"),
    "Leica": (b"LEICA",),
    "LG": (),
    "Minolta": (b"MLT0", b"KYOC"),
    "Motorola": (b"MOT\0",),
    "Nikon": (b"Nikon\0",),
    "OnePlus": (),
    "OPPO": (),
    "Olympus": (b"OLYMP\0", b"OLYMPUS\0", b"OM SYSTEM\0"),
    "OM Digital": (b"OM SYSTEM\0",),
    "Panasonic": (b"Panasonic\0",),
    "Pentax": (b"AOC\0", b"PENTAX \0"),
    "realme": (),
    "Ricoh": (b"Ricoh", b"RICOH"),
    "Samsung": (b"\x07\0\x01\0\x07\0\x04\0", b"STMN"),
    "Sigma": (b"SIGMA\0", b"FOVEON\0"),
    "Sony": (b"SONY DSC", b"SONY CAM", b"SONY MOBILE", b"SEMC MS"),
    "vivo": (),
    "Xiaomi": (),
}
"""Makers of cameras, and how their notes begin where they begin in a way of their own (as ExifTool documents it)."""

_CANON_NOTES: Final = range(8, 128)
"""Canon's notes have no name in front: they are a bare directory with this many entries."""


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera that a file's tags name."""

    make: str
    where: str
    exif: Exif
    notes_fit: bool


def maker_of(evidence: Evidence) -> Camera | None:
    """The first camera that the tags name, if its maker is a known one: a name outside the list is not repeated."""
    for where, exif in evidence.exif:
        written = exif.text(Directory.PICTURE, tags.MAKE).lower()
        make = next((make for make in _MAKERS if written.startswith(make.lower())), None)
        if make is not None and exif.has(Directory.PICTURE, tags.MODEL):
            return Camera(make, where, exif, _notes_fit(make, exif))
    return None


def _notes_fit(make: str, exif: Exif) -> bool:
    notes = exif.get(Directory.CAMERA, tags.MAKER_NOTE)
    if notes is None or notes.count < 64:
        return False
    if make == "Canon":
        return int.from_bytes(notes.raw[:2], "little" if exif.little else "big") in _CANON_NOTES
    return notes.raw.startswith(_MAKERS[make]) if _MAKERS[make] else False


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for the camera that the tags name."""
    camera = maker_of(evidence)
    if camera is None:
        return []
    exif = camera.exif
    facts: dict[str, Fact] = {
        "make": camera.make,
        "maker_note": exif.has(Directory.CAMERA, tags.MAKER_NOTE),
        "exposure": exif.has(Directory.CAMERA, tags.EXPOSURE),
        "taken_at": exif.has(Directory.CAMERA, tags.TAKEN_AT),
        "serial_number": exif.has(Directory.CAMERA, tags.BODY_SERIAL),
        "place": any(directory is Directory.PLACE for directory, _ in exif.fields),
        "thumbnail": exif.thumbnail.startswith(b"\xff\xd8"),
        "further_pictures": bool(evidence.walk.of(Carries.PICTURES)),
    }
    statement = NOTES if camera.notes_fit else TAGS
    return [statement.indicator(own_source(camera.where), make=camera.make, facts=facts)]
