"""VICS 1.x and 2.0 (Project VIC), from any tool: each case becomes a case, a list without cases becomes one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firstlight.banks.importer import ListFile
from firstlight.banks.importers.json_stream import JsonStream
from firstlight.casework.plain import shown
from firstlight.casework.received.document import ReceivedCase, ReceivedFile, ReceivedItem
from firstlight.casework.upload import LONGEST_TEXT, Upload

SAID = ("NOT PROVED: anything. A VICS file carries no signature: whoever handed it over has to say whose it is.",)
_HEADER = re.compile(r'"@?odata\.(?:metadata|context)"\s*:\s*"[^"]*ProjectVic')


def is_vics(path: Path) -> bool:
    """Whether the head of the file names the data model."""
    with ListFile(path) as source:
        return _HEADER.search(source.head.decode(source.encoding, errors="replace")) is not None


def read(path: Path) -> Iterator[ReceivedCase]:
    """The cases of the file.

    Raises:
        InputError: its JSON is broken.
    """
    with ListFile(path) as source:
        stream = JsonStream(source.bytes(), source.encoding)
        if stream.next_sign() == "\ufeff":
            stream.take("\ufeff")
        loose: list[dict[str, Any]] = []
        for key in stream.keys():  # noqa: SIM118 - no mapping
            if key.lower() != "value" or stream.next_sign() != "[":
                stream.value()
                continue
            for _ in stream.elements():
                found = stream.value() if stream.next_sign() != "{" else _element(stream)
                if isinstance(found, dict) and isinstance(found.get("Media"), list):
                    yield _case(found, found["Media"])
                elif isinstance(found, dict):
                    loose.append(found)
        if loose:
            yield _case({"CaseNumber": path.name}, loose)


def _element(stream: JsonStream) -> dict[str, Any]:
    """One element of `value`, its media read one at a time: a case may be larger than a single value may be."""
    record: dict[str, Any] = {}
    for name in stream.keys():  # noqa: SIM118 - no mapping
        if name == "Media" and stream.next_sign() == "[":
            record[name] = [stream.value() for _ in stream.elements()]
        else:
            record[name] = stream.value()
    return record


def _case(case: dict[str, Any], media: list[Any]) -> ReceivedCase:
    reference = _text(case, "CaseNumber") or _text(case, "CaseID") or "a case without a number"
    sender = _text(case, "ContactOrganization") or _text(case, "ContactName") or "not named"
    about = {name: value for name, value in case.items() if name != "Media"}
    items = [_item(reference, sender, number, one) for number, one in enumerate(media) if isinstance(one, dict)]
    if not items:
        file = ReceivedFile(form="vics", sender=sender, reference=reference, number=0, record=about)
        items = [ReceivedItem(file, Upload(name=reference))]
    return ReceivedCase(reference, sender, SAID, tuple(items))


def _item(reference: str, sender: str, number: int, media: dict[str, Any]) -> ReceivedItem:
    hashes = {kind: _hex(_text(media, kind.upper()), size) for kind, size in _SIZES.items()}
    others = media.get("AlternativeHashes")
    for other in others if isinstance(others, list) else ():
        if isinstance(other, dict):
            kind = re.sub(r"[^a-z0-9]", "", _text(other, "HashName").lower())
            if hashes.get(kind, "") is None:
                hashes[kind] = _hex(_text(other, "HashValue"), _SIZES[kind])
    size = media.get("MediaSize")
    names = media.get("MediaFiles")
    first = names[0] if isinstance(names, list) and names and isinstance(names[0], dict) else {}
    file = ReceivedFile(
        form="vics",
        sender=sender,
        reference=reference,
        number=number,
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        media_type=_text(media, "MimeType"),
        md5=hashes["md5"],
        sha1=hashes["sha1"],
        sha256=hashes["sha256"],
        pdq=hashes["pdq"],
        record=media,
    )
    name = _text(first, "FileName") or _text(media, "RelativeFilePath") or f"{reference}, medium {number + 1}"
    return ReceivedItem(file, Upload(name=name))


_SIZES = {"md5": 32, "sha1": 40, "sha256": 64, "pdq": 64}


def _hex(text: str, size: int) -> str | None:
    text = text.lower()
    return text if re.fullmatch(f"[0-9a-f]{{{size}}}", text) else None


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    text = "" if value is None or isinstance(value, dict | list | bool) else str(value)
    return shown(text.strip(), lines=False)[:LONGEST_TEXT]
