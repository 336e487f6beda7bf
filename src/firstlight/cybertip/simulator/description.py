"""Reads a schema description: the part of XML Schema that describes reports, and the rules that no schema can carry."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from xml.etree.ElementTree import Element  # the type alone; parsing is defusedxml's

from firstlight.cybertip.schema import SCHEMA_2025_11, Schema
from firstlight.cybertip.wire import parsed
from firstlight.errors import InputError

_XS = "{http://www.w3.org/2001/XMLSchema}"
_F = "{urn:firstlight:cybertip}"
FACETS = ("pattern", "minLength", "maxLength", "length", "minInclusive", "maxInclusive", "whiteSpace")
_SIMPLE = ("string", "token", "int", "integer", "long", "boolean", "dateTime", "date", "double", "normalizedString")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the service demands of one value beyond its type."""

    longest: int | None = None
    rule: str = ""
    between: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """A restriction of a simple type, by its name in the schema."""

    name: str
    value: str


@dataclass(slots=True)
class TypeOf:
    """A type: simple (`particles` is none), or with children, or with text and attributes."""

    name: str
    base: str = "string"
    values: tuple[str, ...] | None = None
    facets: tuple[Facet, ...] = ()
    particles: tuple[Particle, ...] | None = None
    in_any_order: bool = False
    attributes: dict[str, AttributeOf] = field(default_factory=dict)
    is_simple: bool = False
    rules: Rules = Rules()


@dataclass(slots=True)
class ElementOf:
    """A declared element."""

    name: str
    type: Callable[[], TypeOf]
    fixed: str | None = None
    rules: Rules = Rules()


@dataclass(slots=True)
class AttributeOf:
    """A declared attribute."""

    name: str
    type: Callable[[], TypeOf]
    required: bool = False
    rules: Rules = Rules()


@dataclass(slots=True)
class Particle:
    """One place in a sequence: one of these elements, so often. `most` is none when there is no bound."""

    elements: tuple[ElementOf, ...]
    least: int
    most: int | None


class Description:
    """A schema description that documents can be held against."""

    def __init__(self, types: dict[str, TypeOf], roots: dict[str, ElementOf]) -> None:
        self.types, self.roots = types, roots

    @classmethod
    def read(cls, xsd: bytes, schema: Schema | None = None) -> Description:
        """The description that an XSD document holds; with a `schema`, only the additions it knows.

        Raises:
            InputError: it uses a construct that this reader does not know; nothing is skipped silently.
        """
        root = parsed(xsd)
        _drop_annotations(root)
        return _Reader(schema).description(root)


def own_xsd(schema: Schema = SCHEMA_2025_11) -> bytes:
    """Our own schema description with exactly the additions of a schema, without our rules."""
    text = (resources.files("firstlight.cybertip.simulator") / "cybertip.xsd").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        since, _, rest = line.partition(' f:since="')
        if rest and not any(rest.startswith(f'{a.value}"') for a in schema.additions):
            continue
        kept = since + rest.partition('"')[2] if rest else line
        lines.append(_without_rules(kept))
    return ("\n".join(lines) + "\n").encode()


def _without_rules(line: str) -> str:
    for name in ("max", "rule", "range"):
        before, mark, rest = line.partition(f' f:{name}="')
        if mark:
            line = before + rest.partition('"')[2]
    return line


@cache
def own_description(schema: Schema = SCHEMA_2025_11) -> Description:
    """Our own schema description with the additions of a schema and with our rules."""
    data = (resources.files("firstlight.cybertip.simulator") / "cybertip.xsd").read_bytes()
    return Description.read(data, schema)


