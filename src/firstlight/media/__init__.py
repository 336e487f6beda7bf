"""Media: what kind of thing some bytes are, and a cage in which foreign bytes are opened.

Nothing here decodes in the caller's process. `firstlight.media.pictures` is for tasks that run inside the cage.
"""

from __future__ import annotations

from firstlight.media._isolation import Isolation
from firstlight.media.cage import Answer, Cage, Outcome
from firstlight.media.kinds import SNIFF_BYTES, MediaType, sniff
from firstlight.media.limits import DEFAULT_LIMITS, Limits
from firstlight.media.renditions import Form, Region, Rendition, rendition
from firstlight.media.sources import Source, opened, read_file
from firstlight.media.storyboards import storyboard
from firstlight.media.task import CagedFile

__all__ = [
    "DEFAULT_LIMITS",
    "SNIFF_BYTES",
    "Answer",
    "Cage",
    "CagedFile",
    "Form",
    "Isolation",
    "Limits",
    "MediaType",
    "Outcome",
    "Region",
    "Rendition",
    "Source",
    "opened",
    "read_file",
    "rendition",
    "sniff",
    "storyboard",
]
