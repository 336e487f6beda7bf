"""A patient index shows every change at once and waits for the medium once, when it is asked to."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from firstlight.errors import StorageError
from firstlight.index import HammingIndex
from firstlight.index.disk import PatientDisk


class Counting(PatientDisk):
    """Counts how often the medium was waited for; refuses where told to."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0
        self.full = False

    def sync(self, fd: int, path: Path) -> None:
        if self.full:
            raise StorageError("The disk refuses.")
        os.fstat(fd)  # it is an open file
        self.waited += 1


def _hash(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (1, 32), dtype=np.uint8)


def test_changes_are_seen_at_once_and_waited_for_together(tmp_path: Path) -> None:
    disk = Counting()
    with HammingIndex.create(tmp_path / "index", disk=disk) as index, HammingIndex.open(tmp_path / "index") as other:
        before = disk.waited
        for number in range(50):
            index.add(_hash(number), [number])
            assert [hit.key for hit in other.search(_hash(number).tobytes(), 0)] == [number]
        assert disk.waited == before
        index.flush()
        assert disk.waited == before + 1
        index.flush()
        assert disk.waited == before + 1


def test_what_a_compaction_took_over_needs_no_waiting(tmp_path: Path) -> None:
    disk = Counting()
    with HammingIndex.create(tmp_path / "index", disk=disk) as index:
        index.add(_hash(1), [1])
        assert index.compact()
        index.flush()
        index.add(_hash(2), [2])
        index.flush()
    with HammingIndex.open(tmp_path / "index", patient=True) as index:
        assert len(index) == 2


def test_a_disk_that_refuses_is_asked_again(tmp_path: Path) -> None:
    disk = Counting()
    with HammingIndex.create(tmp_path / "index", disk=disk) as index:
        index.add(_hash(1), [1])
        disk.full = True
        with pytest.raises(StorageError):
            index.flush()
        disk.full = False
        before = disk.waited
        index.flush()
        assert disk.waited == before + 1


def test_another_index_waits_for_each_change_and_has_nothing_to_flush(tmp_path: Path) -> None:
    with HammingIndex.create(tmp_path / "index") as index:
        index.add(_hash(1), [1])
        index.flush()
        assert len(index) == 1
