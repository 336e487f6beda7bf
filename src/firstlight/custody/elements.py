"""The elements worksheet: which records speak to which element of which offence, for or against, and what is missing.

It is a way into the records for their reader. It draws no legal conclusion, and it never drops a fact: what speaks
against is set beside what speaks for, and what speaks to nothing listed here is listed as such.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from firstlight.custody.contents import CaseFact, FactKind, PackageContents
from firstlight.errors import InputError
from firstlight.values import Value

_SHIPPED = Path(__file__).with_name("elements.toml")


class Element(Value):
    """One thing that would have to be shown."""

    says: str
    speaks_for: Annotated[tuple[FactKind, ...], Field(alias="for")]
    speaks_against: Annotated[tuple[FactKind, ...], Field(alias="against")]
    missing: str


class Category(Value):
    """One kind of offence in one jurisdiction."""

    id: str
    title: str
    law: str
    element: tuple[Element, ...]


class Heading(Value):
    """A place of its own for facts of these kinds, whatever offence they speak to."""

    title: str
    kinds: tuple[FactKind, ...]


class ElementsTable(Value):
    """The data behind a worksheet: versioned, and read from a file that a lawyer can edit."""

    version: int
    place: tuple[Heading, ...] = ()
    category: tuple[Category, ...]

    @classmethod
    def load(cls, path: Path | None = None) -> ElementsTable:
        """The shipped table, or the one in this file.

        Raises:
            InputError: the file is not such a table; the message names the first field that is wrong.
        """
        source = path or _SHIPPED
        try:
            return cls.model_validate(tomllib.loads(source.read_text("utf-8")))
        except OSError as e:
            raise InputError(f"Cannot read {source}: {e.strerror}.") from e
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise InputError(f"{source} is no TOML file: {e}.") from e
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{source} is no table of elements: {where}: {first['msg']}.") from e


def worksheet(contents: PackageContents, table: ElementsTable) -> bytes:
    """The worksheet of a case as plain text."""
    lines = [
        f"Elements worksheet of {contents.case} (table version {table.version})",
        "",
        "A way into the records: no advice, no conclusion. Both sides are listed wherever the records hold them.",
        "",
    ]
    for place in table.place:
        found = [fact for fact in contents.facts if fact.kind in place.kinds]
        lines += [place.title, "-" * len(place.title), *_facts(found), ""]
    for category in table.category:
        lines += [category.title, category.law, "-" * max(len(category.title), len(category.law))]
        for number, element in enumerate(category.element, 1):
            lines += _element(number, element, contents.facts)
        lines.append("")
    named = {kind for one in table.category for e in one.element for kind in (*e.speaks_for, *e.speaks_against)}
    rest = [fact for fact in contents.facts if fact.kind not in named]
    lines += ["Facts that speak to none of these elements", *_facts(rest), ""]
    return "\n".join(lines).encode()


def _element(number: int, element: Element, facts: tuple[CaseFact, ...]) -> list[str]:
    speaks_for = [fact for fact in facts if fact.kind in element.speaks_for]
    against = [fact for fact in facts if fact.kind in element.speaks_against]
    lines = [f"{number}. {element.says}", "   For:", *_facts(speaks_for), "   Against:", *_facts(against)]
    if not speaks_for:
        lines.append(f"   Missing: {element.missing}")
    return lines


def _facts(facts: list[CaseFact]) -> list[str]:
    if not facts:
        return ["     nothing in these records"]
    return [f"     - {' '.join(one.says.split())} ({_where(one)})" for one in facts]


def _where(one: CaseFact) -> str:
    parts = [str(one.kind)]
    if one.record:
        parts.append(f"data/records/{one.record}")
    if one.file:
        parts.append(f"file {one.file[:16]}")
    return ", ".join(parts)
