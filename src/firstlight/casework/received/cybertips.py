"""A folder of CyberTips: reports as XML or as drafts in JSON, with the details of their files; PDFs are passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from pydantic import JsonValue

from firstlight.casework.plain import shown
from firstlight.casework.received.document import LARGEST, ReceivedCase, ReceivedFile, ReceivedItem
from firstlight.casework.upload import LONGEST_TEXT, OF_AGE, Upload
from firstlight.cybertip import Draft, FileDescription, Report, file_details_from_xml, from_xml
from firstlight.cybertip.model.annotations import FileAnnotation, ReportAnnotation
from firstlight.cybertip.model.codes import IncidentType
from firstlight.errors import InputError
from firstlight.media import opened
from firstlight.triage import Context, ContextFact

SAID = ("NOT PROVED: anything. A report carries no signature: whoever handed it over has to say whether it is whole.",)
_HASHES = {"md5": 32, "sha1": 40, "sha256": 64, "pdq": 64}


@dataclass(slots=True)
class _Tip:
    report: Report | None = None
    text: str = ""
    files: list[tuple[FileDescription, dict[str, str], int | None, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Passed:
    """A file that is no CyberTip, and why it was passed over."""

    path: Path
    says: str


def read(folder: Path) -> tuple[list[ReceivedCase], list[Passed]]:
    """The reports below a folder, each a case, in the order of their names, and what was passed over.

    Raises:
        InputError, StorageError: a file cannot be read.
    """
    tips: dict[str, _Tip] = {}
    passed: list[Passed] = []
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()):
        try:
            _take(path, tips)
        except InputError as e:
            passed.append(Passed(path, e.diagnostics().message))
    return [_case(reference, tip) for reference, tip in sorted(tips.items())], passed


def _take(path: Path, tips: dict[str, _Tip]) -> None:
    kind = path.suffix.lower()
    if kind not in (".xml", ".json"):
        raise InputError("It is neither XML nor JSON.")
    with opened(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputError(f"It is larger than {LARGEST} bytes.")
    reference = _reference(path)
    if kind == ".json":
        draft = Draft.from_json(data)
        tip = tips.setdefault(reference, _Tip())
        tip.report, tip.text = draft.report, data.decode("utf-8", "replace")
        for one in draft.files:
            digests = one.digests.model_dump(include={"md5", "sha1", "sha256"})
            tip.files.append((one.description, digests, one.digests.size, one.media_type))
        return
    try:
        report = from_xml(data)
    except InputError as not_a_report:
        try:
            details = file_details_from_xml(data)
        except InputError:
            raise not_a_report from None
        tip = tips.setdefault(str(details.report_id), _Tip())
        tip.files.append((details, _stated(details), None, ""))
        return
    tip = tips.setdefault(reference, _Tip())
    tip.report, tip.text = report, data.decode("utf-8", "replace")


def _reference(path: Path) -> str:
    """The number in the file's name, as reports are named; else the name."""
    number = re.search(r"\d{3,}", path.stem)
    return number.group() if number else path.stem


def _stated(details: FileDescription) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in details.original_file_hash:
        kind = re.sub(r"[^a-z0-9]", "", one.hash_type.lower())
        value = one.value.strip().lower()
        if kind in _HASHES and re.fullmatch(f"[0-9a-f]{{{_HASHES[kind]}}}", value):
            found[kind] = value
    return found


def _case(reference: str, tip: _Tip) -> ReceivedCase:
    sender = _sender(tip.report)
    record: dict[str, JsonValue] = {"report": tip.text}
    whole = ReceivedFile(form="cybertip", sender=sender, reference=reference, number=0, record=record)
    items = [ReceivedItem(whole, _upload(tip.report, f"report {reference}"))]
    for number, (file, hashes, size, media_type) in enumerate(tip.files, 1):
        made = ReceivedFile(
            form="cybertip",
            sender=sender,
            reference=reference,
            number=number,
            md5=hashes.get("md5"),
            sha1=hashes.get("sha1"),
            sha256=hashes.get("sha256"),
            pdq=hashes.get("pdq"),
            size=size,
            media_type=media_type,
            record=file.model_dump(mode="json", exclude_defaults=True),
        )
        name = file.original_file_name or file.file_name or f"report {reference}, file {number}"
        items.append(ReceivedItem(made, _upload(tip.report, name, file)))
    return ReceivedCase(reference, sender, SAID, tuple(items))


def _sender(report: Report | None) -> str:
    if report is None:
        return "not named"
    person = report.reporter.reporting_person
    names = [part for part in (person.first_name, person.last_name) if part]
    emails = [str(one.address) for one in person.email]
    return _plain(" ".join(names) or (emails[0] if emails else "not named"))


def _upload(report: Report | None, name: str, file: FileDescription | None = None) -> Upload:
    """What the report states, in the words that the ranking and the screens know."""
    people = report.person_or_user_reported if report else ()
    suspect = people[0] if people else None
    seen = file.ip_capture_event if file and file.ip_capture_event else None
    if seen is None and suspect is not None and suspect.ip_capture_event:
        seen = suspect.ip_capture_event[0]
    at: datetime | None = seen.date_time if seen else None
    return Upload(
        name=_plain(name),
        account=_plain(suspect.esp_identifier or suspect.screen_name or "") if suspect else "",
        url=_plain(str(file.location_of_file)) if file and file.location_of_file else "",
        uploaded_at=at or (file.uploaded_to_esp_timestamp if file else None),
        ip=ip_address(str(seen.ip_address)) if seen else None,
        port=seen.port if seen else None,
        publicly_available=file.publicly_available if file else None,
        context=Context(facts=tuple(_facts(report, file)) if report else ()),
    )


_BY_ANNOTATION = {ReportAnnotation.SEXTORTION: ContextFact.EXTORTION}
_BY_FILE = {
    FileAnnotation.LIVE_STREAMING: ContextFact.LIVE,
    FileAnnotation.POSSIBLE_SELF_PRODUCTION: ContextFact.SELF_PRODUCED,
}


def _facts(report: Report, file: FileDescription | None) -> Iterator[ContextFact]:
    """What the report states and the ranking knows. Facts only raise, so a sender's word is enough for each."""
    summary = report.incident_summary
    if (summary.escalate_to_high_priority or "").strip():
        yield ContextFact.ESCALATED
    for flag in summary.report_annotations or ():
        if flag in _BY_ANNOTATION:
            yield _BY_ANNOTATION[flag]
    if summary.incident_type is IncidentType.ONLINE_ENTICEMENT:
        yield ContextFact.CONTACT_WITH_MINOR
    people = [one.intended_recipient_person for one in report.intended_recipient]
    if any(person is not None and person.age is not None and person.age < OF_AGE for person in people):
        yield ContextFact.SENT_TO_MINOR
    if any(one.prior_ct_reports for one in report.person_or_user_reported):
        yield ContextFact.PRIOR_REPORTS
    for seen in (file.file_annotations or ()) if file else ():
        if seen in _BY_FILE:
            yield _BY_FILE[seen]


def _plain(text: str) -> str:
    return shown(text.strip(), lines=False)[:LONGEST_TEXT]
