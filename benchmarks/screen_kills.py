"""Kill screening runs at random moments, everything of them at once, and let them go on: is anything lost or repeated?

    python benchmarks/screen_kills.py PHOTOGRAPHS [--kills 20] [--on local|ray] [--work build/screen-benchmark]

A run is killed after a random number of finished shards and a random moment more. Lost is a shard or a member that no
result speaks of in the end; repeated is a finished result that was written again; redone are the shards that were at
work when the run was killed, of which a worker has one.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from screen import CONTENDERS, prepare
from screen_data import SHARDS
from screen_usage import Watched, say

WORKERS = 2


def one_kill(work: Path, out: Path, on: str, rng: random.Random) -> dict[str, int]:
    """Kill one run and let it go on."""
    from firstlight.screen.plan import read_plan
    from firstlight.screen.report import tallies
    from firstlight.screen.results import finished

    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, CONTENDERS, "ours", "--source", str(work / "tar" / "all"), "--out", str(out)]
    command += ["--home", str(work / "home"), *(["--ray"] if on == "ray" else [])]
    seen: dict[str, int] = {}
    wanted = rng.randrange(SHARDS)
    run = Watched(command, errors=subprocess.DEVNULL)
    repeated = 0
    while run.process.poll() is None and len(seen) < wanted:
        run.look(memory=False)
        time.sleep(0.02)
        repeated += look(out, seen)
    time.sleep(rng.uniform(0, 3))
    killed = run.process.poll() is None
    run.kill()
    repeated += look(out, seen)
    begun = len(list((out / "shards").glob(".*.part"))) if out.exists() else 0
    Watched(command).wait()
    repeated += look(out, seen)
    there = sum(one.members for one in tallies(out))
    asked = sum(one.members for one in tallies(work / "out" / "whole"))
    lost = len({one.ident for one in read_plan(out)} - finished(out / "shards")) + abs(asked - there)
    return {"killed": killed, "finished": len(seen) and wanted, "lost": lost, "repeated": repeated, "redone": begun}


def look(out: Path, seen: dict[str, int]) -> int:
    """How many finished results were written again since they were first seen."""
    again = 0
    for path in (out / "shards").glob("*.screened") if out.exists() else ():
        mark = path.stat().st_mtime_ns
        again += seen.setdefault(path.name, mark) != mark
    return again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/screen-benchmark"))
    parser.add_argument("--pictures", type=int, default=1200)
    parser.add_argument("--bank", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--on", choices=("local", "ray"), default="local")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work: Path = args.work.absolute()
    prepare(args, work)
    whole = work / "out" / "whole"
    if not whole.exists():
        command = [sys.executable, CONTENDERS, "ours", "--source", str(work / "tar" / "all"), "--out", str(whole)]
        Watched([*command, "--home", str(work / "home")]).wait()
    rng = random.Random(args.seed)
    runs: list[dict[str, Any]] = []
    for number in range(args.kills):
        runs.append(one_kill(work, work / "out" / f"kill-{args.on}-{number}", args.on, rng))
        print(f"run {number}: {runs[-1]}", flush=True)
    lost, repeated = (sum(one[name] for one in runs) for name in ("lost", "repeated"))
    redone = max((one["redone"] for one in runs), default=0)
    killed = sum(one["killed"] for one in runs)
    hit = lost == repeated == 0 and redone <= WORKERS
    say(f"{args.on}: {killed} of {len(runs)} runs killed", f"{lost} lost, {repeated} repeated", "0, 0", hit)
    say(f"{args.on}: shards redone, at most in one run", f"{redone}", f"<= {WORKERS}", redone <= WORKERS)
    if args.json:
        args.json.write_text(json.dumps({"on": args.on, "runs": runs}, indent=2))


if __name__ == "__main__":
    main()
