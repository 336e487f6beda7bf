"""Launchers: ways to have the shards of a plan screened. Each calls `Screener.screen_shard`, and nothing else.

Finished results are passed over, so that any launcher goes on where any other was stopped or killed.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Final, Protocol

from firstlight.errors import FirstlightError, InputError, StorageError
from firstlight.screen.memory import keep_freed_memory
from firstlight.screen.shard import Screener, Settings, Tally
from firstlight.screen.shards import Shard

AHEAD: Final = 2
"""Shards that wait for each worker."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one shard: its account, or why it has to be tried again."""

    shard: Shard
    tally: Tally | None = None
    error: FirstlightError | None = None


class Launcher(Protocol):
    """Screens shards, in any order, as they come."""

    def __call__(self, settings: Settings, shards: Iterable[Shard]) -> Iterator[Done]:
        """One answer for each shard."""
        ...


def part_of(shards: Iterable[Shard], index: int, count: int) -> Iterator[Shard]:
    """The shards that task `index` (from 0) of `count` has to do, as a job array deals them out.

    Raises:
        InputError: there is no such task.
    """
    if not 0 <= index < count:
        raise InputError(f"There is no part {index} of {count}.", hint="Parts are counted from 0: --shard 0/8 to 7/8.")
    return (shard for number, shard in enumerate(shards) if number % count == index)


class LocalPool:
    """Processes on this machine, one shard each at a time."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers if workers is not None else len(os.sched_getaffinity(0))
        if self.workers < 1:
            raise InputError("At least one worker is needed.", hint="Leave --workers to its default.")

    def __call__(self, settings: Settings, shards: Iterable[Shard]) -> Iterator[Done]:
        """See `Launcher`. A worker that is killed is replaced, and what was at work then is done again one by one: a
        shard that kills a worker that has nothing else to do is given up, and takes no other with it."""
        waiting = iter(shards)
        while True:
            lost: list[Shard] = []
            yield from self._until_broken(settings, waiting, lost)
            if not lost:
                return
            for shard in lost:
                alone: list[Shard] = []
                yield from self._until_broken(settings, iter([shard]), alone)
                if alone:
                    yield Done(shard, error=_died(shard))

    def _until_broken(self, settings: Settings, shards: Iterator[Shard], lost: list[Shard]) -> Iterator[Done]:
        context = multiprocessing.get_context("spawn")
        alive, ours = context.Pipe(duplex=False)
        pool = ProcessPoolExecutor(self.workers, context, initializer=_begin, initargs=(settings, alive))
        pending: dict[Future[Tally], Shard] = {}
        try:
            while True:
                while len(pending) < self.workers * AHEAD and (shard := next(shards, None)) is not None:
                    try:
                        with without_interrupts():
                            pending[pool.submit(_screen, shard)] = shard
                    except BrokenProcessPool:
                        lost.append(shard)
                        raise
                if not pending:
                    return
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    outcome = _outcome(pending[future], future)
                    del pending[future]
                    yield outcome
        except BrokenProcessPool:
            lost.extend(pending.values())
        except BaseException:
            ours.close()  # ends every worker at once; what is at work is done again when the run goes on
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            ours.close()
            alive.close()


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Processes that are started here are not interrupted from the keyboard: this one is, and ends them in order."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _outcome(shard: Shard, future: Future[Tally]) -> Done:
    try:
        return Done(shard, future.result())
    except FirstlightError as e:
        return Done(shard, error=e)


def _died(shard: Shard) -> StorageError:
    return StorageError(
        f"{shard.shown}: its worker was killed twice, the second time with nothing else at work.",
        hint="Look at the shard and at the machine's memory, and run the same command again.",
        code="storage.worker-killed",
    )


# --- in a worker process ---------------------------------------------------------------------------------------------

_SETTINGS: Final[list[Settings]] = []
_SCREENERS: Final[list[Screener]] = []


def _begin(settings: Settings, alive: Connection) -> None:
    _SETTINGS.append(settings)
    end_after(partial(alive.poll, None))  # nobody writes: it waits until the pipe is closed, or its owner is killed


def end_after(wait: Callable[[], object]) -> None:
    """Make this process end when the waiting is over, whatever it does then."""
    threading.Thread(target=_end_after, args=(wait,), daemon=True).start()


def _end_after(wait: Callable[[], object]) -> None:
    wait()
    os._exit(1)


def opened(settings: Settings) -> Screener:
    """A screener that is all this process is for, opened."""
    keep_freed_memory()
    screener = Screener(settings).__enter__()
    gc.freeze()  # what opening has left stays, and no collection has to walk through it
    return screener


def _screen(shard: Shard) -> Tally:
    """Screen a shard; cage and lists are kept for the next one."""
    if not _SCREENERS:
        screener = opened(_SETTINGS[0])
        Finalize(None, screener.__exit__, args=(None, None, None), exitpriority=100)  # when the pool ends this process
        _SCREENERS.append(screener)
    return _SCREENERS[0].screen_shard(shard)
