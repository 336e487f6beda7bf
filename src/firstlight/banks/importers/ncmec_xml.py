"""Answers of NCMEC's hash-sharing service, version 2: entries of images and videos, and entries that were taken back.

Rows come in no order of time, and the order of their parts varies; ids are unique only with their member. Blank
fingerprints, unknown elements and kinds of hash that cannot be matched here are survived; the latter are carried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from firstlight.banks.entry import HASH_LENGTHS, NewEntry
from firstlight.banks.importer import Found, Item, Junk, ListFile, Removal
from firstlight.errors import InputError

_LIVE: Final = frozenset({"image", "video"})
_GONE: Final = frozenset({"deletedimage", "deletedvideo"})
_BLOCK: Final = 1 << 18


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
        from pyexpat import ExpatError
        from xml.etree.ElementTree import ParseError

        if columns:
            raise InputError("This format has no columns.", hint="Leave the column map out.")
        number = 0
        try:
            _refuse_document_type(source)
            for element in _records(source):
                number += 1
                yield _found(number, element, gone=tag_of(element) in _GONE)
        except (ParseError, ExpatError) as e:
            raise InputError(
                f"The XML cannot be read after record {number}: {e}.",
                hint="Fetch the list again, then import it again.",
            ) from e


def _refuse_document_type(source: ListFile) -> None:
    """Read up to the first element. A document type, which may define entities without bound, can stand only there."""
    from pyexpat import ExpatError, ParserCreate

    begun = False

    def begin(*_: object) -> None:
        nonlocal begun
        begun = True

    def refuse(*_: object) -> None:
        raise InputError("The XML cannot be read: it has a document type.", hint="Fetch the list again.")

    parser = ParserCreate()
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = begin, refuse
    stream = source.bytes()
    while not begun and (block := stream.read(_BLOCK)):
        try:
            parser.Parse(block)
        except ExpatError:
            if not begun:
                raise


def _records(source: ListFile) -> Iterator[Any]:
    """The elements of entries, each let go of when it was read. The tree is built by the parser alone and looked at
    block by block: a call for each element would take several times as long."""
    from xml.etree.ElementTree import ParseError, TreeBuilder, XMLParser

    builder = TreeBuilder()
    parser = XMLParser(target=builder)  # noqa: S314 - without a document type there is nothing to expand
    stream = source.bytes()
    while block := stream.read(_BLOCK):
        broken = None
        try:
            parser.feed(block)
        except ParseError as e:
            broken = e  # what surely ended before the fault is taken: all but the last entry
        if (root := builder.close()) is not None:  # answers the tree so far
            yield from _complete(root, whole=False)
        if broken is not None:
            raise broken
    parser.close()
    yield from _complete(builder.close(), whole=True)


def _complete(element: Any, *, whole: bool) -> Iterator[Any]:  # noqa: ANN401 - an XML element
    """The entries below an element that are read whole; what was looked at is taken out of it."""
    if tag_of(element) in _LIVE | _GONE:
        if whole:
            yield element
        return
    last = len(element) - 1
    for place, child in enumerate(element):
        yield from _complete(child, whole=whole or place < last)
    del element[: last + whole]


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
    parts = {_plain_name(child.tag): child for child in element}
    member, ident = parts.get("member"), _text(parts.get("id"))
    if member is None or not ident:
        return Junk(number, "the entry has no member or no id")
    key = f"{member.get('id', '')}:{ident}"
    stamp = _text(parts.get("timestamp"))
    if gone:
        return Removal(number, key, stamp)
    prints = {_plain_name(one.tag): (one.text or "").strip() for one in parts.get("fingerprints", ())}
    original = {name: text for name, text in prints.items() if text and name not in HASH_LENGTHS}
    if name := _text(member):
        original["member"] = name
    categories = [_text(parts.get("classification"))]
    categories += [_text(child) or child.get("name", "") for child in parts.get("categorizations", ())]
    if "feedback" in parts:
        original["feedback"] = "; ".join(sorted({_feedback(child) for child in parts["feedback"]}))
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
    return _plain_name(element.tag)


@lru_cache(maxsize=1024)
def _plain_name(tag: str) -> str:
    return tag.rpartition("}")[2].lower()


def _text(element: Any) -> str:  # noqa: ANN401 - an XML element or none
    return "" if element is None or element.text is None else str(element.text).strip()
