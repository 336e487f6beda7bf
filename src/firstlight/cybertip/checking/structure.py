"""A draft that does not even have the form of one: each fault as a finding, in the service's words where they fit."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from firstlight.clock import in_utc
from firstlight.cybertip.checking import check
from firstlight.cybertip.findings import Finding, FindingKind, Findings
from firstlight.cybertip.model import annotations as flags
from firstlight.cybertip.model import codes
from firstlight.cybertip.model.report import Draft
from firstlight.cybertip.record import Record
from firstlight.cybertip.schema import SCHEMA_2025_11, Schema
from firstlight.cybertip.wire import camel_case
from firstlight.errors import InputError

MAX_JSON_BYTES = 64 * 1024 * 1024
"""A draft is text; whole chat logs belong into files."""


def check_json(data: bytes, record: Record, *, at: datetime, schema: Schema = SCHEMA_2025_11) -> Findings:
    """The check of a draft given as JSON; what has not the form of a draft is found invalid, all faults at once.

    Raises:
        InputError: the bytes are no JSON document, or too many.
    """
    if len(data) > MAX_JSON_BYTES:
        raise InputError(f"The draft has {len(data)} bytes; at most {MAX_JSON_BYTES} are read.", hint="Use files.")
    try:
        draft = Draft.model_validate_json(data)
    except ValidationError as e:
        errors = e.errors(include_url=False)
        if errors[0]["type"] == "json_invalid":
            raise InputError(f"This is no JSON document: {errors[0]['msg']}.", hint="Check that it is whole.") from e
        found = tuple(_finding(error) for error in errors)
        return Findings(at=in_utc(at), schema_name=schema.name, findings=found, completeness=0)
    return check(draft, record, at=at, schema=schema)


def _place(location: tuple[int | str, ...]) -> str:
    parts: list[str] = []
    for step in location:
        if isinstance(step, int):
            parts[-1] += f"[{step + 1}]"
        else:
            parts.append(camel_case(step))
    return "/".join(parts)


def _finding(error: ErrorDetails) -> Finding:
    place, kind = _place(error["loc"]), error["type"]
    says, do, server = error["msg"].removeprefix("Value error, "), "Correct it.", ""
    if kind == "missing":
        says, do = "The element must stand here.", "Give it."
        name = place.rpartition("/")[2]
        server = f"cvc-complex-type.2.4: One of '{{{name}}}' is expected."
    elif kind == "enum":
        server = _enumeration(error.get("ctx", {}), error["input"])
        do = "Use a value of the list, letter for letter."
    elif kind == "timezone_aware":
        says, do = "The time has no zone.", "Write it like 2026-01-31T12:00:00Z."
    elif kind == "string_type":
        says, do = "Identifiers and texts are text, never numbers: 007 is not 7.", "Put it into quotes."
    elif kind == "extra_forbidden":
        says, do = "There is no such element here.", "Check the spelling and the place."
        name = place.rpartition("/")[2].partition("[")[0]
        server = f"cvc-complex-type.2.4.a: Invalid content was found starting with element '{name}'."
    rule = f"invalid.form.{kind.replace('_', '-')}"
    return Finding(kind=FindingKind.INVALID, rule=rule, where=place, says=says, do=do, server=server)


def _expected(values: list[str]) -> str:
    """The values as the model's own error lists them."""
    *first, last = (repr(v) for v in values)
    return f"{', '.join(first)} or {last}" if first else last


_LISTS = {
    _expected(values): values
    for module in (codes, flags)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, StrEnum) and (values := [member.value for member in kind])
}


def _enumeration(context: dict[str, Any], value: object) -> str:
    listed = ", ".join(_LISTS.get(str(context.get("expected", "")), []))
    return (
        f"cvc-enumeration-valid: Value '{value}' is not facet-valid with respect to enumeration '[{listed}]'. "
        "It must be a value from the enumeration."
    )
