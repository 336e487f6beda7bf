"""The contenders of `benchmarks/screen.py`, each run as a process of its own: `screen_contenders.py NAME --source ...`.

Those but `ours` and `floor` run in the environment of the rivals, which `screen_rivals.sh` makes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from pathlib import Path
from typing import Any

from screen_data import foreign


def ours(args: argparse.Namespace) -> None:
    """The product, with its local pool."""
    from firstlight.casework.screening import lists_of
    from firstlight.screen import LocalPool, Settings, prepare, run

    out = Path(args.out)
    settings = Settings(out, lists_of(Path(args.home), ("known",)))
    prepare(settings, [args.source], keep=False)
    launcher: Any = LocalPool(args.workers)
    if args.ray:
        from firstlight.screen.cluster import RayCluster

        launcher = RayCluster()
    if args.nodes:
        _cluster(args.nodes)
    report = run(settings, launcher)
    assert report.left == 0, report


def _cluster(nodes: int) -> None:
    """A Ray cluster of so many nodes on this machine, one worker each, and one without any for the driver."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    utils = foreign("ray.cluster_utils")
    small = {"object_store_memory": 80 * 2**20}
    cluster = utils.Cluster(initialize_head=True, head_node_args={**small, "num_cpus": 0, "include_dashboard": False})
    for _ in range(nodes):
        cluster.add_node(num_cpus=1, **small)
    os.environ["RAY_ADDRESS"] = cluster.address


def floor(args: argparse.Namespace) -> None:
    """What cannot be saved: digests, decoding and PDQ of the same members, in one process; prints its CPU seconds."""
    import hashlib

    from firstlight.hashing.tasks import hash_pdq
    from firstlight.media import CagedFile
    from firstlight.media.limits import DEFAULT_LIMITS
    from firstlight.screen.member import Findings
    from firstlight.screen.places import Places
    from firstlight.screen.plan import plan_shards
    from firstlight.screen.readers import members_of

    spent = count = 0.0
    for shard in plan_shards([args.source], Places()):
        for member in members_of(shard, Places(), Findings()):
            data = member.data or b""
            if not count:
                hash_pdq(
                    CagedFile.of(data), DEFAULT_LIMITS, mode="auto"
                )  # kernels and decoders are loaded by the first
            began = time.process_time()
            for kind in (hashlib.md5, hashlib.sha1, hashlib.sha256):
                kind(data).digest()
            hash_pdq(CagedFile.of(data), DEFAULT_LIMITS, mode="auto")
            spent += time.process_time() - began
            count += 1
    print(json.dumps({"seconds": spent, "pictures": count}))


def _te_index(path: str) -> Any:  # noqa: ANN401 - the competitor's own
    import pickle

    return pickle.loads(Path(path).read_bytes())


def _te_one(data: bytes, index: Any) -> tuple[Any, ...]:  # noqa: ANN401 - the competitor's own
    import hashlib

    from threatexchange.signal_type.pdq.signal import PdqSignal

    digests = [kind(data).hexdigest() for kind in (hashlib.md5, hashlib.sha1, hashlib.sha256)]
    pdq = PdqSignal.hash_from_bytes(data)
    return (*digests, pdq, len(index.query(pdq)) if pdq else 0)


def _te_shard(job: tuple[str, str]) -> int:
    import csv

    path, index_path = job
    index = _STATE.get("index") or _STATE.setdefault("index", _te_index(index_path))
    if path.endswith(".tar"):
        datas = (sample["jpg"] for sample in foreign("webdataset").WebDataset(path, shardshuffle=False))
    else:
        batches = foreign("pyarrow.parquet").ParquetFile(path).iter_batches(batch_size=16)
        datas = (cell["bytes"] for batch in batches for cell in batch.column("image").to_pylist())
    with Path(f"{_STATE['out']}/{Path(path).name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        count = 0
        for data in datas:
            writer.writerow(_te_one(data, index))
            count += 1
    return count


_STATE: dict[str, Any] = {}


def te_loop(args: argparse.Namespace) -> None:
    """Two processes that loop over the shards with threatexchange."""
    import multiprocessing

    _STATE["out"] = args.out
    Path(args.out).mkdir(parents=True)
    paths = sorted(str(path) for path in Path(args.source).iterdir())
    with multiprocessing.Pool(2) as pool:
        print(sum(pool.imap_unordered(_te_shard, [(path, args.index) for path in paths])))


def te_index(args: argparse.Namespace) -> None:
    """The index of the loop, built once and kept, as such a script would."""
    import pickle

    from threatexchange.signal_type.pdq.signal import PdqSignal

    rng = random.Random(2)
    entries = []
    for number in range(args.bank):
        entries.append((f"{rng.getrandbits(256):064x}", number))
        rng.getrandbits(128)
    Path(args.index).write_bytes(pickle.dumps(PdqSignal.get_index_cls().build(entries)))


def _rows(batch: dict[str, Any], index_path: str) -> dict[str, Any]:
    index = _STATE.get("index") or _STATE.setdefault("index", _te_index(index_path))
    made = [_te_one(cell["bytes"], index) for cell in batch["image"]]
    return {name: [row[n] for row in made] for n, name in enumerate(("md5", "sha1", "sha256", "pdq", "hits"))}


def ray_data(args: argparse.Namespace) -> None:
    """Ray Data over Parquet, with the hashing of the loop."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = foreign("ray")
    foreign("ray.data")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    data = ray.data.read_parquet(args.source)
    data.map_batches(_rows, batch_size=32, fn_kwargs={"index_path": args.index}).write_parquet(args.out)


def daft_engine(args: argparse.Namespace) -> None:
    """Daft over Parquet, with the hashing of the loop, in processes."""
    os.environ["DO_NOT_TRACK"] = "1"
    daft, index_path = foreign("daft"), args.index

    def hashed(cells: Any) -> list[str]:  # noqa: ANN401 - the competitor's own
        index = _STATE.get("index") or _STATE.setdefault("index", _te_index(index_path))
        return ["|".join(map(str, _te_one(cell["bytes"], index))) for cell in cells.to_pylist()]

    in_processes = daft.udf(return_dtype=daft.DataType.string(), use_process=True, concurrency=2)(hashed)
    table = daft.read_parquet(f"{args.source}/*.parquet").with_column("row", in_processes(daft.col("image")))
    table.select("row").write_parquet(args.out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("ours", "floor", "te_loop", "te_index", "ray_data", "daft_engine"))
    for name in ("--source", "--out", "--home", "--index"):
        parser.add_argument(name)
    parser.add_argument("--bank", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ray", action="store_true", help="ours, on a Ray cluster that is started here")
    parser.add_argument("--nodes", type=int, default=0, help="with --ray: so many nodes, of one worker each")
    args = parser.parse_args()
    globals()[args.name](args)


if __name__ == "__main__":
    main()
