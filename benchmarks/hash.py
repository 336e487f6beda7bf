"""Hashing side by side: ours, the threatexchange library, pdqhash, and the decoder alone, interleaved on each picture.

    sh benchmarks/photographs.sh                   # fetches ordinary photographs into build/photographs
    pip install threatexchange==1.2.17 pdqhash     # the competitors; left out of the table where they are missing
    python benchmarks/hash.py --json build/hash.json

Times are processor time of one thread, from bytes in memory to a hash; the best of a few runs on each picture, then the
median over the pictures. Without photographs the pictures are drawn by code, which is good for a ratio only.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from firstlight.hashing import PRELOAD, tasks
from firstlight.media import DEFAULT_LIMITS, Cage, CagedFile

Hasher = Callable[[bytes], Any]

AS_IN_A_WORKER = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**28),
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
    "PILLOW_BLOCK_SIZE": "1024m",
}
"""All ways run in the surroundings of a worker: one thread, and memory that is kept from one picture to the next."""

SETS = (("12 MP", (4000, 3000), 90, 18), ("2 MP", (1632, 1224), 85, 36), ("0.5 MP", (816, 612), 80, 36))
GOALS = {("12 MP", "ours, default"): 12.0, ("2 MP", "ours, default"): 8.0, ("2 MP", "ours, exact"): 4.0}
THEIRS = "threatexchange"


@dataclass(frozen=True)
class Row:
    """One way to hash on one set of pictures."""

    what: str
    milliseconds: float
    times_theirs: float | None
    goal: float | None


def photographs(folder: Path) -> list[Path]:
    """The pictures that the set-up script has fetched."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))


