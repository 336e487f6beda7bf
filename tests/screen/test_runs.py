"""Runs: nothing lost, nothing done twice, whatever stops them."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight.banks import Library
from firstlight.clock import FixedClock
from firstlight.errors import InputError, NotFoundError, StateError, StorageError
from firstlight.media import Cage
from firstlight.screen import runs
from firstlight.screen.launch import Done, LocalPool, part_of
from firstlight.screen.plan import read_plan
from firstlight.screen.report import tallies
from firstlight.screen.results import finished
from firstlight.screen.shard import Settings, Tally
from firstlight.screen.shards import Kind, Shard
from screen.making import Here, lists_of, picture, screened, tar_of


def _set(folder: Path, shards: int = 4, each: int = 3) -> Path:
    folder.mkdir()
    for number in range(shards):
        tar_of([(f"{number}-{n}.jpg", picture(3 + n)) for n in range(each)], folder / f"{number:03}.tar")
    return folder


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path, cage: Cage) -> None:
    source, settings = _set(tmp_path / "set"), Settings(tmp_path / "out")
    runs.prepare(settings, [str(source)], keep=False)
    first = runs.run(settings, Here(cage, stop_after=1))
    assert (first.screened, first.left) == (1, 3)
    [kept] = settings.results.iterdir()
    before = kept.read_bytes()
    second = runs.run(settings, Here(cage))
    assert (second.already, second.screened, second.left) == (1, 3, 0)
    assert kept.read_bytes() == before
    third = runs.run(settings, Here(cage))
    assert (third.already, third.screened) == (4, 0)
    assert sum(one.members for one in tallies(settings.out)) == 12
    assert len((settings.out / "log.jsonl").read_text().splitlines()) == 4


def test_a_shard_that_changed_is_screened_anew_and_the_old_result_does_not_count(tmp_path: Path, cage: Cage) -> None:
    source, settings = _set(tmp_path / "set", 2), Settings(tmp_path / "out")
    screened(settings, cage, source)
    tar_of([("new.jpg", picture(9))], source / "001.tar")
    done = screened(settings, cage, source)
    assert (done.already, done.screened) == (1, 1)
    assert sum(one.members for one in tallies(settings.out)) == 4


def test_another_data_set_in_the_same_folder_is_refused(tmp_path: Path, cage: Cage) -> None:
    settings = Settings(tmp_path / "out")
    screened(settings, cage, _set(tmp_path / "set", 1))
    with pytest.raises(StateError, match="holds another screening"):
        runs.prepare(settings, [str(_set(tmp_path / "other", 1))], keep=False)


@pytest.mark.parametrize("count", [1, 3, 7])
def test_the_parts_of_a_job_array_are_the_whole_once(tmp_path: Path, cage: Cage, count: int) -> None:
    source, settings = _set(tmp_path / "set", 5, 1), Settings(tmp_path / "out")
    for index in random.Random(count).sample(range(count), count):
        runs.prepare(settings, [str(source)], keep=True)
        runs.run(settings, Here(cage), part=(index, count))
    assert finished(settings.results) == {one.ident for one in read_plan(settings.out)}
    assert len((settings.out / "log.jsonl").read_text().splitlines()) == 5


def test_there_is_no_part_beyond_the_last() -> None:
    with pytest.raises(InputError, match="There is no part 3 of 3"):
        part_of([], 3, 3)


def test_a_full_disk_stops_the_run_at_once_and_it_goes_on_later(
    tmp_path: Path, cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, settings = _set(tmp_path / "set", 4, 1), Settings(tmp_path / "out")
    runs.prepare(settings, [str(source)], keep=False)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", _no_space)
        first = runs.run(settings, Here(cage))
    assert (first.screened, first.left, len(first.trouble)) == (0, 4, 1)
    assert first.trouble[0].error.code == "storage.enospc"
    assert runs.run(settings, Here(cage)).screened == 4


def _no_space(_fd: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_store_that_is_down_stops_the_run_after_a_few_shards(tmp_path: Path) -> None:
    source, settings = _set(tmp_path / "set", 20, 1), Settings(tmp_path / "out")
    runs.prepare(settings, [str(source)], keep=False)

    def down(_settings: Settings, shards: object) -> object:
        return (Done(shard, error=StorageError("It does not answer.")) for shard in shards)  # type: ignore[attr-defined]

    done = runs.run(settings, down)  # type: ignore[arg-type]
    assert (done.left, len(done.trouble)) == (20, runs.MOST_UPSETS)


def test_results_whose_lists_changed_are_compared_again_on_the_way(
    tmp_path: Path, cage: Cage, library: Library, clock: FixedClock
) -> None:
    source = _set(tmp_path / "set", 2, 2)
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    assert screened(settings, cage, source).rematched == 0
    assert sum(one.hits for one in tallies(settings.out)) == 2
    library.withdraw("known", ["three"], "a test")
    assert screened(settings, cage, source).rematched == 2
    assert sum(one.hits for one in tallies(settings.out)) == 0


def test_empty_sources_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="the sources hold no file"):
        runs.prepare(Settings(tmp_path / "out"), [str(tmp_path / "empty")], keep=False)
    with pytest.raises(NotFoundError):
        runs.prepare(Settings(tmp_path / "out"), [str(tmp_path / "nowhere")], keep=False)
    with pytest.raises(NotFoundError, match="holds no screening"):
        runs.run(Settings(tmp_path / "out2"), LocalPool(1))


class Fragile(LocalPool):
    """A pool whose worker dies of some shards, and takes what waits for it along."""

    def __init__(self, deadly: set[str], clumsy: set[str]) -> None:
        super().__init__(1)
        self._deadly, self._clumsy = deadly, clumsy

    def _until_broken(self, settings: Settings, shards: Iterator[Shard], lost: list[Shard]) -> Iterator[Done]:
        while batch := list(itertools.islice(shards, 2)):
            names = {one.place for one in batch}
            if names & (self._deadly | self._clumsy):
                self._clumsy -= names
                lost += batch
                return
            yield from (Done(one, Tally(ident=one.ident, place=one.place, name=one.place)) for one in batch)


def test_a_shard_that_kills_its_worker_takes_no_other_with_it(tmp_path: Path) -> None:
    shards = [Shard(Kind.TAR, f"/{number}.tar", 1) for number in range(9)]
    pool = Fragile({"/2.tar", "/8.tar"}, {"/5.tar"})
    found = list(pool(Settings(tmp_path), shards))
    assert sorted(one.shard.place for one in found) == sorted(one.place for one in shards)
    failed = {one.shard.place: one.error for one in found if one.error is not None}
    assert set(failed) == {"/2.tar", "/8.tar"}
    assert all(error.diagnostics().code == "storage.worker-killed" for error in failed.values())


KILLED = """
import sys
from pathlib import Path
from firstlight.screen import runs
from firstlight.screen.launch import LocalPool
from firstlight.screen.shard import Settings
if __name__ == "__main__":
    settings = Settings(Path(sys.argv[2]))
    runs.prepare(settings, [sys.argv[1]], keep=False)
    runs.run(settings, LocalPool(2))
