"""How a ledger grows: `python -P benchmarks/ledger.py --records 1000000 5000000 [--folder DIR] [--json FILE]`.

Records are written in bulk, byte for byte as the ledger writes them (`firstlight.gate.ledger.record.ROW`, checksums and
all), with random hashes and without sealed words. What is measured is the ledger's own code: opening it, which sorts
the digests of full segments and builds the index; look-ups by SHA-256; signed answers to pictures that were turned and
changed by twenty bits, asked for in all eight orientations; single records made durable. Every look-up is checked.

A hundred million records take about 31 GB, and 11 GB more while the index is built. Memory: the index is built in
memory of its own, 102 bytes a record.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firstlight.gate.ledger import Attestor, GenerationRecord, Ledger, Question, Went
from firstlight.gate.ledger.attest import orientations_of
from firstlight.gate.ledger.book import New
from firstlight.gate.ledger.record import ROW, SIZE
from firstlight.gate.ledger.segments import SEGMENT
from firstlight.origin import Answer, Attestation, Inputs, SignedAttestation

PIECE = 1 << 16
FLIPPED = 20
PLANTED = 400
BYTES_WHILE_BUILT = 450
AT = datetime(2026, 1, 1, tzinfo=UTC)


def some_rows(count: int, seed: int) -> bytes:
    """Records with random hashes, made from words alone or from a picture in turn."""
    random = np.random.default_rng(seed)
    rows = np.zeros(count, dtype=ROW)
    rows["sha256"] = np.frombuffer(random.bytes(32 * count), np.uint8).reshape(count, 32)
    rows["pdq"] = np.frombuffer(random.bytes(32 * count), np.uint8).reshape(count, 32)
    rows["quality"], rows["at"] = 90, int(AT.timestamp() * 1_000_000)
    rows["went"] = int(Went.INPUTS_KNOWN | Went.MARKED)
    rows["went"][1::2] |= int(Went.PICTURE)
    view = memoryview(rows.view(np.uint8).data)
    rows["check"] = [zlib.crc32(view[at : at + SIZE - 4]) for at in range(0, len(view), SIZE)]
    return bytes(view)


def write_bulk(folder: Path, have: int, want: int) -> None:
    """Append records to the segments of a ledger that is closed."""
    while have < want:
        count = min(PIECE, want - have, SEGMENT - have % SEGMENT)
        with (folder / f"segment-{have // SEGMENT:05}.records").open("ab") as file:
            file.write(some_rows(count, have))
            if (have + count) % SEGMENT == 0 or have + count == want:
                file.flush()
                os.fsync(file.fileno())
        have += count
        if have % (10 * SEGMENT) == 0:
            say(f"  {have:,} records written")


def median(call: Callable[[int], object], looks: int) -> tuple[float, float]:
    """The median and the 99th percentile of a call's milliseconds; the call gets the number of the look."""
    times = []
    for number in range(looks):
        start = time.perf_counter()
        call(number)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), sorted(times)[int(len(times) * 0.99)]


@contextmanager
def timed(found: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    found[name] = time.perf_counter() - start
    say(f"  {name}: {found[name]:.1f}")


def measure(folder: Path, have: int, want: int) -> dict[str, float]:
    """Let a ledger grow to this size, and ask it."""
    found: dict[str, float] = {}
    with timed(found, "written in bulk, s"):
        write_bulk(folder, have, want)
    with timed(found, "sorted and indexed at opening, s"):
        Ledger(folder).close()
    with timed(found, "opened again, s"):
        ledger = Ledger(folder)
    with ledger:
        assert len(ledger) == want
        found["records a second, written and indexed"] = (want - have) / (
            found["written in bulk, s"] + found["sorted and indexed at opening, s"]
        )
        look_up(ledger, found)
        own = [
            New(GenerationRecord(sha256=f"{n:064x}", pdq=f"{n:064x}", quality=90, at=AT), "bench") for n in range(60)
        ]
        found["one durable record, ms"], found["one durable record, p99, ms"] = median(
            lambda n: ledger.append([own[n]]), 60
        )
        kinds = {"records": ("*.records",), "digests": ("*.sorted",), "index": ("pdq/*",)}
        for kind, patterns in kinds.items():
            size = sum(path.stat().st_size for pattern in patterns for path in folder.glob(pattern))
            found[f"bytes a record, {kind}"] = size / len(ledger)
    found["peak memory of the process, GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return found


def said_in(signed: SignedAttestation) -> Attestation:
    """What a signed answer says."""
    return Attestation.of_statement(base64.b64decode(signed.payload))


def look_up(ledger: Ledger, found: dict[str, float]) -> None:
    """By bytes and by pixels, what is there and what is not."""
    random = np.random.default_rng(5)
    numbers = random.integers(0, len(ledger), PLANTED).tolist()
    records = [ledger.record(number) for number in numbers]
    missing = [random.bytes(32).hex() for _ in range(PLANTED)]

    def hit(n: int) -> None:
        assert numbers[n] in [one.number for one in ledger.exact(records[n].sha256)]

    def miss(n: int) -> None:
        assert not ledger.exact(missing[n])

    found["by SHA-256, first touch, ms"], _ = median(hit, PLANTED)
    found["by SHA-256, ms"], found["by SHA-256, p99, ms"] = median(hit, PLANTED)
    found["by SHA-256, not there, ms"], _ = median(miss, PLANTED)
    attestor = Attestor(ledger, "bench", Ed25519PrivateKey.generate())
    changed = [_changed(one.pdq or "", random) for one in records]

    def near(n: int) -> None:
        said = said_in(attestor.answer(Question(pdq=changed[n]), AT))
        went = Inputs.PICTURE if records[n].flags & Went.PICTURE else Inputs.TEXT_ONLY
        assert (said.answer, said.distance, said.inputs) == (Answer.NEAR, FLIPPED, went), "it was not found"

    def none(n: int) -> None:
        assert said_in(attestor.answer(Question(pdq=missing[n]), AT)).answer is Answer.NONE

    near(0)
    looks = min(PLANTED, 100)
    found["signed answer by pixels, 8 orientations, ms"], found["the same, p99, ms"] = median(near, looks)
    found["signed answer by pixels, not there, ms"], _ = median(none, looks)


def _changed(pdq: str, random: np.random.Generator) -> str:
    """The hash of the picture turned, with bits of it changed."""
    turned = (pdq, *orientations_of(pdq))[int(random.integers(0, 8))]
    bits = int(turned, 16)
    for bit in random.choice(256, FLIPPED, replace=False).tolist():
        bits ^= 1 << bit
    return f"{bits:064x}"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes, ascending")
    parser.add_argument("--folder", type=Path, help="where to build it; its disk needs the room")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="firstlight-ledger-") as name:
        need = max(options.records) * BYTES_WHILE_BUILT
        if shutil.disk_usage(name).free < need:
            say(f"{name} has too little room: {need / 1e9:.0f} GB are needed.")
            return 2
        folder = Path(name) / "ledger"
        Ledger(folder).close()
        have = 0
        for size in options.records:
            say(f"{size:,} records:")
            table[size] = measure(folder, have, size)
            have = size + 60  # those that were made durable one by one
    for key in next(iter(table.values())):
        say(f"{key:46}" + "".join(f"{one[key]:>14,.3f}" for one in table.values()))
    if options.json:
        options.json.write_text(json.dumps(table, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
