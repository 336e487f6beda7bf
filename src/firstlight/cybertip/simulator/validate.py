"""Holds a document against a description and words the first fault as the service does."""

from __future__ import annotations

import re
from datetime import date, datetime

from firstlight.cybertip.simulator.description import AttributeOf, Description, ElementOf, Facet, Particle, TypeOf
from firstlight.cybertip.simulator.document import NAMESPACE_MARK, Node, Place

_XSI = f"http://www.w3.org/2001/XMLSchema-instance{NAMESPACE_MARK}"
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DATE_TIME = re.compile(r"(-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)?")
_DOUBLE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([Ee][+-]?\d+)?|-?INF|NaN")
_BOUNDS = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


class SchemaFaultError(Exception):
    """The first fault of a document, in the service's words."""

    def __init__(self, place: Place, words: str) -> None:
        super().__init__(f"[{place.line},{place.column}] - {words}")


def validate(root: Node, description: Description) -> None:
    """Accept a document, and mark each of its elements with its declaration.

    Raises:
        SchemaFaultError: the first fault in the order of the document.
    """
    declared = description.roots.get(root.name)
    if declared is None:
        name = root.name.rpartition(NAMESPACE_MARK)[2]
        raise SchemaFaultError(root.opened, f"cvc-elt.1.a: Cannot find the declaration of element '{name}'.")
    _element(root, declared)


def _element(node: Node, declared: ElementOf) -> None:
    node.declared = declared
    kind = declared.type()
    _attributes(node, kind)
    if kind.particles is not None:
        _children(node, kind)
        return
    if node.children:
        _no_children(node, kind)
    if declared.fixed is not None and not node.text:
        return  # an empty element takes the fixed value
    _simple(node.text, kind, node.closed)
    if declared.fixed is not None and not _is_fixed(node.text, declared.fixed):
        raise SchemaFaultError(
            node.closed,
            f"cvc-elt.5.2.2.2.2: The value '{node.text.strip()}' of element '{node.name}' does not match the "
            f"{{value constraint}} value '{declared.fixed}'.",
        )


def _is_fixed(text: str, fixed: str) -> bool:
    truths = {"true": "true", "1": "true", "false": "false", "0": "false"}
    return truths.get(text.strip(), text) == truths.get(fixed, fixed)


def _no_children(node: Node, kind: TypeOf) -> None:
    if kind.is_simple:
        words = (
            f"cvc-type.3.1.2: Element '{node.name}' is a simple type, so it must have no element information item "
            "[children]."
        )
    else:
        words = (
            f"cvc-complex-type.2.2: Element '{node.name}' must have no element [children], and the value must be valid."
        )
    raise SchemaFaultError(node.closed, words)


def _attributes(node: Node, kind: TypeOf) -> None:
    for name, value in node.attributes.items():
        if name.startswith(_XSI):
            continue
        declared = kind.attributes.get(name)
        if declared is None:
            rule = "cvc-type.3.1.1" if kind.is_simple else "cvc-complex-type.3.2.2"
            raise SchemaFaultError(node.opened, _not_allowed(rule, name, node.name))
        _simple(value, declared.type(), node.opened)
    missing: AttributeOf | None = next(
        (a for a in kind.attributes.values() if a.required and a.name not in node.attributes), None
    )
    if missing is not None:
        words = f"cvc-complex-type.4: Attribute '{missing.name}' must appear on element '{node.name}'."
        raise SchemaFaultError(node.opened, words)


def _not_allowed(rule: str, attribute: str, element: str) -> str:
    if rule == "cvc-type.3.1.1":
        return (
            f"cvc-type.3.1.1: Element '{element}' is a simple type, so it cannot have attributes, excepting those "
            "whose namespace name is identical to 'http://www.w3.org/2001/XMLSchema-instance' and whose [local name] "
            "is one of 'type', 'nil', 'schemaLocation' or 'noNamespaceSchemaLocation'. However, the attribute, "
            f"'{attribute}' was found."
        )
    return f"{rule}: Attribute '{attribute}' is not allowed to appear in element '{element}'."


class _Position:
    """How far the children of an element have come in its content model."""

    def __init__(self, kind: TypeOf) -> None:
        self._particles = kind.particles or ()
        self._any_order = kind.in_any_order
        self._at, self._count = 0, 0
        self._seen: set[str] = set()

    def expected(self) -> list[str]:
        """What may come next, in the order of the schema."""
        if self._any_order:
            return [e.name for p in self._particles for e in p.elements if e.name not in self._seen]
        out: list[str] = []
        count = self._count
        for particle in self._particles[self._at :]:
            if particle.most is None or count < particle.most:
                out += [e.name for e in particle.elements]
            if count < particle.least:
                break
            count = 0
        return out

    def is_complete(self) -> bool:
        """Whether the element may end here."""
        count = self._count
        for particle in self._particles[self._at :]:
            if count < particle.least and not (self._any_order and self._has(particle)):
                return False
            count = 0
        return True

    def _has(self, particle: Particle) -> bool:
        return any(e.name in self._seen for e in particle.elements)

    def take(self, name: str) -> ElementOf | None:
        """The declaration of the next child, or none if it may not stand here."""
        if name not in self.expected():
            return None
        self._seen.add(name)
        if self._any_order:
            return next(e for p in self._particles for e in p.elements if e.name == name)
        while True:
            particle = self._particles[self._at]
            found = next((e for e in particle.elements if e.name == name), None)
            if found is not None and (particle.most is None or self._count < particle.most):
                self._count += 1
                return found
            self._at, self._count = self._at + 1, 0


