"""Drafts the report of a case: every fact in its place, viewing claims derived from viewings alone."""

from __future__ import annotations

from firstlight.cybertip.drafting.facts import (
    Account,
    CaseFacts,
    CaseFile,
    Conduct,
    FileSign,
    NetworkEvent,
    ReportingParty,
    Sign,
)
from firstlight.cybertip.drafting.places import Overflow, account_fields, internet_details, ip_event
from firstlight.cybertip.drafting.words import file_details, file_words
from firstlight.cybertip.model.annotations import FileAnnotation, ReportAnnotation
from firstlight.cybertip.model.codes import FileRelevance, IncidentType
from firstlight.cybertip.model.files import FileDescription, FileHash
from firstlight.cybertip.model.incident import IncidentSummary, Reporter
from firstlight.cybertip.model.people import Email, IntendedRecipient, Person, PersonOrUserReported, Phone, Victim
from firstlight.cybertip.model.report import Draft, PlannedFile, Report, clean

INCIDENT_TYPES = {
    Conduct.MATERIAL: IncidentType.CHILD_PORNOGRAPHY,
    Conduct.TRAFFICKING: IncidentType.CHILD_SEX_TRAFFICKING,
    Conduct.TOURISM: IncidentType.CHILD_SEX_TOURISM,
    Conduct.MOLESTATION: IncidentType.CHILD_SEXUAL_MOLESTATION,
    Conduct.MISLEADING_DOMAIN: IncidentType.MISLEADING_DOMAIN_NAME,
    Conduct.MISLEADING_WORDS: IncidentType.MISLEADING_WORDS_OR_IMAGES,
    Conduct.ENTICEMENT: IncidentType.ONLINE_ENTICEMENT,
    Conduct.OBSCENE_TO_CHILD: IncidentType.UNSOLICITED_OBSCENE_MATERIAL,
}
_REPORT_ANNOTATIONS = {
    Sign.SEXTORTION: ReportAnnotation.SEXTORTION,
    Sign.SOLICITATION: ReportAnnotation.CSAM_SOLICITATION,
    Sign.BETWEEN_MINORS: ReportAnnotation.MINOR_TO_MINOR_INTERACTION,
    Sign.SADISTIC: ReportAnnotation.SADISTIC_ONLINE_EXPLOITATION,
    Sign.SPAM: ReportAnnotation.SPAM,
}
FILE_ANNOTATIONS = {
    FileSign.DRAWN: FileAnnotation.ANIME_DRAWING_VIRTUAL_HENTAI,
    FileSign.POTENTIAL_MEME: FileAnnotation.POTENTIAL_MEME,
    FileSign.VIRAL: FileAnnotation.VIRAL,
    FileSign.SELF_PRODUCED: FileAnnotation.POSSIBLE_SELF_PRODUCTION,
    FileSign.PHYSICAL_HARM: FileAnnotation.PHYSICAL_HARM,
    FileSign.GORE: FileAnnotation.VIOLENCE_GORE,
    FileSign.ANIMALS: FileAnnotation.BESTIALITY,
    FileSign.LIVE_STREAM: FileAnnotation.LIVE_STREAMING,
    FileSign.INFANT: FileAnnotation.INFANT,
}
_MAX_ESCALATION = 3000


def draft_report(case: CaseFacts) -> Draft:
    """The draft of a case's report and files.

    `fileViewedByEsp` and `exifViewedByEsp` derive from the viewings, `generativeAi` from an origin claim that carries
    it, with its words. Text that is too long for its element moves to additionalInfo whole, and `notes` says so.
    """
    overflow = Overflow()
    people = (*((case.suspect,) if case.suspect else ()), *case.recipients, *case.victims)
    known = frozenset(contact.value for account in people for contact in account.emails)
    report = Report(
        incident_summary=_summary(case, overflow),
        internet_details=tuple(internet_details(c, overflow, known) for c in case.channels),
        reporter=reporter_of(case.reporter),
        person_or_user_reported=_suspects(case, overflow),
        intended_recipient=tuple(_recipient(a, overflow) for a in case.recipients),
        victim=tuple(_victim(a, overflow) for a in case.victims),
        additional_info=None,
    )
    files = tuple(_planned(f, overflow) for f in case.files)
    texts = [t for t in (case.narrative, *overflow.moved) if t]
    report = report.model_copy(update={"additional_info": "\n".join(texts) or None})
    notes = [f"Too long for its element, moved to additionalInfo whole: {name}." for name in overflow.names]
    report, removed = clean(report, "report")
    cleaned = []
    for number, file in enumerate(files, start=1):
        description, more = clean(file.description, f"files[{number}]")
        removed += more
        cleaned.append(file.model_copy(update={"description": description}))
    notes += [f"Removed from {r.where}: {', '.join(r.characters)}, which XML cannot carry." for r in removed]
    return Draft(report=report, files=tuple(cleaned), notes=tuple(notes))


