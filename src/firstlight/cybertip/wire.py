"""The wire form, written and read from the order of fields: a model's fields stand in the order of its elements.

A `Block` is a model that becomes an element. Marks in its annotations say what cannot be seen from names and types:
another wire name, an attribute, the text of the element itself, an addition of a later schema, a limit.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from functools import cache
from typing import Any, TypeVar
from xml.etree.ElementTree import Element  # the type alone; parsing is defusedxml's

import defusedxml.ElementTree  # type: ignore[import-untyped]
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from pydantic import AwareDatetime, ValidationError

from firstlight.cybertip.schema import SCHEMA_2025_11, Addition, Schema
from firstlight.cybertip.text import escaped, illegal_characters
from firstlight.errors import InputError
from firstlight.values import Value

MAX_XML_BYTES = 32 * 1024 * 1024
"""Reports are text of some kilobytes; whole chat logs belong into files. Above this nobody typed it."""

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Block(Value):
    """A model that is one element on the wire; its fields stand in wire order."""


class Role(Enum):
    """What a field becomes."""

    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    TEXT = "text"
    FLAGS = "flags"


@dataclass(frozen=True)
class Wire:
    """How a field is written where its name and type do not say it."""

    name: str = ""
    role: Role = Role.ELEMENT
    since: Addition | None = None
    flags_since: Mapping[str, Addition] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class MaxLength:
    """At most so many characters; a rule of the service that no schema holds."""

    characters: int


@dataclass(frozen=True, slots=True)
class Between:
    """A whole number from `low` to `high`."""

    low: int
    high: int


class Must(Enum):
    """Rules of the service on one value that no schema holds."""

    BE_PAST = "past"
    BE_URL = "url"
    BE_EMAIL = "email"
    BE_IP = "ip"
    BE_DIGITS = "digits"
    BE_CALLING_CODE = "calling-code"
    NOT_BE_BLANK = "not-blank"
    BE_FINISHED_REPORT = "finished-report"


Rule = MaxLength | Between | Must


@dataclass(frozen=True, slots=True)
class Slot:
    """One field as the wire sees it."""

    attribute: str
    name: str
    role: Role
    base: type
    many: bool
    wire: Wire
    rules: tuple[Rule, ...]


def camel_case(name: str) -> str:
    """`esp_identifier` as the wire writes it: `espIdentifier`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _peel(annotation: Any, marks: list[Any]) -> tuple[Any, bool]:  # noqa: ANN401 - an annotation is of any type
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *own = typing.get_args(annotation)
        marks.extend(own)
        return _peel(inner, marks)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (a for a in typing.get_args(annotation) if a is not type(None))
        return _peel(inner, marks)
    if origin is tuple:
        base, _ = _peel(typing.get_args(annotation)[0], marks)
        return base, True
    return (datetime if annotation is AwareDatetime else annotation), False


@cache
def slots_of(block: type[Block]) -> tuple[Slot, ...]:
    """The fields of a block in wire order."""
    hints = typing.get_type_hints(block, include_extras=True)
    out = []
    for name in block.model_fields:
        marks: list[Any] = []
        base, many = _peel(hints[name], marks)
        wire = next((m for m in marks if isinstance(m, Wire)), Wire())
        rules = tuple(m for m in marks if isinstance(m, Rule))
        out.append(Slot(name, wire.name or camel_case(name), wire.role, base, many, wire, rules))
    return tuple(out)


def walk(block: Block, path: str) -> Iterator[tuple[str, Slot, Any]]:
    """Every value that is set in a block and below it, with its path in wire names (`report/victim[1]/screenName`)."""
    for slot in slots_of(type(block)):
        value = getattr(block, slot.attribute)
        if value is None or value == ():
            continue
        here = f"{path}/@{slot.name}" if slot.role is Role.ATTRIBUTE else f"{path}/{slot.name}"
        here = path if slot.role is Role.TEXT else here
        if slot.role is Role.FLAGS or not slot.many:
            yield here, slot, value
            if isinstance(value, Block):
                yield from walk(value, here)
            continue
        for number, one in enumerate(value, start=1):
            place = f"{here}[{number}]"
            yield place, slot, one
            if isinstance(one, Block):
                yield from walk(one, place)


