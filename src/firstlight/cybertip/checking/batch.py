"""Batched reports: one viral file, many users, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from firstlight.cybertip.checking.values import invalid
from firstlight.cybertip.findings import Finding
from firstlight.cybertip.model.annotations import FileAnnotation
from firstlight.cybertip.model.files import FileDescription
from firstlight.cybertip.model.people import PersonOrUserReported
from firstlight.cybertip.model.report import Draft

_ALLOWED = {FileAnnotation.VIRAL, FileAnnotation.POTENTIAL_MEME}
_FORBIDDEN_IN_REPORT = {
    "internet_details": "internetDetails",
    "law_enforcement": "lawEnforcement",
    "intended_recipient": "intendedRecipient",
    "victim": "victim",
    "additional_info": "additionalInfo",
}
_FORBIDDEN_IN_FILE = {
    "original_file_name": "originalFileName",
    "location_of_file": "locationOfFile",
    "original_file_hash": "originalFileHash",
    "ip_capture_event": "ipCaptureEvent",
    "device_id": "deviceId",
    "details": "details",
    "additional_info": "additionalInfo",
}


def batch_findings(draft: Draft) -> Iterator[Finding]:
    """What the service would refuse in a batched report; nothing for any other report."""
    report = draft.report
    if report.batched_report is None:
        return
    if report.incident_summary.escalate_to_high_priority is not None:
        yield _forbidden("report/incidentSummary/escalateToHighPriority", "escalateToHighPriority")
    for attribute, name in _FORBIDDEN_IN_REPORT.items():
        if getattr(report, attribute) not in (None, ()):
            yield _forbidden(f"report/{name}", name)
    for number, user in enumerate(report.person_or_user_reported, start=1):
        if user != PersonOrUserReported(esp_identifier=user.esp_identifier):
            yield invalid(
                "batch-user",
                f"report/personOrUserReported[{number}]",
                "In a batched report a user is named by espIdentifier alone.",
                "Leave out everything else about the user, or write a report of its own.",
            )
    if len(draft.files) != 1:
        yield invalid(
            "batch-one-file",
            "files",
            f"A batched report has exactly one file; this one has {len(draft.files)}.",
            "Write one batched report for each file.",
        )
    for number, file in enumerate(draft.files, start=1):
        yield from _file(file.description, f"files[{number}]")


def _file(file: FileDescription, path: str) -> Iterator[Finding]:
    if file.is_supplemental:
        yield invalid(
            "batch-relevance",
            f"{path}/fileRelevance",
            "The file of a batched report must be Reported.",
            "Report it, or write no batched report.",
        )
    annotations = set(file.file_annotations or ())
    if not annotations & _ALLOWED and not file.potential_meme:
        yield invalid(
            "batch-annotation",
            f"{path}/fileAnnotations",
            "The file of a batched report must be viral or a potential meme.",
            "Annotate it, if it is true; otherwise write no batched report.",
        )
    for annotation in annotations - _ALLOWED:
        yield _forbidden(f"{path}/fileAnnotations/{annotation}", annotation)
    for attribute, name in _FORBIDDEN_IN_FILE.items():
        if getattr(file, attribute) not in (None, ()):
            yield _forbidden(f"{path}/{name}", name)


def _forbidden(where: str, name: str) -> Finding:
    return invalid(
        "batch-forbidden",
        where,
        f"{name} must not stand in a batched report.",
        "Leave it out, or write a report of its own.",
    )
