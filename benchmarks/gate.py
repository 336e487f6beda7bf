"""What the gate costs: `python -P benchmarks/gate.py [--json FILE]`. Goals are printed with hit or miss.

A one-megapixel picture goes through everything that a gate does without models: decoding and hashing in a caged worker,
matching against banks, signing, the record; a prompt of forty words goes through three hundred terms. Each figure is a
median; the cage and the kernels are warm, as in a gate that runs. Beside the clock stands the processor time of all
processes together, which does not depend on what else runs: the digests are in it, which the clock does not see where a
second processor is idle.
"""

from __future__ import annotations

import argparse
import base64
import gc
import io
import itertools
import json
import os
import random
import statistics
import string
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstlight.banks import Library, NewEntry
from firstlight.cli.gate_serve import served
from firstlight.clock import SystemClock
from firstlight.gate import GATE_PRELOAD, BanksCheck, Guard, RulesCheck, RulesSource, TermRules, build_rules
from firstlight.gate.authority import development_keys
from firstlight.gate.checks import Prompt
from firstlight.gate.http import GateApp, gate_app
from firstlight.gate.http.proxy import ImageProxy
from firstlight.gate.ledger import GenerationRecord, Ledger
from firstlight.gate.ledger.book import New
from firstlight.gate.marking import Marker, Model, SigningKey
from firstlight.gate.pipeline import Gate, Made
from firstlight.hashing import digest_stream, pdq
from firstlight.hashing.tasks import pixels_of
from firstlight.media import Cage
from firstlight.values import BankPurpose

KEY = b"a key for the benchmark, 32 long"
GENERATION_SECONDS = 2.0
GOAL_PICTURE_MS, GOAL_PROMPT_MS = 15.0, 1.0


