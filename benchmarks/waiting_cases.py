"""The queue as it lies in a home's database: the next case and the first places, however many cases wait.

    python benchmarks/waiting_cases.py [--cases 30000 300000 3000000] [--immediate 200] [--folder /dev/shm]

Rows are synthetic: a crowd of two levels and three severities, and an overload of immediate cases for five causes.
Each next case is given to a reviewer of its own, in a transaction with its event in the custody log; the slowest of
them is told by the clock, which counts what else the machine does, and by processor time. Prints a table and JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert

from firstlight.casework import cases, outlook, routing
from firstlight.casework.home import Home
from firstlight.store.tables import Case
from firstlight.values import Level

GOAL = 50
"""Milliseconds for the next case."""

BATCH = 5000
REVIEWERS = 60
PLACES = 50
CAUSES = ("facts.threat", "facts.extortion", "facts.meeting_planned", "facts.self_harm", "facts.child_asks_for_help")


def rows(home: Home, n: int, immediate: int) -> Iterator[list[dict[str, Any]]]:
    """So many open cases, oldest first; the immediate ones came last."""
    rng, now = Random(1), home.clock.now()
    for start in range(0, n, BATCH):
        batch = []
        for number in range(start, min(n, start + BATCH)):
            level = (
                Level.IMMEDIATE if number >= n - immediate else rng.choices([Level.HIGH, Level.STANDARD], [1, 12])[0]
            )
            at = now - timedelta(seconds=n - number)
            batch.append({
                "id": number + 1, "bundle": number + 1, "state": "open", "level_rank": level.rank, "owner": "queue",
                "place_order": float(rng.choice([10, 20, 28, 38])), "opened_at": at, "waiting": 1, "says": "",
                "deadline": home.table.deadline(level, at), "severity": rng.choice([1, 1, 2, 3]),
                "cause": rng.choice(CAUSES) if level is Level.IMMEDIATE else "base",
            })  # fmt: skip
        yield batch


def measure(n: int, immediate: int, folder: Path) -> dict[str, Any]:
    """One size."""
    where = Path(tempfile.mkdtemp(dir=folder))
    try:
        with Home.open(where / "home") as home:
            with home.work() as work:
                for batch in rows(home, n, immediate):
                    work.session.execute(insert(Case), batch)
            routing.next_case(home, "the-first")  # statements are made once a process
            gc.freeze()  # as the service does when it has started
            taking, busy = [], []
            for number in range(REVIEWERS):
                begin = time.process_time()
                taking.append(_milliseconds(lambda n=number: routing.next_case(home, f"reviewer-{n}")))
                busy.append((time.process_time() - begin) * 1000)
            return {
                "cases": n,
                "next_case_median_ms": round(statistics.median(taking), 1),
                "next_case_p99_ms": round(sorted(taking)[len(taking) * 99 // 100], 1),
                "next_case_slowest_ms": round(max(taking), 1),
                "next_case_processor_median_ms": round(statistics.median(busy), 1),
                "next_case_processor_most_ms": round(max(busy), 1),
                f"first_{PLACES}_places_ms": round(_milliseconds(lambda: cases.queue(home, limit=PLACES)), 1),
                "outlook_ms": round(
                    _milliseconds(lambda: outlook.outlook(home, reviewers=6, reviews_each_per_hour=12)), 1
                ),
            }
    finally:
        shutil.rmtree(where)


def _milliseconds(act: Any) -> float:  # noqa: ANN401 - whatever it answers is not looked at
    begin = time.perf_counter()
    act()
    return (time.perf_counter() - begin) * 1000


def main() -> int:
    """Run the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, nargs="+", default=[30_000, 300_000, 3_000_000])
    parser.add_argument("--immediate", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the homes may lie")
    options = parser.parse_args()
    found = []
    for n in options.cases:
        one = measure(n, options.immediate, options.folder)
        found.append(one)
        met = "hit" if one["next_case_slowest_ms"] < GOAL else "MISSED"
        sys.stdout.write(
            "  ".join(f"{name} {value:,}" for name, value in one.items())
            + f"  (goal for the next case < {GOAL} ms at worst: {met})\n"
        )
        sys.stdout.flush()
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
