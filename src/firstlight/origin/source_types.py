"""The values of IPTC's digital source type and what each of them says about how a picture was made.

The same words stand in content credentials, where a signer vouches for them, and in XMP, where anyone may write them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Making(StrEnum):
    """What a digital source type says, in the terms that matter here."""

    TRAINED_MODEL = "trained model"
    TRAINED_MODEL_ON_PICTURE = "trained model, over another picture"
    COMPUTED = "computed"
    CAPTURED = "captured"
    SCANNED = "scanned from analogue material"
    EDITED = "edited"


SOURCE_TYPES: Final[dict[str, Making]] = {
    "trainedAlgorithmicMedia": Making.TRAINED_MODEL,
    "compositeWithTrainedAlgorithmicMedia": Making.TRAINED_MODEL_ON_PICTURE,
    "algorithmicMedia": Making.COMPUTED,
    "compositeSynthetic": Making.COMPUTED,
    "dataDrivenMedia": Making.COMPUTED,
    "virtualRecording": Making.COMPUTED,
    "digitalCapture": Making.CAPTURED,
    "computationalCapture": Making.CAPTURED,
    "compositeCapture": Making.CAPTURED,
    "negativeFilm": Making.SCANNED,
    "positiveFilm": Making.SCANNED,
    "print": Making.SCANNED,
    "algorithmicallyEnhanced": Making.EDITED,
    "humanEdits": Making.EDITED,
    "minorHumanEdits": Making.EDITED,
    "composite": Making.EDITED,
    "screenCapture": Making.EDITED,
}
"""`digitalCreation`, `empty` and values not listed say nothing and make no indicator."""

_PREFIXES: Final = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/",
    "https://cv.iptc.org/newscodes/digitalsourcetype/",
)
_C2PA_PREFIX: Final = "http://c2pa.org/digitalsourcetype/"


def source_type(value: object) -> tuple[str, Making] | None:
    """The name and meaning of a digital source type, as an address or as a bare name; None when it says nothing."""
    if not isinstance(value, str):
        return None
    name = value.strip()
    for prefix in (*_PREFIXES, _C2PA_PREFIX):
        name = name.removeprefix(prefix)
    making = SOURCE_TYPES.get(name)
    return None if making is None else (name, making)