def text_of(value: object) -> str:
    """A simple value as the wire writes it; times in UTC."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        at = value.astimezone(UTC).isoformat().removesuffix("+00:00")
        return (at.rstrip("0") if "." in at else at) + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


class _Writer:
    """Collects the parts of one document."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.parts: list[str] = []

    def _checked(self, value: object, path: str, *, attribute: bool = False) -> str:
        text = text_of(value)
        if illegal := illegal_characters(text):
            raise InputError(
                f"{path} holds characters that XML cannot carry: {', '.join(illegal)}.",
                hint="Clean the report first; `clean` removes them and says where they stood.",
                code="input.control-characters",
            )
        return escaped(text, attribute=attribute)

    def _known(self, addition: Addition | None, path: str) -> None:
        if addition is not None and not self._schema.knows(addition):
            raise InputError(
                f"{path} is not in the schema in force ({self._schema.name}); the report would be refused.",
                hint="Leave it out, or read the schema of the service and use the one it serves.",
                code="input.schema",
            )

    def element(self, name: str, value: object, path: str) -> None:
        """Write one element."""
        if not isinstance(value, Block):
            self.parts.append(f"<{name}>{self._checked(value, path)}</{name}>")
            return
        slots = slots_of(type(value))
        attributes = "".join(
            f' {s.name}="{self._checked(v, path, attribute=True)}"'
            for s in slots
            if s.role is Role.ATTRIBUTE and (v := getattr(value, s.attribute)) is not None
        )
        self.parts.append(f"<{name}{attributes}>")
        for slot in slots:
            self._field(slot, getattr(value, slot.attribute), path)
        self.parts.append(f"</{name}>")

    def _field(self, slot: Slot, value: Any, path: str) -> None:  # noqa: ANN401 - whatever the field holds
        if value is None or slot.role is Role.ATTRIBUTE:
            return
        if slot.role is Role.TEXT:
            self.parts.append(self._checked(value, path))
            return
        here = f"{path}/{slot.name}"
        if slot.role is Role.FLAGS:
            for flag in value:
                self._known(slot.wire.flags_since.get(flag), f"{here}/{flag}")
            self.parts.append(f"<{slot.name}>" + "".join(f"<{f}>true</{f}>" for f in value) + f"</{slot.name}>")
            return
        for one in value if slot.many else (value,):
            self._known(slot.wire.since, here)
            self.element(slot.name, one, here)


def write(root: str, block: Block, schema: Schema = SCHEMA_2025_11) -> bytes:
    """The block as an XML document in UTF-8.

    Raises:
        InputError: it holds characters that XML cannot carry, or an element that the schema in force does not know.
    """
    writer = _Writer(schema)
    writer.element(root, block, root)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(writer.parts)).encode()


_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INTEGER = re.compile(r"[+-]?\d+")
_B = TypeVar("_B", bound=Block)


def _wrong(path: str, says: str, hint: str = "") -> InputError:
    return InputError(f"{path}: {says}", hint=hint or "Correct the document; nothing was guessed.", code="input.xml")


def _simple(base: type, text: str, path: str) -> object:
    """A simple value from its text, of exactly the type the field has: an identifier is never read as a number."""
    if base is str:
        return text
    if issubclass(base, StrEnum):
        return text  # the model refuses what is not in the list
    trimmed = text.strip(" \t\r\n")
    if base is bool and trimmed in _BOOLEANS:
        return _BOOLEANS[trimmed]
    if base is int and _INTEGER.fullmatch(trimmed) and len(trimmed) <= 20:
        return int(trimmed)
    try:
        if base is datetime and _DATE_TIME.fullmatch(trimmed):
            return datetime.fromisoformat(trimmed)
        if base is date and _DATE.fullmatch(trimmed):
            return date.fromisoformat(trimmed)
        if base is float:
            return float(trimmed)
    except ValueError as e:
        raise _wrong(path, f"{trimmed!r} is no {base.__name__}.") from e
    hint = "Times need a zone, such as 2026-01-31T12:00:00Z." if base is datetime else ""
    raise _wrong(path, f"{trimmed[:80]!r} is no {base.__name__}.", hint)


