"""What changed since the base was built: rows that are scanned, in memory, and the form of one change in the log."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import IntegrityError
from firstlight.index.basefile import Source, dead_words

_HEAD: Final = struct.Struct("<IIq")
"""How many keys go, how many rows come, and the caller's mark (-1: as before)."""
NO_MARK: Final = -1
_ROOM: Final = 1024


@dataclass(frozen=True, slots=True)
class Change:
    """One step of an index: first all rows of `gone` go, then the new ones come, given as permuted words end to end.

    It happens whole or not at all.
    """

    gone: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    rows: NDArray[np.uint64]
    mark: int = NO_MARK

    def encode(self) -> bytes:
        """The change as the payload of a frame."""
        head = _HEAD.pack(len(self.gone), len(self.keys), self.mark)
        return b"".join((head, self.gone.tobytes(), self.keys.tobytes(), self.rows.tobytes()))

    @classmethod
    def decode(cls, payload: bytes) -> Change:
        """The change that a frame holds.

        Raises:
            IntegrityError: the frame is whole but holds something else.
        """
        if len(payload) < _HEAD.size:
            raise IntegrityError("A frame of the index holds no change.", hint="Build the index again.")
        going, coming, mark = _HEAD.unpack_from(payload)
        if len(payload) != _HEAD.size + 8 * going + 40 * coming:
            raise IntegrityError("A frame of the index has another length than it says.", hint="Build it again.")
        at = _HEAD.size
        gone = np.frombuffer(payload, np.uint64, going, at)
        keys = np.frombuffer(payload, np.uint64, coming, at + 8 * going)
        rows = np.frombuffer(payload, np.uint64, 4 * coming, at + 8 * (going + coming))
        return cls(gone, keys, rows, mark)


class Delta:
    """Rows in four planes of words, grown by doubling. A reader may go on with the arrays it took while rows come."""

    def __init__(self) -> None:
        self.used = 0
        self.live = 0
        self.planes = np.zeros((4, _ROOM), dtype=np.uint64)
        self.keys = np.zeros(_ROOM, dtype=np.uint64)
        self.dead = np.zeros(_ROOM, dtype=np.uint8)

    def _reserve(self, room: int) -> None:
        planes = np.zeros((4, room), dtype=np.uint64)
        keys, dead = np.zeros(room, dtype=np.uint64), np.zeros(room, dtype=np.uint8)
        planes[:, : self.used] = self.planes[:, : self.used]
        keys[: self.used], dead[: self.used] = self.keys[: self.used], self.dead[: self.used]
        self.planes, self.keys, self.dead = planes, keys, dead

    def extend(self, rows: NDArray[np.uint64], keys: NDArray[np.uint64]) -> None:
        """Append rows, given as words end to end, with their keys."""
        count = len(keys)
        if self.used + count > len(self.keys):
            self._reserve(max(2 * len(self.keys), self.used + count))
        to = slice(self.used, self.used + count)
        self.planes[:, to] = rows.reshape(count, 4).T
        self.keys[to] = keys
        self.used += count
        self.live += count

    def bury(self, gone: NDArray[np.uint64]) -> int:
        """Mark the rows of these keys as dead; answers how many were alive."""
        keys, dead = self.keys[: self.used], self.dead[: self.used]
        hit = (keys == gone[0] if len(gone) == 1 else np.isin(keys, gone)) & (dead == 0)
        count = int(np.count_nonzero(hit))
        if count:
            dead[hit] = 1
            self.live -= count
        return count

    def source(self) -> Source:
        """The live rows in the form a base is built from."""
        alive = np.flatnonzero(self.dead[: self.used] == 0)
        rows = np.ascontiguousarray(self.planes[:, alive].T).reshape(-1)
        keys, dead = self.keys[alive], dead_words(len(alive))
        rows.setflags(write=False)
        keys.setflags(write=False)
        return Source(rows, keys, dead)
