"""A library on disk: sealed and plain, seen by other processes, built again from its log."""

from __future__ import annotations

import contextlib
import io
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from banks.samples import TestSealer, carrot, digests_of, pdq_of, reopened
from firstlight import logs
from firstlight.banks import Library, NewEntry, Sealer
from firstlight.banks.importer import Item
from firstlight.clock import FixedClock
from firstlight.errors import IntegrityError, NotFoundError, StateError, StorageError
from firstlight.index import HammingIndex, disk, hamming
from firstlight.values import BankPurpose


def test_a_sealed_library_shows_nothing_on_disk_and_opens_with_its_key_alone(tmp_path: Path, clock: FixedClock) -> None:
    (tmp_path / "memory").mkdir()
    with Library.create(tmp_path / "library", sealer=TestSealer(), clock=clock, memory=tmp_path / "memory") as library:
        library.create_bank("roots", BankPurpose.KNOWN)
        library.add("roots", [carrot(note="a secret note")])
        library.match(pdq=pdq_of("carrot"))
    for path in (tmp_path / "library").rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o777 == 0o600
            content = path.read_bytes()
            for secret in (digests_of(b"carrot").md5, pdq_of("carrot").hex, "a secret note"):
                assert secret.encode() not in content
            assert pdq_of("carrot").to_bytes() not in content
    with pytest.raises(StateError, match="is sealed"):
        reopened(tmp_path, None)
    with pytest.raises(IntegrityError, match="does not open with the key"):
        reopened(tmp_path, TestSealer(b"x" * 32))


