"""Drafts a batched report: one viral file and the many users who passed it on, each by identifier alone."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firstlight.cybertip.drafting.draft import FILE_ANNOTATIONS, INCIDENT_TYPES, reporter_of
from firstlight.cybertip.drafting.facts import CaseFile, Conduct, FileSign, ReportingParty
from firstlight.cybertip.model.annotations import FileAnnotation
from firstlight.cybertip.model.codes import FileRelevance
from firstlight.cybertip.model.files import FileDescription
from firstlight.cybertip.model.incident import IncidentSummary
from firstlight.cybertip.model.people import PersonOrUserReported
from firstlight.cybertip.model.report import BatchedReport, Draft, PlannedFile, Report
from firstlight.errors import InputError
from firstlight.values import Document, Instant, Versioned

MAX_TEXT_PLATFORM = 256


class BatchFacts(Document):
    """What a batched report may say; everything else about a user needs a report of its own."""

    title_for_people: ClassVar[str] = "facts of a batched report"

    kind: Literal["batch-facts"] = "batch-facts"
    version: Versioned = 1
    reporter: ReportingParty
    conduct: Conduct = Conduct.MATERIAL
    occurred_at: Instant
    platform: Annotated[str, Field(max_length=MAX_TEXT_PLATFORM)] = ""
    users: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=255)], ...], Field(min_length=1)]
    file: CaseFile


def draft_batch(batch: BatchFacts) -> Draft:
    """The draft of a batched report.

    Raises:
        InputError: nobody said that the file is viral or a potential meme, so it is no case for a batched report.
    """
    allowed = (FileSign.VIRAL, FileSign.POTENTIAL_MEME)
    signs = tuple(FILE_ANNOTATIONS[s] for s in batch.file.signs if s in allowed)
    if not signs:
        raise InputError(
            "The file is called neither viral nor a potential meme.",
            hint="Write a report for each user; a batched report is for viral material only.",
        )
    left_out = [f"annotation {FILE_ANNOTATIONS[s].value}" for s in batch.file.signs if s not in allowed]
    if any(c.basis.carries_annotation for c in batch.file.origin_claims):
        left_out.append(f"annotation {FileAnnotation.GENERATIVE_AI.value} and its basis")
    description = FileDescription(
        uploaded_to_esp_timestamp=batch.file.uploaded_at,
        file_viewed_by_esp=any(v.counts for v in batch.file.viewings),
        exif_viewed_by_esp=any(v.exif and v.counts for v in batch.file.viewings),
        publicly_available=batch.file.public,
        file_relevance=FileRelevance.REPORTED,
        file_annotations=signs,
        industry_classification=batch.file.classification,
    )
    report = Report(
        batched_report=BatchedReport(),
        incident_summary=IncidentSummary(
            incident_type=INCIDENT_TYPES[batch.conduct],
            platform=batch.platform or None,
            incident_date_time=batch.occurred_at,
        ),
        reporter=reporter_of(batch.reporter),
        person_or_user_reported=tuple(PersonOrUserReported(esp_identifier=user) for user in batch.users),
    )
    file = PlannedFile(
        key=batch.file.key, digests=batch.file.digests, media_type=batch.file.media_type, description=description
    )
    notes = tuple(f"Left out, a batched report cannot carry it: {what}." for what in left_out)
    return Draft(report=report, files=(file,), notes=notes)
