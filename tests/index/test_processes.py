"""Several processes and threads on one index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import firstlight
from firstlight.index import HammingIndex, Hit, hamming

HASHES = np.random.default_rng(1).integers(0, 256, (3000, 32), dtype=np.uint8)


FOLLOWER = """
import json, sys
from pathlib import Path
from firstlight.index import HammingIndex
with HammingIndex.open(Path(sys.argv[1])) as index:
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        answer = index.compact() if line == "compact\\n" else index.search(bytes.fromhex(line), 31)
        print(json.dumps(answer), flush=True)
"""
"""A second process: for each line the keys that this hash finds, or a compaction."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    HammingIndex.create(tmp_path / "i").close()
    return tmp_path / "i"


def test_what_one_process_does_another_sees_at_its_next_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 5)
    source = str(Path(firstlight.__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-c", FOLLOWER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers, questions = process.stdout, process.stdin

        def other(number: int | None) -> object:
            questions.write("compact\n" if number is None else HASHES[number].tobytes().hex() + "\n")
            questions.flush()
            return json.loads(answers.readline())

        assert json.loads(answers.readline()) == "ready"
        with HammingIndex.open(folder) as index:
            assert other(0) == []
            index.add(HASHES[:10], np.arange(10, dtype=np.uint64))
            assert other(0) == [[0, 0]]
            index.compact()
            assert other(9) == [[9, 0]]
            index.remove([9])
            assert other(9) == []
            index.add(HASHES[9:10], [99])
            assert other(9) == [[99, 0]]
            assert other(None) is True
            assert index.search(HASHES[9].tobytes(), 31) == [Hit(99, 0)]
            assert index.search(HASHES[3].tobytes(), 31) == [Hit(3, 0)]
            assert len(index) == 10


def test_readers_never_miss_what_is_there_while_others_add_and_compact(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was acknowledged before a search began is found by it, through any number of compactions."""
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 200)
    monkeypatch.setattr(hamming, "DELTA_ROWS", 300)
    added = 0
    failures: list[object] = []
    stop = threading.Event()

    def read() -> None:
        rng = np.random.default_rng()
        with HammingIndex.open(folder) as own:
            while not stop.is_set():
                known = added
                if not known:
                    continue
                key = int(rng.integers(0, known))
                for reader in (index, own):
                    hits = reader.search(HASHES[key].tobytes(), 0)
                    if hits != [Hit(key, 0)]:
                        failures.append((key, known, hits))

    with HammingIndex.open(folder) as index:
        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for at in range(0, 3000, 60):
            index.add(HASHES[at : at + 60], np.arange(at, at + 60, dtype=np.uint64))
            added = at + 60
        stop.set()
        for reader in readers:
            reader.join()
        assert index.trouble is None
    assert failures == []
    with HammingIndex.open(folder) as index:
        assert index.generation > 1
        assert len(index) == 3000


def test_two_writers_lose_nothing(folder: Path) -> None:
    def write(first: int) -> None:
        with HammingIndex.open(folder) as own:
            for key in range(first, 60, 3):
                own.add(HASHES[key : key + 1], [key])

    writers = [threading.Thread(target=write, args=(first,)) for first in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with HammingIndex.open(folder) as index:
        assert len(index) == 60
        for key in range(60):
            assert index.search(HASHES[key].tobytes(), 0) == [Hit(key, 0)]


def test_a_compaction_that_fails_behind_is_kept_for_the_caller(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamming, "DELTA_ROWS", 5)
    from index.faults import FaultyDisk

    with HammingIndex.open(folder, disk=FaultyDisk(3, refuse=True)) as index:
        index.add(HASHES[:10], np.arange(10, dtype=np.uint64))
    assert index.trouble is not None
    assert "no space" in str(index.trouble)
    with HammingIndex.open(folder) as index:
        assert len(index) == 10
