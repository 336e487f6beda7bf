"""What is wrong with a report: what the service would refuse, what an investigator would miss, what nobody recorded."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firstlight.values import Document, Instant, Value, Versioned


class FindingKind(StrEnum):
    """Invalid: the service refuses it. Thin: it cannot be acted on. Untrue: it claims what the record does not hold."""

    INVALID = "invalid"
    THIN = "thin"
    UNTRUE = "untrue"


class Finding(Value):
    """One thing that is wrong, where, and what to do.

    `server` is the service's own wording where it is known. `costs` is what a thin finding takes from the score.
    """

    kind: FindingKind
    rule: str
    where: str
    says: str
    why: str = ""
    do: str = ""
    server: str = ""
    costs: Annotated[int, Field(ge=0, le=100)] = 0


class Findings(Document):
    """The outcome of a check.

    `completeness` (0-100) says how much of what an investigator needs is there; it says nothing of how much a child
    may be in danger. `urgency` lists the signs of danger that the report itself names; it is no part of the score.
    """

    title_for_people: ClassVar[str] = "check of a report"

    kind: Literal["cybertip-findings"] = "cybertip-findings"
    version: Versioned = 1
    at: Instant
    schema_name: str
    findings: tuple[Finding, ...]
    completeness: Annotated[int, Field(ge=0, le=100)]
    urgency: tuple[str, ...] = ()

    def of_kind(self, kind: FindingKind) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(f for f in self.findings if f.kind is kind)

    @property
    def may_be_filed(self) -> bool:
        """Whether nothing is invalid and nothing untrue. A thin report may be filed: the duty does not wait."""
        return not self.of_kind(FindingKind.INVALID) and not self.of_kind(FindingKind.UNTRUE)
