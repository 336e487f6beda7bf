"""Damages files at random, examines them, and tells what that cost.

    cd tests && ../scripts/no_way_out.py ../.venv/bin/python -m origin.mutating FILE... --keep results.json

The test suite runs a few mutations of each file; this runs as many as one likes (4,000 of each is a thorough run), in
one process with the memory of a caged worker, and in a network where the kernel knows no host and counts each attempt.
It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from conftest import connections_refused_by_the_kernel
from firstlight.origin.examination import examine_bytes
from firstlight.origin.weighing import weigh
from origin.making import png_with

PLAIN = png_with()
"""A picture that says nothing of itself. After a marked one it still has to."""

EVERY = 20
"""After so many mutations the plain picture is looked at again."""

PATIENCE = 60
"""Seconds for one examination before it counts as hanging."""

MEMORY = 3 << 30
"""Bytes of address space for the whole run: what grows with the mutations, or with a count in a file, ends it."""

_HEAD = 1 << 16
"""Most damage goes where structure and metadata stand: at the start."""

_LENGTHS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x01", b"\xff\xfe", b"\0\x02")


def _flip(data: bytearray, at: int, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8)):
        data[min(at + rng.randrange(64), len(data) - 1)] ^= 1 << rng.randrange(8)


def _length(data: bytearray, at: int, rng: random.Random) -> None:
    value = rng.choice(_LENGTHS)
    data[at : at + len(value)] = value


def _cut(data: bytearray, at: int, rng: random.Random) -> None:
    del data[at:]


def _remove(data: bytearray, at: int, rng: random.Random) -> None:
    del data[at : at + rng.randint(1, 512)]


def _repeat(data: bytearray, at: int, rng: random.Random) -> None:
    piece = data[at : at + rng.randint(1, 512)]
    data[at:at] = piece * rng.randint(1, 40)


def _noise(data: bytearray, at: int, rng: random.Random) -> None:
    size = rng.randint(1, 256)
    data[at : at + size] = rng.randbytes(size)


_Way = Callable[[bytearray, int, random.Random], None]
_WAYS: tuple[_Way, ...] = (_flip, _flip, _length, _cut, _remove, _repeat, _noise)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """The file with one to three damages."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        if len(out) < 2:
            break
        reach = min(len(out), _HEAD) if rng.random() < 0.8 else len(out)
        rng.choice(_WAYS)(out, rng.randrange(reach), rng)
    return bytes(out)


def try_mutations(data: bytes, count: int, seed: int) -> float:
    """Examine and weigh so many mutations; the processor seconds of the slowest. A detector that fails, an examination
    that hangs, and a picture that hands something on to the next one, end the run."""
    rng = random.Random(seed)
    before = examine_bytes(PLAIN)
    slowest = 0.0
    for number in range(count):
        mutated = mutate(data, rng)
        start = time.process_time()
        with _patience(f"seed {seed}, mutation {number}"):
            found = examine_bytes(mutated)
            weigh(found)
        slowest = max(slowest, time.process_time() - start)
        failed = [dict(sign.facts) for sign in found if sign.name == "examination.failed"]
        if failed:
            message = f"a detector fails on mutation {number} (seed {seed}): {failed}"
            raise AssertionError(message)
        if number % EVERY == 0 and examine_bytes(PLAIN) != before:
            message = f"a picture without any mark got something of mutation {number} (seed {seed})"
            raise AssertionError(message)
    return slowest


@contextlib.contextmanager
def _patience(what: str) -> Iterator[None]:
    """Ends what hangs: nobody waits so long, however busy the machine is."""

    def give_up(*_: object) -> None:
        message = f"an examination hangs: {what}"
        raise AssertionError(message)

    kept = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, kept)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--mutations", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a JSON file of results: what stands there is not done again")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    kept: dict[str, float] = json.loads(options.keep.read_text()) if options.keep and options.keep.exists() else {}
    for path in sorted(options.files, key=lambda path: path.stat().st_size):
        done = f"{path.parent.name}/{path.name} x {options.mutations}, seed {options.seed}"
        if done not in kept:
            kept[done] = round(try_mutations(path.read_bytes(), options.mutations, options.seed), 3)
        sys.stdout.write(f"{done}: slowest {kept[done] * 1000:.0f} ms\n")
        sys.stdout.flush()
        if options.keep:
            options.keep.write_text(json.dumps(kept, indent=1))
    if os.environ.get("FIRSTLIGHT_NO_WAY_OUT") == "1":
        tried = connections_refused_by_the_kernel()
        sys.stdout.write(f"connections beyond loopback that the kernel saw and refused: {tried}\n")
        sys.exit(1 if tried else 0)


if __name__ == "__main__":
    main()
