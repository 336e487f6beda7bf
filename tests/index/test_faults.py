"""A crash or a refusal at any single write leaves an index that opens with all or nothing of the step under way."""

from __future__ import annotations

import contextlib
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firstlight.errors import FirstlightError, IntegrityError, NotFoundError, StorageError
from firstlight.index import HammingIndex, hamming, plan
from firstlight.index.disk import Disk
from firstlight.index.framelog import FrameLog
from index.faults import CrashError, FaultyDisk

HASHES = np.random.default_rng(1).integers(0, 256, (40, 32), dtype=np.uint8)
KEYS = np.arange(40, dtype=np.uint64)

Step = tuple[Callable[[HammingIndex], object], set[int]]
STEPS: list[Step] = [
    (lambda index: index.add(HASHES[:20], KEYS[:20], mark=1), set(range(20))),
    (lambda index: index.compact(), set(range(20))),
    (lambda index: index.change(HASHES[20:30], KEYS[20:30], remove=KEYS[:5], mark=2), set(range(5, 30))),
    (lambda index: index.compact(), set(range(5, 30))),
    (lambda index: index.remove(KEYS[5:12], mark=3), set(range(12, 30))),
    (lambda index: index.compact(), set(range(12, 30))),
    (lambda index: index.add(HASHES[30:], KEYS[30:], mark=4), set(range(12, 40))),
]


def content(index: HammingIndex) -> set[int]:
    """The keys that are found by their hashes."""
    found = {key for key in range(40) if any(hit == (key, 0) for hit in index.search(HASHES[key].tobytes(), 0))}
    assert len(index) == len(found)
    return found


def run(folder: Path, disk: Disk, done: list[set[int]]) -> None:
    """All steps; `done` collects what the index held after each."""
    with HammingIndex.create(folder, disk=disk, auto_compact=False) as index:
        done.append(set())
        for step, held in STEPS:
            step(index)
            done.append(held)


def acts(folder: Path) -> int:
    """How many acts on the disk the whole run takes."""
    disk = FaultyDisk()
    run(folder, disk, [])
    shutil.rmtree(folder)
    return disk.acts


@pytest.mark.parametrize("tables", [True, False])
def test_a_crash_at_any_write_leaves_an_index_that_opens(
    tables: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 1 if tables else 10**9)
    monkeypatch.setattr(plan, "MAX_CHUNKS", 32)  # small tables
    folder = tmp_path / "i"
    total = acts(folder)
    assert total > 40
    for stop_at in range(1, total + 1):
        done: list[set[int]] = []
        with pytest.raises(CrashError):
            run(folder, FaultyDisk(stop_at), done)
        try:
            index = HammingIndex.open(folder, disk=FaultyDisk(), auto_compact=False)
        except NotFoundError:
            assert not done, stop_at
            index = HammingIndex.create(folder, disk=FaultyDisk(), auto_compact=False)
        with index:
            allowed = [done[-1] if done else set(), STEPS[max(len(done) - 1, 0)][1]]
            assert content(index) in allowed, stop_at
            index.verify()
            index.change(HASHES[:1], [100], remove=KEYS[30:])
            assert index.search(HASHES[0].tobytes(), 0)[-1] == (100, 0)
            index.remove([100])
            assert index.compact()
            index.verify()
            index.add(HASHES[39:], KEYS[39:])
            assert 39 in content(index)
        leftovers = [p.name for p in folder.iterdir() if p.name.endswith(".tmp")]
        assert not leftovers, stop_at
        shutil.rmtree(folder)


@pytest.mark.parametrize("tables", [True, False])
def test_a_full_disk_at_any_write_is_said_and_the_index_goes_on(
    tables: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 1 if tables else 10**9)
    monkeypatch.setattr(plan, "MAX_CHUNKS", 32)  # small tables
    folder = tmp_path / "i"
    total = acts(folder)
    for stop_at in range(1, total + 1):
        disk = FaultyDisk(stop_at, refuse=True)
        try:
            index = HammingIndex.create(folder, disk=disk, auto_compact=False)
        except StorageError:
            with contextlib.suppress(NotFoundError):  # made whole, and only the last act was refused
                HammingIndex.open(folder).close()
            shutil.rmtree(folder, ignore_errors=True)
            continue
        held: set[int] = set()
        refused = 0
        with index, HammingIndex.open(folder, disk=FaultyDisk()) as other:
            for step, after in STEPS:
                try:
                    step(index)
                except FirstlightError:
                    refused += 1
                    assert content(index) in (held, after), stop_at
                    if held == after or content(index) == held:
                        step(index)
                held = after
                assert content(index) == content(other) == held, stop_at
        assert refused <= 1
        shutil.rmtree(folder)


