"""Screening against what a programmer would write: a loop over threatexchange, Ray Data, Daft.

    sh benchmarks/photographs.sh && sh benchmarks/screen_rivals.sh
    python benchmarks/screen.py build/photographs --rivals build/screen-rivals/bin/python [--pictures 1200] [--turns 3]

Every contender runs in processes of its own over one shard for each of its two workers, and over more; the difference
is what a picture costs without starting up, for both runs start both workers. Ours, which takes longer to start than
for those pictures, reads the additional shards several times. CPU and memory (PSS: what processes share is divided
among them) are those of everything that was started. Contenders take turns; figures are medians of the turns. Prints
tables and writes JSON. `screen_lists.py` measures list mode, `screen_kills.py` kills runs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from screen_data import SHARDS, SIZES, link_parts, make_bank, make_pictures
from screen_usage import Watched, say

GOALS = {"loop": 6.0, "engines": 1.5, "overhead": 0.10, "memory_mb": 400}
CONTENDERS = str(Path(__file__).with_name("screen_contenders.py"))
KINDS = ("tar", "parquet")


def measured(contender: str, python: str, kind: str, work: Path, pictures: int, more: list[str]) -> dict[str, float]:
    """What one picture costs a contender, by the difference between all shards and a few."""
    each = pictures // SHARDS
    more_of = "long" if contender == "ours" else "many"
    out = {}
    for size in ("few", more_of):
        target = work / "out" / f"{contender}-{kind}-{size}"
        shutil.rmtree(target, ignore_errors=True)
        (work / "out").mkdir(exist_ok=True)
        command = [python, CONTENDERS, contender, "--source", str(work / kind / size), "--out", str(target), *more]
        out[size] = {**Watched(command).wait(), "pictures": SIZES[size] * each}
    many, few = out[more_of], out["few"]
    cost = (many["cpu"] - few["cpu"]) / (many["pictures"] - few["pictures"])
    made = {
        "pictures_a_core_second": 1 / cost, "ms": 1000 * cost, "wall": many["wall"], "cpu": many["cpu"],
        "peak_mb": many["peak_mb"], "start_s": (few["cpu"] - cost * few["pictures"]) / 2,
    }  # fmt: skip
    print(f"{contender} {kind}: {made}", flush=True)
    return made


def floor(work: Path, kind: str) -> dict[str, float]:
    """What cannot be saved: digests, decoding and PDQ of the same members, in two processes at once as ours has two."""
    from firstlight.media import _workers

    command = [sys.executable, CONTENDERS, "floor", "--source", str(work / kind / "more")]
    caged = os.environ | _workers._SET  # the allocator of the cage, without which decoding costs more
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=caged) for _ in range(2)]
    told = [json.loads(one.communicate()[0]) for one in both]
    return {"ms": 1000 * sum(one["seconds"] for one in told) / sum(one["pictures"] for one in told)}


def engines(args: argparse.Namespace, work: Path) -> dict[str, dict[str, float]]:
    """All contenders in turn, and the medians of each."""
    index = ["--index", str(work / "te-index.pickle")]
    rivals = {} if args.only == "share" else {"loop": "te_loop"}
    if rivals and not args.without_engines:
        rivals |= {"Ray Data": "ray_data", "Daft": "daft_engine"}
    turns: dict[str, list[dict[str, float]]] = {}
    for _ in range(args.turns):
        for kind in KINDS:
            home = ["--home", str(work / "home")]
            ours = measured("ours", sys.executable, kind, work, args.pictures, home)
            turns.setdefault(f"ours {kind}", []).append(ours)
            least = floor(work, kind)
            turns.setdefault(f"floor {kind}", []).append({**least, "share": 1 - least["ms"] / ours["ms"]})
            for name, contender in rivals.items():
                if contender == "te_loop" or kind == "parquet":
                    made = measured(contender, args.rivals, kind, work, args.pictures, index)
                    turns.setdefault(f"{name} {kind}", []).append(made)
    return {name: {key: statistics.median(one[key] for one in each) for key in each[0]} for name, each in turns.items()}


def tell(found: dict[str, dict[str, float]]) -> None:
    print(f"\n{'contender':20} {'img/core-s':>11} {'ms CPU/img':>11} {'start s':>11} {'wall s':>8} {'peak MB':>8}")
    for name, one in found.items():
        if "wall" not in one:
            continue
        print(
            f"{name:20} {one['pictures_a_core_second']:11.1f} {one['ms']:11.2f} {one['start_s']:11.1f} "
            f"{one['wall']:8.1f} {one['peak_mb']:8.0f}"
        )
    for kind in KINDS if "loop tar" in found else ():
        ratio = found[f"loop {kind}"]["ms"] / found[f"ours {kind}"]["ms"]
        say(f"{kind}: against the loop over threatexchange", f"{ratio:.1f}x", ">= 6x", ratio >= GOALS["loop"])
    engines_ms = [one["ms"] for name, one in found.items() if name.startswith(("Ray", "Daft"))]
    if engines_ms:
        ratio = min(engines_ms) / found["ours parquet"]["ms"]
        say("parquet: against the better of Ray Data and Daft", f"{ratio:.1f}x", ">= 1.5x", ratio >= GOALS["engines"])
    for kind in KINDS:
        share = found[f"floor {kind}"]["share"]
        value = f"{100 * share:.1f} % of {found[f'ours {kind}']['ms']:.2f} ms"
        say(f"{kind}: not decoding, digests or PDQ", value, "<= 10 %", share <= GOALS["overhead"])


def memory(work: Path) -> dict[str, float]:
    """PSS of a run with two workers, half of it for each: process, nursery, caged decoder, half of the rest."""
    out = {}
    for kind in KINDS:
        for size in ("few", "all"):
            target = work / "out" / f"memory-{kind}-{size}"
            shutil.rmtree(target, ignore_errors=True)
            command = [sys.executable, CONTENDERS, "ours", "--source", str(work / kind / size), "--out", str(target)]
            out[f"{kind} {size}"] = Watched([*command, "--home", str(work / "home")]).wait()["peak_mb"] / 2
        value = f"{out[f'{kind} few']:.0f} and {out[f'{kind} all']:.0f} MB"
        hit = out[f"{kind} all"] <= GOALS["memory_mb"]
        say(f"{kind}: memory of a worker, {SIZES['few']} and {SHARDS} shards", value, "<= 400 MB", hit)
    return out


def scaling(args: argparse.Namespace, work: Path) -> dict[str, dict[str, float]]:
    """The same shards with one to four workers: on few cores wall time tells little, CPU a picture is to stay.

    As processes of a pool, and as nodes of a Ray cluster on this machine. Fewer shards are taken off, as in `measured`.
    """
    out = {}
    each = args.pictures // SHARDS
    for on in ("local", "ray"):
        for workers in (1, 2, 3, 4):
            runs = {}
            for size in ("all", "long"):
                target = work / "out" / f"scaling-{on}-{workers}"
                shutil.rmtree(target, ignore_errors=True)
                command = [sys.executable, CONTENDERS, "ours", "--source", str(work / "tar" / size)]
                command += ["--out", str(target), "--home", str(work / "home"), "--workers", str(workers)]
                command += ["--ray", "--nodes", str(workers)] if on == "ray" else []
                runs[size] = Watched(command).wait()
            few, many = runs["all"], runs["long"]
            more = (SIZES["long"] - SHARDS) * each
            ms = 1000 * (many["cpu"] - few["cpu"]) / more
            start = (few["cpu"] - ms * SHARDS * each / 1000) / workers
            out[f"{on} {workers}"] = {**many, "ms": ms, "start_s": start}
            print(
                f"{on} {workers}: {ms:.2f} ms CPU a picture, start {start:.1f} s CPU a worker, "
                f"{many['wall']:.1f} s wall, {many['peak_mb']:.0f} MB in all",
                flush=True,
            )
    return out


def prepare(args: argparse.Namespace, work: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "tar").exists():
        make_pictures(args.photographs, work, args.pictures)
    link_parts(work)
    if not (work / "home").exists():
        make_bank(work / "home", args.bank)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--rivals", default=sys.executable)
    parser.add_argument("--work", type=Path, default=Path("build/screen-benchmark"))
    parser.add_argument("--pictures", type=int, default=1200)
    parser.add_argument("--bank", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--without-engines", action="store_true", help="leave out Ray Data and Daft")
    parser.add_argument("--only", choices=("engines", "share", "memory", "scaling"))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work: Path = args.work.absolute()
    prepare(args, work)
    found: dict[str, Any] = {}
    if args.only in (None, "engines", "share"):
        if args.only != "share" and not (work / "te-index.pickle").exists():
            index = ["--index", str(work / "te-index.pickle"), "--bank", str(args.bank)]
            subprocess.run([args.rivals, CONTENDERS, "te_index", *index], check=True)
        found["engines"] = engines(args, work)
        tell(found["engines"])
    if args.only in (None, "memory"):
        found["memory"] = memory(work)
    if args.only in (None, "scaling"):
        found["scaling"] = scaling(args, work)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
