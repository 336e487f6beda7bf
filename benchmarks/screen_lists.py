"""List mode against DuckDB's join alone: a table of MD5 texts and a bank of 16.2 million.

    python benchmarks/screen_lists.py [--rows 16000000] [--bank 16200000] [--turns 3] [--work build/screen-benchmark]

DuckDB has the bank loaded before the clock starts, as ours has; both read the same Parquet file. CPU time, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

from screen_data import foreign
from screen_usage import say

GOAL_ROWS = 10e6


def _hex_column(count: int) -> Any:  # noqa: ANN401 - pyarrow has no types
    """A column of random MD5 texts."""
    import numpy as np

    pa = foreign("pyarrow")
    text = os.urandom(16 * count).hex().encode()
    offsets = pa.py_buffer(np.arange(0, 32 * count + 1, 32, dtype=np.int32))
    return pa.StringArray.from_buffers(count, offsets, pa.py_buffer(text))


def lists(args: argparse.Namespace, work: Path) -> dict[str, float]:
    """List mode against DuckDB's join: a table of hashes and URLs, a bank of 16.2 million MD5."""
    import numpy as np

    from firstlight.banks.digest_table import DigestTable
    from firstlight.screen.tables import ROWS, suspect_rows

    duckdb, pa, pq = foreign("duckdb"), foreign("pyarrow"), foreign("pyarrow.parquet")
    path, bank_rows, planted = work / "hashes.parquet", args.bank, 1000
    bank = _hex_column(bank_rows)
    parts = [_hex_column(args.rows // 8) for _ in range(8)]
    parts[3] = pa.concat_arrays([parts[3].slice(planted), bank.slice(7, planted)])
    with pq.ParquetWriter(path, pa.schema([("md5", pa.string())]), use_dictionary=False) as writer:
        for part in parts:
            writer.write_table(pa.table({"md5": part}))
    raw = np.frombuffer(bytes.fromhex(bank.buffers()[2].to_pybytes().decode()), np.uint8).reshape(-1, 16)
    began = time.process_time()
    table = DigestTable.of(raw[:, :8].copy().view(">u8").ravel().astype(np.uint64))
    build = time.process_time() - began
    times: dict[str, list[float]] = {"ours": [], "duckdb": []}
    base = duckdb.connect()
    base.execute("SET threads = 2")
    arrow_bank = pa.table({"md5": bank})  # noqa: F841 - DuckDB finds it by its name
    base.execute("CREATE TABLE bank AS SELECT md5 FROM arrow_bank")
    found = 0
    for _ in range(args.turns):
        began, found = time.process_time(), 0
        for batch in pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20).iter_batches(ROWS, use_threads=False):
            found += len(suspect_rows(batch.column(0), 16, table, np.zeros(batch.num_rows, dtype=np.bool_)))
        times["ours"].append(time.process_time() - began)
        began = time.process_time()
        query = f"SELECT count(*) FROM read_parquet('{path}') AS t SEMI JOIN bank ON t.md5 = bank.md5"
        [joined] = base.execute(query).fetchone() or (0,)
        times["duckdb"].append(time.process_time() - began)
        assert found == joined == planted, (found, joined)
    rates = {name: args.rows // 8 * 8 / statistics.median(each) for name, each in times.items()}
    size = (table.bits.nbytes + table.keys.nbytes) >> 20
    print(f"table of {bank_rows:,} digests: built in {build:.1f} s of CPU, {size} MB")
    for name, rate in rates.items():
        print(f"{name:8} {rate / 1e6:6.1f} M rows a core-second, on two cores {2 * rate / 1e6:.1f} M rows/s")
    value = f"{2 * rates['ours'] / 1e6:.1f} M rows/s, {rates['ours'] / rates['duckdb']:.1f}x DuckDB"
    say("list mode, two cores, by CPU", value, ">= 10 M", 2 * rates["ours"] >= GOAL_ROWS)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/screen-benchmark"))
    parser.add_argument("--rows", type=int, default=16_000_000)
    parser.add_argument("--bank", type=int, default=16_200_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    found = lists(args, args.work)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
