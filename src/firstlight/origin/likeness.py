"""Whether a small picture shows the same as a large one: correlation of both in grey, black bars removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from firstlight.origin.container import Container
from firstlight.origin.evidence import Evidence

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

_PREVIEW_SIDE: Final = 512
"""Previews are kept as they are, so that their bars can be found to the pixel; EXIF's have 160 x 120."""

FITS_FROM: Final = 0.97
"""Correlation of untouched files is 0.99 and more; a re-compression of the picture alone costs less than 0.01."""

DIFFERS_BELOW: Final = 0.85
"""A crop of a fifth is below 0.6. Between the two limits nothing is said."""

_FLAT: Final = 4.0
"""Deviation of grey values below which a picture is too flat for a correlation to mean anything."""

_LEAST: Final = 8
"""Pixels that have to be left between bars."""

_BAR: Final = 24
"""Grey values of bars are darker than this."""


def likeness(evidence: Evidence, preview: bytes) -> float | None:
    """The correlation of the picture and a JPEG preview of it, bars removed; None when it cannot be told."""
    import numpy as np

    from firstlight.origin.pixels import small_grey

    small, large = small_grey(preview, Container.JPEG, _PREVIEW_SIDE), evidence.small_grey()
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
    if max(x, y) < 1 or min(inner_width, inner_height) < _LEAST:
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
