"""Damages files at random, examines them, and tells what that cost: `python -m origin.mutating FILE... --mutations N`.

The test suite runs a few mutations of each file; this runs as many as one likes (4,000 of each is a thorough run).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from firstlight.origin.examination import examine_bytes
from firstlight.origin.weighing import weigh

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
    """Examine and weigh so many mutations; the processor seconds of the slowest. A detector that fails ends the run."""
    rng = random.Random(seed)
    slowest = 0.0
    for _ in range(count):
        mutated = mutate(data, rng)
        start = time.process_time()
        found = examine_bytes(mutated)
        weigh(found)
        slowest = max(slowest, time.process_time() - start)
        failed = [dict(sign.facts) for sign in found if sign.name == "examination.failed"]
        if failed:
            message = f"a detector fails on a mutation (seed {seed}): {failed}"
            raise AssertionError(message)
    return slowest


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--mutations", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for path in options.files:
        slowest = try_mutations(path.read_bytes(), options.mutations, options.seed)
        sys.stdout.write(f"{path.name}: {options.mutations} mutations, slowest {slowest * 1000:.0f} ms\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
