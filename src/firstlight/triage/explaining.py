"""A priority as a tree for people, and what a change of the table would move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from firstlight.errors import Fact
from firstlight.origin.verdict import Verdict
from firstlight.triage.facts import Context
from firstlight.triage.priority import Confirmation, Priority, prioritise
from firstlight.triage.table import PriorityTable, as_plain
from firstlight.values import Document, Level, Reason, Sha256Hex, Value, Versioned


def explain(priority: Priority) -> str:
    """The tree of reasons as lines with branches, with the numbers behind the words, and the table they come from."""
    lines = [f"{priority.reasons.says} Order {priority.order:g} within the level."]
    lines += _branches(priority.reasons.because, "")
    lines.append(f"Table {priority.table_version}, sha256 {priority.table_sha256}.")
    return "\n".join(lines)


def _branches(reasons: tuple[Reason, ...], indent: str) -> list[str]:
    lines: list[str] = []
    for i, reason in enumerate(reasons):
        last = i == len(reasons) - 1
        lines.append(f"{indent}{'└─ ' if last else '├─ '}{reason.says}{_numbers(reason)}")
        lines += _branches(reason.because, indent + ("   " if last else "│  "))
    return lines


def _numbers(reason: Reason) -> str:
    """What a row of the table adds: the level it asks for and its expected harm."""
    harm = reason.facts.get("expected_harm")
    if not isinstance(harm, int | float):
        return ""
    level = reason.facts.get("level")
    return f" ({f'at least {level}, ' if level else ''}+{harm:g})"


_NOTHING = Context()


@dataclass(frozen=True, slots=True)
class RankedCase:
    """One case, or one member of a case that has several, as a change of the table is tried on it."""

    key: int
    verdict: Verdict
    context: Context = _NOTHING
    confirmation: Confirmation | None = None


class TableChange(Value):
    """One value that differs between two tables."""

    where: str
    before: Fact
    after: Fact


class Move(Value):
    """A case whose place would change. Positions count from 1, among the cases given."""

    key: int
    level_before: Level
    level_after: Level
    order_before: float
    order_after: float
    position_before: int
    position_after: int

    @property
    def says(self) -> str:
        """The move in words."""
        level = (
            f"stays {self.level_after}"
            if self.level_after is self.level_before
            else f"{self.level_before} -> {self.level_after}"
        )
        return (
            f"{self.key}: {level}, order {self.order_before:g} -> {self.order_after:g}, "
            f"place {self.position_before} -> {self.position_after}"
        )


class TableDiff(Document):
    """What a new table would change: its values, and the cases that would move."""

    title_for_people: ClassVar[str] = "difference of two priority tables"

    kind: Literal["priority-table-diff"] = "priority-table-diff"
    version: Versioned = 1
    old_sha256: Sha256Hex
    new_sha256: Sha256Hex
    changes: tuple[TableChange, ...]
    cases: int
    moves: tuple[Move, ...]

    @property
    def says(self) -> str:
        """The difference in one line."""
        levels = sum(move.level_before is not move.level_after for move in self.moves)
        return (
            f"{len(self.changes)} value(s) differ; of {self.cases} case(s) {len(self.moves)} would move, "
            f"{levels} of them to another level."
        )


def diff(old: PriorityTable, new: PriorityTable, cases: Iterable[RankedCase]) -> TableDiff:
    """What would move if the new table took the place of the old one. Ties stand in the order of the keys.

    Several with one key are members of one case, which stands where the soonest of them stands.
    """
    before: dict[int, Priority] = {}
    after: dict[int, Priority] = {}
    for case in cases:
        for table, found in ((old, before), (new, after)):
            priority = prioritise(case.verdict, case.context, table, case.confirmation)
            if case.key not in found or priority.sort_key < found[case.key].sort_key:
                found[case.key] = priority
    place_before, place_after = _places(before), _places(after)
    moves = [
        Move(
            key=key,
            level_before=before[key].level,
            level_after=after[key].level,
            order_before=before[key].order,
            order_after=after[key].order,
            position_before=place_before[key],
            position_after=place_after[key],
        )
        for key in sorted(before, key=place_after.__getitem__)
        if before[key].sort_key != after[key].sort_key or place_before[key] != place_after[key]
    ]
    return TableDiff(
        old_sha256=old.sha256,
        new_sha256=new.sha256,
        changes=changes(old, new),
        cases=len(before),
        moves=tuple(moves),
    )


def changes(old: PriorityTable, new: PriorityTable) -> tuple[TableChange, ...]:
    """Every value that differs, by its place in the file."""
    before, after = _flat(as_plain(old)), _flat(as_plain(new))
    return tuple(
        TableChange(where=where, before=before.get(where), after=after.get(where))
        for where in sorted(before.keys() | after.keys())
        if before.get(where) != after.get(where) and where != "sha256"
    )


def _places(priorities: dict[int, Priority]) -> dict[int, int]:
    keys = sorted(priorities, key=lambda key: (priorities[key].sort_key, key))
    return {key: place for place, key in enumerate(keys, start=1)}


def _flat(plain: dict[str, object], where: str = "") -> dict[str, Fact]:
    out: dict[str, Fact] = {}
    for key, value in plain.items():
        path = f"{where}.{key}" if where else key
        if isinstance(value, dict):
            out |= _flat(value, path)
        elif isinstance(value, str | int | float) or value is None:
            out[path] = value
    return out
