"""Jobs are there exactly if their transaction is, are done at least once, and never keep each other waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from firstlight.casework import jobs
from firstlight.casework.home import Home, Work
from firstlight.casework.jobs import FIRST_WAIT, LEASE, Job, Worker
from firstlight.clock import FixedClock
from firstlight.custody import EventType
from firstlight.errors import InputError, NotFoundError, StateError, StorageError, UpstreamError
from firstlight.store.tables import Job as Row
from firstlight.store.tables import Setting


def _ask(home: Home, kind: str = "count", **more: object) -> int:
    with home.work() as work:
        return jobs.enqueue(work, kind, **more)  # type: ignore[arg-type]


def _rows(home: Home) -> int:
    with home.look() as work:
        return work.session.scalar(select(func.count()).select_from(Row)) or 0


def _worker(home: Home, do: Callable[[Home, Job], None], name: str = "w", **more: object) -> Worker:
    return Worker(home, {"count": do}, name=name, **more)  # type: ignore[arg-type]


def _pass(home: Home, by: timedelta) -> None:
    assert isinstance(home.clock, FixedClock)
    home.clock.advance(by)


def test_a_job_is_done_once_and_gone(home: Home) -> None:
    seen: list[tuple[str, object, int]] = []
    _ask(home, payload={"event": 7})
    worker = _worker(home, lambda _, job: seen.append((job.kind, job.payload["event"], job.tries)))
    done = worker.run_once()
    assert done is not None
    assert (done.state, done.says) == ("waiting", "")
    assert seen == [("count", 7, 1)]
    assert worker.run_once() is None
    assert _rows(home) == 0


def test_a_job_of_a_transaction_that_failed_was_never_asked_for(home: Home) -> None:
    with pytest.raises(ZeroDivisionError), home.work() as work:
        jobs.enqueue(work, "count")
        _ = 1 / 0
    assert _rows(home) == 0


def test_urgent_jobs_go_first_then_those_that_are_due_for_longest(home: Home) -> None:
    order: list[str] = []
    for name in ("first", "second"):
        _ask(home, payload={"name": name})
    _ask(home, payload={"name": "later"}, due=home.clock.now() + timedelta(hours=1))
    _ask(home, payload={"name": "urgent"}, urgent=True)
    worker = _worker(home, lambda _, job: order.append(job.payload["name"]))
    while worker.run_once():
        pass
    assert order == ["urgent", "first", "second"]
    _pass(home, timedelta(hours=1))
    assert worker.run_once() is not None
    assert order[-1] == "later"


def test_jobs_of_other_kinds_are_left_for_others(home: Home) -> None:
    _ask(home, "another")
    assert _worker(home, lambda *_: None).run_once() is None
    assert _rows(home) == 1


def test_a_key_names_one_job(home: Home) -> None:
    first = _ask(home, key="a", payload={"n": 1})
    assert _ask(home, key="a", payload={"n": 2}, urgent=True) == first
    assert _ask(home, key="b") != first
    assert _ask(home, "other", key="a") != first
    seen: list[object] = []
    assert _worker(home, lambda _, job: seen.append(dict(job.payload))).run_once() is not None
    assert seen == [{"n": 2}]


def test_what_is_asked_for_while_it_is_done_is_done_once_more(home: Home) -> None:
    seen: list[object] = []

    def do(home: Home, job: Job) -> None:
        seen.append(job.payload["n"])
        if job.payload["n"] == 1:
            _ask(home, key="a", payload={"n": 2})

    _ask(home, key="a", payload={"n": 1})
    worker = _worker(home, do)
    while worker.run_once():
        pass
    assert seen == [1, 2]
    assert _rows(home) == 0


def test_a_job_that_fails_waits_longer_each_time_and_is_dead_in_the_end(home: Home) -> None:
    def fail(*_: object) -> None:
        raise UpstreamError("The host did not answer.", hint="Wait.")

    number = _ask(home)
    worker = _worker(home, fail, tries=3)
    for tries in (1, 2):
        found = worker.run_once()
        assert found is not None
        assert (found.state, found.tries) == ("waiting", tries)
        assert worker.run_once() is None
        _pass(home, FIRST_WAIT * 2 ** (tries - 1) - timedelta(seconds=1))
        assert worker.run_once() is None
        _pass(home, timedelta(seconds=1))
    found = worker.run_once()
    assert found is not None
    assert found.state == "dead"
    (dead,) = jobs.standing(home).dead
    assert (dead.id, dead.kind, dead.says) == (number, "count", "The host did not answer. Wait.")
    _pass(home, timedelta(days=9))
    assert worker.run_once() is None


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (InputError("Nonsense."), "dead"),
        (StateError("Another process is at it."), "waiting"),
        (StorageError("Full."), "waiting"),
        (KeyError("secret-word"), "waiting"),
    ],
)
def test_what_cannot_be_helped_by_waiting_is_put_aside_at_once(home: Home, error: Exception, state: str) -> None:
    def fail(*_: object) -> None:
        raise error

    _ask(home)
    found = _worker(home, fail).run_once()
    assert found is not None
    assert found.state == state
    assert "secret-word" not in found.says


def test_a_job_that_kills_its_worker_is_dead_after_as_many_tries_and_nobody_waits_for_it(home: Home) -> None:
    class Killed(BaseException):
        """The process is gone."""

    poison, done = _ask(home, payload={"poison": True}), []

    def do(_: Home, job: Job) -> None:
        if job.payload.get("poison"):
            raise Killed
        done.append(job.id)

    other = _ask(home, urgent=True)
    for _ in range(3):
        worker = _worker(home, do, tries=3)
        with pytest.raises(Killed):
            while worker.run_once():
                pass
        _pass(home, LEASE)
    found = _worker(home, do, tries=3).run_once()
    assert found is not None
    assert (found.id, found.state) == (poison, "dead")
    assert "ended without a word" in jobs.standing(home).dead[0].says
    assert done == [other]


def test_a_lease_that_ran_out_is_taken_over_and_the_first_one_ends_nothing(home: Home) -> None:
    second: list[int] = []

    def take_over(home: Home, job: Job) -> None:
        _pass(home, LEASE)
        assert _worker(home, lambda _, job: second.append(job.tries), "other").run_once() is not None
        _ask(home, key="a")
        with pytest.raises(StateError, match="taken this job over"), home.work() as work:
            work.session.add(Setting(name="effect", value=""))
            job.finish(work)

    _ask(home, key="a")
    assert _worker(home, take_over).run_once() is not None
    assert second == [2]
    assert _rows(home) == 1  # asked for anew after the second one ended it
    with home.look() as work:
        assert work.session.get(Setting, "effect") is None


def test_a_job_ends_in_the_transaction_of_what_it_did(home: Home) -> None:
    def do(home: Home, job: Job) -> None:
        with home.work() as work:
            work.session.add(Setting(name="effect", value=job.kind))
            job.finish(work)

    _ask(home)
    assert _worker(home, do).run_once() is not None
    assert _rows(home) == 0


def test_a_long_job_keeps_its_lease(home: Home) -> None:
    kept: list[bool] = []

    def long(home: Home, job: Job) -> None:
        for _ in range(3):
            _pass(home, LEASE * 0.8)
            _wait_until(lambda: _due(home) > home.clock.now() + LEASE * 0.5)
        kept.append(not job.lost.is_set())
        assert _worker(home, long, "other").run_once() is None

    _ask(home)
    assert _worker(home, long, heartbeat=0.01).run_once() is not None
    assert kept == [True]


def test_who_has_lost_the_lease_is_told(home: Home) -> None:
    lost: list[bool] = []

    def long(home: Home, job: Job) -> None:
        with home.work() as work:
            work.session.get_one(Row, job.id).lease = "another"
        lost.append(job.lost.wait(20))

    _ask(home)
    assert _worker(home, long, heartbeat=0.01).run_once() is not None
    assert lost == [True]
    assert _rows(home) == 1


def _due(home: Home) -> datetime:
    with home.look() as work:
        return work.session.scalars(select(Row.due)).one()


def _wait_until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_many_workers_do_each_job_once(home: Home) -> None:
    done: list[int] = []
    numbers = [_ask(home, payload={"n": n}) for n in range(40)]
    stop = threading.Event()

    def do(_: Home, job: Job) -> None:
        done.append(job.id)
        if len(done) == len(numbers):
            stop.set()

    workers = [_worker(home, do, f"w{n}") for n in range(4)]
    threads = [threading.Thread(target=worker.run, args=[stop], kwargs={"idle": 0.01}) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == numbers
    assert _rows(home) == 0


def test_a_worker_outlives_trouble_with_the_database(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, real, calls = threading.Event(), Worker.run_once, []

    def sometimes(self: Worker) -> jobs.Standing | None:
        calls.append(1)
        if len(calls) == 1:
            raise StorageError("The connection was lost.")
        stop.set()
        return real(self)

    monkeypatch.setattr(Worker, "run_once", sometimes)
    _ask(home)
    _worker(home, lambda *_: None).run(stop, idle=0.001)
    assert _rows(home) == 0


def test_dead_jobs_are_revived_or_discarded_by_somebody(home: Home) -> None:
    def fail(*_: object) -> None:
        raise InputError("Nonsense.")

    one, two = _ask(home), _ask(home, key="k")
    worker = _worker(home, fail)
    while worker.run_once():
        pass
    standing = jobs.standing(home)
    assert [dead.id for dead in standing.dead] == [one, two]
    assert (standing.waiting, standing.leased, standing.oldest_due) == (0, 0, None)
    with pytest.raises(InputError, match="Nobody is named"):
        jobs.revive(home, one, actor=" ")
    jobs.revive(home, one, actor="admin")
    jobs.discard(home, two, actor="admin")
    assert jobs.standing(home).waiting == 1
    assert jobs.standing(home).oldest_due is not None
    with home.look() as work:
        told = [entry.event for entry in work.log.entries(types=[EventType.CONFIG_CHANGE]) if entry.event]
    assert [(event.actor, event.payload["what"], event.payload["job"]) for event in told] == [
        ("admin", "job revived", one),
        ("admin", "job discarded", two),
    ]
    assert {event.payload["says"] for event in told} == {"Nonsense."}
    for act in (jobs.revive, jobs.discard):
        with pytest.raises(NotFoundError, match="no dead job"):
            act(home, one, actor="admin")


def test_a_dead_job_that_is_asked_for_again_is_tried_anew(home: Home) -> None:
    fails = [True]

    def do(*_: object) -> None:
        if fails[0]:
            raise InputError("Nonsense.")

    number = _ask(home, key="k")
    worker = _worker(home, do)
    assert worker.run_once() is not None
    fails[0] = False
    assert _ask(home, key="k") == number
    assert worker.run_once() is not None
    assert _rows(home) == 0


def test_what_is_no_plain_data_is_refused(home: Home) -> None:
    with pytest.raises((TypeError, ValueError)), home.work() as work:
        jobs.enqueue(work, "count", {"x": float("nan")})


def test_work_is_the_transaction_of_the_caller(home: Home) -> None:
    with home.work() as work:
        assert isinstance(work, Work)
        jobs.enqueue(work, "count")
        assert work.session.scalar(select(func.count()).select_from(Row)) == 1
