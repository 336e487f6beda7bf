"""The cage: a pool of worker processes, the only place where foreign bytes are opened.

A worker has no secrets, no network, little memory and little time, and does one source at a time. One that dies,
overruns or talks nonsense costs its source the decoding and nothing else; the next source gets a new one.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

from firstlight.errors import FirstlightError, InputError, LimitError, StateError, UnreadableError
from firstlight.media._isolation import Isolation
from firstlight.media._workers import Nursery, Worker, WorkerDiedError, WorkerOverdueError, WorkerStoppedError
from firstlight.media.limits import DEFAULT_LIMITS, Limits
from firstlight.media.sources import Source, descriptor

Answer: TypeAlias = dict[str, Any]
"""What a task returned: JSON values by name, and `bytes` for binary parts."""

TASKS_PER_WORKER = 500
"""A worker is replaced after so many sources: what one of them may have broken does not live on for long."""

AHEAD = 4
"""Sources that `map` takes in advance per worker: enough that no worker waits for a slow consumer's next step."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source of `map`: an answer, or the reason why there is none."""

    source: Source
    answer: Answer | None = None
    error: FirstlightError | None = None

    def unwrap(self) -> Answer:
        """The answer; raises the error if there is none."""
        if self.answer is None:
            raise self.error or UnreadableError("There is no answer.")
        return self.answer


class Cage:
    """A pool of caged workers; a context manager, safe to use from several threads.

    Workers are born from a fresh interpreter that is started here: make the cage before any secret is loaded.
    `preload` names the modules of the tasks; each is imported once, before the first foreign byte, and its
    `prepare()`, if it has one, is called. `workers` defaults to the processors this process may use.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
        preload: Sequence[str] = (),
        tasks_per_worker: int = TASKS_PER_WORKER,
    ) -> None:
        self.workers = workers if workers is not None else len(os.sched_getaffinity(0))
        if self.workers < 1 or tasks_per_worker < 1:
            raise InputError("A cage needs at least one worker and one task for each.", hint="Leave it to the default.")
        self.limits = limits
        self._tasks_per_worker = tasks_per_worker
        self._nursery = Nursery(limits, preload)
        self._idle: list[Worker] = []
        self._alive = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.local()

    # --- one source ---

    def run(self, task: str, source: Source, /, **params: Any) -> Answer:  # noqa: ANN401 - any JSON values
        """Run `task` ("package.module:function") on one source in a worker and return what it answered.

        The worker calls `function(CagedFile, limits, **params)`.

        Raises:
            LimitError: it needed more than `limits` allows (limit.time, limit.memory, limit.pixels, ...).
            UnreadableError: it cannot be decoded (unreadable.truncated, unreadable.worker-died, ...).
            InputError, StorageError: the source could not be opened at all.
        """
        stop: _Stop | None = getattr(self._thread, "stop", None)
        stop_fd = stop.fd if stop else None
        if isinstance(source, bytes | list):
            return self._run(task, [source] if isinstance(source, bytes) else source, params, stop_fd)
        with descriptor(source) as fd:
            return self._run(task, fd, params, stop_fd)

    def _run(self, task: str, source: int | list[bytes], params: dict[str, Any], stop_fd: int | None) -> Answer:
        while True:
            with self._worker() as worker:
                used = worker.tasks > 0
                try:
                    return worker.ask(task, source, params, stop_fd)
                except WorkerOverdueError as e:
                    raise LimitError(
                        f"It was not done after {self.limits.wall_seconds:g} seconds.", code="limit.time"
                    ) from e
                except WorkerStoppedError as e:
                    raise StateError("The work was stopped before this source was done.", code="state.stopped") from e
                except WorkerDiedError as e:
                    if self._closed:
                        raise StateError("The cage was closed before this source was done.") from e
                    if not used:
                        raise _last_words(e, self.limits) from e
                except LimitError as e:
                    if not used or e.diagnostics().code != "limit.memory":
                        raise
                    worker.retire()
            # an earlier source may have broken this worker: the present one gets a fresh one, once

    # --- many sources ---

    def map(
        self,
        task: str,
        sources: Iterable[Source],
        /,
        *,
        ordered: bool = True,
        **params: Any,  # noqa: ANN401 - any JSON values
    ) -> Iterator[Outcome]:
        """Run `task` on each source with all workers; one outcome each, in the order given or as they come.

        Memory is constant: only a few sources are taken from the iterable in advance. Closing the iterator, or an
        interrupt, stops the work at hand.
        """

        def one(source: Source) -> Outcome:
            try:
                return Outcome(source, self.run(task, source, **params))
            except FirstlightError as e:
                return Outcome(source, error=e)

        return self.each(one, sources, ordered=ordered)

    def each(self, work: Callable[[T], R], items: Iterable[T], *, ordered: bool = True) -> Iterator[R]:
        """Call `work` on each item, in as many threads as there are workers, with constant memory.

        For work that does something of its own besides `run`, such as taking digests. An error of `work` or of the
        iterable ends the iteration, so that `work` should return its failures. Closing the iterator, or an interrupt,
        stops what `run` is doing in those threads.
        """
        ahead = self.workers * AHEAD
        pending: deque[Future[R]] = deque()
        stop = _Stop()
        pool = ThreadPoolExecutor(self.workers, "cage", initializer=setattr, initargs=(self._thread, "stop", stop))
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) >= ahead:
                    yield _next(pending, ordered)
            while pending:
                yield _next(pending, ordered)
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            stop.close()

    # --- the pool ---

    @property
    def isolation(self) -> Isolation:
        """Which layers of isolation hold for the workers on this machine; waits for the first worker."""
        with self._worker() as worker:
            return worker.isolation

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self._take()
        try:
            yield worker
        finally:
            self._give_back(worker)

    def _take(self) -> Worker:
        with self._changed:
            while True:
                if self._closed:
                    raise StateError("The cage is closed.", hint="Make a new one.")
                if self._idle:
                    return self._idle.pop()
                if self._alive < self.workers:
                    self._alive += 1
                    break
                self._changed.wait()
        try:
            return self._nursery.spawn()
        except BaseException:
            self._forget_one()
            raise

    def _give_back(self, worker: Worker) -> None:
        if worker.gone or worker.tasks >= self._tasks_per_worker:
            worker.end()
            self._forget_one()
            return
        with self._changed:
            if not self._closed:
                self._idle.append(worker)
                self._changed.notify()
                return
        worker.end()

    def _forget_one(self) -> None:
        with self._changed:
            self._alive -= 1
            self._changed.notify()

    def close(self) -> None:
        """End all workers. Work that is still running in other threads fails; closing twice does nothing."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for worker in idle:
            worker.end()
        self._nursery.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Stop:
    """A flag that threads can wait for together with a socket."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def set(self) -> None:
        os.eventfd_write(self.fd, 1)

    def close(self) -> None:
        os.close(self.fd)


def _next(pending: deque[Future[R]], ordered: bool) -> R:
    if ordered:
        return pending.popleft().result()
    done, _ = wait(pending, return_when=FIRST_COMPLETED)
    future = next(future for future in pending if future in done)
    pending.remove(future)
    return future.result()


def _last_words(died: WorkerDiedError, limits: Limits) -> FirstlightError:
    if died.out_of_time:
        return LimitError(f"It took more than {limits.cpu_seconds} seconds of processor time.", code="limit.time")
    return UnreadableError(
        f"The decoder did not survive it ({died.words}).",
        hint="The file is kept; a person has to look at it with tools made for broken or hostile files.",
        code="unreadable.worker-died",
    )
