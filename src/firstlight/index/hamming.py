"""An exact index of 256-bit hashes under Hamming distance, in a folder that several processes share.

A search answers every live hash within the threshold, always: through chunk tables where that is cheaper, by a scan
where it is not. What one process adds or removes, every other one sees at its next call, without opening anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import FirstlightError, InputError, IntegrityError, NotFoundError, StateError, StorageError
from firstlight.index import plan
from firstlight.index.basefile import Base, Source, damaged, dead_words, gathered, open_base, write_base
from firstlight.index.delta import NO_MARK, Change, Delta
from firstlight.index.disk import TEMPORARY_SUFFIX, Disk, PatientDisk, locked, open_file, put_file
from firstlight.index.framelog import FrameLog
from firstlight.index.hits import Hit, Hits, ordered
from firstlight.index.rows import as_hashes, as_keys, permuted

if TYPE_CHECKING:
    from firstlight.index.search import Searcher  # at run time only where it is used: it loads the compiler

MIN_BASE_ROWS: Final = 50_000
"""Below this a scan of everything is as fast as the tables, and needs none."""
DELTA_ROWS: Final = 65_536
DELTA_SHARE: Final = 16
"""The delta is merged into the base when it is larger than `DELTA_ROWS` and than this part of the base: scanning
65,536 rows takes about as long as one search of the tables."""
MAX_CHANGE_ROWS: Final = 1 << 20
"""Larger additions are written in several changes, so that none needs much memory."""
_CURRENT, _LOCK, _COMPACTING = "CURRENT", "lock", "compacting"
_OPEN_TRIES: Final = 16


class _State:
    """One generation as this process knows it."""

    def __init__(self, generation: int, base: Base | None, log: FrameLog) -> None:
        self.generation = generation
        self.base = base
        self.log = log
        self.delta = Delta()
        self.dead = dead_words(len(base) if base else 0)
        self.live_base = len(base) if base else 0
        self.gone = 0
        self.searchers: dict[int, Searcher | None] = {}
        self.mark = base.mark if base else 0

    def searcher(self, threshold: int) -> Searcher | None:
        """What single searches at this threshold go through, if not through a scan."""
        from firstlight.index.search import searcher

        made = searcher(self.base, self.dead, threshold) if self.base is not None else None
        self.searchers[threshold] = made
        return made

    def apply(self, change: Change) -> None:
        """Do what a change says; `gone` counts the rows that went."""
        if len(change.gone):
            self.gone += self.delta.bury(change.gone) if self.delta.live else 0
            if self.base is not None and self.live_base:
                from firstlight.index import kernels

                count = kernels.bury(self.base.keys, self.base.order, self.dead, change.gone)
                if count == kernels.DAMAGED:
                    raise damaged(self.base.path, "its order by key points outside")
                self.live_base -= count
                self.gone += count
        if len(change.keys):
            self.delta.extend(change.rows, change.keys)
        if change.mark != NO_MARK:
            self.mark = change.mark


class HammingIndex:
    """See the module. Thread-safe; close it, or use it in a `with` statement."""

    def __init__(self, folder: Path, *, disk: Disk | None = None, auto_compact: bool = True) -> None:
        """Use `create` or `open`."""
        self._folder = folder
        self._disk = disk or Disk()
        self._auto = auto_compact
        self._mutex = threading.RLock()
        """Guards the state. Never held while the disk is waited for, so that writers do not hold up readers."""
        self._pen = threading.Lock()
        """Held by the one thread of this process that writes."""
        self._worker: threading.Thread | None = None
        self._closed = False
        self.trouble: FirstlightError | None = None
        """What made the last compaction in the background fail; nothing is lost by it, searches get slower."""
        self.mended = 0
        """Bytes of torn tails (changes that a crash interrupted) cut off by this process."""
        self._state = self._load()

    @classmethod
    def create(
        cls, folder: Path, *, disk: Disk | None = None, auto_compact: bool = True, patient: bool = False
    ) -> Self:
        """Make an empty index in a folder that holds none; `patient` as for `open`.

        Raises:
            StateError: an index is there already.
        """
        disk = disk or (PatientDisk() if patient else Disk())
        disk.make_folder(folder)
        with locked(folder / _LOCK):
            if (folder / _CURRENT).exists():
                raise StateError(f"An index is in {folder} already.", hint="Open it, or choose another folder.")
            FrameLog.create(_log_path(folder, 1), disk=disk).close()
            put_file(disk, folder / _CURRENT, _current(1, None))
        return cls(folder, disk=disk, auto_compact=auto_compact)

    @classmethod
    def open(cls, folder: Path, *, disk: Disk | None = None, auto_compact: bool = True, patient: bool = False) -> Self:
        """Open an index that is there. A torn tail is no error; it is cut off by the next change.

        A `patient` one makes changes durable when `flush` is called, and not one by one: for an owner who has a moment
        of their own at which everything must stand, and can build the index again.

        Raises:
            NotFoundError: no index is in the folder.
            IntegrityError: its files are damaged or of another version.
        """
        return cls(folder, disk=disk or (PatientDisk() if patient else None), auto_compact=auto_compact)

    @classmethod
    def restore(cls, folder: Path, blocks: Iterable[bytes], *, disk: Disk | None = None) -> None:
        """Make an index in a new folder from the bytes of a base file (see `base_file`), which are checked.

        Raises:
            IntegrityError: they are not the bytes of a whole base file of this version.
        """
        disk = disk or Disk()
        disk.make_folder(folder)
        path = _base_path(folder, 1)
        fd = open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            for block in blocks:
                disk.write(fd, block, path)
            disk.sync(fd, path)
        finally:
            os.close(fd)
        open_base(path)
        FrameLog.create(_log_path(folder, 1), disk=disk).close()
        put_file(disk, folder / _CURRENT, _current(1, 1))

    def base_file(self) -> tuple[Path, int] | None:
        """The file of the base and the mark it reaches to, for a copy; none while there is no base."""
        base = self._fresh().base
        return None if base is None else (base.path, base.mark)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """How many hashes are in it; the same hash under two keys counts twice."""
        state = self._fresh()
        return state.live_base + state.delta.live

    @property
    def mark(self) -> int:
        """The last mark a change carried: how far the caller's own log is reflected here. 0 at first."""
        return self._fresh().mark

    @property
    def known_mark(self) -> int:
        """The last mark that this process read already: every search from now on knows at least as much."""
        return self._state.mark

    @property
    def generation(self) -> int:
        """Grows with every compaction."""
        return self._fresh().generation

    @property
    def nbytes(self) -> int:
        """Bytes of the mapped base, which all processes share, and of this process's own delta and bitmap."""
        state = self._fresh()
        delta = state.delta
        own = delta.planes.nbytes + delta.keys.nbytes + delta.dead.nbytes + state.dead.nbytes
        return own + (state.base.size if state.base else 0)

    @property
    def pending(self) -> int:
        """Rows that every search scans because no compaction has taken them into the base yet."""
        return self._fresh().delta.used

    def add(
        self, hashes: NDArray[np.uint8], keys: NDArray[np.uint64] | Sequence[int], *, mark: int | None = None
    ) -> None:
        """Add hashes (n, 32) under keys (n). Visible everywhere, and durable (see `open`), when this returns."""
        self.change(hashes, keys, mark=mark)

    def remove(self, keys: NDArray[np.uint64] | Sequence[int], *, mark: int | None = None) -> int:
        """Remove every hash under these keys; answers how many. They stop matching everywhere when this returns."""
        return self.change(remove=keys, mark=mark)

    def change(
        self,
        hashes: NDArray[np.uint8] | None = None,
        keys: NDArray[np.uint64] | Sequence[int] | None = None,
        *,
        remove: NDArray[np.uint64] | Sequence[int] = (),
        mark: int | None = None,
    ) -> int:
        """Remove, then add, as one step (in several where there are more than `MAX_CHANGE_ROWS` rows; the mark comes
        with the last). Answers how many hashes went.

        Raises:
            StorageError: the disk refused. If it only refused to confirm, the change may have happened all the same.
        """
        added = as_hashes(hashes if hashes is not None else np.zeros((0, 32), dtype=np.uint8))
        coming, gone = as_keys(keys if keys is not None else ()), as_keys(remove)
        if len(added) != len(coming):
            raise InputError(f"{len(added)} hashes came with {len(coming)} keys.", hint="Give one key for each hash.")
        if mark is not None and not 0 <= mark < 1 << 63:
            raise InputError("A mark is a number from 0 to 2**63 - 1.")
        with self._writing() as state:
            before = state.gone
            for at in range(0, max(len(coming), 1), MAX_CHANGE_ROWS):
                to = at + MAX_CHANGE_ROWS
                last = to >= len(coming)
                change = Change(
                    gone if at == 0 else gone[:0],
                    coming[at:to],
                    permuted(added[at:to]),
                    mark if last and mark is not None else NO_MARK,
                )
                state.log.append(change.encode())
                with self._mutex:
                    self._refresh()
            removed = state.gone - before
        self._maybe_compact()
        return removed

    def search(self, hash: bytes, threshold: int) -> list[Hit]:  # noqa: A002 - the field's own word
        """Every key within the threshold of the hash, nearest first, each once.

        Raises:
            InputError: the hash is not 32 bytes, or the threshold not 0 to 64.
        """
        state = self._fresh()
        known = threshold in state.searchers
        searcher = state.searchers[threshold] if known else state.searcher(_checked(threshold))
        if searcher is not None and len(hash) == 32:
            hits = searcher.one(hash, state.delta)
            if hits is not None:
                return hits
        return self._search(permuted(as_hashes(hash)), 1, threshold).of(0)

    def search_many(self, hashes: NDArray[np.uint8], threshold: int) -> Hits:
        """The same for many hashes (n, 32) at once, which is faster than one by one."""
        many = as_hashes(hashes)
        return self._search(permuted(many), len(many), threshold)

    def compact(self) -> bool:
        """Merge delta and base into a new base, without holding up readers or writers.

        Answers whether it was done: false if another process is at it.
        """
        with locked(self._folder / _COMPACTING, wait=False) as held:
            if not held:
                return False
            with self._mutex:
                self._check_open()
                state = self._refresh()
                base, dead, delta = state.base, state.dead.copy(), state.delta.source()
                position, mark = state.log.end, state.mark
            sources = ([Source(base.rows, base.keys, dead)] if base is not None else []) + [delta]
            count = sum(len(s.keys) for s in sources) - int(np.bitwise_count(dead).sum())
            if base is not None:
                base.verify()
            return self._switch(state, sources, count, position, mark)

    def settle(self, most: int) -> None:
        """Take the rows that every search scans into the base, if there are more of them than `most`."""
        if self._worker is not None:
            self._worker.join()
        if self.pending > most:
            self.compact()

    def flush(self) -> None:
        """Return when every change of this process is durable; at once, unless the index is a patient one."""
        if isinstance(self._disk, PatientDisk):
            self._disk.flush()

    def verify(self) -> None:
        """Read everything and compare checksums.

        Raises:
            IntegrityError: something is not what was written.
        """
        state = self._fresh()
        if state.base is not None:
            state.base.verify()
        state.log.check_tail(self._folder / _LOCK)

    def close(self) -> None:
        """Wait for a compaction in the background, then let go of the files. A second time does nothing."""
        worker = self._worker
        if worker is not None:
            worker.join()
        with self._pen, self._mutex:
            self._closed = True
            self._state.log.close()

    # -- reading ---------------------------------------------------------------------------------------------------

    def _search(self, queries: NDArray[np.uint64], number: int, threshold: int) -> Hits:
        _checked(threshold)
        state = self._fresh()
        delta = state.delta
        used = delta.used if delta.live else 0  # first, so that the arrays hold at least so many rows
        planes, keys, dead = delta.planes, delta.keys, delta.dead
        from firstlight.index.search import search_base, search_delta

        parts: list[Hits] = []
        if state.base is not None and state.live_base:
            parts.extend(search_base(state.base, state.dead, queries, number, threshold))
        if used:
            parts.append(search_delta(planes, used, keys, dead, queries, number, threshold))
        return ordered(parts)

    def _fresh(self) -> _State:
        state = self._state
        if not self._closed and not state.log.sealed and not state.log.grown():
            return state
        with self._mutex:
            self._check_open()
            return self._refresh()

    def _refresh(self) -> _State:
        """Read what others wrote. Under the mutex."""
        state = self._state
        for frame in state.log.read():
            state.apply(Change.decode(frame.payload))
        if state.log.sealed:
            if _read_current(self._folder)[0] != state.generation:
                self._state = state = self._load()  # searches under way go on with the old one
        elif state.log.grown():
            state.log.check_tail(self._folder / _LOCK)
        return state

    def _load(self) -> _State:
        for _ in range(_OPEN_TRIES):
            generation, base_generation = _read_current(self._folder)
            try:
                log = FrameLog(_log_path(self._folder, generation), disk=self._disk)
                base = open_base(_base_path(self._folder, base_generation)) if base_generation is not None else None
            except StorageError as e:
                if isinstance(e.__cause__, FileNotFoundError):
                    continue  # a compaction came between; look again
                raise
            state = _State(generation, base, log)
            for frame in log.read():
                state.apply(Change.decode(frame.payload))
            if log.grown():
                log.check_tail(self._folder / _LOCK)
            return state
        raise IntegrityError(
            f"{self._folder} names index files that are not there.", hint="Remove the folder and build it again."
        )

    def _check_open(self) -> None:
        if self._closed:
            raise StateError("This index is closed.", hint="Open it again.")

    # -- writing ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _writing(self) -> Iterator[_State]:
        with self._pen, locked(self._folder / _LOCK):
            yield self._ready_to_write()

    def _ready_to_write(self) -> _State:
        with self._mutex:
            self._check_open()
            state = self._refresh()
            if state.log.sealed:
                self._finish_switch(state)
                state = self._refresh()
            self.mended += state.log.mend()
            return state

    def _finish_switch(self, state: _State) -> None:
        """A crash came between sealing the old log and naming the new generation: take the old one's frames over."""
        generation = state.generation + 1
        frames = bytearray()
        source = FrameLog(state.log.path, disk=self._disk)
        for number, frame in enumerate(source.read()):
            frames += FrameLog.encode(number, frame.payload)
        source.close()
        FrameLog.create(_log_path(self._folder, generation), disk=self._disk, frames=bytes(frames)).close()
        base = _read_current(self._folder)[1]
        put_file(self._disk, self._folder / _CURRENT, _current(generation, base))
        self._disk.remove(state.log.path)

    def _switch(self, state: _State, sources: list[Source], count: int, position: int, mark: int) -> bool:
        """Write the next generation from the snapshot, add what came since, and let everyone change over."""
        generation = state.generation + 1
        tables = count >= MIN_BASE_ROWS
        frames: list[bytes] = []
        if tables:
            chunks = plan.chunks_for(count)
            path = _base_path(self._folder, generation)
            write_base(path, sources, count, chunks=chunks, mark=mark, disk=self._disk)
        else:
            keys, rows = gathered(sources)
            frames.append(Change(keys[:0], keys, rows, mark).encode())
        with self._writing() as now:
            if now.generation != state.generation:
                return False  # another process mended a switch that had stopped half-way
            while position < now.log.end:
                frame = now.log.frame(position)
                frames.append(frame.payload)
                position = frame.end
            encoded = b"".join(FrameLog.encode(i, payload) for i, payload in enumerate(frames))
            FrameLog.create(_log_path(self._folder, generation), disk=self._disk, frames=encoded).close()
            now.log.seal()
            base = generation if tables else None
            put_file(self._disk, self._folder / _CURRENT, _current(generation, base))
            with self._mutex:
                self._refresh()
            self._sweep(generation, base)
        return True

    def _sweep(self, generation: int, base: int | None) -> None:
        """Remove the files of older generations and of compactions that a crash ended."""
        keep = {_log_path(self._folder, generation)}
        if base is not None:
            keep.add(_base_path(self._folder, base))
        for path in sorted(self._folder.iterdir()):
            if path not in keep and (path.name.startswith(("base-", "delta-")) or path.suffix == TEMPORARY_SUFFIX):
                self._disk.remove(path)

    def _maybe_compact(self) -> None:
        state = self._state
        large = max(DELTA_ROWS, (len(state.base) if state.base else 0) // DELTA_SHARE)
        if not self._auto or state.delta.used <= large or (self._worker is not None and self._worker.is_alive()):
            return
        self._worker = threading.Thread(target=self._compact_behind, name="firstlight-index-compaction")
        self._worker.start()

    def _compact_behind(self) -> None:
        try:
            self.compact()
        except FirstlightError as e:
            self.trouble = e
        else:
            self.trouble = None


def _checked(threshold: int) -> int:
    if not 0 <= threshold <= plan.MAX_THRESHOLD:
        raise InputError(f"A threshold of {threshold} bits is not possible.", hint=f"Choose 0 to {plan.MAX_THRESHOLD}.")
    return threshold


def _log_path(folder: Path, generation: int) -> Path:
    return folder / f"delta-{generation:08d}"


def _base_path(folder: Path, generation: int) -> Path:
    return folder / f"base-{generation:08d}"


def _current(generation: int, base: int | None) -> bytes:
    return json.dumps({"format": 1, "generation": generation, "base": base}).encode() + b"\n"


def _read_current(folder: Path) -> tuple[int, int | None]:
    try:
        document = json.loads((folder / _CURRENT).read_bytes())
        if document["format"] != 1:
            raise IntegrityError(f"The index in {folder} is of another version.", hint="Build it again.")
        base = document["base"]
        return int(document["generation"]), None if base is None else int(base)
    except FileNotFoundError as e:
        raise NotFoundError(f"No index is in {folder}.", hint="Create it first.") from e
    except OSError as e:
        raise StorageError(f"Could not read the index in {folder}: {e.strerror}.", hint="Check permissions.") from e
    except (ValueError, KeyError, TypeError) as e:
        raise IntegrityError(f"{folder / _CURRENT} is damaged.", hint="Build the index again from the banks.") from e
