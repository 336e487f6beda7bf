"""The two blocks of flags: each flag is true or absent, and their order does not matter on the wire."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from firstlight.cybertip.schema import Addition
from firstlight.cybertip.wire import Role, Wire


class ReportAnnotation(StrEnum):
    """What the whole report is about, besides its incident type."""

    SEXTORTION = "sextortion"
    CSAM_SOLICITATION = "csamSolicitation"
    MINOR_TO_MINOR_INTERACTION = "minorToMinorInteraction"
    SPAM = "spam"
    SADISTIC_ONLINE_EXPLOITATION = "sadisticOnlineExploitation"
    INFORMATIONAL = "informational"
    POTENTIAL_AGGRAVATING_FACTORS = "potentialAggravatingFactors"
    INSTRUMENTAL_USE = "instrumentalUse"


class FileAnnotation(StrEnum):
    """What one file is said to show. `generativeAi` is said only with its basis."""

    ANIME_DRAWING_VIRTUAL_HENTAI = "animeDrawingVirtualHentai"
    POTENTIAL_MEME = "potentialMeme"
    VIRAL = "viral"
    POSSIBLE_SELF_PRODUCTION = "possibleSelfProduction"
    PHYSICAL_HARM = "physicalHarm"
    VIOLENCE_GORE = "violenceGore"
    BESTIALITY = "bestiality"
    LIVE_STREAMING = "liveStreaming"
    INFANT = "infant"
    GENERATIVE_AI = "generativeAi"


ANNOTATIONS_SINCE = {ReportAnnotation(a.value): a for a in Addition if a is not Addition.AGE_ASSERTION_DISCREPANCY}
"""Report annotations that the schema of November 2025 does not know."""


def _report_order(flags: tuple[ReportAnnotation, ...]) -> tuple[ReportAnnotation, ...]:
    return tuple(a for a in ReportAnnotation if a in flags)


def _file_order(flags: tuple[FileAnnotation, ...]) -> tuple[FileAnnotation, ...]:
    return tuple(a for a in FileAnnotation if a in flags)


ReportAnnotations = Annotated[
    tuple[ReportAnnotation, ...], AfterValidator(_report_order), Wire(role=Role.FLAGS, flags_since=ANNOTATIONS_SINCE)
]
"""A set of flags, each once, in the order of the list; an empty set is an empty element, which is valid."""

FileAnnotations = Annotated[tuple[FileAnnotation, ...], AfterValidator(_file_order), Wire(role=Role.FLAGS)]
"""A set of flags, each once, in the order of the list."""
