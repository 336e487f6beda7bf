"""The small preview in EXIF against the picture itself."""

from __future__ import annotations

from typing import Final

from firstlight.errors import Fact
from firstlight.origin import exif as tags
from firstlight.origin.evidence import Evidence
from firstlight.origin.exif import Directory
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.indicators import camera_tags
from firstlight.origin.likeness import DIFFERS_BELOW, FITS_FROM, likeness
from firstlight.origin.statement import MODERATE, PLANTABLE, WEAK_TO_MODERATE, Kind, Statement, own_source

FITS: Final = Statement(
    name="camera.preview_fits",
    claim=Claim.CAMERA,
    strength=PLANTABLE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="The small preview inside the file shows the same picture. Many programs write one; it is kept as a lead.",
    does_not_say="That a camera wrote the preview.",
)
CONSISTENT: Final = Statement(
    name="camera.consistent",
    claim=Claim.CAMERA,
    strength=WEAK_TO_MODERATE,
    forgeable_by=ForgeableBy.CUSTOMER,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="Tags of a camera of {make}, exposure, time, the maker's own notes and the preview agree with one another and "
    "with the picture. That takes skill to forge, not a key.",
    does_not_say="That the picture was taken with that camera.",
)
DIFFERS: Final = Statement(
    name="camera.preview_differs",
    claim=Claim.EDITED,
    strength=MODERATE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="The small preview inside the file shows something else than the picture: it was cropped or changed after "
    "the preview was made. The preview may show the original and is to be protected like it.",
    does_not_say="What was changed, or by whom.",
)

KIND: Final = Kind(
    name="embedded_thumbnail",
    title="The preview against the picture",
    reads="EXIF's preview, without its black bars, and the picture, both small and grey",
    statements=(FITS, CONSISTENT, DIFFERS),
)


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for the first preview that can be compared."""
    for where, exif in evidence.exif:
        if not exif.thumbnail.startswith(b"\xff\xd8") or not evidence.pixels:
            continue
        alike = likeness(evidence, exif.thumbnail)
        if alike is None:
            continue
        facts: dict[str, Fact] = {"correlation": round(alike, 3)}
        if alike < DIFFERS_BELOW:
            return [DIFFERS.indicator(own_source(where), facts=facts)]
        if alike < FITS_FROM:
            return []
        camera = camera_tags.maker_of(evidence)
        times = exif.has(Directory.CAMERA, tags.TAKEN_AT) and exif.has(Directory.CAMERA, tags.EXPOSURE)
        if camera and camera.exif is exif and camera.notes_fit and times:
            return [CONSISTENT.indicator(own_source(where), make=camera.make, facts={**facts, "make": camera.make})]
        return [FITS.indicator(own_source(where), facts=facts)]
    return []
