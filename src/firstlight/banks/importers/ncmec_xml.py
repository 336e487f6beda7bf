"""Answers of NCMEC's hash-sharing service, version 2: entries of images and videos, and entries that were taken back.

Rows come in no order of time, and the order of their parts varies; ids are unique only with their member. Blank
fingerprints, unknown elements and kinds of hash that cannot be matched here are survived; the latter are carried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from firstlight.banks.entry import HASH_LENGTHS, NewEntry
from firstlight.banks.importer import Found, Item, Junk, ListFile, Removal
from firstlight.errors import InputError

_LIVE: Final = frozenset({"image", "video"})
_GONE: Final = frozenset({"deletedimage", "deletedvideo"})


class NcmecXml:
    """One file is one page of answers, or several put together under one root."""

    name = "ncmec-xml"
    says = "entries of NCMEC's hash-sharing service, version 2 (XML)"

    def detects(self, source: ListFile) -> bool:
        """Whether it is XML with the root element of such an answer."""
        text = source.head.decode(source.encoding, errors="replace").lstrip("\ufeff \r\n\t")
        return text.startswith("<") and "queryResult" in text[:2000]

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """A record for each entry, numbered in order."""
        from xml.etree.ElementTree import ParseError

        from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
        from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

        if columns:
            raise InputError("This format has no columns.", hint="Leave the column map out.")
        number = 0
        open_elements: list[Any] = []
        try:
            for event, element in iterparse(source.bytes(), events=("start", "end"), forbid_dtd=True):
                if event == "start":
                    open_elements.append(element)
                    continue
                open_elements.pop()
                kind = tag_of(element)
                if kind in _LIVE or kind in _GONE:
                    number += 1
                    yield _found(number, element, gone=kind in _GONE)
                if open_elements and len(open_elements) <= 2:  # what was read is let go of
                    open_elements[-1].remove(element)
        except (ParseError, DefusedXmlException) as e:
            raise InputError(
                f"The XML cannot be read after record {number}: {e}.",
                hint="Fetch the list again, then import it again.",
            ) from e


def found_in(root: Any) -> Iterator[Found]:  # noqa: ANN401 - an XML element
    """The records of one page of answers, numbered in order."""
    number = 0
    for element in root.iter():
        kind = tag_of(element)
        if kind in _LIVE or kind in _GONE:
            number += 1
            yield _found(number, element, gone=kind in _GONE)


def next_page(root: Any) -> str:  # noqa: ANN401 - an XML element
    """Where the page after this one is, as the service writes it; empty at the end."""
    return next((_text(one) for one in root.iter() if tag_of(one) == "next"), "")


def _found(number: int, element: Any, *, gone: bool) -> Found:  # noqa: ANN401 - an XML element
    parts = {tag_of(child): child for child in element}
    member, ident = parts.get("member"), _text(parts.get("id"))
    if member is None or not ident:
        return Junk(number, "the entry has no member or no id")
    key = f"{member.get('id', '')}:{ident}"
    stamp = _text(parts.get("timestamp"))
    if gone:
        return Removal(number, key, stamp)
    prints = {tag_of(child): _text(child) for child in parts.get("fingerprints", ())}
    original = {name: text for name, text in prints.items() if text and name not in HASH_LENGTHS}
    if name := _text(member):
        original["member"] = name
    categories = [_text(parts.get("classification"))]
    categories += [_text(child) or child.get("name", "") for child in parts.get("categorizations", ())]
    feedback = sorted({_feedback(child) for child in parts.get("feedback", ())})
    if feedback:
        original["feedback"] = "; ".join(feedback)
    return Item(
        number,
        NewEntry(
            key=key,
            md5=prints.get("md5"),
            sha1=prints.get("sha1"),
            sha256=prints.get("sha256"),
            pdq=prints.get("pdq"),
            categories=tuple(categories),
            original=original,
            stamp=stamp,
        ),
    )


def _feedback(element: Any) -> str:  # noqa: ANN401 - an XML element
    return f"{tag_of(element).removesuffix('feedback')} {element.get('type', '').lower()}".strip()


def tag_of(element: Any) -> str:  # noqa: ANN401 - an XML element
    """The name without its namespace, in lower case."""
    return str(element.tag).rpartition("}")[2].lower()


def _text(element: Any) -> str:  # noqa: ANN401 - an XML element or none
    return "" if element is None or element.text is None else str(element.text).strip()