def median_ms(call: Callable[[int], object], looks: int) -> float:
    """The median time of a call, which gets the number of the look."""
    times = []
    for number in range(looks):
        start = time.perf_counter()
        call(number)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def processor_seconds() -> float:
    """Processor time so far of this process and all below it (Linux), whose worker does the decoding."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        number = int(entry.parent.name)
        parents[number], used[number] = int(fields[1]), int(fields[11]) + int(fields[12])
    own = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in own} - own:
        own |= more
    return sum(used[number] for number in own) / os.sysconf("SC_CLK_TCK")


def terms(count: int, rng: random.Random) -> list[str]:
    """Made-up words of six to twelve letters."""
    return ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(6, 12))) for _ in range(count)]


def some_rules(rng: random.Random) -> TermRules:
    """Three hundred terms in two groups."""
    a, b = (json.dumps(terms(150, rng)) for _ in range(2))
    text = f'[groups]\na = {a}\nb = {b}\n[[rules]]\nid = "r"\ngroups = ["a", "b"]\n'
    return TermRules(build_rules(RulesSource.parse(text.encode()), KEY), KEY)


def megapixel(seed: int, kind: str) -> bytes:
    """A soft pattern of 1024 x 1024."""
    grid = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(grid).resize((1024, 1024), Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()


def prompts(results: dict[str, float], looks: int) -> None:
    """A prompt of forty words: of a vocabulary that comes again, and all of new words."""
    rng = random.Random(1)
    rules = some_rules(rng)
    vocabulary = terms(8000, rng)
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]
    usual = [" ".join(rng.choices(vocabulary, weights, k=40)) for _ in range(looks)]
    unseen = [" ".join(terms(40, rng)) for _ in range(looks)]
    for prompt in usual[: looks // 2]:
        rules.match(prompt)
    results["prompt, usual words, ms"] = median_ms(lambda n: rules.match(usual[n]), looks)
    results["prompt, all words new, ms"] = median_ms(lambda n: rules.match(unseen[n]), looks)


def pictures(results: dict[str, float], folder: Path, looks: int) -> None:
    """A picture on its way out, with every part and by parts."""
    clock = SystemClock()
    keys = development_keys(datetime.now(UTC))
    marker = Marker(SigningKey(keys.chain, "es256", key=keys.key), generator="bench", version="1")
    random_hashes = np.random.default_rng(2).bytes(32 * 100_000).hex()
    with (
        Cage(workers=1, preload=GATE_PRELOAD) as cage,
        Library.create(folder / "banks", sealer=None, clock=clock, memory=folder) as library,
        Ledger(folder / "ledger") as ledger,
    ):
        library.create_bank("known", BankPurpose.KNOWN)
        entries = (NewEntry(key=str(n), pdq=random_hashes[n * 64 : n * 64 + 64]) for n in range(100_000))
        library.add("known", entries)
        guard = Guard(cage, prompts=[RulesCheck(some_rules(random.Random(1)))], pictures=[BanksCheck(library)])

        guard.warm_up()
        gc.freeze()  # as the served gate does

        def remember(made: Made) -> None:
            record = GenerationRecord(
                sha256=made.sha256, pdq=made.picture.hash.pdq.hex, quality=made.picture.hash.pdq.quality, at=made.at
            )
            ledger.append([New(record, "bench", b"x" * 300)])

        for kind in ("PNG", "JPEG"):
            data = [megapixel(seed, kind) for seed in range(4)]
            floor(results, kind, data, looks)
            for parts, gate in (
                ("checked", Gate(guard)),
                ("checked and marked", Gate(guard, marker=marker)),
                ("checked, marked, remembered", Gate(guard, marker=marker, remember=remember)),
            ):
                admission = gate.let_in(Prompt("a lake"), model=Model("garden"))
                for number in range(4):
                    gate.let_out(data[number], admission)
                before = processor_seconds()
                found = median_ms(lambda n, g=gate, d=data, a=admission: g.let_out(d[n % 4], a), looks)  # type: ignore[misc]
                results[f"1 MP {kind} {parts}, ms"] = found
                used = (processor_seconds() - before) * 1000 / looks
                results[f"1 MP {kind} {parts}, processor, ms"] = used
            own = results[f"1 MP {kind} checked, marked, remembered, ms"] - results[f"1 MP {kind} floor, ms"]
            results[f"1 MP {kind} above its floor, ms"] = own
        through_the_proxy(results, Gate(guard, marker=marker, remember=remember), looks)


def floor(results: dict[str, float], kind: str, data: list[bytes], looks: int) -> None:
    """What no gate can do without, in this process, without a cage: the picture decoded at full size, its digests, and
    PDQ over all of its pixels. A JPEG may go below it, as it is decoded at a reduced size."""
    pixels = [pixels_of(Image.open(io.BytesIO(one))) for one in data]
    pdq.exact(pixels[0])
    parts = {
        "decoding": median_ms(lambda n: pixels_of(Image.open(io.BytesIO(data[n % 4]))), looks),
        "digests": median_ms(lambda n: digest_stream(io.BytesIO(data[n % 4])), looks),
        "PDQ of all pixels": median_ms(lambda n: pdq.exact(pixels[n % 4]), looks),
    }
    results.update({f"1 MP {kind} floor: {name}, ms": value for name, value in parts.items()})
    results[f"1 MP {kind} floor, ms"] = sum(parts.values())


def through_the_proxy(results: dict[str, float], gate: Gate, looks: int) -> None:
    """The whole of it as a client sees it: a request to a generator that answers a ready picture at once, asked
    directly and through the gate, in turn. JSON, base64 and HTTP are in it."""
    for kind in ("PNG", "JPEG"):
        answers = [base64.b64encode(megapixel(seed, kind)).decode() for seed in range(4)]
        turn = itertools.count()

        async def generations(_: Request, answers: list[str] = answers, turn: Iterator[int] = turn) -> Response:
            return JSONResponse({"created": 1, "data": [{"b64_json": answers[next(turn) % 4]}]})

        behind = Starlette(routes=[Route("/v1/images/generations", generations, methods=["POST"])])
        with served(behind) as direct, served(gate_app(GateApp(gate, ImageProxy(gate, direct)))) as gated:
            times: dict[str, list[float]] = {direct: [], gated: []}
            with httpx.Client(trust_env=False, timeout=30) as client:
                for number in range(looks + 4):
                    for url, own in times.items():
                        start = time.perf_counter()
                        answer = client.post(f"{url}/v1/images/generations", json={"prompt": "a lake"})
                        if answer.status_code != 200:
                            raise SystemExit(f"the gate answered {answer.status_code}")
                        own += [(time.perf_counter() - start) * 1000] if number >= 4 else []
        added = statistics.median(times[gated]) - statistics.median(times[direct])
        results[f"1 MP {kind} through the proxy: added to a request, ms"] = added


def main() -> None:
    """Measure, print a table, and say which goals were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompts(results, options.looks * 4)
        pictures(results, folder, options.looks)
    for key, value in results.items():
        sys.stdout.write(f"{key:60} {value:12,.3f}\n")
    for kind in ("PNG", "JPEG"):
        share = results[f"1 MP {kind} through the proxy: added to a request, ms"] / (GENERATION_SECONDS * 1000)
        sys.stdout.write(f"share of a generation of {GENERATION_SECONDS:g} s, {kind}, through the proxy: {share:.2%}\n")
    whole = results["1 MP PNG checked, marked, remembered, ms"]
    for goal, value, most in (
        (f"1 MP PNG, p50 <= {GOAL_PICTURE_MS:g} ms", whole, GOAL_PICTURE_MS),
        (
            f"1 MP JPEG, p50 <= {GOAL_PICTURE_MS:g} ms",
            results["1 MP JPEG checked, marked, remembered, ms"],
            GOAL_PICTURE_MS,
        ),
        (f"prompt, p50 < {GOAL_PROMPT_MS:g} ms", results["prompt, usual words, ms"], GOAL_PROMPT_MS),
        ("prompt of new words alone", results["prompt, all words new, ms"], GOAL_PROMPT_MS),
    ):
        sys.stdout.write(f"goal: {goal}: {'hit' if value <= most else 'MISS'} ({value:.2f} ms)\n")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
