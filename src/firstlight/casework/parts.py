"""Many values in few statements: no database takes any number of them in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

_Any = TypeVar("_Any")

MANY = 500
"""Values in one statement; far below every database's limit."""


def in_parts(values: Sequence[_Any]) -> Iterator[Sequence[_Any]]:
    """The values, as many at a time as go into one statement."""
    return (values[start : start + MANY] for start in range(0, len(values), MANY))
