"""Bundling and ranking at the size of a clearing house's month, on one small machine.

    python benchmarks/triage.py [--items 30000 300000 3000000] [--threads 2] [--folder /dev/shm]

Rows are synthetic: half are singles, a tenth are exact copies, the rest near-duplicates of pictures that came before,
with a long tail of a few pictures that came very often. Prints the time from nothing to a ranked queue, then the cost
of the next case and of placing one new item at that size, and the memory. No picture is involved.
"""

from __future__ import annotations

import argparse
import gc
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight.index import HammingIndex, neighbours
from firstlight.triage import Bundler, ContextFact, OriginSignal, PriorityTable, Queue, Waiting, bundle_all
from firstlight.triage.priority import score
from firstlight.values import Level, Pdq, PdqMode

FACTS = (ContextFact.NEW_UPLOAD, ContextFact.USER_REPORT, ContextFact.PRIOR_REPORTS, ContextFact.CONTACT_WITH_MINOR)
FACT_RATES = (0.6, 0.2, 0.05, 0.01)
SIGNALS = (OriginSignal.KNOWN_CHILD, OriginSignal.PHOTO_DERIVED, OriginSignal.UNREADABLE)
SIGNAL_RATES = (0.1, 0.03, 0.002)
START = datetime(2026, 1, 1, tzinfo=UTC)
TRIALS = 640
BATCH = 32
"""Items that one transaction takes in: what was placed is made durable with it, and not one by one."""
MAX_PAIRS = 16_000_000
"""More pairs than this in one chunk and it is halved: memory matters more here than one join the fewer."""


