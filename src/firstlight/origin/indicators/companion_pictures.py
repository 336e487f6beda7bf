"""What cameras of telephones put beside the picture: further pictures, gain maps, depth, a few seconds of video."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from firstlight.origin.container import Block, Carries
from firstlight.origin.evidence import Evidence
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.statement import PLANTABLE_MODERATE, Kind, Statement, own_source

COMPANIONS: Final = Statement(
    name="camera.companions",
    claim=Claim.CAMERA,
    strength=PLANTABLE_MODERATE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="Beside the picture the file holds what cameras put there: {what}. They can be added by anyone with care; "
    "they are kept as a lead and may show more than the picture.",
    does_not_say="That they were made together with this picture.",
)
VIDEO: Final = Statement(
    name="camera.video_tail",
    claim=Claim.CAMERA,
    strength=PLANTABLE_MODERATE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="A few seconds of video lie behind the picture, as telephones record them. Whether they show the same scene "
    "only a person can tell; voices and the room may be in them.",
    does_not_say="That the video belongs to this picture.",
)

KIND: Final = Kind(
    name="companion_pictures",
    title="Pictures and video beside the picture",
    reads="the multi-picture index, gain maps, auxiliary pictures of HEIC, motion photos; none of them is decoded",
    statements=(COMPANIONS, VIDEO),
)

_MAX_PICTURES: Final = 32
_ENTRIES_TAG, _ENTRY = 0xB002, 16

_AUXILIARIES: Final = {
    "depth": "a depth map",
    "disparity": "a depth map",
    "portrait": "a portrait matte",
    "matte": "a portrait matte",
    "gainmap": "a gain map",
    "linearthumbnail": "a linear preview",
}


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for all pictures beside the picture, and one for a video."""
    out = []
    what = sorted(set(_pictures(evidence)))
    if what:
        words = ", ".join(what)
        out.append(COMPANIONS.indicator(own_source("the file's structure"), what=words, facts={"holds": words}))
    if where := _video(evidence):
        out.append(VIDEO.indicator(own_source(where)))
    return out


def _pictures(evidence: Evidence) -> Iterator[str]:
    for block in evidence.walk.of(Carries.PICTURES):
        if _further_pictures(block, evidence.data):
            yield "further pictures"
    for name in evidence.walk.auxiliaries:
        yield from (what for part, what in _AUXILIARIES.items() if part in name.lower())
    if any(properties.in_namespace("hdr-gain-map") for _, properties in evidence.xmp):
        yield "a gain map"


def _further_pictures(index: Block, data: bytes) -> int:
    """How many pictures the index names that are really there; the first is the picture itself."""
    body = index.data
    if body[:4] not in (b"II*\0", b"MM\0*"):
        return 0
    little = body[:1] == b"I"

    def number(at: int, size: int) -> int:
        return int.from_bytes(body[at : at + size], "little" if little else "big")

    start = number(4, 4)
    entries = range(start + 2, start + 2 + 12 * min(number(start, 2), _MAX_PICTURES), 12)
    found = 0
    for at in entries:
        if number(at, 2) != _ENTRIES_TAG:
            continue
        first, count = number(at + 8, 4), min(number(at + 4, 4) // _ENTRY, _MAX_PICTURES)
        for picture in range(1, count):
            offset = number(first + picture * _ENTRY + 8, 4)
            place = int(index.key) + offset
            found += offset > 0 and data[place : place + 2] == b"\xff\xd8"
    return found


def _video(evidence: Evidence) -> str:
    """Where a video lies behind the picture; empty when there is none."""
    if evidence.walk.of(Carries.VIDEO):
        return "mpvd box"
    data = evidence.data
    for _, properties in evidence.xmp:
        lengths = [
            value
            for name, value in (*properties.in_namespace("google.com/photos"), *properties.in_namespace("gcamera"))
            if name in ("MicroVideoOffset", "Length")
        ]
        for length in lengths:
            if length.isdecimal() and len(length) < 12 and 8 < int(length) < len(data):
                start = len(data) - int(length)
                if data[start + 4 : start + 8] == b"ftyp":
                    return "behind the picture"
    mark = data.rfind(b"MotionPhoto_Data")
    return "behind the picture" if mark > 0 and data[mark + 20 : mark + 24] == b"ftyp" else ""
