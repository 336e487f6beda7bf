"""The service's rules on single values, as far as no schema holds them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import date, datetime
from urllib.parse import urlsplit

from firstlight.cybertip.findings import Finding, FindingKind
from firstlight.cybertip.schema import Schema
from firstlight.cybertip.text import illegal_characters
from firstlight.cybertip.wire import Between, Block, MaxLength, Must, Role, Rule, walk

_URL_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f]")
_EMAIL = re.compile(r"[^\s@<>(),;:\\\"\[\]]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_MAX_LOCAL_PART = 64


def invalid(rule: str, where: str, says: str, do: str, server: str = "") -> Finding:
    """A finding of kind invalid."""
    return Finding(kind=FindingKind.INVALID, rule=f"invalid.{rule}", where=where, says=says, do=do, server=server)


def is_url(text: str) -> bool:
    """Whether the text is an absolute address that the service accepts: with scheme and host, without blanks."""
    if _URL_FORBIDDEN.search(text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme.lower() in ("http", "https", "ftp") and bool(parts.hostname)
    except ValueError:
        return False


def is_email(text: str) -> bool:
    """Whether the text is a well-formed email address with a local part of at most 64 characters."""
    local = text.partition("@")[0]
    well_formed = _EMAIL.fullmatch(text) is not None and ".." not in text
    return well_formed and len(local) <= _MAX_LOCAL_PART and not local.startswith(".") and not local.endswith(".")


def is_ip(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _is_past(value: date | datetime, at: datetime) -> bool:
    if isinstance(value, datetime):
        return value < at
    return value < at.date()


_MUST = {
    Must.BE_URL: (is_url, "is no address the service accepts", "Give the whole address with http:// or https://."),
    Must.BE_EMAIL: (is_email, "is no well-formed email address", "Correct it, or put it into additionalInfo."),
    Must.BE_IP: (is_ip, "is no IPv4 or IPv6 address", "Give the bare address; the port has its own element."),
    Must.BE_DIGITS: (lambda t: t.isascii() and t.isdigit(), "may hold digits only", "Leave out everything else."),
    Must.BE_CALLING_CODE: (
        lambda t: re.fullmatch(r"\+[0-9]{1,3}", t) is not None,
        "must be a plus sign and one to three digits",
        "Write it like +1.",
    ),
    Must.NOT_BE_BLANK: (lambda t: bool(t.strip()), "must not be blank", "Say it, or leave the element out."),
}


def _broken(rule: Rule, value: object, at: datetime) -> tuple[str, str, str] | None:
    """Name, words and remedy, if the value breaks the rule."""
    if isinstance(rule, MaxLength) and isinstance(value, str) and len(value) > rule.characters:
        return "too-long", f"has {len(value)} characters; at most {rule.characters} are accepted", "Shorten it."
    if isinstance(rule, Between) and isinstance(value, int) and not rule.low <= value <= rule.high:
        return "range", f"must be from {rule.low} to {rule.high}", "Correct the number, or leave it out."
    if rule is Must.BE_PAST and isinstance(value, date) and not _is_past(value, at):
        return "not-past", "must be in the past", "Correct the time; check the clock of this machine."
    if rule is Must.BE_FINISHED_REPORT and isinstance(value, int) and value <= 0:
        return "no-report", "must be the number of a finished report", "Leave it out, or give the right number."
    if isinstance(rule, Must) and isinstance(value, str) and rule in _MUST:
        holds, says, do = _MUST[rule]
        if not holds(value):
            return rule.value, says, do
    return None


def value_findings(block: Block, path: str, at: datetime) -> Iterator[Finding]:
    """Every value of a block that breaks one of its own rules."""
    for where, slot, value in walk(block, path):
        for rule in slot.rules:
            if broken := _broken(rule, value, at):
                name, says, do = broken
                yield invalid(name, where, f"{slot.name} {says}.", do)
        if isinstance(value, str) and (found := illegal_characters(value)):
            yield invalid(
                "control-characters",
                where,
                f"{slot.name} holds characters that XML cannot carry: {', '.join(found)}.",
                "Remove them, or send the original text as a file.",
                "4110 malformed XML",
            )


def schema_findings(block: Block, path: str, schema: Schema) -> Iterator[Finding]:
    """Every element of a block that the schema in force does not know."""
    for where, slot, value in walk(block, path):
        if slot.wire.since is not None and not schema.knows(slot.wire.since):
            yield _unknown(where, slot.name, schema)
        if slot.role is Role.FLAGS:
            for flag in value:
                addition = slot.wire.flags_since.get(flag)
                if addition is not None and not schema.knows(addition):
                    yield _unknown(f"{where}/{flag}", str(flag), schema)


def _unknown(where: str, name: str, schema: Schema) -> Finding:
    return invalid(
        "not-in-schema",
        where,
        f"{name} is not in the schema in force ({schema.name}).",
        "Leave it out, or use the schema that the service serves.",
        f"cvc-complex-type.2.4.a: Invalid content was found starting with element '{name}'.",
    )