def _children(node: Node, kind: TypeOf) -> None:
    position = _Position(kind)
    for child in node.children:
        declared = position.take(child.name)
        if declared is None:
            expected = position.expected()
            words = f"Invalid content was found starting with element '{child.name}'. "
            if not expected:
                words = f"cvc-complex-type.2.4.d: {words}No child element is expected at this point."
            else:
                words = f"cvc-complex-type.2.4.a: {words}One of '{{{', '.join(expected)}}}' is expected."
            raise SchemaFaultError(child.opened, words)
        _element(child, declared)
    if node.text.strip():
        words = (
            f"cvc-complex-type.2.3: Element '{node.name}' cannot have character [children], because the type's content "
            "type is element-only."
        )
        raise SchemaFaultError(node.closed, words)
    if not position.is_complete():
        words = (
            f"cvc-complex-type.2.4.b: The content of element '{node.name}' is not complete. "
            f"One of '{{{', '.join(position.expected())}}}' is expected."
        )
        raise SchemaFaultError(node.closed, words)


def _is_calendar(text: str, kind: type[date]) -> bool:
    try:
        kind.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_zone(zone: str | None) -> bool:
    return zone in (None, "Z") or (int(zone[1:3]) * 60 + int(zone[4:]) <= 14 * 60 and int(zone[4:]) < 60)


def _simple(text: str, kind: TypeOf, place: Place) -> None:
    """Accept a simple value.

    Raises:
        SchemaFaultError: it is none of its type.
    """
    if kind.values is not None and text not in kind.values:
        listed = ", ".join(kind.values)
        raise SchemaFaultError(
            place,
            f"cvc-enumeration-valid: Value '{text}' is not facet-valid with respect to enumeration '[{listed}]'. "
            "It must be a value from the enumeration.",
        )
    trimmed = " ".join(text.split()) if kind.base not in ("string", "normalizedString") else text
    if not _is_valid(trimmed, kind.base):
        name = "integer" if kind.base in ("int", "long", "integer") else kind.base
        raise SchemaFaultError(place, f"cvc-datatype-valid.1.2.1: '{trimmed}' is not a valid value for '{name}'.")
    if kind.base in _BOUNDS:
        low, high = _BOUNDS[kind.base]
        _facet(trimmed, Facet("minInclusive", str(low)), kind.base, place)
        _facet(trimmed, Facet("maxInclusive", str(high)), kind.base, place)
    for facet in kind.facets:
        _facet(trimmed, facet, kind.name, place)


def _facet(text: str, facet: Facet, kind: str, place: Place) -> None:
    if _is_within(text, facet):
        return
    length = f" with length = '{len(text)}'" if "ength" in facet.name else ""
    raise SchemaFaultError(
        place,
        f"cvc-{facet.name}-valid: Value '{text}'{length} is not facet-valid with respect to {facet.name} "
        f"'{facet.value}' for type '{kind}'.",
    )


def _is_within(text: str, facet: Facet) -> bool:
    match facet.name:
        case "pattern":
            return re.fullmatch(facet.value, text) is not None
        case "minLength":
            return len(text) >= int(facet.value)
        case "maxLength":
            return len(text) <= int(facet.value)
        case "length":
            return len(text) == int(facet.value)
        case "minInclusive":
            return float(text) >= float(facet.value) if "." in text else int(text) >= int(facet.value)
        case "maxInclusive":
            return float(text) <= float(facet.value) if "." in text else int(text) <= int(facet.value)
    return True  # whiteSpace says how a value is read, not which values there are


def _is_valid(text: str, base: str) -> bool:
    if base in ("int", "long", "integer"):
        return len(text) < 1000 and _INTEGER.fullmatch(text) is not None
    if base == "boolean":
        return text in ("true", "false", "1", "0")
    if base == "dateTime":
        found = _DATE_TIME.fullmatch(text)
        return found is not None and _is_calendar(text, datetime) and _is_zone(found[2])
    if base == "date":
        found = _DATE.fullmatch(text)
        return found is not None and _is_calendar(found[1], date)
    if base == "double":
        return _DOUBLE.fullmatch(text) is not None
    return True
