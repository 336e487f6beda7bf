"""The examination of one file: every detector that reads the file itself, each on its own.

This is what runs in the caged worker. It knows no cage, so that a test can call it on bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from firstlight.origin import trouble
from firstlight.origin.evidence import Evidence, open_evidence
from firstlight.origin.indicator import Indicator
from firstlight.origin.indicators import (
    aigc_label,
    bank_matches,
    camera_tags,
    companion_pictures,
    content_credentials,
    dwt_watermark,
    embedded_thumbnail,
    generator_attestation,
    generator_text,
    learned_detector,
    photo_input,
    source_type,
    stealth_text,
)
from firstlight.origin.statement import Kind, own_source
from firstlight.origin.trust import NO_TRUST, TrustLists

KINDS: Final[tuple[Kind, ...]] = (
    content_credentials.KIND,
    source_type.KIND,
    generator_text.KIND,
    photo_input.KIND,
    aigc_label.KIND,
    camera_tags.KIND,
    embedded_thumbnail.KIND,
    companion_pictures.KIND,
    stealth_text.KIND,
    dwt_watermark.KIND,
    bank_matches.KIND,
    generator_attestation.KIND,
    learned_detector.KIND,
    trouble.KIND,
)
"""Every kind of indicator, in the order of the documents."""

_Detect: TypeAlias = Callable[[Evidence], list[Indicator]]

_FROM_THE_FILE: Final[tuple[tuple[Kind, _Detect], ...]] = (
    (source_type.KIND, source_type.detect),
    (generator_text.KIND, generator_text.detect),
    (photo_input.KIND, photo_input.detect),
    (aigc_label.KIND, aigc_label.detect),
    (camera_tags.KIND, camera_tags.detect),
    (embedded_thumbnail.KIND, embedded_thumbnail.detect),
    (companion_pictures.KIND, companion_pictures.detect),
    (stealth_text.KIND, stealth_text.detect),
    (dwt_watermark.KIND, dwt_watermark.detect),
)

_SURPRISES: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    struct.error,
    zlib.error,
)
"""What a detector must not raise and a hostile file may one day make it raise: it costs that detector's answer, is
said aloud, and costs nothing else."""


def examine_bytes(data: bytes, trust: TrustLists = NO_TRUST, *, pixels: bool = True) -> tuple[Indicator, ...]:
    """Everything that these bytes say about their origin. Deterministic, offline, and never raises for bad input.

    Without `pixels` nothing is decoded: that is faster, and what is hidden in pixels or differs from them is not seen.
    """
    evidence = open_evidence(data, pixels=pixels)
    out: list[Indicator] = []
    credentials: _Detect = partial(content_credentials.detect, trust=trust)
    for kind, detect in ((content_credentials.KIND, credentials), *_FROM_THE_FILE):
        try:
            out.extend(detect(evidence))
        except _SURPRISES as e:
            facts = {"kind": kind.name, "error": type(e).__name__}
            out.append(trouble.FAILED.indicator(own_source(), what=kind.title.lower(), facts=facts))
    if evidence.walk.stopped:
        out.append(trouble.STOPPED.indicator(own_source(evidence.container.value), why=evidence.walk.stopped))
    for where, properties in evidence.xmp:
        if properties.stopped:
            out.append(trouble.STOPPED.indicator(own_source(f"XMP in {where}"), why=properties.stopped))
    return tuple(out)
