"""Ray Core tasks: one shard a task, the same function, on every node of a cluster.

Nodes reach sources, results and (where lists are compared) the home under the same paths, as with a job array. A task
whose node dies is given to another one; a shard done twice writes one name.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator
from typing import Any, Final

from firstlight.errors import FirstlightError, MissingExtraError, UpstreamError
from firstlight.screen.launch import Done
from firstlight.screen.memory import keep_freed_memory
from firstlight.screen.shard import Screener, Settings, Tally
from firstlight.screen.shards import Shard

AHEAD: Final = 2
"""Tasks that wait for each processor of the cluster."""
RETRIES: Final = 3
"""So often a task whose node or process died is tried elsewhere."""

_SCREENERS: Final[dict[Settings, Screener]] = {}


class RayCluster:
    """Runs on the cluster that RAY_ADDRESS names, or on one that is running on this machine, or starts one here."""

    def __call__(self, settings: Settings, shards: Iterable[Shard]) -> Iterator[Done]:
        """See `Launcher`.

        Raises:
            MissingExtraError: Ray is not installed.
            UpstreamError: there is no way to the cluster.
        """
        ray = _ray()
        ours = not ray.is_initialized()
        if ours:
            _connect(ray)
        try:
            yield from _run(ray, settings, shards)
        finally:
            if ours:
                ray.shutdown()


def _connect(ray: Any) -> None:  # noqa: ANN401 - Ray's module
    try:
        ray.init(ignore_reinit_error=True, log_to_driver=False, include_dashboard=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as e:
        raise UpstreamError(
            f"There is no way to the Ray cluster: {e}.", hint="Check RAY_ADDRESS, or leave it out to start one here."
        ) from e


def _run(ray: Any, settings: Settings, shards: Iterable[Shard]) -> Iterator[Done]:  # noqa: ANN401 - Ray's module
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(screen_in_task)
    waiting = iter(shards)
    pending: dict[Any, Shard] = {}
    known = ray.put(settings)
    while True:
        room = max(1, int(ray.cluster_resources().get("CPU", 1))) * AHEAD
        while len(pending) < room and (shard := next(waiting, None)) is not None:
            pending[task.remote(known, shard)] = shard
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


def screen_in_task(settings: Settings, shard: Shard) -> Tally | FirstlightError:
    """What a task does. Errors of the house are answered, so that Ray does not take them for a fault of the node."""
    try:
        screener = _SCREENERS.get(settings)
        if screener is None:
            keep_freed_memory()
            screener = _SCREENERS[settings] = Screener(settings).__enter__()
        return screener.screen_shard(shard)
    except FirstlightError as e:
        return e


def _ray() -> Any:  # noqa: ANN401 - Ray's module
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        return importlib.import_module("ray")
    except ImportError as e:
        raise MissingExtraError(
            "A Ray cluster needs the library ray.", hint="Install it with: pip install 'firstlight[screen-ray]'."
        ) from e
