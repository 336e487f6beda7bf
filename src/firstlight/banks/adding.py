"""Taking records into a bank, batch by batch: each batch is looked up, compared and written in one step."""

from __future__ import annotations

import contextlib
import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from firstlight import clock
from firstlight.banks.entry import (
    STRONGEST_FIRST,
    JunkError,
    NewEntry,
    Record,
    Standing,
    masked,
    matching_form,
    record_of,
)
from firstlight.banks.importer import Found, Item, Junk, Removal
from firstlight.banks.report import Skip
from firstlight.banks.sealing import Sealing
from firstlight.banks.store import BankStore, Write
from firstlight.errors import InputError

BATCH: Final = 16_384
"""Records written and made durable in one step: so many that a slow disk does not bound an import, and so few that they
take little memory, and little is lost with the step that a crash cuts off."""
MAX_DROPPED: Final = 20
"""A small list may lose most of its entries at once."""
SKIPS_NAMED: Final = 1000
"""Skipped records named one by one in a report; all are counted."""


class Adding:
    """One run of adding to one bank. It counts what it does for the report."""

    def __init__(self, store: BankStore, sealing: Sealing, at: datetime) -> None:
        self._store = store
        self._sealing = sealing
        self._at = at
        self._stamp = clock.to_text(at)
        self._before = store.revision
        self._batch: list[Record] = []
        self._keys: set[str] = set()
        self._going: dict[str, str] = {}
        self._seen = bytearray()
        self._known: list[int] = []
        self._taken_back: dict[str, str] = {}
        self.came = 0
        self._counts: Counter[str] = Counter()
        self._why: Counter[str] = Counter()
        self._skips: list[Skip] = []

    def take(self, line: int, new: NewEntry) -> None:
        """One record, from this line of its list."""
        self.came += 1
        try:
            record, flaws = record_of(new, self._stamp)
        except JunkError as e:
            self._counts["skipped"] += 1
            self._name(line, e.diagnostics().message, _shown(new))
            return
        if flaws:
            self._counts["flawed"] += 1
            for flaw in flaws:
                self._name(line, flaw, _shown(new))
        if not record.key:
            record.key = self._key_of(record.hashes)
        if record.key in self._going:
            self.flush()
        self._batch.append(record)
        self._keys.add(record.key)
        if len(self._batch) >= BATCH:
            self.flush()

    def take_item(self, item: Found) -> None:
        """One item that an importer found."""
        match item:
            case Item():
                self.take(item.line, item.entry)
            case Junk(line, why, shown):
                self.came += 1
                self._counts["skipped"] += 1
                self._name(line, why, shown)
            case Removal(line, key, stamp, kind, value):
                self.came += 1
                try:
                    self._take_back(key or self._sealing.derived_key(kind, matching_form(kind, value)), stamp)
                except JunkError as e:
                    self._counts["skipped"] += 1
                    self._name(line, e.diagnostics().message, masked(value.strip()))

    def flush(self) -> None:
        """Write what has come so far: records first, then what is taken back."""
        if self._batch:
            self._write_batch()
        if self._going:
            self._write_going()

    def _write_batch(self) -> None:
        batch, self._batch = self._batch, []
        self._keys.clear()
        store = self._store
        with store.writing():
            writes: dict[int, Record] = {}
            former: dict[int, Record] = {}
            fresh: dict[str, int] = {}
            ordinal = store.next_ordinal()
            maybe = store.known_keys([record.key for record in batch])
            for record in batch:
                known = store.find("key", record.key) if record.key in maybe and record.key not in fresh else []
                if record.key in fresh:
                    self._again(fresh[record.key], record, writes, former)
                elif known and known[0][0] in writes:
                    self._again(known[0][0], record, writes, former)
                elif known and self._was_seen(known[0][0]) and record.stamp <= known[0][1].stamp:
                    self._counts["repeated"] += 1
                elif not known and record.stamp and record.stamp <= self._taken_back.get(record.key, ""):
                    self._counts["withdrawn"] += 1
                elif not known:
                    fresh[record.key] = ordinal
                    writes[ordinal] = record
                    self._see(ordinal)
                    ordinal += 1
                    self._counts["added"] += 1
                else:
                    self._update(known[0], record, writes, former)
            if writes:
                store.write(list(writes.items()), former)
        store.seen.put([ordinal for ordinal in self._known if ordinal not in writes], self._at)
        self._known.clear()

    def annotate(
        self, keys: Sequence[str], note: str | None, categories: Sequence[str] | None
    ) -> dict[str, tuple[str, ...]]:
        """Write this house's own note and categories to entries; answers as `set_standing`."""

        def changed(record: Record) -> Record | None:
            new = replace(
                record,
                house_note=record.house_note if note is None else note.strip(),
                house_categories=record.house_categories if categories is None else tuple(dict.fromkeys(categories)),
                changed=self._stamp,
            )
            same = (new.house_note, new.house_categories) == (record.house_note, record.house_categories)
            return None if same else new

        return self._change(keys, changed)

    def set_standing(self, keys: Sequence[str], standing: Standing, reason: str) -> dict[str, tuple[str, ...]]:
        """Change where entries stand; answers `keys` that changed, those `unknown` and those `unchanged`."""

        return self._change(keys, lambda record: self._moved(record, standing, reason))

    def _moved(self, record: Record, standing: Standing, reason: str, stamp: str = "") -> Record | None:
        if record.standing is standing or not _may_become(record.standing, standing):
            return None
        return replace(record, standing=standing, reason=reason, changed=self._stamp, stamp=stamp or record.stamp)

    def _change(self, keys: Sequence[str], change: Callable[[Record], Record | None]) -> dict[str, tuple[str, ...]]:
        answer: dict[str, list[str]] = {"keys": [], "unknown": [], "unchanged": []}
        writes: list[Write] = []
        former: dict[int, Record] = {}
        with self._store.writing():
            maybe = self._store.known_keys(keys)
            for key in dict.fromkeys(keys):
                known = self._store.find("key", key) if key in maybe else []
                if not known:
                    answer["unknown"].append(key)
                for ordinal, record in known:
                    changed = change(record)
                    if changed is None:
                        answer["unchanged"].append(key)
                        continue
                    former[ordinal] = record
                    writes.append((ordinal, changed))
                    answer["keys"].append(key)
            if writes:
                self._store.write(writes, former)
        return {name: tuple(found) for name, found in answer.items()}

    def drop_unseen(self) -> None:
        """Take back every entry that did not come in this run, for a list that is whole each time.

        Raises:
            InputError: that would be more than half of them: such a list is more likely cut short than right.
        """
        self.flush()
        active, keys = 0, []
        for ordinal, record in self._store.records():
            if record.standing.matches and not record.own:
                active += 1
                if not self._was_seen(ordinal):
                    keys.append(record.key)
        if len(keys) > MAX_DROPPED and 2 * len(keys) > active:
            raise InputError(
                f"The list lost {len(keys)} of {active} entries. What it has is taken, and nothing was taken back.",
                hint="If that is right, withdraw them, or remove the exchange with its bank and add it again.",
            )
        for at in range(0, len(keys), BATCH):
            done = self.set_standing(keys[at : at + BATCH], Standing.WITHDRAWN, "the list does not hold it any more")
            self._counts["dropped"] += len(done["keys"])

    @property
    def taken(self) -> int:
        """How many records came that an entry was made of, or that were known."""
        return self._counts["added"] + self._counts["updated"] + self._counts["unchanged"]

    def summary(self) -> dict[str, Any]:
        """The fields of an `AddReport`."""
        return {
            "bank": self._store.name, "at": self._at, "revision_before": self._before,
            "revision": self._store.revision, "came": self.came, "skipped_why": dict(self._why),
            "first_skips": tuple(self._skips), **self._counts,
        }  # fmt: skip

    def _update(self, known: Write, record: Record, writes: dict[int, Record], former: dict[int, Record]) -> None:
        ordinal, old = known
        self._known.append(ordinal)
        self._see(ordinal)
        record.keep_of(old)
        if record.stamp and record.stamp < old.stamp:
            self._counts["unchanged"] += 1  # the list still holds a state that was replaced since
            return
        if record.stamp and record.stamp == old.stamp and old.standing is Standing.WITHDRAWN:
            record.standing, record.reason = old.standing, old.reason
        if record.same_content(old):
            self._counts["unchanged"] += 1
            return
        former[ordinal] = old
        writes[ordinal] = record
        self._counts["updated"] += 1

    def _again(self, ordinal: int, record: Record, writes: dict[int, Record], former: Mapping[int, Record]) -> None:
        """A second record of an entry in one batch: the newer one is taken, else the first."""
        self._counts["repeated"] += 1
        if record.stamp > writes[ordinal].stamp:
            if ordinal in former:
                record.keep_of(former[ordinal])
            writes[ordinal] = record

    def _take_back(self, key: str, stamp: str) -> None:
        """In one step with others, as long as it does not matter which of the two came first."""
        if key in self._keys or key in self._going:
            self.flush()
        self._going[key] = stamp
        if len(self._going) >= BATCH:
            self.flush()

    def _write_going(self) -> None:
        going, self._going = self._going, {}

        def changed(record: Record) -> Record | None:
            stamp = going[record.key]
            if stamp and stamp < record.stamp:
                return None  # the list took an older state of it back
            return self._moved(record, Standing.WITHDRAWN, "taken back by the list", stamp)

        done = self._change(list(going), changed)
        self._counts["withdrawn"] += len(done["keys"])
        self._counts["unchanged"] += len(going) - len(done["keys"])
        for key in done["unknown"]:
            self._taken_back[key] = max(going[key], self._taken_back.get(key, ""))

    def _key_of(self, hashes: Mapping[str, str]) -> str:
        for kind in STRONGEST_FIRST:
            if kind in hashes:
                return self._sealing.derived_key(kind, hashes[kind])
        raise AssertionError("a record without a key has a hash")

    def _name(self, line: int, why: str, shown: str) -> None:
        self._why[why] += 1
        if len(self._skips) < SKIPS_NAMED:
            self._skips.append(Skip(line=line, why=why, shown=shown))

    def _was_seen(self, ordinal: int) -> bool:
        byte = ordinal >> 3
        return byte < len(self._seen) and bool(self._seen[byte] >> (ordinal & 7) & 1)

    def _see(self, ordinal: int) -> None:
        byte = ordinal >> 3
        if byte >= len(self._seen):
            self._seen.extend(bytes(max(byte + 1 - len(self._seen), 1024)))
        self._seen[byte] |= 1 << (ordinal & 7)


@contextlib.contextmanager
def few_collections() -> Iterator[None]:
    """Look for cycles of garbage rarely meanwhile: records make none, and looking takes a fifth of an import's time."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], 100_000) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _may_become(now: Standing, wanted: Standing) -> bool:
    """A list's taking back changes nothing about an entry that was denied here."""
    return not (now is Standing.DENIED and wanted is Standing.WITHDRAWN)


def _shown(new: NewEntry) -> str:
    return next((masked(value.strip()) for kind in STRONGEST_FIRST if (value := getattr(new, kind))), "")