"""


def test_a_pool_that_is_killed_at_any_time_loses_and_repeats_nothing(tmp_path: Path) -> None:
    source, settings = _set(tmp_path / "set", 8, 12), Settings(tmp_path / "out")
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    seen: dict[str, int] = {}
    for attempt in range(3):
        process = subprocess.Popen([sys.executable, str(script), str(source), str(settings.out)])
        wanted = min(8, 3 * (attempt + 1))
        deadline = time.monotonic() + 120
        while process.poll() is None and len(seen) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
            for path in settings.results.glob("*.screened") if settings.results.exists() else ():
                mark = path.stat().st_mtime_ns
                assert seen.setdefault(path.name, mark) == mark, "a finished shard was done again"
        if process.poll() is None and attempt < 2:
            os.kill(process.pid, signal.SIGKILL)
        assert process.wait(120) in (0, -signal.SIGKILL)
    assert finished(settings.results) == {one.ident for one in read_plan(settings.out)}
    assert sum(one.members for one in tallies(settings.out)) == 96
    assert all(one.adds_up for one in tallies(settings.out))


def test_the_log_has_a_line_for_each_shard(tmp_path: Path, cage: Cage) -> None:
    settings = Settings(tmp_path / "out")
    screened(settings, cage, _set(tmp_path / "set", 1, 2))
    [line] = (settings.out / "log.jsonl").read_text().splitlines()
    assert {"members": 2, "screened": 2, "unreadable": 0, "skipped": 0}.items() <= json.loads(line).items()
