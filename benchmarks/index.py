"""The index side by side with python-threatexchange's default index and faiss, in one run, on one thread.

In a virtual environment of its own:

    python -m venv .bench && .bench/bin/pip install . threatexchange faiss-cpu
    .bench/bin/python benchmarks/index.py --rows 1000000 10000000 --join 3000000 --json index.json

Competitors take turns, fifty queries each; figures are medians of thread CPU time unless "wall" is said. Prints a table
with what each figure should reach, and writes everything as JSON. A miss is printed as one, with by how much.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from firstlight.banks import sealed_index
from firstlight.banks.sealing import Sealing
from firstlight.index import HammingIndex, neighbours
from firstlight.index.disk import Disk

Hashes = NDArray[np.uint8]
THRESHOLD = 31
ROUND = 50
"""Queries of one competitor before it is the other's turn: enough to warm its caches, few enough to share the noise."""
RAW_FROM = 5_000_000
"""From here on threatexchange's class, which takes some 800 bytes a hash, is replaced by the faiss index inside it."""


@dataclass
class Row:
    """One measured figure: what, how much, of which unit, against what, and the goal."""

    work: str
    ours: float
    unit: str
    theirs: float | None = None
    against: str = ""
    goal: str = ""
    reached: bool | None = None


ROWS: list[Row] = []


def put(row: Row) -> None:
    """Note a figure and show it."""
    ROWS.append(row)
    ratio = f"{row.theirs / row.ours:8.1f}x" if row.theirs and row.ours else " " * 9
    theirs = f"{row.theirs:14.2f}" if row.theirs is not None else " " * 14
    verdict = "" if row.reached is None else "reached" if row.reached else "MISSED"
    print(f"{row.work:52} {row.ours:14.2f} {theirs} {ratio} {row.unit:8} {row.goal:24} {verdict}", flush=True)


