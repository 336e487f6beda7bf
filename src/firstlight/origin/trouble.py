"""What is said when a file, or a part of it, could not be examined: loudly, for a child may be waiting."""

from __future__ import annotations

from typing import Final

from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.statement import NO_SUPPORT, Kind, Statement, own_source

STOPPED: Final = Statement(
    name="examination.stopped",
    claim=Claim.UNREADABLE,
    strength=NO_SUPPORT,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="The file's structure was not read to its end: {why}.",
    does_not_say="What stands in the part that was not read.",
)
FAILED: Final = Statement(
    name="examination.failed",
    claim=Claim.UNREADABLE,
    strength=NO_SUPPORT,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="The examination of {what} failed on this file; a person has to look.",
    does_not_say="Anything about how the picture was made.",
)
KIND: Final = Kind(
    name="examination",
    title="The examination itself",
    reads="whether everything could be read",
    statements=(STOPPED, FAILED),
)


def pixels_failed(code: str) -> Indicator:
    """Said of a file that brought down or overran its worker, and was examined without its pixels."""
    return FAILED.indicator(own_source(), what="the pixels", facts={"kind": "pixels", "error": code})
