"""What goes on beside the requests of `firstlight up`."""

from __future__ import annotations

import threading

import pytest

from firstlight.casework import jobs
from firstlight.casework.home import Home
from firstlight.media import Cage
from firstlight.web import background
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
