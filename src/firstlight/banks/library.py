"""A library of banks in a folder: create, fill, search. What one process changes, the others see at their next call."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

from firstlight.banks import importers, many, matching
from firstlight.banks.adding import Adding, few_collections
from firstlight.banks.digest_table import DigestTable, digest_table
from firstlight.banks.entry import MAX_CATEGORIES, MAX_TEXT, Entry, NewEntry, Standing
from firstlight.banks.folder import HEAD, memory_folder, read_head, remove_folder, write_head
from firstlight.banks.importer import Found, ListFile
from firstlight.banks.many import Sought
from firstlight.banks.match import Match
from firstlight.banks.report import AddReport, AnnotationReport, Bank, BankReport, ImportReport, StandingReport
from firstlight.banks.sealing import Sealer
from firstlight.banks.store import RUN_ENTRIES, BankStore
from firstlight.clock import Clock
from firstlight.errors import InputError, NotFoundError, StateError, StorageError
from firstlight.index.disk import Disk, locked
from firstlight.values import BankPurpose, Digests, ErrorNote, Pdq, checked_name

DEFAULT_THRESHOLD: Final = 31
"""Bits at which PDQ's authors call two pictures the same."""
DEFAULT_MIN_QUALITY: Final = 50
"""Below it a picture has too little in it for PDQ to tell it from others."""
MAX_THRESHOLD: Final = 64
MANY: Final = RUN_ENTRIES // 8
"""After so many entries at once a bank is settled; until then every search scans them, which takes a third longer."""
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - memory-backed, in a folder that is this user's alone
_TICK: Final = 2_000_000_000  # nanoseconds; a folder that changed twice within the disk's own tick shows one time
_LOCK, _BANKS = "lock", "banks"


