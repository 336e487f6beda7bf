"""The ledger: records in segments, the models that they number, and two ways to find one.

    segment-NNNNN.*           records, sealed words, sorted digests (see `firstlight.gate.ledger.segments`)
    models.json               the models and versions that records number
    pdq/                      the Hamming index over the records' PDQ hashes

The records are the truth: an index that lacks some takes them over when the ledger is opened, and one that a crash has
damaged is built again. Each batch of records goes to `anchor`, which writes its Merkle root to the custody log; so a
record that was changed or left out shows.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from firstlight.custody import merkle
from firstlight.custody.files import Disk, write_whole
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError, StorageError
from firstlight.gate.ledger.record import NO_PDQ, SIZE, GenerationRecord, rows_of
from firstlight.gate.ledger.segments import Segments
from firstlight.index import HammingIndex
from firstlight.logs import get_logger
from firstlight.values import Sha256Hex

_log = get_logger("gate")

BATCH: Final = 1000
"""Records after which the custody log gets their root, if nobody asks for it earlier."""

MIN_QUALITY: Final = 50
"""PDQ quality from which a record can be found by its pixels."""

_BEHIND: Final = 1 << 16
"""Records that the index takes over at a time when it lacks some; above it they are merged into its base at the end."""

_FAR_BEHIND: Final = 1 << 22
"""Records after which they are merged on the way as well, for the sake of memory."""

_MODELS, _PDQ, _LOCK = "models.json", "pdq", "lock"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that go to the custody log together: the first one's number, how many, and their Merkle root."""

    first: int
    count: int
    root: Sha256Hex


Anchor: TypeAlias = Callable[[Batch], None]


@dataclass(frozen=True, slots=True)
class Found:
    """A record that a look-up found; `distance` in bits, none for the same bytes."""

    number: int
    record: GenerationRecord
    distance: int | None = None


@dataclass(frozen=True, slots=True)
class New:
    """A record to be written, with its sealed words and the model's description."""

    record: GenerationRecord
    model: str
    words: bytes = b""


