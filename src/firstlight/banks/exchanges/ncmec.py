"""NCMEC's hash sharing, version 2: entries changed within a window of time, in pages that come in no order.

The checkpoint moves only when a window is drained. In the middle of one the address of the next page is kept, and used
again for twelve hours; after that the service may not know it any more and the window is begun anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from firstlight.banks.entry import Entry
from firstlight.banks.exchange import Access, Field, Opinion, Page
from firstlight.banks.exchanges.transport import Host
from firstlight.banks.importer import Found
from firstlight.banks.importers.ncmec_xml import found_in, next_page, tag_of
from firstlight.errors import InputError, UpstreamError

LAG: Final = timedelta(seconds=5)
"""A window ends so long before now: changes of the last moments may not be visible yet."""
NEXT_LIVES: Final = timedelta(hours=12)
_BEGIN: Final = "1970-01-01T00:00:00Z"
_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"
_NAMESPACE: Final = "https://hashsharing.ncmec.org/hashsharing/v2"
_TYPES: Final = {"md5": "MD5", "sha1": "SHA1", "pdq": "PDQ"}


class Ncmec:
    """Images and videos of one list. Entries are keyed by member and id; what is taken back stops matching."""

    name = "ncmec"
    says = "NCMEC hash sharing, version 2"
    config = (
        Field("environment", "string", "the address of the list, such as https://host/hashsharing", required=True),
        Field("only_esp_ids", "set_of_number", "only what these members listed; all if none", default=[]),
        Field("negative_reason", "string", "the guid of the reason that is given for denied entries", default=""),
    )
    credentials = (
        Field("user", "string", "the user name that was issued for hash sharing", required=True),
        Field("password", "string", "its password", required=True),
    )
    shares_credentials = True
    takes_opinions = True

    def pages(self, access: Access, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """What is left of a window that broke off, then one from its end to now."""
        known = dict(checkpoint or {})
        begin = str(known.get("to", _BEGIN))
        now = (access.now - LAG).astimezone(UTC).strftime(_FORM)
        end, path, started = now, "", access.now
        if known.get("next") and access.now - _time(known["started"]) < NEXT_LIVES:
            end, path, started = str(known["until"]), str(known["next"]), _time(known["started"])
        wanted = {str(one) for one in access.config["only_esp_ids"]}
        with _host(access) as host:
            while begin < end:
                query = None if path else {"from": begin, "to": end}
                root = _parsed(host.get(path or "/v2/entries", query))
                path = next_page(root)
                if path and not path.startswith("/v2/"):
                    raise UpstreamError("The exchange points to another place for its next page.")
                middle = {"to": begin, "until": end, "next": path, "started": started.strftime(_FORM)}
                mark = middle if path else {"to": end}
                yield Page(_of_members(found_in(root), wanted), mark, done=not path and end >= now)
                if not path:
                    begin, end, started = end, now, access.now

    def up_to(self, checkpoint: Mapping[str, Any]) -> datetime | None:
        """The end of the last window that was drained."""
        return None if checkpoint.get("to", _BEGIN) == _BEGIN else _time(checkpoint["to"])

    def send(self, access: Access, opinions: Sequence[Opinion]) -> Iterator[str]:
        """Feedback on each fingerprint of an entry, in the words of the service."""
        with _host(access) as host:
            reasons: dict[str, str] = {}
            for opinion in opinions:
                member, _, ident = opinion.entry.key.partition(":")
                for kind in _kinds(opinion.entry):
                    if not opinion.right and kind not in reasons:
                        reasons[kind] = _reason(host, access, kind)
                    path = f"/v2/entries/{quote(member, safe='')}/{quote(ident, safe='')}/{kind}/feedback"
                    body = _feedback(None if opinion.right else reasons[kind])
                    host.send("PUT", path, body, "application/xml; charset=utf-8")
                yield opinion.entry.key


def _host(access: Access) -> Host:
    return Host(access.config["environment"], user=(access.credentials["user"], access.credentials["password"]))


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - an XML element
    from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
    from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as e:
        raise UpstreamError("The exchange answered with XML that cannot be read.", hint="Fetch again later.") from e
    return root


def _of_members(found: Iterator[Found], wanted: set[str]) -> Iterator[Found]:
    for one in found:
        key = getattr(one, "key", None) or getattr(getattr(one, "entry", None), "key", None) or ""
        if not wanted or key.partition(":")[0] in wanted:
            yield one


def _kinds(entry: Entry) -> list[str]:
    return [name for kind, name in _TYPES.items() if getattr(entry, kind)]


def _reason(host: Host, access: Access, kind: str) -> str:
    """The guid that says why an entry is denied: the configured one, or the only one there is."""
    root = _parsed(host.get(f"/v2/feedback/{kind}/reasons"))
    known = {one.get("guid", ""): one.get("name", "") for one in root.iter() if tag_of(one) == "reason"}
    chosen = access.config.get("negative_reason") or (next(iter(known)) if len(known) == 1 else "")
    if chosen not in known:
        told = "; ".join(f"{guid} ({name})" for guid, name in known.items())
        raise InputError(
            "NCMEC wants to know for which of its reasons an entry is wrong.",
            hint=f"Set negative_reason to one of: {told}",
        )
    return str(chosen)


def _feedback(reason: str | None) -> bytes:
    root = Element("feedbackSubmission", {"xmlns": _NAMESPACE})
    if reason is None:
        SubElement(root, "affirmative")
    else:
        SubElement(SubElement(SubElement(root, "negative"), "reasonIds"), "guid").text = reason
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _time(text: str) -> datetime:
    return datetime.strptime(text, _FORM).replace(tzinfo=UTC)
