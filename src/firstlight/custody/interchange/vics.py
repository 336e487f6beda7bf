"""VICS 2.0 and 1.3: the media lists that forensic tools import.

The official data model is not public; fields and spellings are those that several open importers agree on. What is not
known is null. `Category` is 0 (uncategorised): scales differ by country, and sorting is the investigator's work.
"""

from __future__ import annotations

import json
import uuid

from pydantic import JsonValue

from firstlight import clock
from firstlight.custody.contents import FileFacts, PackageContents

CONTEXT_2_0 = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media"
CONTEXT_1_3 = "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Cases"
UNCATEGORISED = 0


def vics_2_0(contents: PackageContents) -> bytes:
    """The case's files as a VICS 2.0 media list."""
    return _json({"@odata.context": CONTEXT_2_0, "value": _media(contents)})


def vics_1_3(contents: PackageContents) -> bytes:
    """The case and its files as a VICS 1.3 case."""
    case: dict[str, JsonValue] = {
        "CaseID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"firstlight:{contents.organisation}:{contents.case}")),
        "CaseNumber": contents.case,
        "ContactOrganization": contents.organisation,
        "SourceApplicationName": "Firstlight",
        "TotalMediaFiles": len(contents.files),
        "Media": _media(contents),
    }
    return _json({"odata.metadata": CONTEXT_1_3, "value": [case]})


def _media(contents: PackageContents) -> list[JsonValue]:
    return [_item(number, one) for number, one in enumerate(contents.files, 1)]


def _item(number: int, one: FileFacts) -> JsonValue:
    received = clock.to_text(one.received_at) if one.received_at else None
    md5 = one.digests.md5.upper()
    others: list[JsonValue] = [{"HashName": "SHA256", "HashValue": one.digests.sha256.upper()}]
    if one.pdq:
        others.append({"HashName": "PDQ", "HashValue": one.pdq.upper()})
    return {
        "MediaID": number,
        "Category": UNCATEGORISED,
        "MD5": md5,
        "SHA1": one.digests.sha1.upper(),
        "MediaSize": one.digests.size,
        "MimeType": one.media_type or None,
        "RelativeFilePath": None,
        "DateUpdated": received,
        "VictimIdentified": None,
        "OffenderIdentified": None,
        "IsDistributed": None,
        "IsSuspected": None,
        "Series": None,
        "Tags": one.category or None,
        "Comments": "; ".join((*one.found_by, *one.origin)) or None,
        "AlternativeHashes": others,
        "MediaFiles": [
            {
                "FileName": one.original_name or None,
                "FilePath": one.source or None,
                "Created": received,
                "Written": None,
                "Accessed": None,
                "Unallocated": None,
                "MD5": md5,
            }
        ],
    }


def _json(value: JsonValue) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