class _Reader:
    """Reads one XSD document."""

    def __init__(self, schema: Schema | None) -> None:
        self._schema = schema
        self._types: dict[str, TypeOf] = {}
        self._named: dict[str, Element] = {}
        self._globals: dict[str, Element] = {}

    def _defined(self, name: str) -> TypeOf:
        """A type of the document, read when it is first needed: types may stand in any order."""
        if name not in self._types:
            node = self._named[name]
            read = self._simple if node.tag == _XS + "simpleType" else self._complex
            self._types[name] = read(node, name)
        return self._types[name]

    def description(self, root: Element) -> Description:
        if root.tag != _XS + "schema":
            raise InputError("This is no XML Schema document.", hint="Give the file that the service serves at /xsd.")
        self._named = {c.get("name", ""): c for c in root if c.tag in (_XS + "complexType", _XS + "simpleType")}
        self._globals = {c.get("name", ""): c for c in root if c.tag == _XS + "element"}
        for child in root:
            if child.tag not in (_XS + "complexType", _XS + "simpleType", _XS + "element"):
                raise _unknown(child)
        for name in self._named:
            self._defined(name)
        roots = {name: self._element(child) for name, child in self._globals.items()}
        for element in roots.values():
            self._resolve(element.type(), set())
        return Description(self._types, roots)

    def _resolve(self, kind: TypeOf, seen: set[int]) -> None:
        """Look every type up that a document may come to, so that a missing one is said now."""
        if id(kind) in seen:
            return
        seen.add(id(kind))
        for particle in kind.particles or ():
            for element in particle.elements:
                self._resolve(element.type(), seen)
        for attribute in kind.attributes.values():
            attribute.type()

    def _ref(self, name: str) -> Callable[[], TypeOf]:
        local = name.rpartition(":")[2]

        def look_up() -> TypeOf:
            if local in self._named:
                return self._defined(local)
            if local in _SIMPLE:
                return TypeOf(local, base=local, is_simple=True)
            raise InputError(f"The schema names the type {name} and does not define it.", hint="Check the file.")

        return look_up

    def _rules(self, node: Element) -> Rules:
        longest, between = node.get(_F + "max"), node.get(_F + "range")
        low, _, high = (between or "").partition("-")
        return Rules(
            longest=int(longest) if longest else None,
            rule=node.get(_F + "rule", ""),
            between=(int(low), int(high)) if between else None,
        )

    def _left_out(self, node: Element) -> bool:
        since = node.get(_F + "since")
        return since is not None and self._schema is not None and since not in self._schema.additions

    def _element(self, node: Element) -> ElementOf:
        if (
            node.get("ref") is not None
            and (found := self._globals.get(node.get("ref", "").rpartition(":")[2])) is not None
        ):
            return self._element(found)
        name, type_name = node.get("name", ""), node.get("type")
        inner = list(node)
        if not name:
            raise _unknown(node)
        if type_name is None and len(inner) == 1:
            anonymous = self._anonymous(inner[0], f"#AnonType_{name}")
            return ElementOf(name, lambda: anonymous, node.get("fixed"), self._rules(node))
        if type_name is None or inner:
            raise _unknown(node)
        return ElementOf(name, self._ref(type_name), node.get("fixed"), self._rules(node))

    def _anonymous(self, node: Element, name: str) -> TypeOf:
        if node.tag == _XS + "complexType":
            return self._complex(node, name)
        if node.tag == _XS + "simpleType":
            return self._simple(node, name)
        raise _unknown(node)

    def _simple(self, node: Element, name: str) -> TypeOf:
        restriction = node.find(_XS + "restriction")
        if restriction is None:
            raise _unknown(node)
        base = self._ref(restriction.get("base", ""))()
        values, facets = [], []
        for child in restriction:
            facet = str(child.tag).removeprefix(_XS)
            if facet == "enumeration":
                values.append(child.get("value", ""))
            elif facet in FACETS:
                if facet == "pattern" and not _is_pattern(child.get("value", "")):
                    raise _unknown(child)
                facets.append(Facet(facet, child.get("value", "")))
            else:
                raise _unknown(child)
        known = tuple(values) or base.values
        return TypeOf(name, base=base.base, values=known, facets=(*base.facets, *facets), is_simple=True)

    def _complex(self, node: Element, name: str) -> TypeOf:
        out = TypeOf(name, particles=(), rules=self._rules(node))
        for child in node:
            if child.tag == _XS + "simpleContent":
                self._text_content(child, out)
            elif child.tag == _XS + "attribute":
                self._attribute(child, out)
            elif child.tag == _XS + "all":
                out.in_any_order = True
                out.particles = tuple(self._particle(c) for c in child if not self._left_out(c))
            elif child.tag in (_XS + "sequence", _XS + "choice"):
                out.particles = self._group(child)
            else:
                raise _unknown(child)
        return out

    def _text_content(self, node: Element, out: TypeOf) -> None:
        extension = node.find(_XS + "extension")
        if extension is None:
            raise _unknown(node)
        out.particles = None
        base = self._ref(extension.get("base", ""))()
        out.base, out.values, out.facets = base.base, base.values, base.facets
        for child in extension:
            if child.tag != _XS + "attribute":
                raise _unknown(child)
            self._attribute(child, out)

    def _attribute(self, node: Element, out: TypeOf) -> None:
        name = node.get("name", "")
        inner = list(node)
        if inner:
            anonymous = self._anonymous(inner[0], f"#AnonType_{name}")
            kind: Callable[[], TypeOf] = lambda: anonymous  # noqa: E731 - a name with a type
        else:
            kind = self._ref(node.get("type", "xs:string"))
        out.attributes[name] = AttributeOf(name, kind, node.get("use") == "required", self._rules(node))

    def _particle(self, node: Element) -> Particle:
        least, most = node.get("minOccurs", "1"), node.get("maxOccurs", "1")
        bound = None if most == "unbounded" else int(most)
        if node.tag == _XS + "element":
            return Particle((self._element(node),), int(least), bound)
        if node.tag == _XS + "choice":
            inner = [self._particle(c) for c in node if not self._left_out(c)]
            if any(len(p.elements) != 1 or (p.least, p.most) not in ((1, 1), (0, 1)) for p in inner):
                raise _unknown(node)
            low = 0 if any(p.least == 0 for p in inner) else int(least)
            return Particle(tuple(p.elements[0] for p in inner), low, bound)
        raise _unknown(node)

    def _group(self, node: Element) -> tuple[Particle, ...]:
        if node.tag == _XS + "choice":
            return (self._particle(node),)
        if (node.get("minOccurs", "1"), node.get("maxOccurs", "1")) != ("1", "1"):
            raise _unknown(node)
        return tuple(self._particle(c) for c in node if not self._left_out(c))


def _drop_annotations(node: Element) -> None:
    """Take the words for readers out, which may stand in any construct and demand nothing."""
    for child in list(node):
        if child.tag == _XS + "annotation":
            node.remove(child)
        else:
            _drop_annotations(child)


def _is_pattern(text: str) -> bool:
    """Whether a pattern of the schema is one here too; XML Schema has a few signs of its own."""
    try:
        re.compile(text)
    except re.error:
        return False
    return re.search(r"\\[icIC]|-\[", text) is None


def _unknown(node: Element) -> InputError:
    what = f"{str(node.tag).rpartition('}')[2]} {node.get('name', '')}".strip()
    return InputError(
        f"The schema uses a construct that this reader does not know: {what}.",
        hint="Hold documents against this schema with a full validator; the simulator would judge by half of it.",
    )