def drawn(count: int, seed: int = 1) -> Hashes:
    """Random hashes, one in ten a near-duplicate of another."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    near = rng.choice(count, count // 10, replace=False)
    hashes[near] = flipped(hashes[rng.integers(0, count, len(near))], rng)
    return hashes


def flipped(hashes: Hashes, rng: np.random.Generator) -> Hashes:
    """Each hash with 0 to 31 bits changed."""
    bits = np.unpackbits(hashes, axis=1)
    for row, count in zip(bits, rng.integers(0, THRESHOLD + 1, len(bits)), strict=True):
        row[rng.choice(256, count, replace=False)] ^= 1
    return np.packbits(bits, axis=1)


def cpu(work: Callable[[], object]) -> float:
    """Microseconds of CPU that this thread takes for it."""
    begin = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - begin) / 1000


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def their_index(hashes: Hashes) -> tuple[Any, Callable[[Hashes], set[int]], str, float]:
    """What we are compared with: the index, how one query is put to it, its name, and its bytes a hash."""
    import faiss

    faiss.omp_set_num_threads(1)
    before = resident()
    if len(hashes) < RAW_FROM:
        from threatexchange.signal_type.pdq.pdq_index import PDQIndex

        index = PDQIndex(((row.tobytes().hex(), i) for i, row in enumerate(hashes)))

        def ask(query: Hashes) -> set[int]:
            return {int(match.metadata) for match in index.query(query.tobytes().hex())}

        return index, ask, "threatexchange", (resident() - before) / len(hashes)
    raw = faiss.IndexBinaryMultiHash(256, 16, 16)
    raw.nflip = 1
    raw.add(hashes)

    def ask_raw(query: Hashes) -> set[int]:
        _, _, found = raw.range_search(query.reshape(1, 32), THRESHOLD + 1)
        return {int(key) for key in found}

    return raw, ask_raw, "faiss 16x16", (resident() - before) / len(hashes)


def in_turn(
    index: HammingIndex, ask: Callable[[Hashes], set[int]], asked: Hashes, at_a_time: int
) -> tuple[float, float]:
    """Medians of a single query for both, in microseconds, so many queries of the one and then of the other.

    One at a time, each finds the processor's caches filled by the other, as no server does that runs only one of them.
    """
    ours: list[float] = []
    theirs: list[float] = []
    for at in range(0, len(asked), at_a_time):
        part = asked[at : at + at_a_time]
        singles = [query.tobytes() for query in part]
        ours += [cpu(lambda q=single: index.search(q, THRESHOLD)) for single in singles]  # type: ignore[misc]
        theirs += [cpu(lambda q=query: ask(q)) for query in part]  # type: ignore[misc]
    return statistics.median(ours), statistics.median(theirs)


def searching(count: int, folder: Path, queries: int) -> None:
    """Single and batch queries, bytes a hash, recall, and adding one hash."""
    import faiss

    hashes = drawn(count)
    index = HammingIndex.create(folder, auto_compact=False)
    keys = np.arange(count, dtype=np.uint64)
    for at in range(0, count, 1 << 20):
        index.add(hashes[at : at + (1 << 20)], keys[at : at + (1 << 20)])
    begin = time.process_time()
    index.compact()
    put(Row(f"build, {count:,}", time.process_time() - begin, "CPU s"))
    index.search(hashes[0].tobytes(), THRESHOLD)
    theirs, ask, name, their_bytes = their_index(hashes)

    rng = np.random.default_rng(2)
    asked = rng.integers(0, 256, (queries, 32), dtype=np.uint8)
    asked[::2] = flipped(hashes[rng.integers(0, count, len(asked[::2]))], rng)
    judge = faiss.IndexBinaryFlat(256)
    judge.add(hashes)
    limits, _, truth = judge.range_search(asked, THRESHOLD + 1)
    found = found_theirs = 0
    for i, query in enumerate(asked):
        right = {int(key) for key in truth[limits[i] : limits[i + 1]]}
        ours = {hit.key for hit in index.search(query.tobytes(), THRESHOLD)}
        found += len(ours & right)
        found_theirs += len(ask(query) & right)
        if not ours <= right:
            sys.exit("the index answers what is not there")
    floor = 20 if count < RAW_FROM else 80
    ours_us, theirs_us = in_turn(index, ask, asked, ROUND)
    put(Row(f"single query, {count:,}", ours_us, "us", theirs_us, name, f">= {floor}x", theirs_us / ours_us >= floor))
    ours_us, theirs_us = in_turn(index, ask, asked, 1)
    put(Row(f"single query, caches full of the other's, {count:,}", ours_us, "us", theirs_us, name))
    total = max(len(truth), 1)
    put(Row(f"recall, {count:,}", 100 * found / total, "%", 100 * found_theirs / total, name, "100 %", found == total))
    many = np.concatenate([asked] * max(1, 2048 // queries))
    per_query = [cpu(lambda: index.search_many(many, THRESHOLD)) / len(many) for _ in range(5)]
    batch = statistics.median(per_query)
    their_batch = statistics.median(cpu(lambda: [ask(q) for q in asked[:100]]) / 100 for _ in range(3))
    goal = ">= 25x" if count < RAW_FROM else ""
    reached = their_batch / batch >= 25 if goal else None
    put(Row(f"batch query, {count:,}", batch, "us", their_batch, name, goal, reached))
    ours_bytes = index.nbytes / count
    put(Row(f"bytes a hash, {count:,}", ours_bytes, "B", their_bytes, name, "<= 130", ours_bytes <= 130))
    put(Row(f"floor: scan of all, {count:,}", cpu(lambda: judge.range_search(asked[:1], THRESHOLD + 1)), "us"))
    adding(index, theirs if name == "threatexchange" else None, count)
    index.close()
    attaching(folder, hashes[0].tobytes(), count)
    starting(folder, hashes[0].tobytes(), count)


FOLLOWER = """
import sys, time
from pathlib import Path
from firstlight.index import HammingIndex
index = HammingIndex.open(Path(sys.argv[1]))
index.search(bytes(32), 31)
for line in sys.stdin:
    wanted, at = bytes.fromhex(line), 0.0
    print("go", flush=True)
    while not index.search(wanted, 0):
        pass
    print(time.monotonic(), flush=True)