def _summary(case: CaseFacts, overflow: Overflow) -> IncidentSummary:
    escalation = case.escalation.strip() or None
    if escalation and len(escalation) > _MAX_ESCALATION:
        overflow.move("reason of the escalation", escalation)
        marker = " [goes on in additionalInfo]"
        escalation = escalation[: _MAX_ESCALATION - len(marker)] + marker
    annotations = tuple(_REPORT_ANNOTATIONS[s] for s in case.signs)
    return IncidentSummary(
        incident_type=INCIDENT_TYPES[case.conduct],
        platform=overflow.fit("platform", case.platform, 256),
        escalate_to_high_priority=escalation,
        report_annotations=annotations or None,
        incident_date_time=case.occurred_at,
        incident_date_time_description=overflow.fit("description of the time", case.occurred_note, 3000),
    )


def reporter_of(who: ReportingParty) -> Reporter:
    """The reporter as the report writes it."""
    return Reporter(
        reporting_person=Person(
            first_name=who.first_name or None,
            last_name=who.last_name or None,
            phone=(Phone(number=who.phone),) if who.phone else (),
            email=(Email(address=who.email),),
        ),
        company_template=who.company_template or None,
        terms_of_service=who.terms_of_service or None,
        legal_url=who.legal_url or None,
    )


def _suspects(case: CaseFacts, overflow: Overflow) -> tuple[PersonOrUserReported, ...]:
    uploads = tuple(f.upload for f in case.files if f.upload is not None)
    if case.suspect is None:
        return ()
    events: tuple[NetworkEvent, ...] = tuple(dict.fromkeys((*case.suspect.events, *uploads)))
    who = case.suspect.model_copy(update={"events": events})
    person, fields = account_fields(who, overflow)
    return (PersonOrUserReported(person_or_user_reported_person=person, additional_info=who.note or None, **fields),)


def _recipient(account: Account, overflow: Overflow) -> IntendedRecipient:
    person, fields = account_fields(account, overflow)
    return IntendedRecipient(
        intended_recipient_person=person, additional_info=(account.note,) if account.note else (), **fields
    )


def _victim(account: Account, overflow: Overflow) -> Victim:
    person, fields = account_fields(account, overflow)
    return Victim(victim_person=person or Person(), additional_info=account.note or None, **fields)


def _planned(file: CaseFile, overflow: Overflow) -> PlannedFile:
    digests = file.digests
    annotations = [FILE_ANNOTATIONS[s] for s in file.signs]
    if any(c.basis.carries_annotation for c in file.origin_claims):
        annotations.append(FileAnnotation.GENERATIVE_AI)
    description = FileDescription(
        original_file_name=overflow.fit(f"name of file {file.key}", file.file_name, 2056),
        uploaded_to_esp_timestamp=file.uploaded_at,
        location_of_file=overflow.fit(f"address of file {file.key}", file.url, 2083),
        file_viewed_by_esp=any(v.counts for v in file.viewings),
        exif_viewed_by_esp=any(v.exif and v.counts for v in file.viewings),
        publicly_available=file.public,
        file_relevance=FileRelevance.SUPPLEMENTAL if file.supplemental else FileRelevance.REPORTED,
        file_annotations=tuple(annotations) or None,
        industry_classification=None if file.supplemental else file.classification,
        original_file_hash=(
            FileHash(value=digests.md5, hash_type="MD5"),
            FileHash(value=digests.sha1, hash_type="SHA1"),
            FileHash(value=digests.sha256, hash_type="SHA256"),
        ),
        ip_capture_event=ip_event(file.upload) if file.upload else None,
        details=file_details(file),
        additional_info=file_words(file),
    )
    return PlannedFile(key=file.key, digests=digests, media_type=file.media_type, description=description)
