"""What a search answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Hit(NamedTuple):
    """A key whose hash lies within the threshold, and how far away it is in bits."""

    key: int
    distance: int


@dataclass(frozen=True, slots=True)
class Hits:
    """The answers to many queries: row i says that query `query[i]` found `key[i]` at `distance[i]` bits.

    Ordered by query, then distance, then key.
    """

    query: NDArray[np.uint32]
    key: NDArray[np.uint64]
    distance: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.key)

    def of(self, query: int) -> list[Hit]:
        """What one query found."""
        low, high = np.searchsorted(self.query, [query, query + 1])
        return [Hit(int(k), int(d)) for k, d in zip(self.key[low:high], self.distance[low:high], strict=True)]


def ordered(parts: list[Hits]) -> Hits:
    """All parts together by query, distance and key; a key that has several hashes is answered with the nearest."""
    parts = [part for part in parts if len(part)]
    if len(parts) == 1 and len(parts[0]) == 1:
        return parts[0]
    if not parts:
        none = np.zeros(0, dtype=np.uint32)
        return Hits(none, none.astype(np.uint64), none.astype(np.uint8))
    query = np.concatenate([p.query for p in parts])
    key = np.concatenate([p.key for p in parts])
    distance = np.concatenate([p.distance for p in parts])
    if len(key) > 1:
        order = np.lexsort((distance, key, query))
        query, key, distance = query[order], key[order], distance[order]
        first = np.ones(len(key), dtype=bool)
        first[1:] = (query[1:] != query[:-1]) | (key[1:] != key[:-1])
        query, key, distance = query[first], key[first], distance[first]
        order = np.lexsort((key, distance, query))
        query, key, distance = query[order], key[order], distance[order]
    return Hits(query, key, distance)