def _flags(element: Element, path: str) -> tuple[str, ...]:
    out = []
    for child in element:
        if child.text and child.text.strip(" \t\r\n") not in ("true", "1"):
            raise _wrong(f"{path}/{child.tag}", "a flag is true or absent.")
        if len(child) or child.attrib:
            raise _wrong(f"{path}/{child.tag}", "a flag holds nothing else.")
        if child.tag in out:
            raise _wrong(f"{path}/{child.tag}", "the flag stands twice.")
        out.append(str(child.tag))
    return tuple(out)


def _value(slot: Slot, element: Element, path: str) -> object:
    if slot.role is Role.FLAGS:
        return _flags(element, path)
    if issubclass(slot.base, Block):
        return _block(slot.base, element, path)
    if len(element) or element.attrib:
        raise _wrong(path, "only text is expected here.")
    return _simple(slot.base, element.text or "", path)


def _attributes(slots: Sequence[Slot], element: Element, path: str) -> dict[str, object]:
    known = {s.name: s for s in slots if s.role is Role.ATTRIBUTE}
    out = {}
    for name, text in element.attrib.items():
        if name.startswith(_XSI):
            continue
        if name not in known:
            raise _wrong(f"{path}/@{name}", "no such attribute is known here.")
        out[known[name].attribute] = _simple(known[name].base, text, f"{path}/@{name}")
    return out


def _block(block: type[_B], element: Element, path: str) -> _B:
    slots = slots_of(block)
    values = _attributes(slots, element, path)
    text_slot = next((s for s in slots if s.role is Role.TEXT), None)
    if text_slot is not None:
        values[text_slot.attribute] = _simple(text_slot.base, element.text or "", path)
    elif (element.text or "").strip() or any((child.tail or "").strip() for child in element):
        raise _wrong(path, "text stands between the elements.")
    rest = [s for s in slots if s.role in (Role.ELEMENT, Role.FLAGS)]
    at = 0
    for child in element:
        name = str(child.tag)
        while at < len(rest) and rest[at].name != name:
            at += 1
        if at == len(rest):
            raise _wrong(f"{path}/{name}", "the element is unknown here, stands too late or stands too often.")
        slot = rest[at]
        value = _value(slot, child, f"{path}/{name}")
        if slot.many and slot.role is Role.ELEMENT:
            values[slot.attribute] = (*typing.cast("tuple[object, ...]", values.get(slot.attribute, ())), value)
        else:
            values[slot.attribute] = value
            at += 1
    try:
        return block.model_validate(values)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        names = {s.attribute: s.name for s in slots}
        where = "/".join([path, *(names.get(str(part), str(part)) for part in first["loc"])])
        raise _wrong(where, f"{first['msg']}.") from e


def parsed(data: bytes, limit: int = MAX_XML_BYTES) -> Element:
    """The root element of an XML document that comes from outside; document types and entities are refused.

    Raises:
        InputError: it is too long, not well-formed, or declares a document type.
    """
    if len(data) > limit:
        raise InputError(
            f"The XML document has {len(data)} bytes; at most {limit} are read.", hint="Send long texts as files."
        )
    try:
        root: Element = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
    except (defusedxml.ElementTree.ParseError, DefusedXmlException, LookupError, ValueError) as e:
        raise InputError(
            f"This is no XML document that can be read: {e}.", hint="Check that the file is whole.", code="input.xml"
        ) from e
    return root


def read(root: str, block: type[_B], data: bytes) -> _B:
    """The block that an XML document holds: nothing is guessed, dropped or reordered.

    Raises:
        InputError: the document differs from the schema; the message names the first place.
    """
    element = parsed(data)
    if element.tag != root:
        raise _wrong(str(element.tag), f"the root element must be {root}.")
    return _block(block, element, root)
