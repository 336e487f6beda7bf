"""VICS, the exchange form of Project VIC: hash sets and cases, versions 1.2, 1.3 and 2.0.

Booleans come as such or as words, hashes in upper case, categories by a scale that depends on the model named in the
header: they are kept with that name and never put on one scale. Media of a category that says "not relevant" are not
taken unless they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from firstlight.banks.entry import HASH_LENGTHS, NewEntry
from firstlight.banks.importer import Found, Item, Junk, ListFile
from firstlight.banks.importers.json_stream import JsonStream
from firstlight.errors import InputError

_HEADER: Final = re.compile(r'"@?odata\.(?:metadata|context)"\s*:\s*"([^"]*)"')
_MODEL: Final = re.compile(r"DataModels/(\d\.\d)\.xml/?([A-Za-z]*)")
_NOT_RELEVANT: Final = {"": frozenset({0, 5}), "default": frozenset({0, 5}), "us": frozenset({0, 5})}
"""By model: uncategorised, which in hash sets often means known and harmless, and non-pertinent."""
_FLAGS: Final = {
    "VictimIdentified": "victim-identified",
    "OffenderIdentified": "offender-identified",
    "IsDistributed": "distributed",
    "SelfGenerated": "self-generated",
}
_CARRIED: Final = ("MediaID", "MediaSize", "PhotoDNA", "DateUpdated")


class VicsJson:
    """Streaming: a file of any size is read one record at a time."""

    name = "vics-json"
    says = "VICS JSON of Project VIC, 1.2, 1.3 and 2.0, hash sets and cases (column map: category=1,2)"

    def detects(self, source: ListFile) -> bool:
        """Whether its header names the data model."""
        text = source.head.decode(source.encoding, errors="replace").lstrip("\ufeff \r\n\t")
        header = _HEADER.search(text)
        return text.startswith("{") and header is not None and "ProjectVic" in header.group(1)

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """A record for each medium, numbered in order."""
        header = _HEADER.search(source.head.decode(source.encoding, errors="replace"))
        named = _MODEL.search(header.group(1)) if header else None
        model = named.group(2).lower() if named else ""
        wanted = _wanted(columns)
        for number, media in enumerate(_media(source), 1):
            yield _found(number, media, model, wanted)


def _media(source: ListFile) -> Iterator[dict[str, Any]]:
    """Every Media record, directly below `value` or inside its cases."""
    stream = JsonStream(source.bytes(), source.encoding)
    if stream.next_sign() == "\ufeff":
        stream.take("\ufeff")
    for key in stream.keys():  # noqa: SIM118 - no mapping
        if key.lower() != "value" or stream.next_sign() != "[":
            stream.value()
            continue
        for _ in stream.elements():
            if stream.next_sign() != "{":
                stream.value()
                continue
            if (small := stream.small_object()) is not None:
                inner = small.pop("Media", None)
                yield from (one if isinstance(one, dict) else {} for one in (inner if isinstance(inner, list) else ()))
                if not _is_case(small):
                    yield small
                continue
            record: dict[str, Any] = {}
            for name in stream.keys():  # noqa: SIM118 - no mapping
                if name == "Media" and stream.next_sign() == "[":
                    for _ in stream.elements():
                        inner = stream.value()
                        yield inner if isinstance(inner, dict) else {}
                else:
                    record[name] = stream.value()
            if not _is_case(record):
                yield record


def _is_case(record: Mapping[str, Any]) -> bool:
    return "CaseID" in record or "CaseNumber" in record


def _found(number: int, media: dict[str, Any], model: str, wanted: frozenset[int] | None) -> Found:
    category = _number(media.get("Category"))
    if wanted is not None and category not in wanted:
        return Junk(number, f"category {category} was not asked for")
    if wanted is None and category in _NOT_RELEVANT.get(model, ()):
        return Junk(number, f"category {category} does not say that it is relevant; ask for it by category={category}")
    hashes = {kind: _text(media, kind) for kind in ("MD5", "SHA1", "SHA256", "PDQ")}
    original = {name: text for name in _CARRIED if (text := _text(media, name))}
    others = media.get("AlternativeHashes")
    for other in others if isinstance(others, list) else ():
        if isinstance(other, dict) and (text := _text(other, "HashValue")):
            name = _text(other, "HashName") or "other"
            kind = _kind_of(name)
            if kind and not hashes[kind]:
                hashes[kind] = text
            else:
                original[name] = text
    categories = [f"vics-{model or 'default'}:{category}"] if category is not None else []
    categories += [word for name, word in _FLAGS.items() if _flag(media.get(name))]
    categories += [f"series:{one.strip()}" for one in _text(media, "Series").split(",") if one.strip()]
    categories += [f"tag:{one.strip()}" for one in _text(media, "Tags").split(",") if one.strip()]
    return Item(
        number,
        NewEntry(
            md5=hashes["MD5"], sha1=hashes["SHA1"], sha256=hashes["SHA256"], pdq=hashes["PDQ"],
            categories=tuple(categories), note=_text(media, "Comments"), original=original,
        ),
    )  # fmt: skip


@lru_cache(maxsize=256)
def _kind_of(name: str) -> str:
    """The kind of hash that is matched here, as VICS writes it; empty for others."""
    kind = re.sub(r"[^a-z0-9]", "", name.lower())
    return kind.upper() if kind in HASH_LENGTHS else ""


def _wanted(columns: Mapping[str, str]) -> frozenset[int] | None:
    if not columns:
        return None
    parts = columns.get("category", "").split(",")
    if columns.keys() != {"category"} or not all(part.strip().isdecimal() for part in parts):
        raise InputError(
            "For VICS only the categories can be chosen.", hint="Write category=1,2 for the categories 1 and 2."
        )
    return frozenset(int(part) for part in parts)


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if type(value) is str:
        return value.strip()
    return "" if value is None or isinstance(value, dict | list | bool) else str(value).strip()


def _number(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    try:
        return None if value is None or isinstance(value, bool) else int(value)
    except (TypeError, ValueError):
        return None


def _flag(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return value is True or str(value).strip().lower() in ("true", "yes", "1")
