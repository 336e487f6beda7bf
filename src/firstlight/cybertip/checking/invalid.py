"""What the service would refuse: rules on single values, on what belongs together, and on batched reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from firstlight.cybertip.checking.batch import batch_findings
from firstlight.cybertip.checking.values import invalid, schema_findings, value_findings
from firstlight.cybertip.findings import Finding
from firstlight.cybertip.model.annotations import FileAnnotation
from firstlight.cybertip.model.codes import STATES
from firstlight.cybertip.model.files import FileDescription
from firstlight.cybertip.model.incident import EmailIncident, NewsgroupIncident
from firstlight.cybertip.model.people import (
    AssociatedAccount,
    Email,
    EstimatedLocation,
    PermanentlyDisabled,
    Phone,
    TemporarilyDisabled,
)
from firstlight.cybertip.model.report import Draft, Report
from firstlight.cybertip.schema import Schema
from firstlight.cybertip.wire import Block, walk


def invalid_findings(draft: Draft, *, at: datetime, schema: Schema) -> Iterator[Finding]:
    """Everything in a draft that the service would refuse."""
    parts: list[tuple[str, Block]] = [("report", draft.report)]
    parts += [(f"files[{n}]", f.description) for n, f in enumerate(draft.files, start=1)]
    for path, block in parts:
        yield from value_findings(block, path, at)
        yield from schema_findings(block, path, schema)
        for where, _, value in walk(block, path):
            yield from _together(value, where)
    yield from _reporter_email(draft.report)
    yield from _incident_emails(draft.report)
    yield from _one_suspect(draft.report)
    yield from _distinct_keys(draft)
    for path, block in parts[1:]:
        if isinstance(block, FileDescription):
            yield from _file(block, path)
    yield from batch_findings(draft)


def _together(value: object, where: str) -> Iterator[Finding]:
    """Rules on values that stand in one element."""
    if isinstance(value, Phone | Email) and value.verification_date is not None and value.verified is not True:
        yield invalid(
            "verified", where, "verificationDate is given, so verified must be true.", "Say verified, or drop the date."
        )
    if isinstance(value, Phone) and value.country_calling_code:
        code = value.country_calling_code
        if value.number.startswith((code, "00" + code.removeprefix("+"))):
            yield invalid(
                "calling-code-twice",
                where,
                "The number starts with the country code that also stands in its attribute.",
                "Leave it out of the number.",
            )
    if isinstance(value, TemporarilyDisabled | PermanentlyDisabled):
        yield from _disabled(value, where)
    if isinstance(value, EstimatedLocation):
        yield from _location(value, where)
    if isinstance(value, AssociatedAccount) and value.approximate_age is not None and value.date_of_birth is not None:
        yield invalid(
            "age-twice",
            where,
            "approximateAge and dateOfBirth must not stand together.",
            "Keep the date of birth if it is known.",
        )


def _disabled(value: TemporarilyDisabled | PermanentlyDisabled, where: str) -> Iterator[Finding]:
    if value.user_notified_date and value.disabled_date and value.user_notified_date < value.disabled_date:
        yield invalid(
            "notified-before-disabled",
            where,
            "userNotifiedDate is before disabledDate.",
            "Correct the dates; the service wants the notice at or after the disabling.",
        )
    if not isinstance(value, TemporarilyDisabled):
        return
    if value.reenabled_date and value.disabled_date and value.reenabled_date <= value.disabled_date:
        yield invalid(
            "reenabled-before-disabled", where, "reenabledDate is not after disabledDate.", "Correct the dates."
        )


def _location(value: EstimatedLocation, where: str) -> Iterator[Finding]:
    if not value.country_code:
        yield invalid(
            "location-country",
            f"{where}/countryCode",
            "countryCode must not be blank when estimatedLocation is sent.",
            "Give the country, or leave the location out.",
        )
    if (value.city or "").strip() and not (value.region or "").strip():
        yield invalid(
            "location-region",
            f"{where}/region",
            "region must not be blank when a city is given.",
            "Give the region, or put the city into additionalInfo.",
        )
    if value.country_code == "US" and value.region and value.region not in STATES:
        yield invalid(
            "location-state",
            f"{where}/region",
            "In the US, region must be a state code.",
            "Write it like CA.",
        )


def _reporter_email(report: Report) -> Iterator[Finding]:
    if not report.reporter.reporting_person.email:
        yield invalid(
            "reporter-email",
            "report/reporter/reportingPerson/email",
            "The reporting person needs at least one email address.",
            "Give the address that the service may answer to.",
        )


def _incident_emails(report: Report) -> Iterator[Finding]:
    known: set[str] = set()
    people = (
        *(s.person_or_user_reported_person for s in report.person_or_user_reported),
        *(r.intended_recipient_person for r in report.intended_recipient),
        *(v.victim_person for v in report.victim),
    )
    for person in people:
        known.update(e.address for e in (person.email if person else ()))
    for number, details in enumerate(report.internet_details, start=1):
        channel = details.channel
        if not isinstance(channel, EmailIncident | NewsgroupIncident):
            continue
        for email in channel.email_address:
            if email.address not in known:
                yield invalid(
                    "email-without-person",
                    f"report/internetDetails[{number}]",
                    "An email address of the incident stands on no person of the report.",
                    "Repeat it on the suspect, the recipient or the victim.",
                )


def _one_suspect(report: Report) -> Iterator[Finding]:
    if report.batched_report is None and len(report.person_or_user_reported) > 1:
        yield invalid(
            "several-suspects",
            "report/personOrUserReported[2]",
            "Only a batched report may name several users.",
            "Write one report for each user, linked by priorCTReports.",
        )


def _distinct_keys(draft: Draft) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, file in enumerate(draft.files, start=1):
        if file.key in seen:
            yield invalid(
                "key-twice", f"files[{number}]", "Two files have one key.", "Give each file of the draft its own key."
            )
        seen.add(file.key)


def _file(file: FileDescription, path: str) -> Iterator[Finding]:
    if file.exif_viewed_by_esp and not file.file_viewed_by_esp:
        yield invalid(
            "exif-without-file",
            f"{path}/exifViewedByEsp",
            "exifViewedByEsp is true, so fileViewedByEsp must be true.",
            "Say both only if a person saw both.",
        )
    if not file.is_supplemental:
        return
    if file.potential_meme is not None or file.is_annotated(FileAnnotation.POTENTIAL_MEME):
        yield invalid(
            "supplemental-meme",
            f"{path}/potentialMeme",
            "A supplemental file cannot be a potential meme.",
            "Drop the flag, or report the file.",
        )
    if file.industry_classification is not None:
        yield invalid(
            "supplemental-classification",
            f"{path}/industryClassification",
            "A supplemental file cannot carry a classification.",
            "Drop the classification, or report the file.",
        )
