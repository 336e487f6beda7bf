"""One bank on disk: a folder with an append-only log of everything that happened to it, look-up tables, PDQ index.

The log is the truth: frames of records and of headers, sealed one by one where the library is sealed. Tables and index
are derived from it and can be built again; after a crash they catch up from where they stand.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from firstlight.banks import sealed_index, tables
from firstlight.banks.entry import Entry, Record, Standing
from firstlight.banks.marks import Marks
from firstlight.banks.report import Bank
from firstlight.banks.sealing import Sealing
from firstlight.banks.state import FOR_ACTIVE, FOR_RESTING, NEW, SLOT_BITS, Note, State
from firstlight.errors import IntegrityError, NotFoundError, StorageError
from firstlight.index import HammingIndex
from firstlight.index.disk import Disk, locked
from firstlight.index.framelog import HEAD_SIZE, Frame, FrameLog

ENTRIES_PER_FRAME: Final = 512
"""Reading one entry opens its whole frame; more entries a frame make imports faster and look-ups slower."""
RUN_ENTRIES: Final = 65_536
"""So many entries are held in memory before they are written to a table file."""
MERGED_RUNS: Final = 8
"""So many runs of one size are merged into one of the next: an entry is written anew a few times, however many come."""
_FRAMES_KEPT: Final = 16
_RECORDS_KEPT: Final = 16_384  # by their place, which never changes: what matched once matches again
_OPEN_TRIES: Final = 8
_LOG, _LOCK = "log", "lock"
Write = tuple[int, Record]
"""An ordinal and the record that it has from now on."""


class BankStore:
    """See the module. Thread-safe for readers and writers; every process may write."""

    def __init__(self, folder: Path, name: str, sealing: Sealing, index_folder: Path, disk: Disk) -> None:
        """Open a bank that is there."""
        self.name = name
        self._folder = folder
        self._sealing = sealing
        self._index_folder = index_folder
        self._disk = disk
        self._mutex = threading.RLock()
        self._pen = threading.Lock()
        self.seen, self.matched = Marks(folder / "seen"), Marks(folder / "matched")
        self._frames: OrderedDict[int, list[str]] = OrderedDict()
        self._records: dict[int, Write] = {}
        self._latest: dict[int, Record] = {}
        """By ordinal, as the state has it; a new one after each change, so that no reader fills in what was."""
        self._key_prints: dict[str, int] = {}
        self._log = FrameLog(folder / _LOG, disk=disk)
        self._index: HammingIndex | None = None
        self._whole = False
        self._state = self._loaded()

    @staticmethod
    def make(folder: Path, header: dict[str, Any], sealing: Sealing, disk: Disk) -> None:
        """Lay a new bank in a folder that is not there."""
        disk.make_folder(folder)
        log = FrameLog.create(folder / _LOG, disk=disk)
        log.append(_sealed(sealing, log, _line({"header": header}), log.frames))
        log.close()

    # -- reading ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read what other processes wrote."""
        if not self._log.grown():
            return
        with self._mutex:
            self._read_into(self._state)
            if len(self._state.new_places) > 2 * RUN_ENTRIES:
                self._state = self._loaded()  # another process wrote runs meanwhile

    @property
    def revision(self) -> int:
        """How many frames the log has: grows with every change."""
        return self._log.frames

    @property
    def deleted(self) -> bool:
        """Whether some process deleted the bank."""
        return bool(self._state.header.get("deleted"))

    @property
    def purpose(self) -> str:
        """What it is for."""
        return str(self._state.header["purpose"])

    @property
    def enabled(self) -> bool:
        """Whether it takes part in matching."""
        return bool(self._state.header["enabled"])

    @property
    def threshold(self) -> int:
        """Bits at which a PDQ hash still matches."""
        return int(self._state.header["threshold"])

    @property
    def min_quality(self) -> int:
        """The quality below which PDQ is not matched."""
        return int(self._state.header["min_quality"])

    def describe(self) -> Bank:
        """The bank as a document."""
        header = {k: v for k, v in self._state.header.items() if k != "deleted"}
        try:
            return Bank.model_validate_json(
                json.dumps({**header, "name": self.name, "revision": self.revision, "entries": self._state.active})
            )
        except ValidationError as e:
            raise IntegrityError(f"The header of bank {self.name!r} cannot be read.", hint="Restore the bank.") from e

    def record(self, ordinal: int) -> Record:
        """The latest record of an entry."""
        kept = self._latest  # before the state is looked at
        if (record := kept.get(ordinal)) is not None:
            return record
        place = self._state.place(ordinal)
        if place is None:
            raise IntegrityError(f"Entry {ordinal} of bank {self.name!r} has no place in its log.")
        found, record = self._read(place)
        if found != ordinal:
            raise IntegrityError(f"The tables of bank {self.name!r} are damaged.", hint="Remove its run-* files.")
        if len(kept) < _RECORDS_KEPT:
            kept[ordinal] = record
        return record

    def as_entry(self, ordinal: int, record: Record) -> Entry:
        """The entry for callers."""
        return record.as_entry(self.name, self.seen.get(ordinal), self.matched.get(ordinal))

    def find(self, kind: str, value: str) -> list[Write]:
        """The entries that hold this hash (or this `key`) now."""
        out = []
        for ordinal in self._state.owners(self._sealing.print_of(kind, value)):
            record = self.record(ordinal)
            if (record.key if kind == "key" else record.hashes.get(kind)) == value:
                out.append((ordinal, record))
        return out

    def knows(self, prints: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of these prints some entry has or had: where it says no, `find` finds nothing."""
        return self._state.knows(prints)

    def records(self) -> Iterator[Write]:
        """The latest record of every entry, in the order of the log; in constant memory."""
        self.refresh()
        reader, end = FrameLog(self._folder / _LOG, disk=self._disk), self._log.end
        try:
            for frame in reader.read():
                if frame.end > end:
                    return
                for slot, line in enumerate(self._lines(frame)):
                    value = json.loads(line)
                    if isinstance(value, list) and self._state.place(value[0]) == frame.offset << SLOT_BITS | slot:
                        yield value[0], Record.decode(value[1])
        finally:
            reader.close()

    def index(self) -> HammingIndex | None:
        """The PDQ index, up to date with the log; none while the bank has no PDQ hash."""
        if not self._state.pdq_end:
            return None
        index = self._index if self._index is not None else self._open_index()
        if index.known_mark < self._state.pdq_end and index.mark < self._state.pdq_end:
            # An index that was just opened may be empty: nothing is answered before it is whole. Later on the writer
            # whose frame we have seen is about to do it.
            with locked(self._folder / _LOCK, wait=not self._whole) as held:
                if held:
                    self._catch_up(index)
        self._whole = True
        return index

    def verify(self) -> None:
        """Read everything and compare checksums.

        Raises:
            IntegrityError: something is not what was written.
        """
        self.refresh()
        for run in self._state.runs:
            run.verify()
        for _ in self.records():
            pass
        index = self.index()
        if index is not None:
            index.verify()

    def close(self) -> None:
        """Let go of all files."""
        with self._pen, self._mutex:
            try:
                if not self.deleted:
                    self._save_copy()
            finally:
                if self._index is not None:
                    self._index.close()
                    self._index = None
                self._log.close()
                self.seen.close()
                self.matched.close()

    # -- writing ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the bank for a change, knowing everything that was written."""
        with self._pen, locked(self._folder / _LOCK):
            self.refresh()
            if self.deleted:
                raise NotFoundError(f"The bank {self.name!r} was deleted.", hint="Create it again.")
            with self._mutex:
                self._log.mend()
            yield

    def known_keys(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of the keys that may be known; the others are not. Only while `writing`."""
        prints = np.array([self._sealing.print_of("key", key) for key in keys], dtype=np.uint64)
        self._key_prints = dict(zip(keys, prints.tolist(), strict=True))
        return frozenset(keys[at] for at in np.flatnonzero(self.knows(prints)).tolist())

    def set_header(self, changes: dict[str, Any]) -> None:
        """Change the header. Only while `writing`."""
        line = _line({"header": {**self._state.header, **changes}})
        self._log.append(_sealed(self._sealing, self._log, line, self._log.frames))
        self.refresh()

    def next_ordinal(self) -> int:
        """The number that the next new entry gets. Only while `writing`."""
        return self._state.ordinals

    def write(self, writes: list[Write], former: dict[int, Record]) -> None:
        """Write records; `former` has what entries that are not new said before. Only while `writing`."""
        payloads: list[bytes] = []
        notes: list[list[Note]] = []
        for at in range(0, len(writes), ENTRIES_PER_FRAME):
            lines, noted = [], []
            for ordinal, record in writes[at : at + ENTRIES_PER_FRAME]:
                old = former.get(ordinal)
                how = NEW if old is None else FOR_ACTIVE if old.standing.matches else FOR_RESTING
                lines.append(f"[{ordinal},{record.encode()},{how}]")
                noted.append((ordinal, record.key, record.hashes, record.standing.matches, how))
            number = self._log.frames + len(payloads)
            payloads.append(_sealed(self._sealing, self._log, "\n".join(lines).encode(), number))
            notes.append(noted)
        with self._mutex:
            places = self._log.append_group(payloads)
            self._log.skip(places[-1][1], self._log.frames + len(payloads))
            for (begin, end), noted in zip(places, notes, strict=True):
                for slot, note in enumerate(noted):
                    self._state.note(begin << SLOT_BITS | slot, end, note, self._print_of)
            self._latest = {}
        if self._state.pdq_end:
            self._catch_up(self._index if self._index is not None else self._open_index())
        if len(self._state.new_places) >= RUN_ENTRIES:
            with self._mutex:
                self._fold()

    def settle(self) -> None:
        """After a large addition: merge what would otherwise be scanned by every search, and copy the index if
        sealed."""
        index = self.index()
        if index is not None:
            index.settle(RUN_ENTRIES // 8)
        if len(self._state.runs) > MERGED_RUNS:
            with self.writing(), self._mutex:
                self._merge(len(self._state.runs))
        self._save_copy()

    def _print_of(self, kind: str, value: str) -> int:
        """As the library's, without doing again what `known_keys` has just done."""
        known = self._key_prints.get(value) if kind == "key" else None
        return self._sealing.print_of(kind, value) if known is None else known

    def _save_copy(self) -> None:
        if self._sealing.sealer is not None and self._index is not None:
            sealed_index.save(self._index, self._folder, self._sealing, self._log.id, self._disk)

    # -- the log ---------------------------------------------------------------------------------------------------

    def _lines(self, frame: Frame) -> list[str]:
        """What a frame holds, one JSON value a line."""
        what = f"Frame {frame.number} of bank {self.name!r}"
        return self._sealing.open(frame.payload, _context(self._log, frame.number), what).decode().split("\n")

    def _apply(self, state: State, frame: Frame, lines: list[str]) -> None:
        for slot, line in enumerate(lines):
            value = json.loads(line)
            if isinstance(value, dict):
                state.header = value["header"]
                continue
            ordinal, content, how = value
            note = (ordinal, content["k"], content["h"], _matches(content), how)
            state.note(frame.offset << SLOT_BITS | slot, frame.end, note, self._sealing.print_of)

    def _read(self, place: int) -> Write:
        """The record that stands there."""
        if place in (kept := self._records):
            return kept[place]
        offset, slot = place >> SLOT_BITS, place & ((1 << SLOT_BITS) - 1)
        with self._mutex:
            lines = self._frames.get(offset)
            if lines is None:
                lines = self._lines(self._log.frame(offset))
                self._frames[offset] = lines
                while len(self._frames) > _FRAMES_KEPT:
                    self._frames.popitem(last=False)
            else:
                self._frames.move_to_end(offset)
        value = json.loads(lines[slot])
        if len(self._records) >= _RECORDS_KEPT:
            self._records = {}
        return self._records.setdefault(place, (value[0], Record.decode(value[1])))

    # -- what is derived from it -----------------------------------------------------------------------------------

    def _read_into(self, state: State) -> None:
        for frame in self._log.read():
            self._apply(state, frame, self._lines(frame))
        self._latest = {}
        if self._log.grown():
            self._log.check_tail(self._folder / _LOCK)

    def _loaded(self) -> State:
        """The state anew: runs first, then the rest of the log. Searches go on with the old one meanwhile."""
        for _ in range(_OPEN_TRIES):
            try:
                runs = tables.chain(self._folder, HEAD_SIZE)
                break
            except StorageError as e:
                if not isinstance(e.__cause__, FileNotFoundError):
                    raise  # otherwise runs were merged while we looked
        else:
            raise StorageError(f"The tables of bank {self.name!r} change too fast to be read.", hint="Try again.")
        state = State()
        state.runs = runs
        if runs:
            meta = runs[-1].meta
            state.header, state.ordinals, state.active = dict(meta["header"]), meta["ordinals"], meta["active"]
            state.pdq_end, state.covered = meta["pdq_end"], runs[-1].end
            self._log.skip(state.covered, meta["frames"])
        else:
            self._log.skip(HEAD_SIZE, 0)
        self._read_into(state)
        return state

    def _fold(self) -> None:
        """Write what is held in memory to a table file; merge the files when there are many."""
        state = self._state
        run = tables.write_run(
            self._folder,
            state.covered,
            self._log.end,
            state.meta(self._log.frames),
            state.pairs(),
            tables.as_pairs(state.new_places),
            self._disk,
        )
        fresh = self._state = state.folded(run)
        while (wide := _alike([len(run.places) for run in fresh.runs])) >= MERGED_RUNS:
            self._merge(wide)

    def _merge(self, count: int) -> None:
        """Merge the newest runs."""
        runs = self._state.runs
        self._state.runs = [*runs[:-count], tables.merge_runs(self._folder, runs[-count:], self._disk)]

    def _open_index(self) -> HammingIndex:
        with self._mutex:
            if self._index is None:
                self._index = sealed_index.opened(
                    self._folder, self._index_folder, self._sealing, self._log.id, self._disk
                )
            return self._index

    def _catch_up(self, index: HammingIndex) -> None:
        """Tell the index what the log says since its mark. Only under the bank's lock."""
        position, end = max(index.mark, HEAD_SIZE), self._log.end
        while position < end:
            keys: list[int] = []
            hashes: list[str] = []
            gone: list[int] = []
            while position < end and len(keys) + len(gone) < RUN_ENTRIES:
                frame = self._log.frame(position)
                position = frame.end
                for line in self._lines(frame):
                    value = json.loads(line)
                    if isinstance(value, dict):
                        continue
                    ordinal, content, how = value
                    if how != NEW:
                        gone.append(ordinal)
                        if ordinal in keys:
                            at = keys.index(ordinal)
                            del keys[at], hashes[at]
                    if "pdq" in content["h"] and _matches(content):
                        keys.append(ordinal)
                        hashes.append(content["h"]["pdq"])
            array = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint8).reshape(len(keys), 32)
            index.change(array, keys, remove=gone, mark=position)


def _alike(sizes: Sequence[int]) -> int:
    """How many at the end are of the size of the last one, or smaller."""
    count = 0
    for size in reversed(sizes):
        if size >= MERGED_RUNS * max(sizes[-1], RUN_ENTRIES):
            break
        count += 1
    return count


def _matches(content: dict[str, Any]) -> bool:
    """Whether a stored record takes part in matching."""
    return Standing(content.get("s", Standing.ACTIVE)).matches


def _line(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _context(log: FrameLog, number: int) -> bytes:
    """What a frame is sealed for: this place in this log and no other."""
    return log.id + number.to_bytes(8, "big")


def _sealed(sealing: Sealing, log: FrameLog, lines: bytes, number: int) -> bytes:
    return sealing.close(lines, _context(log, number))
