"""What examining a picture's origin costs: `python benchmarks/origin_examination.py FILE...`, with and without pixels.

Times are of one process on one core, the median of several looks; nothing is cached between looks but the reader's
settings.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

from firstlight.origin.examination import examine_bytes
from firstlight.origin.trust import NO_TRUST, TrustLists
from firstlight.origin.trust_folder import load_folder


def _median_ms(data: bytes, trust: TrustLists, looks: int, *, pixels: bool) -> float:
    times = []
    for _ in range(looks):
        start = time.process_time()
        examine_bytes(data, trust, pixels=pixels)
        times.append((time.process_time() - start) * 1000)
    return statistics.median(times)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--trust", type=Path, help="a folder of trust lists")
    parser.add_argument("--looks", type=int, default=5)
    options = parser.parse_args()
    trust = load_folder(options.trust) if options.trust else NO_TRUST
    sys.stdout.write(f"{'file':44} {'bytes':>10} {'beside the picture':>20} {'with pixels':>12}  signs\n")
    for path in options.files:
        data = path.read_bytes()
        beside = _median_ms(data, trust, options.looks, pixels=False)
        whole = _median_ms(data, trust, options.looks, pixels=True)
        signs = len(examine_bytes(data, trust))
        sys.stdout.write(f"{path.name[:44]:44} {len(data):>10} {beside:>17.1f} ms {whole:>9.1f} ms  {signs}\n")


if __name__ == "__main__":
    main()