class Ledger:
    """The ledger in a folder, written by one process at a time. Thread-safe; a context manager.

    Threads that write at the same time wait for the disk together, once. `anchored` is how many records the custody log
    covers already. One that is not `writing` reads beside the process that writes: it sees what was there when it was
    opened, and whatever would change the ledger raises.
    """

    def __init__(
        self,
        folder: Path,
        *,
        anchor: Anchor | None = None,
        anchored: int = 0,
        batch: int = BATCH,
        writing: bool = True,
    ) -> None:
        """Open the ledger, made now if the folder holds none.

        Raises:
            StateError: another process writes it, and so would this one.
            IntegrityError: it holds fewer records than the custody log covers.
        """
        self._folder = folder
        self._disk = Disk()
        self._disk.make_folder(folder)
        self._mutex = threading.RLock()
        """Guards what is written, for the moment of writing. Never held while the disk is waited for."""
        self._standing = threading.Lock()
        """Held by the one thread that waits for the disk, for itself and for all that have written before."""
        self._anchoring = threading.RLock()
        self._anchor = anchor
        self._batch = batch
        self._broken: StorageError | None = None
        self._waiting: list[tuple[int, str]] = []
        self._lock_fd = self._hold() if writing else None
        try:
            self._models = self._read_models()
            self._segments = Segments(folder, self._disk, writing=writing)
        except BaseException:
            self._unlock()
            raise
        try:
            self._durable = self._segments.count
            self._anchored = self._covered(anchored)
            self._index = self._open_index() if writing else None
        except BaseException:
            self._let_go()
            raise

    def __len__(self) -> int:
        return self._durable

    @property
    def anchored(self) -> int:
        """How many records the custody log covers."""
        return self._anchored

    @property
    def nbytes(self) -> int:
        """Bytes on the disk."""
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())

    # --- writing ---

    def append(self, new: Sequence[New]) -> int:
        """Write records; durable, and found by every look-up, when this returns. Answers the first one's number.

        Raises:
            StorageError: the disk refused. Nothing may go out then.
        """
        with self._mutex:
            first = self._segments.count
            at = 0
            while at < len(new):
                part = new[at : at + self._segments.room]
                self._write(part)
                at += len(part)
            upto = self._segments.count
        self._stand(upto)
        if self._durable - self._anchored >= self._batch:
            self.anchor()
        return first

    def anchor(self) -> Batch | None:
        """Have the root of the records since the last time written to the custody log; none if there are none."""
        with self._anchoring:
            if self._anchor is None or self._anchored == self._durable:
                return None
            batch = self.batch(self._anchored, self._durable - self._anchored)
            self._anchor(batch)
            self._anchored = batch.first + batch.count
            if self._index is not None:
                self._index.flush()
            return batch

    def batch(self, first: int, count: int) -> Batch:
        """The Merkle root over some records as they lie there now; compare it with what the custody log says.

        Raises:
            InputError: there are not so many.
        """
        if first < 0 or count < 1 or first + count > self._durable:
            raise InputError(f"The ledger holds {self._durable} records.")
        hashes = [
            merkle.leaf_hash(data[at : at + SIZE])
            for data in self._segments.raw(first, count)
            for at in range(0, len(data), SIZE)
        ]
        kept = merkle.grow(0, hashes, lambda _: [])
        return Batch(first, count, merkle.root(count, lambda places: [kept[place] for place in places]).hex())

    def model_number(self, description: str) -> int:
        """The number of a model in the table, given now if it has none."""
        with self._mutex:
            if description not in self._models:
                if len(self._models) >= 65535:
                    raise StateError("The ledger's table of models is full.", hint="Begin a new ledger.")
                data = json.dumps([*self._models, description], ensure_ascii=False).encode()
                write_whole(self._disk, self._folder / _MODELS, [data], replace=True)
                self._models.append(description)  # only now: a number that no table holds would name another model
            return self._models.index(description)

    def model(self, number: int) -> str:
        """The description of a model."""
        return self._models[number] if number < len(self._models) else ""

    # --- looking up ---

    def record(self, number: int) -> GenerationRecord:
        """One record.

        Raises:
            NotFoundError: there is none of this number.
            IntegrityError: it is damaged.
        """
        if not 0 <= number < self._segments.count:
            raise NotFoundError(f"The ledger has no record {number}.")
        return GenerationRecord.from_bytes(next(self._segments.raw(number, 1)))

    def all_rows(self) -> Iterator[npt.NDArray[np.void]]:
        """Every record as `firstlight.gate.ledger.record.ROW`, many at a time, for figures over all of them.

        Raises:
            IntegrityError: one is damaged.
        """
        for at in range(0, self._durable, _BEHIND):
            for data in self._segments.raw(at, min(_BEHIND, self._durable - at)):
                yield rows_of(data)

    def words(self, record: GenerationRecord, number: int) -> bytes:
        """The sealed words of a record; empty when it has none."""
        return self._segments.words(number, record.words_at, record.words_size) if record.words_size else b""

    def exact(self, sha256: Sha256Hex) -> tuple[Found, ...]:
        """Every record of exactly these bytes."""
        rows = self._segments.beginning_with(int(sha256[:16], 16))
        found = ((row, self.record(row)) for row in rows)
        return tuple(Found(row, record) for row, record in found if record.sha256 == sha256)

    def near(self, hashes: Sequence[str], threshold: int, *, most: int = 64) -> tuple[Found, ...]:
        """The records within the threshold of any of these PDQ hashes, such as the eight orientations of one picture;
        nearest first, each once, at most `most`.

        Raises:
            StateError: the ledger is only read, and reads no index.
        """
        if self._index is None:
            raise _read_only()
        if not hashes:
            return ()
        queries = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint8).reshape(len(hashes), 32)
        hits = self._index.search_many(queries, threshold)
        best: dict[int, int] = {}
        for key, bits in zip(hits.key.tolist(), hits.distance.tolist(), strict=True):
            best[key] = min(bits, best.get(key, 256))
        nearest = sorted(best.items(), key=lambda one: (one[1], one[0]))[:most]
        return tuple(Found(key, self.record(key), bits) for key, bits in nearest)

    # --- closing ---

    def close(self) -> None:
        """Anchor what was not yet, and let go of the files."""
        with self._anchoring, self._standing:
            try:
                self.anchor()
            finally:
                try:
                    if self._index is not None:
                        self._index.flush()
                finally:
                    if self._index is not None:
                        self._index.close()
                    self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    # --- inside ---

    def _write(self, new: Sequence[New]) -> None:
        """Records of one segment, with their words; they stand when `_stand` has returned."""
        if self._lock_fd is None:
            raise _read_only()
        if self._broken is not None:
            raise StorageError("The ledger's disk failed before.", hint="Mend the disk, then start the gate anew.")
        first, at = self._segments.count, self._segments.words_end
        made: list[GenerationRecord] = []
        words = bytearray()
        for one in new:
            place = {"words_at": at + len(words), "words_size": len(one.words)} if one.words else {}
            made.append(one.record.model_copy(update={**place, "model": self.model_number(one.model)}))
            words += one.words
        self._segments.write(b"".join(one.to_bytes() for one in made), bytes(words))
        rows = enumerate(made, first)
        self._waiting += [(row, one.pdq) for row, one in rows if one.pdq and one.quality >= MIN_QUALITY]

    def _stand(self, upto: int) -> None:
        """Return when the records below this number are on the disk and in the index. One thread does it for all that
        wait, so that a busy gate waits for the disk once and not once for each picture."""
        with self._standing:
            if self._durable >= upto:
                return
            with self._mutex:
                target = self._segments.count
                rows, self._waiting = self._waiting, []
            try:
                self._segments.sync()
                # after the disk: an index must never name a record that a crash can take away
                self._add_to_index(rows, target)
            except StorageError as e:
                with self._mutex:
                    self._waiting = rows + self._waiting
                    self._broken = e
                raise
            self._durable = target

    def _add_to_index(self, rows: Iterable[tuple[int, str]], mark: int) -> None:
        numbers = [row for row, _ in rows]
        raw = bytes.fromhex("".join(pdq for _, pdq in rows))
        assert self._index is not None
        self._index.add(np.frombuffer(raw, dtype=np.uint8).reshape(len(numbers), 32), numbers, mark=mark)

    def _open_index(self) -> HammingIndex:
        index = self._index_there(auto_compact=False)
        try:
            if index.mark > self._durable:
                raise IntegrityError(
                    f"The ledger holds {self._durable} records, and its index {index.mark}.",
                    hint="Restore the ledger from its backup.",
                    code="integrity.ledger",
                )
            self._catch_up(index)
            index.flush()
        finally:
            index.close()
        return HammingIndex.open(self._folder / _PDQ, patient=True)

    def _index_there(self, *, auto_compact: bool) -> HammingIndex:
        """The index, made anew from nothing where there is none, or a crash has damaged it."""
        folder = self._folder / _PDQ
        try:
            return HammingIndex.open(folder, patient=True, auto_compact=auto_compact)
        except NotFoundError:
            pass
        except IntegrityError as e:
            _log.warning("ledger.index", error=e)
            shutil.rmtree(folder)
        return HammingIndex.create(folder, patient=True, auto_compact=auto_compact)

    def _catch_up(self, index: HammingIndex) -> None:
        """Records that a crash kept from the index, or all of them."""
        at = index.mark
        while at < self._durable:
            count = min(_BEHIND, self._durable - at)
            rows = np.concatenate([rows_of(data) for data in self._segments.raw(at, count)])
            telling = np.flatnonzero((rows["quality"] >= MIN_QUALITY) & (rows["quality"] != NO_PDQ))
            at += count
            index.add(np.ascontiguousarray(rows["pdq"][telling]), telling.astype(np.uint64) + (at - count), mark=at)
            if index.pending >= max(_FAR_BEHIND, (len(index) - index.pending) // 2):
                index.compact()
        if index.pending > _BEHIND:
            index.compact()

    def _covered(self, anchored: int) -> int:
        if anchored > self._durable:
            raise IntegrityError(
                f"The ledger holds {self._durable} records, and the custody log covers {anchored}.",
                hint="Restore the ledger from its backup; do not write to it before.",
                code="integrity.ledger",
            )
        return anchored

    def _read_models(self) -> list[str]:
        path = self._folder / _MODELS
        found: list[str] = json.loads(self._disk.read(path)) if path.exists() else []
        return found

    def _hold(self) -> int:
        fd = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            os.close(fd)
            raise StateError(
                "Another process has the ledger open.", hint="One gate writes a ledger; stop it, or give another home."
            ) from e
        return fd

    def _let_go(self) -> None:
        self._segments.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)


def _read_only() -> StateError:
    return StateError("This ledger is only read here.", hint="Ask the gate that writes it.")
