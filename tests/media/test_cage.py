"""The cage: what a worker may do, and what its death costs."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight.errors import (
    FirstlightError,
    InputError,
    LimitError,
    NotFoundError,
    RefusedError,
    StateError,
    StorageError,
    UnreadableError,
)
from firstlight.media import Cage, Limits, Source

T = "media.caged_tasks:"
PRELOAD = ("media.caged_tasks",)


@pytest.fixture(scope="module")
def small() -> Iterator[Cage]:
    """A cage with narrow limits."""
    limits = Limits(memory_bytes=64 * 2**20, cpu_seconds=1, wall_seconds=20, reply_bytes=1000, file_bytes=1000)
    with Cage(workers=1, limits=limits, preload=PRELOAD) as cage:
        yield cage


def _error(cage: Cage, task: str, source: Path | bytes = b"leek") -> FirstlightError:
    with pytest.raises(FirstlightError) as caught:
        cage.run(T + task, source)
    return caught.value


# --- what works ---


def test_a_task_answers_json(cage: Cage) -> None:
    answer = cage.run(T + "describe", b"leek", extra=[1, {"a": None}])
    assert answer == {"size": 4, "media_type": "text/plain", "text": "leek", "extra": [1, {"a": None}]}


def test_a_task_answers_binary_parts(cage: Cage) -> None:
    data = bytes(range(256)) * 5000
    assert cage.run(T + "attach", data) == {"copy": data, "twice": data * 2, "n": len(data)}


def test_paths_and_open_files_are_sources_too(cage: Cage, tmp_path: Path) -> None:
    path = tmp_path / "a\nname"
    path.write_bytes(b"leek")
    assert cage.run(T + "describe", path)["text"] == "leek"
    with path.open("rb") as file:
        file.read()
        assert cage.run(T + "describe", file)["text"] == "leek"


def test_an_empty_source_is_given_to_the_task(cage: Cage) -> None:
    assert cage.run(T + "describe", b"")["media_type"] == "application/x-empty"


def test_a_source_that_cannot_be_opened_needs_no_worker(cage: Cage, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        cage.run(T + "describe", tmp_path / "nothing")
    with pytest.raises(InputError, match="is a folder"):
        cage.run(T + "describe", tmp_path)


def test_a_refusal_of_the_task_arrives_whole_and_clean(cage: Cage) -> None:
    error = _error(cage, "refuse")
    assert isinstance(error, UnreadableError)
    notes = error.diagnostics()
    assert (notes.code, notes.message, notes.facts) == ("unreadable.no-good", "No good.", {"width": 3})
    assert notes.hint == "Try\N{REPLACEMENT CHARACTER}another."
    assert isinstance(_error(cage, "forbid"), RefusedError)


def test_an_exception_of_a_decoder_is_wrapped_without_its_words(cage: Cage) -> None:
    error = _error(cage, "stumble")
    assert error.diagnostics().code == "unreadable.broken"
    assert "secret" not in str(error)
    assert "KeyError" in str(error)


def test_a_task_that_is_not_there_is_our_own_fault(cage: Cage) -> None:
    for task in ("media.caged_tasks:nothing", "media.nothing:at_all", "no task"):
        with pytest.raises(FirstlightError) as caught:
            cage.run(task, b"leek")
        assert not isinstance(caught.value, UnreadableError)
        assert caught.value.exit_code == 3


# --- many sources ---


@pytest.mark.parametrize("ordered", [True, False])
def test_map_answers_every_source_once(cage: Cage, ordered: bool, tmp_path: Path) -> None:
    sources = [b"%d" % n for n in range(100)]
    outcomes = list(cage.map(T + "describe", (s for s in sources), ordered=ordered))
    texts = [outcome.unwrap()["text"].encode() for outcome in outcomes]
    assert texts == [outcome.source for outcome in outcomes]
    assert (texts if ordered else sorted(texts)) == (sources if ordered else sorted(sources))


def test_map_takes_only_a_few_sources_in_advance(cage: Cage) -> None:
    taken = itertools.count()
    outcomes = cage.map(T + "describe", (b"%d" % next(taken) for _ in itertools.count()))
    for _ in range(50):
        next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert next(taken) < 50 + 4 * cage.workers + 2


def test_one_bad_source_costs_only_itself(cage: Cage, tmp_path: Path) -> None:
    sources: list[Source] = [b"a", tmp_path / "nothing", b"b", tmp_path, b"c"]
    outcomes = list(cage.map(T + "describe", sources))
    assert [outcome.error is None for outcome in outcomes] == [True, False, True, False, True]
    with pytest.raises(NotFoundError):
        outcomes[1].unwrap()


def test_an_error_of_the_iterable_reaches_the_caller_and_the_cage_lives_on(cage: Cage) -> None:
    def sources() -> Iterator[bytes]:
        yield b"leek"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(cage.map(T + "describe", sources()))
    assert cage.run(T + "describe", b"leek")["size"] == 4


def test_no_sources_no_outcomes(cage: Cage) -> None:
    assert list(cage.map(T + "describe", [])) == []


def test_closing_the_iterator_stops_the_work_at_hand() -> None:
    with Cage(workers=2, preload=PRELOAD) as cage:
        outcomes = cage.map(T + "hang_unless", [b"go", *[b"leek"] * 50], ordered=False)
        assert next(outcomes).source == b"go"
        outcomes.close()  # type: ignore[attr-defined]
        own = cage.each(lambda data: cage.run(T + "hang_unless", data), [b"go", *[b"leek"] * 50], ordered=False)
        assert next(own) == {}
        own.close()  # type: ignore[attr-defined]
        assert cage.run(T + "describe", b"leek")["size"] == 4


def test_several_threads_share_a_cage(cage: Cage) -> None:
    wrong: list[object] = []

    def work(n: int) -> None:
        for i in range(30):
            text = f"{n}.{i}"
            if cage.run(T + "describe", text.encode())["text"] != text:
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- what dies ---


@pytest.mark.parametrize("task", ["leave", "crash", "chatter"])
def test_a_worker_that_dies_or_talks_nonsense_costs_one_source(cage: Cage, task: str) -> None:
    error = _error(cage, task)
    assert isinstance(error, UnreadableError)
    assert error.diagnostics().code == "unreadable.worker-died"
    assert cage.run(T + "describe", b"leek")["size"] == 4


def test_a_signal_is_named(cage: Cage) -> None:
    assert "SIGSEGV" in str(_error(cage, "crash"))


def test_the_next_source_does_not_pay_for_the_one_before() -> None:
    with Cage(workers=1, preload=PRELOAD) as cage:
        first = cage.run(T + "die_if_used", b"")["pid"]
        assert cage.run(T + "die_if_used", b"")["pid"] != first


def test_too_much_memory(small: Cage) -> None:
    error = _error(small, "hog")
    assert isinstance(error, LimitError)
    assert error.diagnostics().code == "limit.memory"


def test_too_much_processor_time(small: Cage) -> None:
    assert _error(small, "spin").diagnostics().code == "limit.time"


def test_too_much_waiting() -> None:
    with Cage(workers=1, limits=Limits(wall_seconds=2), preload=PRELOAD) as cage:
        assert _error(cage, "hang").diagnostics().code == "limit.time"
        assert cage.run(T + "describe", b"leek")["size"] == 4


def test_too_large_an_answer(small: Cage) -> None:
    assert _error(small, "flood").diagnostics().code == "unreadable.worker-died"


def test_file_size_at_the_edge(small: Cage) -> None:
    assert small.run(T + "describe", b"x" * 1000)["size"] == 1000
    assert _error(small, "describe", b"x" * 1001).diagnostics().code == "limit.bytes"


def test_an_answer_that_is_no_json_is_a_failure_of_the_task(cage: Cage) -> None:
    assert _error(cage, "nothing_json").diagnostics().code == "unreadable.broken"


def test_a_worker_is_replaced_after_its_share() -> None:
    with Cage(workers=1, preload=PRELOAD, tasks_per_worker=3) as cage:
        pids = [cage.run(T + "who", b"")["pid"] for _ in range(9)]
    assert [len(set(pids[i : i + 3])) for i in (0, 3, 6)] == [1, 1, 1]
    assert len(set(pids)) == 3


# --- isolation ---


def test_a_worker_can_do_nothing_but_read_its_source(cage: Cage, tmp_path: Path) -> None:
    isolation = cage.isolation
    assert isolation.limits
    assert isolation.no_new_privileges
    answer = cage.run(T + "attempt", b"leek")
    worked = set(answer["worked"])
    assert answer["core"] == 0
    assert not worked & {"write", "change source", "cut source", "lengthen source", "map source"}
    if isolation.system_calls:
        assert not worked & {"socket", "unix socket", "fork", "program", "spawn", "kill"}
    if isolation.files:
        assert not worked & {"read", "list"}


def test_a_worker_knows_no_secret_of_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLIGHT_SECRET", "canary")
    with Cage(workers=1, preload=PRELOAD) as cage:
        environment = cage.run(T + "environment", b"")["environment"]
    assert "canary" not in str(environment)


# --- life and death of the pool ---


def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_closing_leaves_no_process_and_no_descriptor() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    cage = Cage(workers=2, preload=PRELOAD)
    pids = {outcome.unwrap()["pid"] for outcome in cage.map(T + "who", [b""] * 50)}
    nursery = cage._nursery._process.pid
    cage.close()
    cage.close()
    assert all(_gone(pid) for pid in {*pids, nursery})
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(StateError, match="closed"):
        cage.run(T + "who", b"")


def test_a_cage_that_was_never_used_closes_at_once() -> None:
    cage = Cage(workers=1)
    nursery = cage._nursery._process.pid
    cage.close()
    assert _gone(nursery)


def test_a_nursery_that_cannot_start_says_why() -> None:
    with Cage(workers=1, preload=("no.such.module",)) as cage:
        for _ in range(2):
            with pytest.raises(StorageError, match=r"No module named 'no'"):
                cage.run(T + "who", b"")


def test_a_nursery_that_was_killed_from_outside_is_started_anew() -> None:
    with Cage(workers=1, preload=PRELOAD) as cage:
        first = cage.run(T + "who", b"")["pid"]
        cage._nursery._process.kill()
        cage._nursery._process.wait()
        assert cage.run(T + "who", b"")["pid"] != first


def test_closing_while_others_work_blames_no_source() -> None:
    cage = Cage(workers=1, preload=PRELOAD)
    answers: list[FirstlightError] = []
    started = threading.Event()

    def work() -> None:
        started.set()
        answers.append(_error(cage, "hang"))

    cage.run(T + "who", b"")
    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    cage.close()
    thread.join()
    assert isinstance(answers[0], StateError)


def test_no_workers_is_no_cage() -> None:
    with pytest.raises(InputError):
        Cage(workers=0)


_INTERRUPTED = """
import itertools, sys
from firstlight.media import Cage
with Cage(workers=2, preload=("media.caged_tasks",)) as cage:
    pids = {o.unwrap()["pid"] for o in cage.map("media.caged_tasks:who", [b""] * 20)}
    print(cage._nursery._process.pid, *pids, flush=True)
    for _ in cage.map("media.caged_tasks:hang", itertools.repeat(b"")):
        pass
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_or_a_kill_leaves_no_process_behind(how: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) >= 2
        process.send_signal(how)
        process.communicate()
    while not all(_gone(pid) or _is_zombie(pid) for pid in pids):  # the suite's own time limit ends a wait for ever
        threading.Event().wait(0.01)


def _is_zombie(pid: int) -> bool:
    """Whose parent has died, and whom nobody collects in a container without an init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
