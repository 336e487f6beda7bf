"""The models and the simulator's schema were written apart; their elements stand in the same order."""

from __future__ import annotations

import pytest

from firstlight.cybertip import SCHEMA_2025_11, SCHEMA_2026, FileDetails, Report, Schema
from firstlight.cybertip.schema import Addition
from firstlight.cybertip.simulator.description import Description, TypeOf, own_description, own_xsd
from firstlight.cybertip.wire import Block, Role, slots_of

EVERYTHING = Schema(name="all", additions=tuple(Addition))


def compare(block: type[Block], kind: TypeOf, path: str, seen: set[str]) -> None:
    """Names, order, multiplicity and attributes of a block and of everything below it."""
    if path.count("/") > 12 or f"{block.__name__} {kind.name}" in seen:
        return
    seen.add(f"{block.__name__} {kind.name}")
    slots = slots_of(block)
    ours = [s.name for s in slots if s.role in (Role.ELEMENT, Role.FLAGS)]
    theirs = [(e, p) for p in kind.particles or () for e in p.elements]
    assert ours == [e.name for e, _ in theirs], path
    assert {s.name for s in slots if s.role is Role.ATTRIBUTE} == set(kind.attributes), path
    by_name = {s.name: s for s in slots if s.role in (Role.ELEMENT, Role.FLAGS)}
    for element, particle in theirs:
        slot = by_name[element.name]
        assert (slot.many and slot.role is Role.ELEMENT) == (particle.most is None), f"{path}/{element.name}"
        if slot.role is Role.FLAGS:
            flags = [e.name for p in element.type().particles or () for e in p.elements]
            assert [str(member) for member in slot.base] == flags  # type: ignore[attr-defined]
        elif issubclass(slot.base, Block):
            compare(slot.base, element.type(), f"{path}/{element.name}", seen)


@pytest.mark.parametrize(("root", "block"), [("report", Report), ("fileDetails", FileDetails)])
def test_the_order_is_that_of_the_schema(root: str, block: type[Block]) -> None:
    seen: set[str] = set()
    compare(block, own_description(EVERYTHING).roots[root].type(), root, seen)
    assert len(seen) > (25 if root == "report" else 5)


def test_the_numbers_come_first_in_file_details() -> None:
    assert [s.name for s in slots_of(FileDetails)][:3] == ["reportId", "fileId", "fileName"]


@pytest.mark.parametrize("schema", [SCHEMA_2025_11, SCHEMA_2026, EVERYTHING])
def test_the_served_schema_reads_back_as_itself(schema: Schema) -> None:
    served, own = Description.read(own_xsd(schema)), own_description(schema)
    assert served.types.keys() == own.types.keys()
    for name, kind in own.types.items():
        names = [[e.name for e in p.elements] for p in kind.particles or ()]
        assert [[e.name for e in p.elements] for p in served.types[name].particles or ()] == names
