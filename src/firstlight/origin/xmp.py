"""A bounded reader of XMP: a flat list of properties, read in one pass without building a tree.

Document types, entities and outside references are refused, so that a packet can neither grow nor reach out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import DefusedXMLParser  # type: ignore[import-untyped]

MAX_DEPTH: Final = 64
"""Elements within elements. Real packets stay below 20."""

MAX_PROPERTIES: Final = 20_000
"""Properties of one packet. Long editing histories reach some thousand."""

MAX_TEXT: Final = 1 << 20
"""Characters of one property."""

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC_EXTENSION: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
PHOTOSHOP: Final = "http://ns.adobe.com/photoshop/1.0/"
EXIF: Final = "http://ns.adobe.com/exif/1.0/"
TIFF: Final = "http://ns.adobe.com/tiff/1.0/"
DUBLIN_CORE: Final = "http://purl.org/dc/elements/1.1/"
XMP: Final = "http://ns.adobe.com/xap/1.0/"
DC_TERMS: Final = "http://purl.org/dc/terms/"


@dataclass(slots=True)
class Properties:
    """What a packet says: values by namespace and name, in their order."""

    values: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    stopped: str = ""

    def get(self, namespace: str, name: str) -> list[str]:
        """The values of one property."""
        return self.values.get((namespace, name), [])

    def in_namespace(self, part: str) -> list[tuple[str, str]]:
        """Names and values of every property whose namespace contains `part`, whatever its letters' case."""
        return [
            (name, value)
            for (namespace, name), values in self.values.items()
            if part in namespace.lower()
            for value in values
        ]


class _TooMuchError(Exception):
    """A limit of this reader was reached; what was read until then stands."""


class _Collector:
    """Receives the parser's events and keeps values under the nearest name that is not RDF's scaffolding."""

    def __init__(self, into: Properties) -> None:
        self._into = into
        self._names: list[tuple[str, str]] = []
        self._texts: list[list[str]] = []
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._names) >= MAX_DEPTH:
            raise _TooMuchError(f"more than {MAX_DEPTH} levels")
        self._names.append(_split(tag))
        self._texts.append([])
        for name, value in attributes.items():
            namespace, local = _split(name)
            if namespace == RDF and local == "resource":
                self._keep(self._property(), value)
            elif namespace != RDF:
                self._keep((namespace, local), value)

    def end(self, _tag: str) -> None:
        text = "".join(self._texts.pop()).strip()
        if text:
            self._keep(self._property(), text)
        self._names.pop()

    def data(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def close(self) -> None:
        return None

    def _property(self) -> tuple[str, str]:
        return next((name for name in reversed(self._names) if name[0] != RDF), ("", ""))

    def _keep(self, name: tuple[str, str], value: str) -> None:
        self._count += 1
        if self._count > MAX_PROPERTIES:
            raise _TooMuchError(f"more than {MAX_PROPERTIES} properties")
        self._into.values.setdefault(name, []).append(value[:MAX_TEXT])


def _split(tag: str) -> tuple[str, str]:
    if tag[:1] == "{":
        namespace, _, name = tag[1:].partition("}")
        return namespace, name
    return "", tag


def read_xmp(packet: bytes) -> Properties:
    """The properties of an XMP packet. Never raises: `stopped` says why a packet was not read to its end."""
    found = Properties()
    parser = DefusedXMLParser(target=_Collector(found), forbid_dtd=True)
    try:
        parser.feed(packet.strip(b"\0 \t\r\n"))
        parser.close()
    except (ParseError, DefusedXmlException, _TooMuchError, ValueError, LookupError) as e:
        # The parser's own words can quote the packet, so only the kind of trouble is told.
        found.stopped = str(e) if isinstance(e, _TooMuchError) else "the packet is damaged or asks for outside parts"
    return found
