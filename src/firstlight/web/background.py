"""What goes on beside the requests: getting ready, and examining what came in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from firstlight.casework import examine, exchanging, jobs
from firstlight.casework.home import Home
from firstlight.errors import FirstlightError
from firstlight.logs import get_logger
from firstlight.media import Cage
from firstlight.web import garbage, webhooks
from firstlight.web.readiness import Readiness

LOOK_EVERY = 2.0  # seconds; another process may have taken something in, which wakes nobody here
WAIT_AFTER_FAULT = 10.0
TELL_EVERY = 1.0
LOOK_AT_EXCHANGES_EVERY = 30.0
ASK_AGAIN_AFTER = timedelta(minutes=5)
"""An exchange that could not be fetched to its end is asked again after this, if that is sooner than its turn."""
HANDLERS: dict[str, jobs.Handler] = {webhooks.KIND: webhooks.send}
"""What each kind of job does."""
BANKS, KERNELS = "banks", "kernels"
PARTS = (BANKS, KERNELS)
"""What has to be there before the service is ready."""
NOTHING = bytes(32)
_log = get_logger("web")


class Background:
    """The threads beside the requests. Stop them before the home is closed."""

    def __init__(self, home: Home, cage: Cage, ready: Readiness) -> None:
        self._home = home
        self._cage = cage
        self._ready = ready
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._wake_fetching = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, *, workers: int, when_ready: Callable[[], None] = lambda: None) -> None:
        """Get ready; with `workers`, examine what came in."""
        self._thread("ready", lambda: self._get_ready(when_ready))
        if not workers:
            return
        self._thread("examine", self._examine)
        if self._home.settings.service.webhooks:
            self._thread("events", self._tell)
        if self._home.settings.service.fetch_every:
            self._thread("exchanges", self._fetch)
        for number in range(workers):
            name = f"{os.uname().nodename}/{os.getpid()}/{number}"
            worker = jobs.Worker(self._home, HANDLERS, name=name)
            self._thread(f"jobs-{number}", lambda worker=worker: worker.run(self._stop))  # type: ignore[misc]

    def wake(self) -> None:
        """Something came in."""
        self._wake.set()

    def wake_fetching(self) -> None:
        """An exchange was made or changed."""
        self._wake_fetching.set()

    def stop(self, timeout: float = 30.0) -> None:
        """Let what is under way come to a stop; what was not finished is found again at the next start."""
        self._stop.set()
        self._wake.set()
        self._wake_fetching.set()
        for thread in self._threads:
            thread.join(timeout)

    def _thread(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._whatever_happens, args=(name, work), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _whatever_happens(self, name: str, work: Callable[[], None]) -> None:
        """Do the work to its end; a fault is told, and it is begun anew after a while: a thread that is gone would keep
        what waits for it waiting until somebody starts the service again."""
        while True:
            try:
                work()
            except Exception as e:  # noqa: BLE001 - see above
                _log.error("background.fault", step=name, error=e, exc_info=e)
            else:
                return
            if self._stop.wait(WAIT_AFTER_FAULT):
                return

    def _get_ready(self, when_ready: Callable[[], None]) -> None:
        try:
            self._home.library.banks()
            _ = self._home.vault
            from firstlight.index import warm_up  # loads the compiler

            warm_up()
            self._ready.done(KERNELS)
            self._home.library.nearest(NOTHING)  # a search opens every bank's index, and builds it where it has to
            self._ready.done(BANKS)
        except FirstlightError as e:
            self._ready.fail(e.diagnostics().code)
            _log.error("not-ready", error=e)
            return
        finally:
            garbage.settle()
        when_ready()

    def _tell(self) -> None:
        while not self._stop.is_set():
            try:
                if webhooks.gather(self._home):
                    continue
            except FirstlightError as e:
                _log.error("events.wait", error=e)
            self._stop.wait(TELL_EVERY)

    def _fetch(self) -> None:
        asked: dict[str, datetime] = {}
        while not self._stop.is_set():
            self._wake_fetching.clear()
            try:
                fetch_due(self._home, asked)
            except FirstlightError as e:
                _log.error("exchanges.wait", error=e)
            self._wake_fetching.wait(LOOK_AT_EXCHANGES_EVERY)

    def _examine(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                with self._home.look() as work:
                    waiting = examine.pending(work.session)
                if waiting:
                    examine.examine(self._home, self._cage)
                    continue
            except FirstlightError as e:
                _log.error("examination.failed", error=e)
                self._stop.wait(WAIT_AFTER_FAULT)
            self._wake.wait(LOOK_EVERY)


def fetch_due(home: Home, asked: dict[str, datetime]) -> None:
    """Fetch every enabled exchange whose turn it is; `asked` holds when each was tried last, by this process."""
    every, now = timedelta(minutes=home.settings.service.fetch_every), home.clock.now()
    for name in exchanging.names(home):
        state = exchanging.show(home, name)
        wait = every if state.last_succeeded else min(every, ASK_AGAIN_AFTER)
        last = max(filter(None, (state.last_fetch, asked.get(name))), default=None)
        if not state.enabled or (last is not None and now - last < wait):
            continue
        asked[name] = now
        try:
            found = exchanging.fetch(home, name)
            _log.info("exchange.fetched", up_to_date=found.up_to_date)
        except FirstlightError as e:  # without credentials, say, or fetched by somebody else just now
            _log.warning("exchange.waits", error=e)
