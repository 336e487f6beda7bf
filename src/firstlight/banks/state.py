"""What a process knows of a bank at some place of its log: its header, and where every hash, key and entry is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstlight.banks import tables
from firstlight.index.framelog import HEAD_SIZE

NEW, FOR_ACTIVE, FOR_RESTING = 0, 1, 2
"""What a record in the log does: it starts an entry, or takes the place of an active or another record."""
SLOT_BITS: Final = 12
"""A place is where its frame begins, and which record of it is meant."""

Note = tuple[int, str, dict[str, str], bool, int]
"""Of a written record: ordinal, key, hashes, whether it takes part in matching, what it does."""


class State:
    """See the module. What came last is held in memory, what came before in runs."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.ordinals = 0
        self.active = 0
        self.pdq_end = 0
        """Where the last frame that concerns the PDQ index ends."""
        self.runs: list[tables.Run] = []
        self.covered = HEAD_SIZE
        self.new_prints: dict[int, int] = {}
        """What no run holds yet: the entry that each print leads to, and further ones where there are."""
        self.more_prints: dict[int, list[int]] = {}
        self.new_places: dict[int, int] = {}

    def meta(self, frames: int) -> dict[str, Any]:
        """What the next run has to say about the bank as it is now."""
        return {
            "header": self.header, "ordinals": self.ordinals, "active": self.active, "pdq_end": self.pdq_end,
            "frames": frames,
        }  # fmt: skip

    def note(self, place: int, end: int, note: Note, print_of: Callable[[str, str], int]) -> None:
        """Take up a record that was written at this place, in a frame that ends there."""
        ordinal, key, hashes, matches, how = note
        self.new_places[ordinal] = place  # first: prints must lead somewhere
        found = [print_of("key", key)]
        found += [print_of(kind, text) for kind, text in hashes.items() if kind != "pdq"]
        for one in found:
            first = self.new_prints.setdefault(one, ordinal)
            if first != ordinal and ordinal not in self.more_prints.setdefault(one, []):
                self.more_prints[one].append(ordinal)
        self.ordinals = max(self.ordinals, ordinal + 1)
        self.active += matches - (how == FOR_ACTIVE)
        if "pdq" in hashes or how != NEW:
            self.pdq_end = end

    def owners(self, wanted: int) -> list[int]:
        """The entries that a print leads to."""
        found = set(self.more_prints.get(wanted, ()))
        if wanted in self.new_prints:
            found.add(self.new_prints[wanted])
        for run in self.runs:
            found.update(run.find(wanted))
        return sorted(found)

    def knows(self, prints: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of these prints lead to some entry."""
        known = np.fromiter(map(self.new_prints.__contains__, prints.tolist()), dtype=np.bool_, count=len(prints))
        for run in self.runs:
            at = np.searchsorted(run.prints, prints)
            inside = at < len(run.prints)
            known[inside] |= run.prints[at[inside]] == prints[inside]
        return known

    def place(self, ordinal: int) -> int | None:
        """Where the latest record of an entry stands."""
        place = self.new_places.get(ordinal)
        if place is not None:
            return place
        for run in reversed(self.runs):
            place = run.place(ordinal)
            if place is not None:
                return place
        return None

    def pairs(self) -> NDArray[np.uint64]:
        """Prints and entries of what is held in memory, as an array (n, 2)."""
        more = [(value, ordinal) for value, ordinals in self.more_prints.items() for ordinal in ordinals]
        return np.concatenate([tables.as_pairs(self.new_prints), np.array(more, dtype=np.uint64).reshape(-1, 2)])

    def folded(self, run: tables.Run) -> State:
        """The same state, with what was held in memory in this run."""
        fresh = State()
        fresh.header, fresh.ordinals, fresh.active = self.header, self.ordinals, self.active
        fresh.pdq_end, fresh.runs, fresh.covered = self.pdq_end, [*self.runs, run], run.end
        return fresh
