"""A crash or a refusal at any single write leaves a library that opens, and running the same act again completes it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.banks import Library, NewEntry
from firstlight.clock import Clock, FixedClock
from firstlight.errors import FirstlightError, NotFoundError
from firstlight.index import hamming, plan
from firstlight.values import BankPurpose, Pdq, PdqMode
from index.faults import CrashError, FaultyDisk

NAMES = [f"vegetable-{i}" for i in range(24)]


def pdq(name: str) -> Pdq:
    return Pdq(hex=hashlib.sha256(name.encode()).hexdigest(), quality=100, mode=PdqMode.EXACT)


def entry(name: str, note: str = "") -> NewEntry:
    return NewEntry(key=name, md5=hashlib.md5(name.encode()).hexdigest(), pdq=pdq(name).hex, note=note)


def make_bank(library: Library) -> None:
    if not library.banks():
        library.create_bank("roots", BankPurpose.KNOWN)


STEPS: list[tuple[Callable[[Library], object], set[str]]] = [
    (make_bank, set()),
    (lambda library: library.add("roots", [entry(n) for n in NAMES[:12]]), set(NAMES[:12])),
    (lambda library: library.withdraw("roots", NAMES[:4], "taken back"), set(NAMES[4:12])),
    (lambda library: library.add("roots", [entry(n, "new") for n in NAMES[8:]]), set(NAMES[4:])),
    (lambda library: library.disable("roots", "for a look"), set()),
    (lambda library: library.enable("roots", "looked at"), set(NAMES[4:])),
    (lambda library: library.restore("roots", NAMES[:1], "right after all"), {NAMES[0], *NAMES[4:]}),
]


def held(library: Library) -> set[str]:
    """What matches by PDQ; what matches by MD5 must be the same."""
    near = {n for n in NAMES if [m.entry for m in library.match(pdq=pdq(n))] == [n]}
    listed = {e.key for b in library.banks() if b.enabled for e in library.entries(b.name) if e.standing == "active"}
    assert near == listed
    return near


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds, merges and compactions come within a few entries."""
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 5)
    monkeypatch.setattr("firstlight.banks.store.MERGED_RUNS", 2)
    monkeypatch.setattr("firstlight.banks.store.ENTRIES_PER_FRAME", 3)
    monkeypatch.setattr("firstlight.banks.adding.BATCH", 6)
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 10)
    monkeypatch.setattr(plan, "MAX_CHUNKS", 32)


def run(folder: Path, disk: FaultyDisk, clock: Clock, done: list[set[str]]) -> None:
    with Library.create(folder, sealer=None, clock=clock, disk=disk) as library:
        done.append(set())
        for step, after in STEPS:
            step(library)
            done.append(after)


def test_a_crash_at_any_write_leaves_a_library_that_opens(tmp_path: Path, clock: FixedClock) -> None:
    folder = tmp_path / "library"
    counting = FaultyDisk()
    run(folder, counting, clock, [])
    shutil.rmtree(folder)
    for stop_at in range(1, counting.acts + 1):
        done: list[set[str]] = []
        with pytest.raises(CrashError):
            run(folder, FaultyDisk(stop_at), clock, done)
        try:
            library = Library.open(folder, sealer=None, clock=clock, disk=FaultyDisk())
        except NotFoundError:
            assert not done, stop_at
            library = Library.create(folder, sealer=None, clock=clock, disk=FaultyDisk())
        with library:
            found = held(library)
            if done:
                before, after = done[-1], STEPS[len(done) - 1][1]
                assert before & after <= found <= before | after, stop_at
            for step, after in STEPS[max(len(done) - 1, 0) :]:
                step(library)
                assert held(library) == after, stop_at
            library.verify()
        shutil.rmtree(folder)


def test_a_full_disk_at_any_write_is_said_and_the_library_goes_on(tmp_path: Path, clock: FixedClock) -> None:
    folder = tmp_path / "library"
    counting = FaultyDisk()
    run(folder, counting, clock, [])
    shutil.rmtree(folder)
    for stop_at in range(8, counting.acts + 1):
        with Library.create(folder, sealer=None, clock=clock, disk=FaultyDisk(stop_at, refuse=True)) as library:
            for step, after in STEPS:
                try:
                    step(library)
                except FirstlightError as e:
                    assert "no space" in str(e)  # noqa: PT017
                    held(library)
                    step(library)
                assert held(library) == after, stop_at
            library.verify()
        shutil.rmtree(folder)
