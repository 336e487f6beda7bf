"""What goes on beside the requests of `firstlight up`."""

from __future__ import annotations

import threading

import pytest

from firstlight.casework import examine, jobs
from firstlight.casework.home import Home
from firstlight.custody import EventType
from firstlight.media import Cage
from firstlight.web import audit, background
from firstlight.web.background import PARTS, Background
from firstlight.web.readiness import Readiness


def test_jobs_are_done_beside_the_requests(home: Home, cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setitem(background.HANDLERS, "probe", lambda _home, _job: done.set())
    with home.work() as work:
        jobs.enqueue(work, "probe")
    beside = Background(home, cage, Readiness(PARTS))
    beside.start(workers=1)
    try:
        assert done.wait(60)
    finally:
        beside.stop()
    found = jobs.standing(home)
    assert (found.waiting, found.leased, found.dead) == (0, 0, ())


def test_a_fault_ends_no_thread(home: Home, cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, again = iter([ValueError("a fault")]), threading.Event()

    def pending(_: object) -> int:
        for error in asked:
            raise error
        again.set()
        return 0

    monkeypatch.setattr(background, "WAIT_AFTER_FAULT", 0.01)
    monkeypatch.setattr(examine, "pending", pending)
    beside = Background(home, cage, Readiness(PARTS))
    beside.start(workers=1)
    try:
        assert again.wait(60), "nobody examines any more"
    finally:
        beside.stop()


def test_what_was_looked_up_is_written_after_a_fault_too(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "EVERY", 0.01)
    record = audit.Audit(home)
    with monkeypatch.context() as patch:
        failed = threading.Event()

        def fail() -> None:
            failed.set()
            raise ValueError("a fault")

        patch.setattr(home, "work", fail)
        record.add(audit.LookUp("somebody", "pdq"))
        assert failed.wait(60)
    record.close()
    with home.look() as work:
        [entry] = work.log.entries(types=[EventType.MATCH])
    assert entry.event is not None
    assert entry.event.payload["looked_up"] == {"pdq": 1}