"""


def adding(index: HammingIndex, theirs: Any, count: int) -> None:  # noqa: ANN401 - a foreign class
    """From the call that adds a hash to the moment a second process finds it, in wall time."""
    folder = index._folder
    new = drawn(20, seed=99)
    with subprocess.Popen(
        [sys.executable, "-c", FOLLOWER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        if other.stdin is None or other.stdout is None:
            sys.exit("no pipes")
        waits, calls = [], []
        for i, one in enumerate(new):
            other.stdin.write(one.tobytes().hex() + "\n")
            other.stdin.flush()
            other.stdout.readline()
            begin = time.monotonic()
            index.add(one.reshape(1, 32), [count + i])
            calls.append((time.monotonic() - begin) * 1000)
            waits.append((float(other.stdout.readline()) - begin) * 1000)
        other.stdin.close()
    their_add = None
    if theirs is not None:
        begin = time.monotonic()
        theirs.add(new[0].tobytes().hex(), count)
        their_add = (time.monotonic() - begin) * 1000
    wait = statistics.median(waits)
    reached = wait < 1 and (their_add is None or their_add / wait >= 600)
    goal = "< 1 ms, >= 600x" if their_add else "< 1 ms"
    put(Row(f"add one, seen by a second process (wall), {count:,}", wait, "ms", their_add, "", goal, reached))
    put(Row(f"add one, durable (wall), {count:,}", statistics.median(calls), "ms"))


ATTACH = """
import sys, time
from pathlib import Path
from firstlight.index import HammingIndex, warm_up
loading = warm_up()
begin = time.perf_counter()
index = HammingIndex.open(Path(sys.argv[1]))
hits = index.search(bytes.fromhex(sys.argv[2]), 31)
print(loading * 1000, (time.perf_counter() - begin) * 1000 if hits else -1)
"""


def attaching(folder: Path, wanted: bytes, count: int) -> None:
    """A new process opens the index and answers its first query, in wall time without starting Python and kernels."""
    times, loading = [], []
    for _ in range(5):
        answer = subprocess.run(
            [sys.executable, "-c", ATTACH, str(folder), wanted.hex()], capture_output=True, text=True, check=True
        )
        kernels, first = answer.stdout.split()
        loading.append(float(kernels))
        times.append(float(first))
    wait = statistics.median(times)
    put(Row(f"attach and first query (wall), {count:,}", wait, "ms", goal="< 50 ms", reached=0 < wait < 50))
    put(Row("load the compiled kernels, once a process (wall)", statistics.median(loading), "ms"))


class Sealed:
    """AES-256-GCM, as a home seals its banks."""

    def __init__(self) -> None:
        self._key = AESGCM(os.urandom(32))

    def seal(self, data: bytes, context: bytes) -> bytes:
        """Sealed, with its nonce before it."""
        nonce = os.urandom(12)
        return nonce + self._key.encrypt(nonce, data, context)

    def unseal(self, data: bytes, context: bytes) -> bytes:
        """Opened."""
        return self._key.decrypt(data[:12], data[12:], context)


def starting(folder: Path, wanted: bytes, count: int) -> None:
    """From the sealed copy on disk to the first answer, as after a restart of the machine; wall time."""
    sealing = Sealing(b"library", os.urandom(32), Sealed())
    with HammingIndex.open(folder) as index, tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        sealed_index.save(index, folder, sealing, b"bank", Disk())
        fd = os.open(folder / "pdq.sealed", os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
        begin = time.perf_counter()
        sealed_index.restore(folder, Path(memory) / "pdq", sealing, b"bank", Disk())
        with HammingIndex.open(Path(memory) / "pdq") as opened:
            found = bool(opened.search(wanted, THRESHOLD))
        seconds = time.perf_counter() - begin
    put(
        Row(
            f"cold start from sealed files (wall), {count:,}", seconds, "s", goal="< 5 s", reached=found and seconds < 5
        )
    )


def joining(count: int) -> None:
    """The self-join against asking query by query."""
    hashes = drawn(count)
    neighbours(hashes[:5000], THRESHOLD)
    begin, wall = time.process_time(), time.monotonic()
    pairs = neighbours(hashes, THRESHOLD)
    ours, ours_wall = time.process_time() - begin, time.monotonic() - wall
    _, ask, name, _ = their_index(hashes)
    sample = drawn(60, seed=5)
    theirs = statistics.median(cpu(lambda q=q: ask(q)) for q in sample) * count / 1e6  # type: ignore[misc]
    reached = theirs / ours >= 200 and ours <= 25 * count / 3e6
    put(Row(f"self-join, {count:,}: {len(pairs):,} pairs", ours, "CPU s", theirs, name, ">= 200x, <= 25 s", reached))
    put(Row(f"self-join (wall), {count:,}", ours_wall, "s"))


def plotted(points: list[tuple[int, float, float]], slopes: tuple[float, float]) -> str:
    """Time of a query and bytes a hash against the number of hashes, both axes logarithmic, as SVG."""
    width, height, left, top = 380, 260, 60, 40
    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * (width + left) + 40}" height="{height + 90}"'
            ' role="img" aria-labelledby="t" font-family="sans-serif" font-size="12">'
        ),
        '<title id="t">Time of a query and bytes a hash against the number of hashes</title>',
        f'<rect width="{2 * (width + left) + 40}" height="{height + 90}" fill="#ffffff"/>',
    ]
    x_low, x_high = np.log10(points[0][0]), np.log10(points[-1][0])
    for panel, (name, unit, slope) in enumerate((("query", "us", slopes[0]), ("memory", "B a hash", slopes[1]))):
        x0, values = left + panel * (width + left), [float(point[1 + panel]) for point in points]
        low, high = np.floor(np.log10(min(values))), np.ceil(np.log10(max(values)))
        spots = [
            (
                x0 + width * (np.log10(point[0]) - x_low) / (x_high - x_low),
                top + height * (high - np.log10(value)) / (high - low),
            )
            for point, value in zip(points, values, strict=True)
        ]
        out.append(f'<text x="{x0}" y="20">{name}, {unit}: grows with the {slope:.2f}th power of N</text>')
        out.append(f'<rect x="{x0}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#888888"/>')
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        out.append(f'<polyline points="{line}" fill="none" stroke="#0b6e4f" stroke-width="2"/>')
        for (x, y), point, value in zip(spots, points, values, strict=True):
            out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#0b6e4f"/>')
            out.append(f'<text x="{x:.1f}" y="{y - 9:.1f}" text-anchor="middle">{value:.0f}</text>')
            label = f"{point[0] // 1000} k" if point[0] < 1_000_000 else f"{point[0] // 1_000_000} M"
            out.append(f'<text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle">{label}</text>')
    return "\n".join([*out, "</svg>", ""])


def growing(counts: list[int], root: Path, plot: Path | None) -> None:
    """Time and bytes against the number of hashes, and the slope of each in log-log."""
    points: list[tuple[int, float, float]] = []
    for count in counts:
        folder = root / f"growth-{count}"
        hashes = np.random.default_rng(1).integers(0, 256, (count, 32), dtype=np.uint8)
        with HammingIndex.create(folder, auto_compact=False) as index:
            for at in range(0, count, 1 << 20):
                part = hashes[at : at + (1 << 20)]
                index.add(part, np.arange(at, at + len(part), dtype=np.uint64))
            index.compact()
            index.search(bytes(32), THRESHOLD)
            rng = np.random.default_rng(3)
            asked = [row.tobytes() for row in flipped(hashes[rng.integers(0, count, 200)], rng)]
            each = statistics.median(cpu(lambda q=q: index.search(q, THRESHOLD)) for q in asked)  # type: ignore[misc]
            points.append((count, each, index.nbytes / count))
            put(Row(f"growth: query, {count:,}", each, "us"))
            put(Row(f"growth: bytes a hash, {count:,}", index.nbytes / count, "B"))
        for path in folder.iterdir():
            path.unlink()
    if len(points) > 1:
        x = np.log([p[0] for p in points])
        slopes = tuple(float(np.polyfit(x, np.log([p[at] for p in points]), 1)[0]) for at in (1, 2))
        put(Row("growth: time ~ N to the power of", slopes[0], ""))
        put(Row("growth: bytes a hash ~ N to the power of", slopes[1], ""))
        if plot is not None:
            plot.write_text(plotted(points, (slopes[0], slopes[1])))
        most = max(points, key=lambda p: p[1])[1]
        for count, each, size in points:
            print(f"{count:>12,}  {'#' * max(1, round(50 * each / most)):50} {each:8.1f} us  {size:6.1f} B")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--join", type=int, default=0)
    parser.add_argument("--growth", type=int, nargs="*", default=[])
    parser.add_argument("--folder", type=Path, help="where the files go; default a temporary folder")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="an SVG of the growth")
    wanted = parser.parse_args()
    print(f"{'':52} {'ours':>14} {'theirs':>14} {'ratio':>9} unit     goal")
    with tempfile.TemporaryDirectory(dir=wanted.folder) as scratch:
        root = Path(scratch)
        block = np.ones(1 << 25, dtype=np.uint64)
        block.sum()
        speed = statistics.median(block.nbytes / cpu(block.sum) / 1000 for _ in range(5))
        put(Row("floor: streaming read, one thread", speed, "GB/s"))
        for count in wanted.rows:
            searching(count, root / f"search-{count}", wanted.queries)
        if wanted.join:
            joining(wanted.join)
        if wanted.growth:
            growing(wanted.growth, root, wanted.plot)
    if wanted.json:
        machine = {"processor": platform.processor() or platform.machine(), "load": os.getloadavg()[0]}
        wanted.json.write_text(json.dumps({"machine": machine, "rows": [asdict(row) for row in ROWS]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