def test_a_plain_library_is_for_its_user_alone(tmp_path: Path, clock: FixedClock) -> None:
    with Library.create(tmp_path / "library", sealer=None, clock=clock) as library:
        library.create_bank("roots", BankPurpose.KNOWN)
        library.add("roots", [carrot()])
    for path in [tmp_path / "library", *(tmp_path / "library").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(StateError, match="not sealed"):
        reopened(tmp_path, TestSealer())
    with pytest.raises(StateError, match="already"):
        Library.create(tmp_path / "library", sealer=None, clock=clock)
    with pytest.raises(NotFoundError, match="No library"):
        Library.open(tmp_path, sealer=None, clock=clock)


def test_many_entries_are_folded_into_tables_and_still_found(
    library: Library, tmp_path: Path, sealer: Sealer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 50)
    monkeypatch.setattr("firstlight.banks.store.MERGED_RUNS", 3)
    monkeypatch.setattr("firstlight.banks.store.ENTRIES_PER_FRAME", 7)
    monkeypatch.setattr("firstlight.banks.adding.BATCH", 20)
    library.create_bank("roots", BankPurpose.KNOWN)
    other = reopened(tmp_path, sealer)
    names = [f"vegetable-{i}" for i in range(400)]
    entries = [NewEntry(key=n, md5=digests_of(n.encode()).md5, pdq=pdq_of(n).hex) for n in names]
    assert library.add("roots", entries).added == 400
    assert library.add("roots", entries).unchanged == 400
    library.add("roots", [NewEntry(key=names[3], md5=digests_of(b"leek").md5)])
    third = reopened(tmp_path, sealer)
    for opened in (library, other, third):
        opened.verify()
        assert opened.bank("roots").entries == 400
        for name in names[::13]:
            assert [m.entry for m in opened.match(digests_of(name.encode()))] == [name]
            assert [m.entry for m in opened.match(pdq=pdq_of(name, 20))] == [name]
        assert opened.match(digests_of(names[3].encode()), pdq_of(names[3])) == ()
        assert [m.entry for m in opened.match(digests_of(b"leek"))] == [names[3]]
        assert sorted(e.key for e in opened.entries("roots")) == sorted(names)
    other.close()
    third.close()


def test_locking_up_leaves_nothing_in_memory(tmp_path: Path, clock: FixedClock, memory: Path) -> None:
    with Library.create(tmp_path / "library", sealer=TestSealer(), clock=clock, memory=memory) as library:
        library.create_bank("roots", BankPurpose.KNOWN)
        library.add("roots", [carrot()])
        assert list(memory.rglob("CURRENT"))
        library.lock_up()
        assert list(memory.iterdir()) == []
    with reopened(tmp_path, TestSealer()) as library:
        assert len(library.match(pdq=pdq_of("carrot"))) == 1


def test_readers_never_miss_what_was_acknowledged_while_others_add(
    library: Library, tmp_path: Path, sealer: Sealer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 20)
    monkeypatch.setattr("firstlight.banks.store.MERGED_RUNS", 2)
    monkeypatch.setattr("firstlight.banks.store.ENTRIES_PER_FRAME", 5)
    library.create_bank("roots", BankPurpose.KNOWN)
    names = [f"vegetable-{i}" for i in range(300)]
    added = 0
    misses: list[str] = []
    stop = threading.Event()
    other = reopened(tmp_path, sealer)

    def read(reader: Library, step: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += step
            if added:
                name = names[turn % added]
                found = reader.match(digests_of(name.encode()), pdq_of(name))
                if [m.entry for m in found] != [name] or not found[0].exact:
                    misses.append(name)
                if [m.entry for m in reader.match(pdq=pdq_of(name, 5))] != [name]:
                    misses.append(name)

    readers = [threading.Thread(target=read, args=(one, step)) for one in (library, other) for step in (7, 11)]
    for reader in readers:
        reader.start()
    for at in range(0, 300, 15):
        part = names[at : at + 15]
        library.add("roots", [NewEntry(key=n, md5=digests_of(n.encode()).md5, pdq=pdq_of(n).hex) for n in part])
        added = at + 15
    stop.set()
    for reader in readers:
        reader.join()
    other.close()
    assert misses == []


def test_what_is_added_in_large_parts_is_not_left_to_be_scanned(
    library: Library, tmp_path: Path, sealer: Sealer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 80)
    monkeypatch.setattr("firstlight.banks.library.MANY", 10)
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 2)
    library.create_bank("roots", BankPurpose.KNOWN)
    names = [f"vegetable-{i}" for i in range(53)]
    entries = [NewEntry(key=n, pdq=pdq_of(n).hex) for n in names]
    other = reopened(tmp_path, sealer)

    def pending() -> int:
        index = library._store("roots").index()
        assert index is not None
        return index.pending

    library.add("roots", entries[:20])
    assert pending() == 0
    library.add("roots", entries[20:30])  # not so many at once
    assert pending() == 10
    library.take("roots", [Item(line, entry) for line, entry in enumerate(entries[30:50], 1)])
    assert pending() == 0
    library.add("roots", entries[50:])
    library.withdraw("roots", names[:1], "taken back")
    assert pending() == 3
    for opened in (library, other):
        assert opened.nearest(pdq_of(names[0]).to_bytes()) == []
        for name in names[1:]:
            assert opened.nearest(pdq_of(name, 9).to_bytes()) == [("roots", name, 9)]
    other.close()


def listed(folder: Path, names: list[str]) -> Path:
    """A file that lists the hashes of these."""
    path = folder / "list.csv"
    path.write_text("key,pdq\n" + "".join(f"{name},{pdq_of(name).hex}\n" for name in names))
    return path


def test_a_sealed_index_is_opened_from_its_copy_after_a_restart(
    tmp_path: Path, clock: FixedClock, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 2)
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 8)
    monkeypatch.setattr("firstlight.banks.sealed_index.BLOCK", 100_000)
    names = [f"vegetable-{i}" for i in range(30)]
    entries = [NewEntry(key=n, pdq=pdq_of(n).hex) for n in names]
    path = listed(tmp_path, names[:20])
    with Library.create(tmp_path / "library", sealer=TestSealer(), clock=clock, memory=memory) as library:
        library.create_bank("roots", BankPurpose.KNOWN)
        library.import_list("roots", path)
        library.add("roots", entries[20:])
        library.withdraw("roots", names[:1], "taken back")
    copy = tmp_path / "library" / "banks" / "roots" / "pdq.sealed"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert pdq_of(names[3]).to_bytes() not in copy.read_bytes()

    def restarted() -> Library:
        for folder in memory.iterdir():
            shutil.rmtree(folder)
        return reopened(tmp_path, TestSealer())

    with restarted() as library:
        built: list[object] = []
        monkeypatch.setattr(HammingIndex, "create", lambda *a, **k: built.append(a))
        for name in names[1:]:
            assert [m.entry for m in library.match(pdq=pdq_of(name, 9))] == [name]
        assert library.match(pdq=pdq_of(names[0])) == ()
        assert built == []
    monkeypatch.undo()
    whole = copy.read_bytes()
    for damaged in (whole[:-40], b"x" + whole):
        copy.write_bytes(damaged)
        with restarted() as library:
            assert [m.entry for m in library.match(pdq=pdq_of(names[3]))] == [names[3]]
            assert not copy.exists() or copy.read_bytes() != damaged


