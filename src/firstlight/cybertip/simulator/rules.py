"""What the service demands beyond its schema. The wording on the real service is unknown; the words here are ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from firstlight.cybertip.simulator.description import Rules
from firstlight.cybertip.simulator.document import Node

_MAILBOX = re.compile(r"[^\s@<>(),;:\\\"\[\]]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_TRUE = ("true", "1")


def document_faults(root: Node, now: datetime, us_states: tuple[str, ...]) -> Iterator[str]:
    """Every rule that a valid document breaks, first the rules on single values, then those on what goes together."""
    for path, node in _walk(root, root.name):
        yield from _node(path, node, now)
        yield from _together(path, node, us_states)
    if root.name == "report":
        yield from _report(root)
    else:
        yield from _file(root)


def _walk(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    yield path, node
    for child in node.children:
        yield from _walk(child, f"{path}/{child.name}")


def _node(path: str, node: Node, now: datetime) -> Iterator[str]:
    if node.declared is None:
        return
    kind = node.declared.type()
    if kind.particles is None:
        base = kind.base
        for rules in (node.declared.rules, kind.rules):
            yield from _single(path, node.text, base, rules, now)
        if base == "dateTime":
            yield from _zone(path, node.text)
    for name, value in node.attributes.items():
        declared = kind.attributes.get(name)
        if declared is None:
            continue
        base = declared.type().base
        yield from _single(f"{path}@{name}", value, base, declared.rules, now)
        if base == "dateTime":
            yield from _zone(f"{path}@{name}", value)


def _zone(path: str, text: str) -> Iterator[str]:
    if not re.search(r"(Z|[+-]\d\d:\d\d)\s*$", text):
        yield f"{path}: a time zone designator is required."


def _single(path: str, text: str, base: str, rules: Rules, now: datetime) -> Iterator[str]:
    if rules.longest is not None and len(text) > rules.longest:
        yield f"{path}: the length must not exceed {rules.longest}."
    if rules.between is not None and not rules.between[0] <= int(text) <= rules.between[1]:
        yield f"{path}: the value must be between {rules.between[0]} and {rules.between[1]}."
    if rules.rule and not _follows(rules.rule, text, base, now):
        yield f"{path}: the value does not follow the rule '{rules.rule}'."


def _follows(rule: str, text: str, base: str, now: datetime) -> bool:
    if rule == "past":
        return _past(text.strip(), base, now)
    if rule == "url":
        return _url(text)
    if rule == "email":
        local = text.partition("@")[0]
        dots = ".." in text or local.startswith(".") or local.endswith(".")
        return _MAILBOX.fullmatch(text) is not None and not dots
    if rule == "ip":
        return _address(text)
    if rule == "nonblank":
        return bool(text.strip())
    if rule == "digits":
        return re.fullmatch(r"[0-9]+", text) is not None
    if rule == "calling-code":
        return re.fullmatch(r"\+[0-9]{1,3}", text) is not None
    if rule == "report":
        return int(text) > 0
    return False


def _past(text: str, base: str, now: datetime) -> bool:
    if base == "date":
        return date.fromisoformat(text[:10]) < now.date()
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) < now


def _url(text: str) -> bool:
    if any(c.isspace() or ord(c) < 0x20 or ord(c) == 0x7F for c in text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme.lower() in ("http", "https", "ftp") and bool(parts.hostname)
    except ValueError:
        return False


def _address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _moment(node: Node, name: str) -> datetime | None:
    text = node.attributes.get(name)
    return None if text is None else datetime.fromisoformat(text.strip())


def _together(path: str, node: Node, us_states: tuple[str, ...]) -> Iterator[str]:
    attributes = node.attributes
    if "verificationDate" in attributes and attributes.get("verified") not in _TRUE:
        yield f"{path}: verified must be true when verificationDate is given."
    code = attributes.get("countryCallingCode")
    if code and node.text.startswith((code, "00" + code[1:])):
        yield f"{path}: the number must not start with the country calling code."
    disabled, notified = _moment(node, "disabledDate"), _moment(node, "userNotifiedDate")
    if disabled and notified and notified < disabled:
        yield f"{path}: userNotifiedDate must not be before disabledDate."
    enabled = _moment(node, "reenabledDate")
    if disabled and enabled and enabled <= disabled:
        yield f"{path}: reenabledDate must be after disabledDate."
    if node.name == "estimatedLocation":
        yield from _location(path, node, us_states)
    if node.name == "associatedAccount" and node.child("approximateAge") and node.child("dateOfBirth"):
        yield f"{path}: approximateAge and dateOfBirth must not both be given."


def _location(path: str, node: Node, us_states: tuple[str, ...]) -> Iterator[str]:
    country, region, city = node.value("countryCode"), node.value("region"), node.value("city")
    if not country:
        yield f"{path}/countryCode: must not be blank."
    if city and not region:
        yield f"{path}/region: must not be blank when a city is given."
    if country == "US" and region and region not in us_states:
        yield f"{path}/region: must be a state of the US."


def _person_emails(report: Node) -> set[str]:
    blocks = {
        "personOrUserReported": "personOrUserReportedPerson",
        "intendedRecipient": "intendedRecipientPerson",
        "victim": "victimPerson",
    }
    people = [p for outer, inner in blocks.items() for block in report.all(outer) for p in block.all(inner)]
    return {email.text for person in people for email in person.all("email")}


def _report(report: Node) -> Iterator[str]:
    known = _person_emails(report)
    for details in report.all("internetDetails"):
        for channel in details.children:
            for email in channel.all("emailAddress"):
                if email.text not in known:
                    yield f"report/internetDetails/{channel.name}/emailAddress: must be an email of a person reported."
    if report.child("batchedReport") is not None:
        yield from _batch(report)
    elif len(report.all("personOrUserReported")) > 1:
        yield "report/personOrUserReported: only one is allowed outside of batched reports."


def reporter_email_fault(report: Node) -> Iterator[str]:
    """The rule that the reporting person has an email address; the real test host may not enforce it."""
    reporter = report.child("reporter")
    person = reporter.child("reportingPerson") if reporter else None
    if person is not None and person.child("email") is None:
        yield "report/reporter/reportingPerson/email: at least one is required."


def _batch(report: Node) -> Iterator[str]:
    summary = report.child("incidentSummary")
    if summary is not None and summary.child("escalateToHighPriority") is not None:
        yield "report/incidentSummary/escalateToHighPriority: not allowed in batched reports."
    for name in ("internetDetails", "lawEnforcement", "intendedRecipient", "victim", "additionalInfo"):
        if report.child(name) is not None:
            yield f"report/{name}: not allowed in batched reports."
    for user in report.all("personOrUserReported"):
        if any(c.name != "espIdentifier" for c in user.children):
            yield "report/personOrUserReported: only espIdentifier is allowed in batched reports."


def _file(file: Node) -> Iterator[str]:
    if file.value("exifViewedByEsp") in _TRUE and file.value("fileViewedByEsp") not in _TRUE:
        yield "fileDetails/fileViewedByEsp: must be true when exifViewedByEsp is true."


def supplemental_faults(file: Node) -> Iterator[str]:
    """The rules on supplemental files; whether they are enforced at fileinfo or at finish is not known."""
    if file.value("fileRelevance") != "Supplemental Reported":
        return
    annotations = file.child("fileAnnotations")
    if file.child("potentialMeme") is not None or (annotations and annotations.child("potentialMeme")):
        yield "fileDetails/potentialMeme: not allowed on a supplemental file."
    if file.child("industryClassification") is not None:
        yield "fileDetails/industryClassification: not allowed on a supplemental file."


def batch_file_faults(file: Node) -> Iterator[str]:
    """The rules on the one file of a batched report."""
    if file.value("fileRelevance") == "Supplemental Reported":
        yield "fileDetails/fileRelevance: must be Reported in batched reports."
    block = file.child("fileAnnotations")
    flags = {c.name for c in block.children} if block else set()
    if file.value("potentialMeme") in _TRUE:
        flags.add("potentialMeme")
    if not flags & {"viral", "potentialMeme"}:
        yield "fileDetails/fileAnnotations: viral or potentialMeme is required in batched reports."
    for flag in sorted(flags - {"viral", "potentialMeme"}):
        yield f"fileDetails/fileAnnotations/{flag}: not allowed in batched reports."
    names = (
        "originalFileName",
        "locationOfFile",
        "originalFileHash",
        "ipCaptureEvent",
        "deviceId",
        "details",
        "additionalInfo",
    )
    for name in names:
        if file.child(name) is not None:
            yield f"fileDetails/{name}: not allowed in batched reports."