def drawn(count: int, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Scenes drawn by code, for a machine without photographs."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        x, y = np.linspace(0, 9, size[0]), np.linspace(0, 7, size[1])[:, None]
        waves = np.sin(x * rng.uniform(1, 4) + y) * 60 + np.cos(y * rng.uniform(1, 4) - x * y * 0.3) * 60 + 128
        grain = rng.normal(0, 6, (size[1], size[0], 3))
        yield Image.fromarray(np.clip(waves[..., None] + grain, 0, 255).astype(np.uint8))


def derived(paths: list[Path], size: tuple[int, int], quality: int, count: int) -> list[bytes]:
    """JPEGs of one size, made from pictures that are at least as large."""
    out: list[bytes] = []
    for path in paths:
        with Image.open(path) as image:
            if len(out) >= count or image.width < size[0] or image.height < size[1]:
                continue
            out.append(_jpeg(_fitted(image.convert("RGB"), size), quality))
    out += [_jpeg(image, quality) for image in drawn(count if not out else 0, size)]
    return out


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    scale = max(size[0] / image.width, size[1] / image.height)
    width, height = size[0] / scale, size[1] / scale
    left, top = (image.width - width) / 2, (image.height - height) / 2
    box = (left, top, left + width, top + height)
    return image.resize(size, Image.Resampling.LANCZOS, box=box)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def ours(mode: str) -> Hasher:
    """The task that runs in a worker, called in this process so that its processor time can be read."""

    def hashed(data: bytes) -> Any:  # noqa: ANN401
        return tasks.hash_pdq(CagedFile.of(data), DEFAULT_LIMITS, mode=mode)

    return hashed


def decode(data: bytes) -> None:
    """The floor of exact mode: Pillow's decoder at full size, and nothing else."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()


def decode_reduced(data: bytes) -> None:
    """The floor of scaled mode: the decoder at the same reduced size, and nothing else."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (512, 512))
        image.load()


def competitors() -> dict[str, Hasher]:
    """What can be compared with on this machine."""
    found: dict[str, Hasher] = {}
    try:
        from threatexchange.signal_type.pdq.signal import PdqSignal

        found[THEIRS] = PdqSignal.hash_from_bytes
    except ImportError:
        print("threatexchange is not installed: no comparison with it", file=sys.stderr)
    try:
        import pdqhash

        found["pdqhash"] = lambda data: pdqhash.compute(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    except ImportError:
        print("pdqhash is not installed: no comparison with it", file=sys.stderr)
    return found


def measure(pictures: list[bytes], ways: dict[str, Hasher], repeat: int) -> dict[str, list[float]]:
    """Milliseconds for each way and picture; the ways take turns, so that a busy moment hits all of them."""
    best = {what: [float("inf")] * len(pictures) for what in ways}
    for index, data in enumerate(pictures):
        for _ in range(repeat):
            for what, way in ways.items():
                start = time.process_time()
                way(data)
                best[what][index] = min(best[what][index], (time.process_time() - start) * 1000)
    return best


def compared(name: str, times: dict[str, list[float]]) -> list[Row]:
    """The rows of one set of pictures."""
    theirs = times.get(THEIRS)
    rows = []
    for what, each in times.items():
        ratio = statistics.median(t / o for t, o in zip(theirs, each, strict=True)) if theirs else None
        rows.append(Row(what, statistics.median(each), ratio, GOALS.get((name, what))))
    return rows


def agreement(paths: list[Path], *, as_jpeg: bool) -> dict[str, Any]:
    """How far the default mode lies from exact: on JPEGs, others made into one, or on all that is none, as it is."""
    distances: list[int] = []
    worst = ""
    for path in paths:
        with Image.open(path) as image:
            if image.format == "JPEG" and not as_jpeg:
                continue
            as_it_is = image.format == "JPEG" or not as_jpeg
            data = path.read_bytes() if as_it_is else _jpeg(image.convert("RGB"), 90)
        scaled, exact = ours("auto")(data), ours("exact")(data)
        if min(exact["width"], exact["height"]) < 512:
            continue
        distances.append((int(scaled["orientations"][0], 16) ^ int(exact["orientations"][0], 16)).bit_count())
        worst = path.name if distances[-1] == max(distances) else worst
    if not distances:
        return {"pictures": 0}
    return {
        "pictures": len(distances),
        "mean": round(statistics.mean(distances), 2),
        "p99": float(np.percentile(distances, 99)),
        "max": max(distances),
        "worst": worst,
    }


def against_reference(paths: list[Path], found: dict[str, Hasher]) -> dict[str, Any]:
    """In how many bits exact mode differs from pdqhash, on all photographs."""
    if "pdqhash" not in found:
        return {}
    differing = worst = 0
    for path in paths:
        data = path.read_bytes()
        bits, quality = found["pdqhash"](data)
        made = ours("exact")(data)
        apart = (int("".join(map(str, bits)), 2) ^ int(made["orientations"][0], 16)).bit_count()
        differing += apart > 0 or quality != made["quality"]
        worst = max(worst, apart)
    return {"pictures": len(paths), "differing": differing, "most_bits": worst}


def through_the_cage(pictures: list[bytes]) -> dict[str, Any]:
    """Processor time a picture with everything included: the house, its workers, and the way between them."""
    start = _spent(pictures[:1])
    return {"milliseconds": round((_spent(pictures[:1] + pictures) - start) / len(pictures) * 1000, 2)}


def _spent(pictures: list[bytes]) -> float:
    """Seconds of processor time that a cage and its workers use from birth to end."""
    before = os.times()
    with Cage(workers=1, preload=PRELOAD) as cage:
        for _ in cage.map("firstlight.hashing.tasks:hash_pdq", pictures, mode="auto"):
            pass
    return sum(os.times()[:4]) - sum(before[:4])


def main() -> None:
    """Run all and print a table and, where asked for, JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, default=Path("build/photographs"), metavar="DIR")
    parser.add_argument("--repeat", type=int, default=3, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--times-only", action="store_true", help="leave out how far the hashes lie apart")
    wanted = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in AS_IN_A_WORKER.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | AS_IN_A_WORKER)
    paths = photographs(wanted.pictures) if wanted.pictures.is_dir() else []
    print(f"{len(paths)} photographs" if paths else "no photographs: drawn pictures; see the head of this file")
    found = competitors()
    ways = {**found, "decoder alone": decode, "ours, exact": ours("exact"), "ours, default": ours("auto")}
    ways["decoder alone, reduced"] = decode_reduced
    report: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "sets": {}}
    for name, size, quality, count in SETS:
        pictures = derived(paths, size, quality, count)
        rows = compared(name, measure(pictures, ways, wanted.repeat))
        report["sets"][name] = {"pictures": len(pictures), "rows": [row.__dict__ for row in rows]}
        report["sets"][name]["cage"] = through_the_cage(pictures)
        print(f"\n{name} ({len(pictures)} pictures)   {'ms':>8}   {'x ' + THEIRS:>18}   goal")
        for row in rows:
            ratio = f"{row.times_theirs:.1f}" if row.times_theirs else "-"
            print(f"  {row.what:<24} {row.milliseconds:8.2f}   {ratio:>18}   {f'>= {row.goal:g}' if row.goal else ''}")
        print(f"  {'ours, through the cage':<24} {report['sets'][name]['cage']['milliseconds']:8.2f}")
    if not wanted.times_only:
        report["default_to_exact"] = agreement(paths, as_jpeg=True)
        report["default_to_exact_not_reduced"] = agreement(paths, as_jpeg=False)
        report["exact_to_reference"] = against_reference(paths, found)
        print(f"\ndefault mode to exact, bits: {report['default_to_exact']}")
        print(f"the same, of pictures that no decoder reduces: {report['default_to_exact_not_reduced']}")
        print(f"exact to pdqhash: {report['exact_to_reference']}")
    if wanted.json:
        wanted.json.parent.mkdir(parents=True, exist_ok=True)
        wanted.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
