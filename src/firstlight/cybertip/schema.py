"""Which schema is in force: the live one changes without notice, so what was added later is named addition by addition.

The base is the schema of November 2025. A report that uses an addition the schema in force does not know would be
refused as a whole, so the writer refuses it first.
"""

from __future__ import annotations

import re
from enum import StrEnum

from firstlight.errors import InputError
from firstlight.values import Value

MAX_XSD_BYTES = 4 * 1024 * 1024
"""The schema of 2025 is far below 200 kB; what is twenty times larger is no schema of this service."""


class Addition(StrEnum):
    """An element that appeared after November 2025, by its wire name."""

    AGE_ASSERTION_DISCREPANCY = "ageAssertionDiscrepancy"
    INFORMATIONAL = "informational"
    POTENTIAL_AGGRAVATING_FACTORS = "potentialAggravatingFactors"
    INSTRUMENTAL_USE = "instrumentalUse"


class Schema(Value):
    """A state of the schema: the base of November 2025 and the additions it knows."""

    name: str
    additions: tuple[Addition, ...] = ()

    def knows(self, addition: Addition) -> bool:
        """Whether an element added later may be sent."""
        return addition in self.additions


SCHEMA_2025_11 = Schema(name="2025-11")
SCHEMA_2026 = Schema(name="2026", additions=(Addition.AGE_ASSERTION_DISCREPANCY, Addition.INFORMATIONAL))
"""Two further annotations of 2026 rest on a single second-hand source; a live schema that has them switches them on."""


KNOWN = (SCHEMA_2025_11, SCHEMA_2026)


def schema_named(name: object) -> object:
    """The schema of this name; anything but a text is answered as it is.

    Raises:
        ValueError: there is none of this name.
    """
    if not isinstance(name, str):
        return name
    found = next((schema for schema in KNOWN if schema.name == name), None)
    if found is None:
        raise ValueError(f"there is no schema {name!r}; there are {', '.join(s.name for s in KNOWN)}")
    return found


def schema_in_force(xsd: bytes) -> Schema:
    """The state of the schema that a service serves at `/xsd`.

    Raises:
        InputError: these bytes declare no `report` element, so they are not this service's schema.
    """
    if len(xsd) > MAX_XSD_BYTES:
        raise InputError(
            f"The schema has {len(xsd)} bytes; at most {MAX_XSD_BYTES} are read.",
            hint="Check that the address is that of the reporting service.",
        )
    declared = set(re.findall(r"""<(?:\w+:)?element\b[^>]*?\bname=["'](\w+)["']""", xsd.decode("utf-8", "replace")))
    if "report" not in declared:
        raise InputError(
            "What the service served at /xsd declares no report element.",
            hint="Check that the address is that of the reporting service.",
        )
    additions = tuple(a for a in Addition if a.value in declared)
    for known in KNOWN:
        if known.additions == additions:
            return known
    return Schema(name="live", additions=additions)