def test_two_programs_that_close_one_library_at_once_write_its_copy_once(
    tmp_path: Path, clock: FixedClock, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 2)
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 8)
    names = [f"vegetable-{i}" for i in range(30)]
    path = listed(tmp_path, names)
    both = threading.Barrier(2, timeout=0.3)
    met: list[Path] = []
    failed: list[StorageError] = []
    replace = disk.Disk.replace

    def replacing(self: disk.Disk, source: Path, target: Path) -> None:
        if target.name == "pdq.sealed":
            met.append(source)
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait()  # the other one, if it has written as well
        replace(self, source, target)

    def close(library: Library) -> None:
        try:
            library.close()
        except StorageError as e:
            failed.append(e)

    with Library.create(tmp_path / "library", sealer=TestSealer(), clock=clock, memory=memory) as library:
        library.create_bank("roots", BankPurpose.KNOWN)
        library.import_list("roots", path)
        copy = tmp_path / "library" / "banks" / "roots" / "pdq.sealed"
        copy.unlink(missing_ok=True)
        second = reopened(tmp_path, TestSealer())
        for one in (library, second):
            assert len(one.match(pdq=pdq_of(names[3]))) == 1
        monkeypatch.setattr(disk.Disk, "replace", replacing)
        threads = [threading.Thread(target=close, args=(one,)) for one in (library, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (failed, len(met), copy.exists()) == ([], 1, True)


def test_an_index_of_another_version_is_built_again(
    library: Library,
    tmp_path: Path,
    sealer: Sealer | None,
    clock: FixedClock,
    memory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 2)
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 8)
    names = [f"vegetable-{i}" for i in range(30)]
    path = listed(tmp_path, names)
    with monkeypatch.context() as older:
        older.setattr("firstlight.index.basefile.VERSION", 1)
        library.create_bank("roots", BankPurpose.KNOWN)
        library.import_list("roots", path)
        library.withdraw("roots", names[:1], "taken back")
        library.close()  # a sealed bank leaves a copy of that version, and its index in memory
    lines = io.StringIO()
    logs.configure(to=lines, style=logs.Style.JSON)
    try:
        barrier = threading.Barrier(2)

        def found() -> list[str]:
            other = reopened(tmp_path, sealer)
            barrier.wait()
            with other:
                return [m.entry for n in names for m in other.match(pdq=pdq_of(n, 9))]

        with ThreadPoolExecutor(2) as both:
            answers = [each.result() for each in [both.submit(found) for _ in range(2)]]
    finally:
        logs.close()
    assert answers == [names[1:], names[1:]]
    assert '"index.rebuilt"' in lines.getvalue()
    assert '"roots"' in lines.getvalue()


def test_index_and_tables_are_built_again_from_the_log(
    library: Library, tmp_path: Path, sealer: Sealer | None, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 2)
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot(), carrot(key="beet", pdq=pdq_of("beet").hex)])
    library.withdraw("roots", ["beet"], "taken back")
    library.close()
    for index in ((tmp_path / "library" / "banks" / "roots").glob("pdq"), memory.glob("firstlight-*")):
        for folder in index:
            shutil.rmtree(folder)
    for run in (tmp_path / "library" / "banks" / "roots").glob("run-*"):
        run.unlink()
    with reopened(tmp_path, sealer) as opened:
        assert [m.entry for m in opened.match(pdq=pdq_of("carrot"))] == ["carrot"]
        assert opened.match(pdq=pdq_of("beet")) == ()
