"""Reads a schema description: the part of XML Schema that describes reports, and the rules that no schema can carry."""

from __future__ import annotations

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
_SIMPLE = ("string", "token", "int", "integer", "long", "boolean", "dateTime", "date", "double", "normalizedString")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the service demands of one value beyond its type."""

    longest: int | None = None
    rule: str = ""
    between: tuple[int, int] | None = None


@dataclass(slots=True)
class TypeOf:
    """A type: simple (`particles` is none), or with children, or with text and attributes."""

    name: str
    base: str = "string"
    values: tuple[str, ...] | None = None
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
        return _Reader(schema).description(parsed(xsd))


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

    def description(self, root: Element) -> Description:
        if root.tag != _XS + "schema":
            raise InputError("This is no XML Schema document.", hint="Give the file that the service serves at /xsd.")
        roots: dict[str, ElementOf] = {}
        for child in root:
            name = child.get("name", "")
            if child.tag == _XS + "element":
                roots[name] = self._element(child)
            elif child.tag == _XS + "complexType":
                self._types[name] = self._complex(child, name)
            elif child.tag == _XS + "simpleType":
                self._types[name] = self._simple(child, name)
            elif child.tag != _XS + "annotation":
                raise _unknown(child)
        for element in roots.values():
            element.type()
        return Description(self._types, roots)

    def _ref(self, name: str) -> Callable[[], TypeOf]:
        local = name.rpartition(":")[2]
        if ":" in name and local in _SIMPLE and local not in self._types:
            return lambda: TypeOf(local, base=local, is_simple=True)

        def look_up() -> TypeOf:
            found = self._types.get(local) or (TypeOf(local, base=local, is_simple=True) if local in _SIMPLE else None)
            if found is None:
                raise InputError(f"The schema names the type {name} and does not define it.", hint="Check the file.")
            return found

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
        name, type_name = node.get("name", ""), node.get("type")
        inner = [c for c in node if c.tag != _XS + "annotation"]
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
        facets = [c for c in restriction if c.tag != _XS + "annotation"]
        if any(c.tag != _XS + "enumeration" for c in facets):
            raise _unknown(next(c for c in facets if c.tag != _XS + "enumeration"))
        values = tuple(c.get("value", "") for c in facets) or None
        base = restriction.get("base", "").rpartition(":")[2]
        return TypeOf(name, base=base, values=values, is_simple=True)

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
            elif child.tag != _XS + "annotation":
                raise _unknown(child)
        return out

    def _text_content(self, node: Element, out: TypeOf) -> None:
        extension = node.find(_XS + "extension")
        if extension is None:
            raise _unknown(node)
        out.particles = None
        base = self._ref(extension.get("base", ""))()
        out.base, out.values = base.base, base.values
        for child in extension:
            if child.tag != _XS + "attribute":
                raise _unknown(child)
            self._attribute(child, out)

    def _attribute(self, node: Element, out: TypeOf) -> None:
        name = node.get("name", "")
        inner = [c for c in node if c.tag != _XS + "annotation"]
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
        return tuple(self._particle(c) for c in node if c.tag != _XS + "annotation" and not self._left_out(c))


def _unknown(node: Element) -> InputError:
    what = f"{str(node.tag).rpartition('}')[2]} {node.get('name', '')}".strip()
    return InputError(
        f"The schema uses a construct that this reader does not know: {what}.",
        hint="Hold documents against this schema with a full validator; the simulator would judge by half of it.",
    )
