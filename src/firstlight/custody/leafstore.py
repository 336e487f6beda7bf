"""Where the log's leaves live: a protocol for the database, and one that keeps them in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from firstlight.custody import merkle
from firstlight.errors import StateError


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """One leaf as it is kept.

    `leaf` is what the tree is made of and never changes. `sealed` is what opens its commitment, encrypted; None once
    it was destroyed. `case` and `subject` only help to find it again inside the house and are never exported.
    """

    seq: int
    leaf: bytes
    sealed: bytes | None
    case: str | None = None
    subject: str | None = None


class LeafStore(Protocol):
    """Keeps leaves, the tree's hashes and checkpoints.

    Every write happens inside the transaction of the caller, so that a leaf and the change of state that it records
    are kept or lost together. A store has one writer at a time; `append` must refuse a place that is taken, which a
    primary key on `seq` does.
    """

    def size(self) -> int:
        """How many leaves there are."""
        ...

    def append(self, leaves: Sequence[StoredLeaf], first_hash: int, hashes: Sequence[bytes]) -> None:
        """Keep leaves numbered from `size()` on, and the tree's new hashes numbered from `first_hash` on."""
        ...

    def hashes(self, places: Sequence[int]) -> Sequence[bytes]:
        """The tree's hashes at these places, in this order; fewer if some are missing."""
        ...

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterable[StoredLeaf]:
        """The leaves from `start` up to but without `stop`, in order, read as they are needed."""
        ...

    def pick(self, seqs: Sequence[int]) -> Iterable[StoredLeaf]:
        """The leaves with these numbers, which ascend, in order, read as they are needed."""
        ...

    def find(self, *, cases: Sequence[str] = (), subjects: Sequence[str] = ()) -> Sequence[int]:
        """The places of leaves of any of these cases or subjects, ascending, each once."""
        ...

    def forget(self, seqs: Sequence[int]) -> None:
        """Destroy what opens these leaves. The leaves and the tree stay as they are."""
        ...

    def save_checkpoint(self, size: int, note: bytes) -> None:
        """Keep a signed checkpoint; one of the same size takes its place."""
        ...

    def checkpoints(self) -> Sequence[bytes]:
        """All kept checkpoints, smallest first."""
        ...

    def latest_checkpoint(self) -> bytes | None:
        """The largest kept checkpoint."""
        ...


class MemoryLeafStore:
    """A leaf store for tests and for logs that live as long as the program."""

    def __init__(self) -> None:
        self._leaves: list[StoredLeaf] = []
        self._hashes: list[bytes] = []
        self._checkpoints: dict[int, bytes] = {}

    def size(self) -> int:
        """How many leaves there are."""
        return len(self._leaves)

    def append(self, leaves: Sequence[StoredLeaf], first_hash: int, hashes: Sequence[bytes]) -> None:
        """Keep the leaves and hashes, all or none.

        Raises:
            StateError: somebody else appended in between.
        """
        start = len(self._leaves)
        wanted = [leaf.seq for leaf in leaves]
        if wanted != list(range(start, start + len(leaves))) or first_hash != merkle.stored_count(start):
            raise StateError("The log has grown in the meantime.", hint="Append again; a log has one writer at a time.")
        self._leaves.extend(leaves)
        self._hashes.extend(hashes)

    def hashes(self, places: Sequence[int]) -> Sequence[bytes]:
        """The tree's hashes at these places."""
        return [self._hashes[place] for place in places if place < len(self._hashes)]

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[StoredLeaf]:
        """The leaves from `start` up to but without `stop`."""
        return iter(self._leaves[start:stop])

    def pick(self, seqs: Sequence[int]) -> Iterator[StoredLeaf]:
        """The leaves with these numbers."""
        return (self._leaves[seq] for seq in seqs)

    def find(self, *, cases: Sequence[str] = (), subjects: Sequence[str] = ()) -> list[int]:
        """The places of leaves of any of these cases or subjects."""
        return [i for i, one in enumerate(self._leaves) if one.case in cases or one.subject in subjects]

    def forget(self, seqs: Sequence[int]) -> None:
        """Destroy what opens these leaves."""
        for seq in seqs:
            self._leaves[seq] = replace(self._leaves[seq], sealed=None)

    def save_checkpoint(self, size: int, note: bytes) -> None:
        """Keep a signed checkpoint."""
        self._checkpoints[size] = note

    def checkpoints(self) -> list[bytes]:
        """All kept checkpoints, smallest first."""
        return [self._checkpoints[size] for size in sorted(self._checkpoints)]

    def latest_checkpoint(self) -> bytes | None:
        """The largest kept checkpoint."""
        return self._checkpoints[max(self._checkpoints)] if self._checkpoints else None