class Library:
    """See the module. Thread-safe. Close it, or use it in a `with` statement.

    With a sealer, everything on disk that holds a list's hash is sealed, and the PDQ index lives in memory-backed
    files (below `memory`) that the processes of this user share. Without one it lies plain, readable by this user.
    """

    def __init__(self, folder: Path, *, sealer: Sealer | None, clock: Clock, memory: Path, disk: Disk) -> None:
        """Use `create` or `open`."""
        self._folder = folder
        self._clock = clock
        self._disk = disk
        self._mutex = threading.RLock()
        self._stores: dict[str, BankStore] = {}
        self._banks_folder, self._looked_at = str(folder / _BANKS), 0
        self._sealing = read_head(folder, sealer)
        self._memory = memory_folder(memory, self._sealing) if sealer is not None else None
        self._look()

    @classmethod
    def create(
        cls, folder: Path, *, sealer: Sealer | None, clock: Clock, memory: Path | None = None, disk: Disk | None = None
    ) -> Self:
        """Make an empty library in a folder that holds none.

        Raises:
            StateError: a library is there already.
        """
        disk = disk or Disk()
        disk.make_folder(folder)
        disk.make_folder(folder / _BANKS)
        with locked(folder / _LOCK):
            if (folder / HEAD).exists():
                raise StateError(f"A library is in {folder} already.", hint="Open it, or choose another folder.")
            write_head(folder, sealer, disk)
        return cls(folder, sealer=sealer, clock=clock, memory=memory or MEMORY, disk=disk)

    @classmethod
    def open(
        cls, folder: Path, *, sealer: Sealer | None, clock: Clock, memory: Path | None = None, disk: Disk | None = None
    ) -> Self:
        """Open a library that is there.

        Raises:
            NotFoundError: none is there.
            StateError: it is sealed and no sealer was given, or the other way round.
            IntegrityError: it does not open with this sealer, or is damaged.
        """
        return cls(folder, sealer=sealer, clock=clock, memory=memory or MEMORY, disk=disk or Disk())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all files. A second time does nothing."""
        with self._mutex:
            for store in self._stores.values():
                store.close()
            self._stores.clear()

    def lock_up(self) -> None:
        """Close, and remove the memory-backed files of a sealed library, so that nothing opened stays in memory.

        For shutting down or giving up a library, when no other process has it open: one that had would fail at its
        next change. The next opening takes the sealed copies again.
        """
        self.close()
        if self._memory is not None:
            remove_folder(self._memory)

    # -- banks -----------------------------------------------------------------------------------------------------

    def create_bank(
        self,
        name: str,
        purpose: BankPurpose,
        *,
        owner: str = "",
        licence: str = "",
        threshold: int = DEFAULT_THRESHOLD,
        min_quality: int = DEFAULT_MIN_QUALITY,
        note: str = "",
    ) -> BankReport:
        """Make an empty bank, enabled.

        Raises:
            InputError: the name cannot be one, or a number is out of range.
            StateError: a bank of this name is there.
        """
        checked_name(name, "name of a bank")
        at = self._clock.now()
        header = Bank(
            name=name, purpose=purpose, owner=owner, licence=licence, note=note, created=at, revision=0, entries=0,
            threshold=_in_range("threshold", threshold, MAX_THRESHOLD),
            min_quality=_in_range("minimum quality", min_quality, 100),
        ).model_dump(mode="json", exclude={"name", "revision", "entries"})  # fmt: skip
        with self._mutex, locked(self._folder / _LOCK):
            target = self._folder / _BANKS / name
            if target.exists():
                raise StateError(f"There is a bank {name!r} already.", hint="Choose another name, or add to it.")
            for left in sorted(target.parent.glob(".*-*")):  # by a crash in the middle of this or of `delete`
                remove_folder(left)
            building = target.with_name(f".new-{secrets.token_hex(4)}")
            BankStore.make(building, header, self._sealing, self._disk)
            self._disk.replace(building, target)
            self._look()
        return BankReport(act="created", at=at, bank=self.bank(name), revision_before=0)

    def banks(self) -> tuple[Bank, ...]:
        """All banks, by name."""
        return tuple(store.describe() for store in self._fresh())

    def bank(self, name: str) -> Bank:
        """One bank.

        Raises:
            NotFoundError: there is none of this name.
        """
        return self._store(name).describe()

    def enable(self, name: str, reason: str = "") -> BankReport:
        """Let the bank match again."""
        return self._set(name, "enabled", {"enabled": True, "reason": reason}, reason)

    def disable(self, name: str, reason: str) -> BankReport:
        """Keep the bank but let it match nothing, from now on and in every process."""
        return self._set(name, "disabled", {"enabled": False, "reason": _needed(reason)}, reason)

    def change_bank(
        self, name: str, *, threshold: int | None = None, min_quality: int | None = None, note: str | None = None,
        owner: str | None = None, licence: str | None = None, reason: str = "",
    ) -> BankReport:  # fmt: skip
        """Change how a bank matches or what is said about it; what is not given stays."""
        changes: dict[str, Any] = {
            key: value for key, value in {"note": note, "owner": owner, "licence": licence}.items() if value is not None
        }
        if threshold is not None:
            changes["threshold"] = _in_range("threshold", threshold, MAX_THRESHOLD)
        if min_quality is not None:
            changes["min_quality"] = _in_range("minimum quality", min_quality, 100)
        return self._set(name, "changed", changes, reason)

    def delete(self, name: str, reason: str) -> BankReport:
        """Remove the bank and all its entries from disk. It stops matching at once in every process."""
        report = self._set(name, "deleted", {"enabled": False, "deleted": True, "reason": _needed(reason)}, reason)
        with self._mutex, locked(self._folder / _LOCK):
            store = self._stores.pop(name, None)
            if store is not None:
                store.close()
            remove_folder(self._folder / _BANKS / name)
            if self._memory is not None:
                remove_folder(self._memory / name)
        return report

    # -- entries ---------------------------------------------------------------------------------------------------

    def add(self, name: str, entries: Iterable[NewEntry]) -> AddReport:
        """Add entries; they match at once. An entry whose key is known is updated, or left alone if nothing changed.

        Records of which no entry can be made are skipped, counted and named in the report by their position from 1.
        """
        store = self._store(name)
        adding = Adding(store, self._sealing, self._clock.now())
        for number, entry in enumerate(entries, 1):
            adding.take(number, entry)
        adding.flush()
        if adding.came > MANY:
            store.settle()
        return AddReport(**adding.summary())

    def import_list(
        self, name: str, path: Path, format: str | None = None, columns: Mapping[str, str] | None = None  # noqa: A002
    ) -> ImportReport:  # fmt: skip
        """Read a list file into a bank. Streaming: any size in little memory. A second import of it adds nothing.

        `format` names an importer (see `importers.FORMATS`); without it the file is looked at. `columns` maps our
        fields to the file's column names, for formats that have columns. Junk records are skipped, counted and named
        by line. If the list breaks off or turns unreadable, what came before it is taken and the report says why it
        `stopped`. An import can always be run again.

        Raises:
            NotFoundError: the bank or the file is not there.
            InputError: the file is of no known format, or the column map does not fit.
        """
        store = self._store(name)
        adding = Adding(store, self._sealing, self._clock.now())
        with ListFile(path) as source:
            importer = importers.importer_for(source, format)
            stopped = None
            try:
                with few_collections():
                    for item in importer.read(source, columns or {}):
                        adding.take_item(item)
            except InputError as e:
                if not adding.came:
                    raise
                said = e.diagnostics()
                stopped = ErrorNote(code=said.code, message=said.message, hint=said.hint)
            adding.flush()
            store.settle()
            return ImportReport(
                **adding.summary(), source=path.name, source_sha256=source.sha256(), source_size=source.size,
                format=importer.name, stopped=stopped,
            )  # fmt: skip

    def take(self, name: str, items: Iterable[Found], *, complete: bool = False) -> AddReport:
        """Take what an exchange fetched: records, and entries that it takes back. With `complete` the items are the
        whole list, and what is not among them is taken back too, unless nothing came at all."""
        store = self._store(name)
        adding = Adding(store, self._sealing, self._clock.now())
        for item in items:
            adding.take_item(item)
        adding.flush()
        if complete and adding.taken:
            adding.drop_unseen()
        if adding.came > MANY:
            store.settle()
        return AddReport(**adding.summary())

    def withdraw(self, name: str, keys: Sequence[str], reason: str) -> StandingReport:
        """Take entries out of matching as their list's owner would, at once and in every process. Their records stay;
        an import that brings them again restores them."""
        return self._set_standing(name, keys, Standing.WITHDRAWN, _needed(reason))

    def deny(self, name: str, keys: Sequence[str], reason: str) -> StandingReport:
        """Say that entries are wrong: they stop matching, and no import brings them back."""
        return self._set_standing(name, keys, Standing.DENIED, _needed(reason))

    def confirm(self, name: str, keys: Sequence[str], reason: str) -> StandingReport:
        """Say that entries are right. They go on matching; what the house found stays when their list comes again."""
        return self._set_standing(name, keys, Standing.CONFIRMED, _needed(reason))

    def restore(self, name: str, keys: Sequence[str], reason: str) -> StandingReport:
        """Put entries back to active that were withdrawn, denied or confirmed."""
        return self._set_standing(name, keys, Standing.ACTIVE, _needed(reason))

    def annotate(
        self, name: str, keys: Sequence[str], *, note: str | None = None, categories: Sequence[str] | None = None
    ) -> AnnotationReport:
        """Write this house's own note and categories to entries; what is not given stays. No list changes them."""
        if note is not None and len(note) > MAX_TEXT:
            raise InputError(f"A note has at most {MAX_TEXT} characters.")
        if categories is not None and (len(categories) > MAX_CATEGORIES or not all(c.strip() for c in categories)):
            raise InputError(f"An entry has at most {MAX_CATEGORIES} categories, none of them blank.")
        store, at = self._store(name), self._clock.now()
        before = store.revision
        done = Adding(store, self._sealing, at).annotate(keys, note, categories)
        return AnnotationReport(
            bank=name, at=at, revision_before=before, revision=store.revision, keys=done["keys"],
            unknown=done["unknown"], unchanged=done["unchanged"], note=note,
            categories=None if categories is None else tuple(categories),
        )  # fmt: skip

    def entries(self, name: str) -> Iterator[Entry]:
        """Every entry of a bank, withdrawn ones too, in the order they were last written. Constant memory."""
        store = self._store(name)
        for ordinal, record in store.records():
            yield store.as_entry(ordinal, record)

    def entry(self, name: str, key: str) -> Entry:
        """One entry by its key.

        Raises:
            NotFoundError: the bank or the entry is not there.
        """
        store = self._store(name)
        for ordinal, record in store.find("key", key):
            return store.as_entry(ordinal, record)
        raise NotFoundError(f"Bank {name!r} has no entry {key!r}.", hint="Check the key.")

    def key_of(self, kind: str, value: str) -> str:
        """The key that an entry gets which comes without one and whose strongest hash this is."""
        return self._sealing.derived_key(kind, value)

    # -- matching --------------------------------------------------------------------------------------------------

    def match(
        self,
        digests: Digests | None = None,
        pdq: Pdq | None = None,
        *,
        banks: Sequence[str] | None = None,
        any_orientation: Mapping[str, Pdq] | None = None,
    ) -> tuple[Match, ...]:
        """What the enabled banks (or those named) hold of an item: exact digests first, then PDQ, nearest first.

        Every entry appears once, with the strongest way it was found. PDQ is compared within each bank's threshold,
        if the item's quality reaches the bank's minimum. `allow` banks are not answered; all that are enabled veto
        PDQ matches, whether they are named or not. `any_orientation` gives the item's hashes turned and mirrored, by
        the name of the orientation.

        Raises:
            NotFoundError: a bank that is named is not there.
        """
        stores = self._fresh()
        if banks is not None:
            for name in banks:
                self._store(name)
        hashes = {"": pdq} if pdq is not None else {}
        known = digests.model_dump(exclude={"size"}) if digests is not None else {}
        return matching.match(stores, known, {**hashes, **(any_orientation or {})}, banks, self._clock.now())

    def match_many(self, items: Sequence[Sought], *, banks: Sequence[str] | None = None) -> list[tuple[Match, ...]]:
        """What `match` would answer for each item, in order, at a fraction of the cost where few of them match.

        Raises:
            NotFoundError: a bank that is named is not there.
        """
        stores = self._fresh()
        for name in set(banks or ()) - {store.name for store in stores}:
            self._store(name)
        return many.match_many(stores, self._sealing, items, banks, self._clock.now())

    def digest_table(self, kind: str, *, banks: Sequence[str]) -> DigestTable:
        """The digests of these banks of one kind (`md5`, `sha1`, `sha256`), to hold millions of rows against.

        Raises:
            NotFoundError: a bank that is named is not there.
        """
        stores = [self._store(name) for name in dict.fromkeys(banks)]
        folder = self._memory if self._memory is not None else self._folder
        return digest_table(folder, [store for store in stores if store.enabled], kind, self._disk)

    def nearest(self, pdq: bytes) -> list[tuple[str, str, int]]:
        """Bank, entry and distance of what `match` answers for a PDQ hash and no `allow` bank vetoes, nearest first.

        The hash is its 32 bytes, and counts as one of the best quality.
        """
        return matching.nearest(self._fresh(), pdq, self._clock)

    def verify(self) -> None:
        """Read everything on disk and compare checksums.

        Raises:
            IntegrityError: something is not what was written.
        """
        for store in self._fresh():
            store.verify()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _set(
        self,
        name: str,
        act: Literal["enabled", "disabled", "changed", "deleted"],
        changes: dict[str, Any],
        reason: str,
    ) -> BankReport:
        store, at = self._store(name), self._clock.now()
        with store.writing():
            before = store.revision
            store.set_header(changes)
        return BankReport(act=act, at=at, bank=store.describe(), revision_before=before, reason=reason)

    def _set_standing(self, name: str, keys: Sequence[str], standing: Standing, reason: str) -> StandingReport:
        store, at = self._store(name), self._clock.now()
        before = store.revision
        done = Adding(store, self._sealing, at).set_standing(keys, standing, reason)
        return StandingReport(
            bank=name, at=at, revision_before=before, revision=store.revision, standing=standing, reason=reason,
            keys=done["keys"], unknown=done["unknown"], unchanged=done["unchanged"],
        )  # fmt: skip

    def _store(self, name: str) -> BankStore:
        checked_name(name, "name of a bank")
        for store in self._fresh():
            if store.name == name:
                return store
        raise NotFoundError(f"There is no bank {name!r}.", hint="List the banks, or create it.")

    def _fresh(self) -> list[BankStore]:
        """All banks as they are on disk now."""
        self._look()
        stores = list(self._stores.values())
        for store in stores:
            store.refresh()
        return [store for store in stores if not store.deleted]

    def _look(self) -> None:
        """Take up banks that other processes created, let go of those that they deleted."""
        try:
            changed = os.stat(self._banks_folder).st_mtime_ns  # noqa: PTH116
            if changed == self._looked_at and time.time_ns() - changed > _TICK:
                return
            names = {name for name in os.listdir(self._banks_folder) if not name.startswith(".")}  # noqa: PTH208
        except OSError as e:
            raise StorageError(f"Could not read {self._folder}: {e.strerror}.", hint="Check permissions.") from e
        if names == self._stores.keys():
            self._looked_at = changed
            return
        with self._mutex:
            for name in self._stores.keys() - names:
                self._stores.pop(name).close()
            for name in sorted(names - self._stores.keys()):
                folder = self._folder / _BANKS / name
                index = (self._memory / name) if self._memory is not None else folder / "pdq"
                self._stores[name] = BankStore(folder, name, self._sealing, index, self._disk)
            self._stores = dict(sorted(self._stores.items()))


def _in_range(what: str, value: int, highest: int) -> int:
    if not 0 <= value <= highest:
        raise InputError(f"A {what} of {value} is not possible.", hint=f"Choose 0 to {highest}.")
    return value


def _needed(reason: str) -> str:
    if not reason.strip():
        raise InputError("A reason is needed for this.", hint="Say in a few words why.")
    return reason