def rows(n: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    """`n` items in order of arrival: bytes, hash, quality, facts and signals."""
    rng = np.random.default_rng(seed)
    pdq = rng.integers(0, 256, (n, 32), dtype=np.uint8)
    sha = rng.integers(0, 256, (n, 32), dtype=np.uint8)
    kind = rng.random(n)
    # Copies follow a long tail: most name a recent picture, some one of a few that came very often.
    viral = (rng.pareto(0.6, n) * 10).astype(np.int64)
    source = np.minimum(np.where(rng.random(n) < 0.5, viral, rng.integers(0, n, n)), np.arange(n) - 1).clip(0)
    near = np.flatnonzero((kind >= 0.6) & (np.arange(n) > 0))
    pdq[near] = pdq[source[near]]
    for _ in range(4):  # up to four bits away from the source as it was drawn
        pdq[near, rng.integers(0, 32, len(near))] ^= (1 << rng.integers(0, 8, len(near))).astype(np.uint8)
    exact = np.flatnonzero((kind >= 0.5) & (kind < 0.6) & (np.arange(n) > 0))
    for column in (pdq, sha):
        column[exact] = column[source[exact]]
    return {
        "sha256": sha,
        "pdq": pdq,
        "quality": np.where(rng.random(n) < 0.02, 20, 100).astype(np.uint8),
        "facts": rng.random((n, len(FACTS))) < FACT_RATES,
        "signals": rng.random((n, len(SIGNALS))) < SIGNAL_RATES,
        "hours": np.sort(rng.random(n)) * 24 * 30,
    }


def ranked(data: dict[str, NDArray[Any]], table: PriorityTable) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Level and order of every row by the table; each distinct set of facts and signals is scored once."""
    flags = np.hstack([data["facts"], data["signals"]])
    code = flags @ (1 << np.arange(flags.shape[1]))
    distinct, inverse = np.unique(code, return_inverse=True)
    words: tuple[ContextFact | OriginSignal, ...] = (*FACTS, *SIGNALS)
    scored = []
    for each in distinct.tolist():
        there = [word for bit, word in enumerate(words) if each >> bit & 1]
        scored.append(
            score(
                table,
                [w for w in there if isinstance(w, ContextFact)],
                [w for w in there if isinstance(w, OriginSignal)],
            )
        )
    level = np.array([level.rank for level, _ in scored], dtype=np.int8)
    order = np.array([order for _, order in scored])
    return level[inverse], order[inverse]


def queue_of(
    first: NDArray[np.int64],
    opens: NDArray[np.bool_],
    level: NDArray[np.int8],
    order: NDArray[np.float64],
    hours: NDArray[np.float64],
    table: PriorityTable,
) -> Queue:
    """One review unit for the common part of each bundle and one for each member that stands apart."""
    unit = np.where(opens, np.arange(len(first)), first)
    by = np.lexsort((hours, -order, level, unit))
    starts = np.flatnonzero(np.diff(unit[by], prepend=-1))
    shown, since = by[starts], np.minimum.reduceat(hours[by], starts)
    levels = list(Level)
    waiting = (
        Waiting(key, levels[rank], value, START + timedelta(hours=at))
        for key, rank, value, at in zip(
            shown.tolist(), level[shown].tolist(), order[shown].tolist(), since.tolist(), strict=True
        )
    )
    return Queue(table.lanes, waiting)


def measure(n: int, threads: int, folder: Path, table: PriorityTable) -> None:
    """One size, from nothing to a ranked queue and on."""
    data = rows(n)
    clock = time.perf_counter
    where = Path(tempfile.mkdtemp(dir=folder))
    try:
        with HammingIndex.create(where / "founders", auto_compact=False, patient=True) as founders:
            begin = clock()
            found = bundle_all(
                data["sha256"],
                data["pdq"],
                data["quality"],
                table.bundling,
                founders=founders,
                join=partial(neighbours, threads=threads, max_pairs=MAX_PAIRS),
            )
            bundled = clock()
            level, order = ranked(data, table)
            opens = np.asarray(data["signals"][:, 0] | data["signals"][:, 1])
            queue = queue_of(found.first, opens, level, order, data["hours"], table)
            done = clock()
            print(
                f"{n:>9,} items: bundled in {bundled - begin:6.1f} s, ranked in {done - bundled:5.1f} s, "
                f"{found.count:,} bundles, {len(queue):,} review units"
            )
            _live(data, found.first, founders, queue, table)
    finally:
        shutil.rmtree(where)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'':>9}  peak memory of the process so far {peak:,.0f} MiB", flush=True)


def _live(
    data: dict[str, NDArray[Any]],
    first: NDArray[np.int64],
    founders: HammingIndex,
    queue: Queue,
    table: PriorityTable,
) -> None:
    """The next case and a new item, at this size."""
    n, rng = len(first), Random(1)
    exact = {data["sha256"][i].tobytes().hex(): int(first[i]) for i in range(n)}
    bundler = Bundler(founders, exact, table.bundling)
    fresh = rows(TRIALS, seed=99)
    placing: list[Took] = []
    taking: list[Took] = []
    saving: list[Took] = []
    pauses: list[float] = []
    queue.settle()
    watch = _collections(pauses)
    gc.callbacks.append(watch)
    founders.search(bytes(32), table.bundling.threshold)  # the first call may compile
    for i in range(TRIALS):
        raw = fresh["pdq"][i] if i % 2 else data["pdq"][rng.randrange(n)]
        pdq = Pdq(hex=raw.tobytes().hex(), quality=100, mode=PdqMode.EXACT)
        begin = _now()
        placed = bundler.place(n + i, fresh["sha256"][i].tobytes().hex(), pdq)
        if placed.bundle == n + i:
            queue.add(Waiting(n + i, Level.STANDARD, 28.0, START + timedelta(days=31)))
        placing.append(_since(begin))
        if i % BATCH == BATCH - 1:
            begin = _now()
            founders.flush()
            saving.append(_since(begin))
        begin = _now()
        queue.take(rng)
        taking.append(_since(begin))
    gc.callbacks.remove(watch)
    for what, times, goal in (
        ("a new item placed", placing, 20),
        ("the next case", taking, 50),
        (f"{BATCH} placed items made durable", saving, None),
    ):
        walls = sorted(wall for wall, _ in times)
        middle, most, worst = statistics.median(walls), walls[len(walls) * 99 // 100], walls[-1]
        busy = max(cpu for _, cpu in times)
        met = "" if goal is None else f" (goal < {goal} ms: {'hit' if worst < goal else 'MISSED'})"
        print(
            f"{'':>9}  {what}: median {middle:.2f} ms, p99 {most:.2f} ms, slowest of {len(times)} {worst:.2f} ms{met}; "
            f"most processor time {busy:.2f} ms"
        )
    print(f"{'':>9}  garbage collected {len(pauses)} times meanwhile, the longest {max(pauses, default=0):.2f} ms")


Took = tuple[float, float]
"""Milliseconds on the clock and of the processor."""


def _now() -> Took:
    return time.perf_counter() * 1000, time.process_time() * 1000


def _since(begin: Took) -> Took:
    end = _now()
    return end[0] - begin[0], end[1] - begin[1]


def _collections(pauses: list[float]) -> Callable[[str, dict[str, int]], None]:
    """Called by the garbage collector: keeps how long each collection took."""
    began = 0.0

    def watch(phase: str, _info: dict[str, int]) -> None:
        nonlocal began
        now = time.perf_counter() * 1000
        if phase == "start":
            began = now
        else:
            pauses.append(now - began)

    return watch


def main() -> int:
    """Run the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=[30_000, 300_000, 3_000_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the index may lie")
    arguments = parser.parse_args()
    table = PriorityTable.load()
    for n in arguments.items:
        measure(n, arguments.threads, arguments.folder, table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
