"""What an investigator would miss: what is not there, why it is needed, and what is there but says nothing.

The score counts completeness alone. How much a child may be in danger is another question, answered apart.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from firstlight.cybertip.findings import Finding, FindingKind
from firstlight.cybertip.model.annotations import FileAnnotation, ReportAnnotation
from firstlight.cybertip.model.codes import IncidentType
from firstlight.cybertip.model.files import FileDescription
from firstlight.cybertip.model.people import IpCaptureEvent, PersonOrUserReported
from firstlight.cybertip.model.report import Draft, PlannedFile, Report
from firstlight.cybertip.record import Record
from firstlight.cybertip.wire import walk

_SAYS_NOTHING = re.compile(
    r"(n/?a|none|null|nil|unknown|undefined|test|tbd|todo|-+|\.+|x+|\?+|user|anonymous|not (available|provided|known))"
    r"\.?",
    re.I,
)
_CONTACT_TYPES = (IncidentType.ONLINE_ENTICEMENT, IncidentType.UNSOLICITED_OBSCENE_MATERIAL)


_Counts = Callable[[str | None], bool]
"""Whether a text counts as there: any that is not blank, or only one that says something."""


@dataclass(frozen=True, slots=True)
class _Need:
    """Something that an investigator needs: how to see that it is there, and what to say when it is not."""

    rule: str
    where: str
    costs: int
    there: Callable[[Draft, _Counts], bool]
    says: str
    why: str
    do: str


def _filled(text: str | None) -> bool:
    return bool(text and text.strip())


def _said(text: str | None) -> bool:
    """Whether it says something, and is not filled with nothing; an address has to be of the public network."""
    plain = (text or "").strip()
    return bool(plain) and not _SAYS_NOTHING.fullmatch(plain) and not _leads_nowhere(plain)


def _suspects(draft: Draft) -> tuple[PersonOrUserReported, ...]:
    return draft.report.person_or_user_reported


def _events(draft: Draft, counts: _Counts) -> list[IpCaptureEvent]:
    blocks = [draft.report, *(f.description for f in draft.files)]
    found = [value for block in blocks for _, _, value in walk(block, "") if isinstance(value, IpCaptureEvent)]
    return [event for event in found if counts(event.ip_address)]


def _has_identity(draft: Draft, counts: _Counts) -> bool:
    return any(counts(text) for s in _suspects(draft) for text in (s.esp_identifier, s.screen_name, *s.profile_url))


def _has_contact(draft: Draft, counts: _Counts) -> bool:
    people = [s.person_or_user_reported_person for s in _suspects(draft)]
    known = [
        one for p in people if p is not None for one in (*(e.address for e in p.email), *(t.number for t in p.phone))
    ]
    return any(counts(text) for text in known)


def _has_evidence(draft: Draft, counts: _Counts) -> bool:
    contents = (getattr(d.channel, "content", None) for d in draft.report.internet_details)
    return bool(draft.files) or any(counts(text) for text in contents)


def _has_narrative(draft: Draft, counts: _Counts) -> bool:
    report = draft.report
    texts = [report.additional_info, *(s.additional_info for s in _suspects(draft))]
    texts += [getattr(d.channel, "additional_info", None) for d in report.internet_details]
    return any(counts(text) for text in texts)


def _has_other_party(draft: Draft, _: _Counts) -> bool:
    report = draft.report
    if report.incident_summary.incident_type not in _CONTACT_TYPES:
        return True
    return bool(report.victim or report.intended_recipient)


_NEEDS = (
    _Need(
        "evidence",
        "files",
        20,
        _has_evidence,
        "There is neither a file nor the text of a message.",
        "Without the material nobody can tell what happened.",
        "Add the file, or the whole conversation as content or as a supplemental file.",
    ),
    _Need(
        "ip-and-time",
        "report/personOrUserReported/ipCaptureEvent",
        20,
        lambda d, counts: any(e.date_time is not None for e in _events(d, counts)),
        "There is no IP address with a time.",
        "Provider records are asked for by address and time; without both no subscriber can be found.",
        "Add the event of the upload or of the last logins.",
    ),
    _Need(
        "port",
        "report/personOrUserReported/ipCaptureEvent/port",
        5,
        lambda d, counts: any(e.port is not None for e in _events(d, counts)),
        "No IP event names its port.",
        "Behind a shared address thousands of subscribers look alike; only port and second tell them apart.",
        "Log the source port where connections end, and add it.",
    ),
    _Need(
        "account",
        "report/personOrUserReported",
        15,
        _has_identity,
        "No account is named: no identifier, no screen name, no profile.",
        "A legal request to you must name the account it is about.",
        "Add espIdentifier and screenName.",
    ),
    _Need(
        "contact",
        "report/personOrUserReported/personOrUserReportedPerson",
        10,
        _has_contact,
        "No email address or telephone number of the user is given.",
        "They lead to a person when the address of the connection does not.",
        "Add what the account holds, and whether it was verified.",
    ),
    _Need(
        "narrative",
        "report/additionalInfo",
        10,
        _has_narrative,
        "No words say what happened and how it was found.",
        "The reader knows neither your service nor how the material came to your notice.",
        "Add a few plain sentences: where, how found, what the user did, what you did.",
    ),
    _Need(
        "channel",
        "report/internetDetails",
        5,
        lambda d, _: bool(d.report.internet_details) or d.report.batched_report is not None,
        "No channel says where on the network it happened.",
        "Jurisdiction and further requests depend on it.",
        "Add the web page, chat, mail or game with its address or name.",
    ),
    _Need(
        "other-party",
        "report/victim",
        15,
        _has_other_party,
        "The incident has a child at the other end, but neither a victim nor a recipient is named.",
        "That child is the one to be reached first.",
        "Add the victim's account, as far as it is known.",
    ),
)


def _thin(rule: str, where: str, costs: int, says: str, why: str, do: str) -> Finding:
    return Finding(kind=FindingKind.THIN, rule=f"thin.{rule}", where=where, says=says, why=why, do=do, costs=costs)


def _file_needs(file: PlannedFile, path: str, record: Record) -> Iterator[Finding]:
    says = file.description
    if says.file_viewed_by_esp is None:
        yield _thin(
            "viewed-unsaid",
            f"{path}/fileViewedByEsp",
            4,
            "Whether a person viewed the file is not said.",
            "Without it the police have to assume that a warrant is needed.",
            "Say it as recorded; the draft does.",
        )
    if says.uploaded_to_esp_timestamp is None and not says.is_supplemental:
        yield _thin(
            "upload-time",
            f"{path}/uploadedToEspTimestamp",
            4,
            "When the file reached the service is not said.",
            "It is the time to ask a provider about.",
            "Add it from the item's intake record.",
        )
    if not says.original_file_hash:
        yield _thin(
            "digest",
            f"{path}/originalFileHash",
            3,
            "No digest of the original bytes is given.",
            "It links the file to other reports and to seized devices.",
            "Add MD5, SHA1 and SHA256 of the original.",
        )
    if says.publicly_available is None and not says.is_supplemental:
        yield _thin(
            "public-unsaid",
            f"{path}/publiclyAvailable",
            2,
            "Whether the public could see the file is not said.",
            "It decides on the charge, and on whether viewing needs a warrant.",
            "Say it if it is known.",
        )
    yield from _basis_in_words(says, path, file.digests.sha256, record)


def _basis_in_words(says: FileDescription, path: str, sha256: str, record: Record) -> Iterator[Finding]:
    if not says.is_annotated(FileAnnotation.GENERATIVE_AI):
        return
    text = "\n".join((*says.additional_info, *(p.value for d in says.details for p in d.name_value_pair)))
    claims = [c for c in record.origin_claims(sha256) if c.basis.carries_annotation]
    if claims and not any(c.says in text for c in claims):
        yield _thin(
            "ai-basis",
            f"{path}/additionalInfo",
            10,
            "The file is annotated as machine-made, but the basis is not said in words.",
            "An investigator learns neither who says so nor how it is known.",
            "Add the recorded statement to the file's additionalInfo.",
        )


def _hollow(block: object, path: str) -> Iterator[Finding]:
    """What is there and says nothing."""
    for where, _, value in walk(block, path) if isinstance(block, Report | FileDescription) else ():
        if isinstance(value, IpCaptureEvent) and _leads_nowhere(value.ip_address):
            yield _thin(
                "hollow-ip",
                where,
                10,
                f"The address {value.ip_address} is not one of the public network.",
                "It is that of a proxy, a load balancer or a test; it leads to nobody.",
                "Log the client's own address where the connection ends.",
            )
        elif type(value) is str and value.strip() and _SAYS_NOTHING.fullmatch(value.strip()):
            yield _thin(
                "hollow-text",
                where,
                3,
                f"{value.strip()!r} stands where a fact should stand.",
                "A field that is filled with nothing looks complete and is not.",
                "Leave the element out, or give the fact.",
            )


def _leads_nowhere(address: str) -> bool:
    try:
        return not ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _complete_but_hollow(hollow: list[_Need]) -> Iterator[Finding]:
    """What is filled in and says nothing: it is missing, and it does not look so."""
    if hollow:
        yield _thin(
            "hollow",
            "report",
            10,
            f"It looks complete and is hollow: {', '.join(one.where for one in hollow)} is filled, and says nothing.",
            "What looks complete is passed on, and whoever gets it cannot act on it.",
            "Give the facts, or leave the elements out: then it is seen what is missing.",
        )


def thin_findings(draft: Draft, record: Record) -> tuple[Finding, ...]:
    """What a reader of the report would miss, each with what it costs in completeness."""
    out: list[Finding] = []
    if draft.report.batched_report is None:
        missed = [n for n in _NEEDS if not n.there(draft, _said)]
        out += (_thin(n.rule, n.where, n.costs, n.says, n.why, n.do) for n in missed)
        out += _complete_but_hollow([n for n in missed if n.there(draft, _filled)])
        for number, file in enumerate(draft.files, start=1):
            out += _file_needs(file, f"files[{number}]", record)
    out += _hollow(draft.report, "report")
    for number, file in enumerate(draft.files, start=1):
        out += _hollow(file.description, f"files[{number}]")
    return tuple(out)


def completeness_of(thin: Iterable[Finding]) -> int:
    """100 less what the findings cost; each rule counts once, however many files it strikes."""
    costs = {f.rule: f.costs for f in thin}
    return max(0, 100 - sum(costs.values()))


_DANGER = {
    ReportAnnotation.SEXTORTION: "sextortion: a child is being pressed now",
    ReportAnnotation.SADISTIC_ONLINE_EXPLOITATION: "sadistic exploitation online: danger of self-harm",
    ReportAnnotation.CSAM_SOLICITATION: "somebody asks for material",
}
_DANGER_TYPES = {
    IncidentType.ONLINE_ENTICEMENT: "an adult may be in contact with a child",
    IncidentType.CHILD_SEXUAL_MOLESTATION: "hands-on abuse is reported",
    IncidentType.CHILD_SEX_TRAFFICKING: "trafficking is reported",
}


def signs_of_danger(report: Report) -> tuple[str, ...]:
    """What the report itself names that may mean that a child is in danger now."""
    summary = report.incident_summary
    out = []
    if summary.escalate_to_high_priority:
        out.append(f"escalated: {summary.escalate_to_high_priority}")
    if summary.incident_type in _DANGER_TYPES:
        out.append(_DANGER_TYPES[summary.incident_type])
    out += [words for flag, words in _DANGER.items() if flag in (summary.report_annotations or ())]
    if report.victim:
        out.append(f"{len(report.victim)} victim(s) named")
    return tuple(out)
