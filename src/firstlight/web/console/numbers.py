"""Numbers in addresses and forms: those of rows, which every database can hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import Path

from firstlight.errors import InputError

LARGEST = 2**31 - 1

Number = Annotated[int, Path(ge=1, le=LARGEST)]
"""The number of a case, an item or a hold in an address."""

MOST = 1_000_000
"""Items that one form may name."""


def spans(numbers: Iterable[int]) -> str:
    """Numbers as a form carries them, neighbours together: `3-5,9`. Twenty thousand copies are one field."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in found)


def numbers_in(texts: Sequence[str]) -> list[int]:
    """The numbers that the fields of a form carry, each once, in their order.

    Raises:
        InputError: one of them is none, or there are far too many.
    """
    found: dict[int, None] = {}
    for part in (part for text in texts for part in text.split(",")):
        low, _, high = part.strip().partition("-")
        ends = [int(end) for end in (low, high or low) if end.isascii() and end.isdecimal() and len(end) <= 10]
        if len(ends) != 2 or not 1 <= ends[0] <= ends[1] <= LARGEST or ends[1] - ends[0] + len(found) > MOST:
            raise InputError(f"{part[:40]!r} names no items.", hint="Choose them in the list.", field="items")
        found |= dict.fromkeys(range(ends[0], ends[1] + 1))
    return list(found)