def test_a_torn_tail_is_cut_off_and_damage_before_the_end_is_refused(tmp_path: Path) -> None:
    with HammingIndex.create(tmp_path / "i") as index:
        index.add(HASHES[:1], KEYS[:1])
        first = (tmp_path / "i" / "delta-00000001").stat().st_size
        index.add(HASHES[1:3], KEYS[1:3])
    log = tmp_path / "i" / "delta-00000001"
    whole = log.read_bytes()

    for cut in range(first, len(whole)):
        log.write_bytes(whole[:cut])
        with HammingIndex.open(tmp_path / "i", disk=FaultyDisk()) as index:
            assert content(index) == {0}
            index.add(HASHES[3:4], KEYS[3:4])
            assert index.mended == cut - first
            assert content(index) == {0, 3}

    for at in range(first + 1, len(whole)):
        log.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with HammingIndex.open(tmp_path / "i") as index:
            assert content(index) == {0}

    for at in range(50, first):
        log.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(IntegrityError, match="damaged at byte"):
            HammingIndex.open(tmp_path / "i")

    for at in range(32):
        log.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(IntegrityError, match=r"at its start|no log of version"):
            HammingIndex.open(tmp_path / "i")


def test_a_tail_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    """A reader that looks while a frame is half written sees the state before it, then the state after."""
    with HammingIndex.create(tmp_path / "i") as index:
        index.add(HASHES[:1], KEYS[:1])
    log = tmp_path / "i" / "delta-00000001"
    with HammingIndex.open(tmp_path / "i") as writer:
        before = log.read_bytes()
        writer.add(HASHES[1:2], KEYS[1:2])
    after = log.read_bytes()
    log.write_bytes(before)
    with HammingIndex.open(tmp_path / "i") as reader:
        for end in range(len(before), len(after)):
            log.write_bytes(after[:end])
            assert content(reader) == {0}
        log.write_bytes(after)
        assert content(reader) == {0, 1}


def test_a_damaged_name_of_the_generation_is_refused(tmp_path: Path) -> None:
    HammingIndex.create(tmp_path / "i").close()
    current = tmp_path / "i" / "CURRENT"
    current.write_text("{")
    with pytest.raises(IntegrityError, match="CURRENT is damaged"):
        HammingIndex.open(tmp_path / "i")
    current.write_text('{"format": 1, "generation": 9, "base": null}')
    with pytest.raises(IntegrityError, match="not there"):
        HammingIndex.open(tmp_path / "i")
    current.write_text('{"format": 2, "generation": 1, "base": null}')
    with pytest.raises(IntegrityError, match="another version"):
        HammingIndex.open(tmp_path / "i")


def test_a_group_of_frames_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    log, payloads = FrameLog.create(tmp_path / "log"), [bytes([i]) * (5 * i) for i in range(6)]
    log.append(b"first")
    alone = [frame.payload for frame in log.read()]
    places = log.append_group(payloads)
    whole, begin = (tmp_path / "log").read_bytes(), log.end
    assert [(frame.offset, frame.end) for frame in log.read()] == places
    assert log.end == len(whole)
    assert log.frames == 7
    assert [log.frame(at).payload for at, _ in places] == payloads
    assert log.frame(begin).payload == payloads[0]  # of a group its first

    for cut in range(begin + 1, len(whole)):
        torn = whole[:cut] + (bytes(len(whole) - cut) if cut % 2 else b"")
        (tmp_path / "log").write_bytes(torn)
        again = FrameLog(tmp_path / "log", disk=FaultyDisk())
        assert [frame.payload for frame in again.read()] == alone
        assert again.mend() == len(torn) - begin

    # After a power cut the head of a group may be missing and its frames be there: that is torn, and no damage.
    (tmp_path / "log").write_bytes(whole[:begin] + bytes(28) + whole[begin + 28 :])
    again = FrameLog(tmp_path / "log", disk=FaultyDisk())
    assert [frame.payload for frame in again.read()] == alone
    assert again.mend() == len(whole) - begin
    assert again.append_group(payloads) == places

    log = FrameLog(tmp_path / "log", disk=FaultyDisk())
    list(log.read())
    log.append(b"last")
    behind = (tmp_path / "log").read_bytes()
    for at in range(begin, len(whole)):
        (tmp_path / "log").write_bytes(behind[:at] + bytes([behind[at] ^ 1]) + behind[at + 1 :])
        with pytest.raises(IntegrityError, match="damaged at byte"):
            again = FrameLog(tmp_path / "log", disk=FaultyDisk())
            assert [frame.payload for frame in again.read()] == alone
            again.mend()


def test_a_log_of_the_version_before_is_read_and_goes_on(tmp_path: Path) -> None:
    FrameLog.create(tmp_path / "log").close()
    head = bytearray((tmp_path / "log").read_bytes())
    head[8:12] = (1).to_bytes(4, "little")
    head[-4:] = zlib.crc32(head[:-4]).to_bytes(4, "little")
    (tmp_path / "log").write_bytes(head)
    log = FrameLog(tmp_path / "log", disk=FaultyDisk())
    places = log.append_group([b"a", b"bc"])
    assert [(frame.offset, frame.end, frame.payload) for frame in log.read()] == [
        (*places[0], b"a"),
        (*places[1], b"bc"),
    ]
    head[8:12] = (3).to_bytes(4, "little")
    head[-4:] = zlib.crc32(head[:-4]).to_bytes(4, "little")
    (tmp_path / "log").write_bytes(head)
    with pytest.raises(IntegrityError, match="no log of version"):
        FrameLog(tmp_path / "log")
