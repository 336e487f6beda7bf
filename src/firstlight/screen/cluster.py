"""Ray Core tasks: one shard a task, the same function, on every node of a cluster.

Nodes reach sources, results and (where lists are compared) the home under the same paths, as with a job array. A task
whose node dies is given to another one; a shard done twice writes one name. What speaks with Ray is a process of its
own, because Ray ends it without a word where the cluster goes away.
"""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import os
import secrets
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Final

from firstlight.errors import FirstlightError, MissingExtraError, UpstreamError
from firstlight.screen.launch import Done, end_after, opened, without_interrupts
from firstlight.screen.shard import Screener, Settings, Tally
from firstlight.screen.shards import Shard

AHEAD: Final = 2
"""Tasks that wait for each processor of the cluster."""
RETRIES: Final = 3
"""So often a task whose node or process died is tried elsewhere."""
END_SECONDS: Final = 60
"""How long a cluster that was started here may take to end."""

_MORE: Final = "more"
_SCREENERS: Final[dict[str, Screener]] = {}
"""In a process of the cluster: what it has opened, by run. Settings are another object in each task, and no key."""


class RayCluster:
    """Runs on the cluster that RAY_ADDRESS names, or starts one here for this run alone.

    Ray itself would join whatever cluster was last started on this machine; that is another's, and may end at any time.
    """

    def __call__(self, settings: Settings, shards: Iterable[Shard]) -> Iterator[Done]:
        """See `Launcher`.

        Raises:
            MissingExtraError: Ray is not installed.
            UpstreamError: there is no way to the cluster, or it ended. What is finished is kept.
        """
        if importlib.util.find_spec("ray") is None:
            raise MissingExtraError(
                "A Ray cluster needs the library ray.", hint="Install it with: pip install 'firstlight[screen-ray]'."
            )
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        driver = context.Process(target=_drive, args=(theirs, settings))
        with without_interrupts():
            driver.start()
        theirs.close()
        is_over = False
        try:
            yield from _served(ours, iter(shards))
            is_over = True
        finally:
            ours.close()
            if not is_over:
                driver.kill()  # without a word; what it started here ends with it
            driver.join(END_SECONDS)
            driver.kill()


def _served(driver: Connection, shards: Iterator[Shard]) -> Iterator[Done]:
    """Give the driver the shards it asks for, and pass on its answers."""
    while True:
        try:
            said = driver.recv()
            if said == _MORE:
                driver.send(next(shards, None))
                continue
        except (EOFError, ConnectionError) as e:
            raise UpstreamError(
                "The Ray cluster ended.", hint="Look at the cluster, and run the same command again to go on."
            ) from e
        if said is None:
            return
        if isinstance(said, FirstlightError):
            raise said
        yield said


# --- in the process that speaks with Ray -----------------------------------------------------------------------------


def _drive(pipe: Connection, settings: Settings) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        end_after(parent.join)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    ray: Any = importlib.import_module("ray")
    try:
        _connect(ray)
        for done in _run(ray, settings, _asked_for(pipe)):
            pipe.send(done)
        pipe.send(None)
    except FirstlightError as e:
        pipe.send(e)
    finally:
        ray.shutdown()


def _asked_for(pipe: Connection) -> Iterator[Shard]:
    pipe.send(_MORE)
    while (shard := pipe.recv()) is not None:
        yield shard
        pipe.send(_MORE)


def _connect(ray: Any) -> None:  # noqa: ANN401 - Ray's module
    address = os.environ.get("RAY_ADDRESS")
    here: dict[str, Any] = {} if address else {"include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, configure_logging=False, **here)
    except Exception as e:  # this itself, and no kind of it, where a node does not come up in time
        what = f"There is no way to the Ray cluster at {address}" if address else "No Ray cluster could be started here"
        hint = "Check RAY_ADDRESS." if address else "Run the command again, or name a cluster in RAY_ADDRESS."
        raise UpstreamError(f"{what}: {str(e).rstrip('.')}.", hint=hint) from e


def _run(ray: Any, settings: Settings, shards: Iterator[Shard]) -> Iterator[Done]:  # noqa: ANN401 - Ray's module
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(screen_in_task)
    pending: dict[Any, Shard] = {}
    run, known = secrets.token_hex(8), ray.put(settings)
    while True:
        room = max(1, int(ray.cluster_resources().get("CPU", 1))) * AHEAD
        while len(pending) < room and (shard := next(shards, None)) is not None:
            pending[task.remote(run, known, shard)] = shard
        if not pending:
            return
        done, _ = ray.wait(list(pending), num_returns=1)
        for one in done:
            yield _outcome(ray, pending.pop(one), one)


def _outcome(ray: Any, shard: Shard, one: Any) -> Done:  # noqa: ANN401 - Ray's module and references
    try:
        answer = ray.get(one)
    except ray.exceptions.RayError as e:
        said = f"{shard.shown}: its task was lost {RETRIES + 1} times ({type(e).__name__})."
        return Done(shard, error=UpstreamError(said, hint="Look at the cluster, and run the same command again."))
    return Done(shard, error=answer) if isinstance(answer, FirstlightError) else Done(shard, answer)


# --- in a task -------------------------------------------------------------------------------------------------------


def screen_in_task(run: str, settings: Settings, shard: Shard) -> Tally | FirstlightError:
    """What a task does. Errors of the house are answered, so that Ray does not take them for a fault of the node."""
    try:
        screener = _SCREENERS.get(run)
        if screener is None:
            screener = _SCREENERS[run] = opened(settings)
        return screener.screen_shard(shard)
    except FirstlightError as e:
        return e
