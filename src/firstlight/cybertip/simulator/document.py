"""A received document with the place of each part, as the service's parser counts lines and columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

if TYPE_CHECKING:
    from firstlight.cybertip.simulator.description import ElementOf

MAX_DEPTH = 100
"""Reports nest less than ten deep; what nests deeper only wants to exhaust the stack."""


NAMESPACE_MARK = " "
"""Stands between namespace and name of an element that has a namespace; the service's have none."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, both from 1, just after a tag."""

    line: int
    column: int


class MalformedError(Exception):
    """The document is no well-formed XML, or declares a document type."""


@dataclass(slots=True)
class Node:
    """An element as received. `declared` is set when it was held against a description."""

    name: str
    attributes: dict[str, str]
    opened: Place
    closed: Place
    text: str = ""
    children: list[Node] = field(default_factory=list)
    declared: ElementOf | None = None
    is_one_tag: bool = False

    def child(self, name: str) -> Node | None:
        """The first child of a name."""
        return next((c for c in self.children if c.name == name), None)

    def value(self, name: str) -> str | None:
        """The text of the first child of a name."""
        found = self.child(name)
        return None if found is None else found.text.strip()

    def all(self, name: str) -> list[Node]:
        """Every child of a name."""
        return [c for c in self.children if c.name == name]


class _Builder:
    """Builds the tree, and finds the end of each tag in the bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parser = expat.ParserCreate(namespace_separator=NAMESPACE_MARK)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._stack: list[Node] = []
        self.root: Node | None = None

    def build(self) -> Node:
        try:
            self._parser.Parse(self._data, True)
        except expat.ExpatError as e:
            raise MalformedError(str(e)) from e
        if self.root is None:
            raise MalformedError("Premature end of file.")
        return self.root

    def _after_tag(self) -> Place:
        return self._place(self._tag_end())

    def _tag_end(self) -> int:
        at = self._parser.CurrentByteIndex
        quote = 0
        while at < len(self._data):
            byte = self._data[at]
            at += 1
            if quote:
                quote = 0 if byte == quote else quote
            elif byte in b"\"'":
                quote = byte
            elif byte == 0x3E:
                break
        return at

    def _place(self, at: int) -> Place:
        before = self._data[:at]
        line_start = before.rfind(b"\n") + 1
        return Place(before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        end = self._tag_end()
        place = self._place(end)
        node = Node(name, attributes, place, place, is_one_tag=self._data[end - 2 : end] == b"/>")
        if len(self._stack) >= MAX_DEPTH:
            raise MalformedError("The document nests too deep.")
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self.root = node
        self._stack.append(node)

    def _end(self, _name: str) -> None:
        node = self._stack.pop()
        if not node.is_one_tag:
            node.closed = self._after_tag()

    def _text(self, text: str) -> None:
        self._stack[-1].text += text

    def _doctype(self, *_: object) -> None:
        raise MalformedError("DOCTYPE is disallowed.")


def read_document(data: bytes) -> Node:
    """The root element of a document.

    Raises:
        MalformedError: it is not well-formed or declares a document type; the words are the parser's.
    """
    return _Builder(data).build()
