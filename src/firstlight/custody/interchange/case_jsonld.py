"""CASE 1.5 (on UCO 1.5) as JSON-LD: each event an investigative action, each file a provenance record."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from pydantic import JsonValue

from firstlight import clock
from firstlight.custody.contents import FileFacts, PackageContents
from firstlight.custody.leaf import LogEntry

_UCO = "https://ontology.unifiedcyberontology.org/uco/"
_CONTEXT: dict[str, JsonValue] = {
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "kb": "urn:firstlight:",
    "uco-action": _UCO + "action/",
    "uco-core": _UCO + "core/",
    "uco-identity": _UCO + "identity/",
    "uco-observable": _UCO + "observable/",
    "uco-types": _UCO + "types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_METHODS = (("MD5", "md5"), ("SHA1", "sha1"), ("SHA256", "sha256"))


def case_jsonld(contents: PackageContents, entries: Sequence[LogEntry]) -> bytes:
    """The case as a CASE graph. Names of things are derived from the case, so the same case gives the same bytes."""
    names = _Names(contents)
    files = [node for one in contents.files for node in _file(names, one)]
    records = [_record(names, number, one) for number, one in enumerate(contents.files, 1)]
    known = {one.digests.sha256 for one in contents.files}
    actions = [_action(names, entry, known) for entry in entries if entry.event is not None]
    actors = sorted({entry.event.actor for entry in entries if entry.event is not None})
    held: list[JsonValue] = [{"@id": names.of("record", one.digests.sha256)} for one in contents.files]
    held += [{"@id": names.of("action", str(entry.seq))} for entry in entries if entry.event is not None]
    investigation: dict[str, JsonValue] = {
        "@id": names.of("investigation", contents.case),
        "@type": "case-investigation:Investigation",
        "uco-core:name": contents.case,
        "uco-core:object": held,
    }
    organisation: dict[str, JsonValue] = {
        "@id": names.of("organization", contents.organisation),
        "@type": "uco-identity:Organization",
        "uco-core:name": contents.organisation,
    }
    people: list[dict[str, JsonValue]] = [
        {"@id": names.of("actor", actor), "@type": "uco-identity:Identity", "uco-core:name": actor} for actor in actors
    ]
    graph = [organisation, *people, investigation, *records, *files, *actions]
    if not held:
        del investigation["uco-core:object"]
    return json.dumps({"@context": _CONTEXT, "@graph": graph}, ensure_ascii=False, indent=1).encode() + b"\n"


class _Names:
    """Identifiers that end in a UUID, as CASE asks, and are the same each time."""

    def __init__(self, contents: PackageContents) -> None:
        self._space = uuid.uuid5(uuid.NAMESPACE_URL, f"firstlight:{contents.organisation}:{contents.case}")

    def of(self, kind: str, what: str) -> str:
        return f"kb:{kind}-{uuid.uuid5(self._space, f'{kind}:{what}')}"


def _time(text: str) -> JsonValue:
    return {"@type": "xsd:dateTime", "@value": text}


def _file(names: _Names, one: FileFacts) -> list[dict[str, JsonValue]]:
    sha256 = one.digests.sha256
    size: JsonValue = {"@type": "xsd:integer", "@value": str(one.digests.size)}
    content: dict[str, JsonValue] = {
        "@id": names.of("content", sha256),
        "@type": "uco-observable:ContentDataFacet",
        "uco-observable:sizeInBytes": size,
        "uco-observable:hash": [
            {
                "@id": names.of("hash", f"{method}:{sha256}"),
                "@type": "uco-types:Hash",
                "uco-types:hashMethod": method,
                "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": getattr(one.digests, field)},
            }
            for method, field in _METHODS
        ],
    }
    if one.media_type:
        content["uco-observable:mimeType"] = one.media_type
    facets: list[JsonValue] = [content]
    if one.original_name:
        facets.append(
            {
                "@id": names.of("facet", sha256),
                "@type": "uco-observable:FileFacet",
                "uco-observable:fileName": one.original_name,
                "uco-observable:sizeInBytes": size,
            }
        )
    return [{"@id": names.of("file", sha256), "@type": "uco-observable:File", "uco-core:hasFacet": facets}]


def _record(names: _Names, number: int, one: FileFacts) -> dict[str, JsonValue]:
    return {
        "@id": names.of("record", one.digests.sha256),
        "@type": "case-investigation:ProvenanceRecord",
        "case-investigation:exhibitNumber": str(number),
        "uco-core:object": {"@id": names.of("file", one.digests.sha256)},
    }


def _action(names: _Names, entry: LogEntry, known: set[str]) -> dict[str, JsonValue]:
    event = entry.event
    if event is None:
        return {}
    action: dict[str, JsonValue] = {
        "@id": names.of("action", str(entry.seq)),
        "@type": "case-investigation:InvestigativeAction",
        "uco-core:name": str(event.type),
        "uco-core:description": f"entry {entry.seq} of the custody log",
        "uco-action:startTime": _time(clock.to_text(event.at)),
        "uco-action:performer": {"@id": names.of("actor", event.actor)},
    }
    if event.subject in known:
        action["uco-action:object"] = {"@id": names.of("file", event.subject or "")}
        action["uco-action:result"] = {"@id": names.of("record", event.subject or "")}
    return action
