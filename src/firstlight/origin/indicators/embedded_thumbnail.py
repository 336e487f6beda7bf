"""The small preview in EXIF against the picture itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from firstlight.errors import Fact
from firstlight.origin import exif as tags
from firstlight.origin.container import Container
from firstlight.origin.evidence import Evidence
from firstlight.origin.exif import Directory
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.indicators import camera_tags
from firstlight.origin.statement import MODERATE, PLANTABLE, WEAK_TO_MODERATE, Kind, Statement, own_source

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

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
    says="The {make} camera's tags, exposure, time, the maker's own notes and the preview agree with one another and "
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

_SIDE: Final = 96
_PREVIEW_SIDE: Final = 512
"""Previews are kept as they are, so that their bars can be found to the pixel; EXIF's have 160 x 120."""

FITS_FROM: Final = 0.97
"""Correlation of untouched files is 0.99 and more; a re-compression of the picture alone costs less than 0.01."""

DIFFERS_BELOW: Final = 0.85
"""A crop of a fifth is below 0.6. Between the two limits nothing is said."""

_FLAT: Final = 4.0
"""Deviation of grey values below which a picture is too flat for a correlation to mean anything."""

_BAR: Final = 24
"""Grey values of bars are darker than this."""


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for the first preview that can be compared."""
    for where, exif in evidence.exif:
        if not exif.thumbnail.startswith(b"\xff\xd8") or not evidence.pixels:
            continue
        alike = compare(evidence.data, evidence.container, exif.thumbnail)
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


def compare(picture: bytes, container: Container, preview: bytes) -> float | None:
    """The correlation of the picture and its preview, bars removed; None when it cannot be told."""
    import numpy as np

    from firstlight.origin.pixels import small_grey

    small, large = small_grey(preview, Container.JPEG, _PREVIEW_SIDE), small_grey(picture, container, _SIDE)
    if small is None or large is None:
        return None
    one = _like(_without_bars(small, large.width / large.height), large.size)
    other = np.asarray(large, dtype=np.float64)
    if one.std() < _FLAT or other.std() < _FLAT:
        return None
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _without_bars(preview: Image.Image, aspect: float) -> Image.Image:
    """The preview without the black bars that fill it up to its own shape, if that is what stands there."""
    import numpy as np

    width, height = preview.size
    inner_width, inner_height = min(width, round(height * aspect)), min(height, round(width / aspect))
    x, y = (width - inner_width) // 2, (height - inner_height) // 2
    if max(x, y) < 1:
        return preview
    grey = np.asarray(preview)
    bars = [grey[:y], grey[height - y :]] if y else [grey[:, :x], grey[:, width - x :]]
    if any(np.percentile(bar, 90) > _BAR for bar in bars):
        return preview
    return preview.crop((x, y, x + inner_width, y + inner_height))


def _like(preview: Image.Image, size: tuple[int, int]) -> npt.NDArray[Any]:
    import numpy as np
    from PIL import Image

    return np.asarray(preview.resize(size, Image.Resampling.BOX), dtype=np.float64)
