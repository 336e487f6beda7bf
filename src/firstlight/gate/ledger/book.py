"""The ledger's files: records in segments of a fixed size, their sealed words, and two ways to find one.

    segment-00000.records     records of 192 bytes, only ever appended to
    segment-00000.words       sealed prompts and accounts
    segment-00000.digests     the segment's SHA-256 beginnings, sorted, once it is full
    models.json               the models and versions that records number
    pdq/                      the Hamming index over the records' PDQ hashes

The records are the truth: an index that lacks some takes them over when the ledger is opened. Each batch of records
goes to `anchor`, which writes its Merkle root to the custody log; so a record that was changed or left out shows.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from firstlight.custody import merkle
from firstlight.custody.files import Disk, write_whole
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError, StorageError
from firstlight.gate.ledger.record import SIZE, GenerationRecord
from firstlight.index import HammingIndex
from firstlight.values import Sha256Hex

SEGMENT: Final = 1 << 20
"""Records of one segment: its sorted digests are made in a second, and a hundred segments hold a hundred million."""

BATCH: Final = 1000
"""Records after which the custody log gets their root, if nobody asks for it earlier."""

MIN_QUALITY: Final = 50
"""PDQ quality from which a record can be found by its pixels."""

_ROW = np.dtype([("prefix", "<u8"), ("row", "<u4")])
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
    """The ledger in a folder, held by one process at a time. Thread-safe; a context manager.

    `anchored` is how many records the custody log covers already.
    """

    def __init__(self, folder: Path, *, anchor: Anchor | None = None, anchored: int = 0, batch: int = BATCH) -> None:
        """Open the ledger, made now if the folder holds none.

        Raises:
            StateError: another process has it open.
            IntegrityError: it holds fewer records than the custody log covers.
        """
        self._folder = folder
        self._disk = Disk()
        self._disk.make_folder(folder)
        self._mutex = threading.RLock()
        self._anchor = anchor
        self._batch = batch
        self._lock_fd = self._hold()
        self._files: dict[str, int] = {}
        self._sorted: dict[int, npt.NDArray[np.void]] = {}
        self._recent: dict[int, list[int]] = {}
        try:
            self._models = self._read_models()
            self._count = self._counted()
            self._anchored = self._covered(anchored)
            self._index = self._open_index()
            self._load_recent()
            self._catch_up()
        except BaseException:
            self._let_go()
            raise

    def __len__(self) -> int:
        return self._count

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
            first = self._count
            at = 0
            while at < len(new):
                room = SEGMENT - self._count % SEGMENT
                self._write(new[at : at + room])
                at += room
            if self._count - self._anchored >= self._batch:
                self.anchor()
            return first

    def anchor(self) -> Batch | None:
        """Have the root of the records since the last time written to the custody log; none if there are none."""
        with self._mutex:
            if self._anchor is None or self._anchored == self._count:
                return None
            batch = self.batch(self._anchored, self._count - self._anchored)
            self._anchor(batch)
            self._anchored = self._count
            return batch

    def batch(self, first: int, count: int) -> Batch:
        """The Merkle root over some records as they lie there now; compare it with what the custody log says.

        Raises:
            InputError: there are not so many.
        """
        if first < 0 or count < 1 or first + count > self._count:
            raise InputError(f"The ledger holds {self._count} records.")
        hashes = [merkle.leaf_hash(raw) for raw in self._raw(first, count)]
        kept = merkle.grow(0, hashes, lambda _: [])
        return Batch(first, count, merkle.root(count, lambda places: [kept[place] for place in places]).hex())

    def model_number(self, description: str) -> int:
        """The number of a model in the table, given now if it has none."""
        with self._mutex:
            if description not in self._models:
                if len(self._models) >= 65535:
                    raise StateError("The ledger's table of models is full.", hint="Begin a new ledger.")
                self._models.append(description)
                data = json.dumps(self._models, ensure_ascii=False).encode()
                write_whole(self._disk, self._folder / _MODELS, [data], replace=True)
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
        if not 0 <= number < self._count:
            raise NotFoundError(f"The ledger has no record {number}.")
        return GenerationRecord.from_bytes(next(iter(self._raw(number, 1))))

    def words(self, record: GenerationRecord, number: int) -> bytes:
        """The sealed words of a record; empty when it has none."""
        if not record.words_size:
            return b""
        fd = self._file(number // SEGMENT, "words", write=False)
        return os.pread(fd, record.words_size, record.words_at)

    def exact(self, sha256: Sha256Hex) -> tuple[Found, ...]:
        """Every record of exactly these bytes."""
        wanted = bytes.fromhex(sha256)
        prefix = int.from_bytes(wanted[:8], "big")
        rows = list(self._recent.get(prefix, ()))
        for segment, table in list(self._sorted.items()):
            low = int(np.searchsorted(table["prefix"], np.uint64(prefix), "left"))
            while low < len(table) and int(table["prefix"][low]) == prefix:
                rows.append(segment * SEGMENT + int(table["row"][low]))
                low += 1
        found = ((row, self.record(row)) for row in sorted(rows))
        return tuple(Found(row, record) for row, record in found if record.sha256 == sha256)

    def near(self, hashes: Sequence[str], threshold: int, *, most: int = 64) -> tuple[Found, ...]:
        """The records within the threshold of any of these PDQ hashes, such as the eight orientations of one picture;
        nearest first, each once, at most `most`."""
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
        with self._mutex:
            try:
                self.anchor()
            finally:
                self._index.close()
                self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    # --- inside ---

    def _write(self, new: Sequence[New]) -> None:
        """Records of one segment: words first, then records, then the index."""
        segment = self._count // SEGMENT
        words_fd, records_fd = self._file(segment, "words"), self._file(segment, "records")
        at = os.lseek(words_fd, 0, os.SEEK_END)
        made: list[GenerationRecord] = []
        words = bytearray()
        for one in new:
            place = {"words_at": at + len(words), "words_size": len(one.words)} if one.words else {}
            made.append(one.record.model_copy(update={**place, "model": self.model_number(one.model)}))
            words += one.words
        if words:
            self._put(words_fd, bytes(words), at)
        self._put(records_fd, b"".join(one.to_bytes() for one in made), self._count % SEGMENT * SIZE)
        first, self._count = self._count, self._count + len(made)
        for row, record in enumerate(made, first):
            self._recent.setdefault(int(record.sha256[:16], 16), []).append(row)
        self._add_to_index(made, first)
        if self._count % SEGMENT == 0:
            self._settle(segment)

    def _put(self, fd: int, data: bytes, at: int) -> None:
        try:
            view = memoryview(data)
            while view:
                done = os.pwrite(fd, view, at)
                view, at = view[done:], at + done
            os.fdatasync(fd)
        except OSError as e:
            raise StorageError(f"The ledger cannot be written: {e.strerror}.", hint="Free some space.") from e

    def _add_to_index(self, records: Iterable[GenerationRecord], first: int) -> None:
        rows = [(row, one) for row, one in enumerate(records, first)]
        telling = [(row, one.pdq) for row, one in rows if one.pdq and one.quality >= MIN_QUALITY]
        raw = bytes.fromhex("".join(pdq for _, pdq in telling))
        hashes = np.frombuffer(raw, dtype=np.uint8).reshape(len(telling), 32)
        self._index.add(hashes, [row for row, _ in telling], mark=rows[-1][0] + 1)

    def _settle(self, segment: int) -> None:
        """The sorted digests of a full segment, and its rows no longer in memory."""
        table = self._prefixes(segment)
        table.sort(order="prefix")
        path = self._path(segment, "digests")
        write_whole(self._disk, path, [table.tobytes()], replace=True)
        self._sorted[segment] = self._mapped(path)
        self._recent.clear()

    def _prefixes(self, segment: int) -> npt.NDArray[np.void]:
        count = min(SEGMENT, self._count - segment * SEGMENT)
        table = np.zeros(count, dtype=_ROW)
        if count:
            raw = np.memmap(self._path(segment, "records"), dtype=np.uint8, mode="r", shape=(count, SIZE))
            table["prefix"] = np.ascontiguousarray(raw[:, :8]).view(">u8").reshape(-1)
            table["row"] = np.arange(count, dtype=np.uint32)
        return table

    def _mapped(self, path: Path) -> npt.NDArray[np.void]:
        return np.memmap(path, dtype=_ROW, mode="r")

    def _load_recent(self) -> None:
        """The tables of full segments, made again where a crash came between; the rows of the last one."""
        for segment in range(self._count // SEGMENT):
            path = self._path(segment, "digests")
            if not path.exists() or path.stat().st_size != SEGMENT * _ROW.itemsize:
                self._settle(segment)
            self._sorted[segment] = self._mapped(path)
        last = self._count // SEGMENT
        if self._count % SEGMENT:
            table = self._prefixes(last)
            for prefix, row in zip(table["prefix"].tolist(), table["row"].tolist(), strict=True):
                self._recent.setdefault(prefix, []).append(last * SEGMENT + row)

    def _open_index(self) -> HammingIndex:
        folder = self._folder / _PDQ
        try:
            index = HammingIndex.open(folder)
        except NotFoundError:
            return HammingIndex.create(folder)
        mark = index.mark
        if mark <= self._count:
            return index
        index.close()
        raise IntegrityError(
            f"The ledger holds {self._count} records, and its index {mark}.",
            hint="Restore the ledger from its backup.",
            code="integrity.ledger",
        )

    def _catch_up(self) -> None:
        """Records that a crash kept from the index."""
        while self._index.mark < self._count:
            first = self._index.mark
            count = min(65536, self._count - first, SEGMENT - first % SEGMENT)
            self._add_to_index([GenerationRecord.from_bytes(raw) for raw in self._raw(first, count)], first)

    def _raw(self, first: int, count: int) -> Iterable[bytes]:
        while count:
            segment, row = divmod(first, SEGMENT)
            part = min(count, SEGMENT - row)
            data = os.pread(self._file(segment, "records", write=False), part * SIZE, row * SIZE)
            if len(data) != part * SIZE:
                raise IntegrityError("A segment of the ledger was cut off.", code="integrity.ledger")
            for at in range(0, len(data), SIZE):
                yield data[at : at + SIZE]
            first, count = first + part, count - part

    def _covered(self, anchored: int) -> int:
        if anchored > self._count:
            raise IntegrityError(
                f"The ledger holds {self._count} records, and the custody log covers {anchored}.",
                hint="Restore the ledger from its backup; do not write to it before.",
                code="integrity.ledger",
            )
        return anchored

    def _counted(self) -> int:
        """How many whole records there are. A torn last one was never answered for, and is written over."""
        paths = sorted(self._folder.glob("segment-*.records"))
        sizes = [path.stat().st_size // SIZE for path in paths]
        if any(size != SEGMENT for size in sizes[:-1]) or (
            paths and paths[-1] != self._path(len(paths) - 1, "records")
        ):
            raise IntegrityError("A segment of the ledger is missing or was cut off.", code="integrity.ledger")
        return sum(sizes)

    def _read_models(self) -> list[str]:
        path = self._folder / _MODELS
        found: list[str] = json.loads(self._disk.read(path)) if path.exists() else []
        return found

    def _path(self, segment: int, kind: str) -> Path:
        return self._folder / f"segment-{segment:05}.{kind}"

    def _file(self, segment: int, kind: str, *, write: bool = True) -> int:
        path = self._path(segment, kind)
        with self._mutex:
            if path.name not in self._files:
                flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if write else 0)
                try:
                    self._files[path.name] = os.open(path, flags, 0o600)
                except OSError as e:
                    raise StorageError(f"{path} cannot be opened: {e.strerror}.") from e
                if write:
                    self._disk.sync_folder(self._folder)
            return self._files[path.name]

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
        for fd in self._files.values():
            os.close(fd)
        self._files.clear()
        os.close(self._lock_fd)
