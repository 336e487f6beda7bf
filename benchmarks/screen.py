"""Screening against what a programmer would write: loops over threatexchange, Ray Data, Daft; and list mode.

    python benchmarks/screen.py PHOTOGRAPHS --rivals PYTHON [--work FOLDER] [--pictures 1200] [--only NAME]

PHOTOGRAPHS is the folder that `benchmarks/photographs.sh` fills; PYTHON is that of an environment with threatexchange,
pyarrow, webdataset, ray[data], daft and duckdb. Every contender runs in processes of its own over one shard for each
of its two workers, and over more; the difference is what a picture costs without starting up, for both runs start
both workers. Ours, which takes longer to start than for those pictures, reads the additional shards several times.
CPU is that of the whole tree of processes. Contenders take turns; figures are medians. Prints tables and writes JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SHARDS = 10
FEW, MANY, TIMES = 2, 4, 8
"""Shards of the two runs whose difference is what a picture costs, and how often ours reads the additional ones.

With fewer than two shards the second worker would not start, and its start would count as the cost of pictures.
"""
SIZES = {"few": FEW, "many": MANY, "long": FEW + TIMES * (MANY - FEW)}
GOALS = {"loop": 6.0, "engines": 1.5, "overhead": 0.10, "memory_mb": 400, "list_rows": 10e6}


def foreign(name: str) -> Any:  # noqa: ANN401 - no types, and perhaps only in the environment of the rivals
    """A module of a contender."""
    return importlib.import_module(name)


# --- data: crops of 0.5 to 2 megapixels ------------------------------------------------------------------------------


def make_pictures(photographs: Path, folder: Path, count: int) -> None:
    """Tars and Parquet files with the same crops, as JPEGs."""
    import io
    import tarfile

    from PIL import Image

    pa, pq = foreign("pyarrow"), foreign("pyarrow.parquet")

    rng = random.Random(1)
    sources = [
        path for path in sorted(photographs.iterdir()) if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")
    ]
    large = []
    for path in sources:
        with Image.open(path) as opened:
            if min(opened.size) >= 1100:
                large.append(path)
    made: list[bytes] = []
    while len(made) < count:
        with Image.open(rng.choice(large)) as opened:
            image = opened.convert("RGB")
        for _ in range(min(12, count - len(made))):
            pixels, ratio = rng.uniform(0.5e6, 2e6), rng.uniform(0.7, 1.5)
            width = min(image.width, int((pixels * ratio) ** 0.5))
            height = min(image.height, int(pixels / width))
            left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
            out = io.BytesIO()
            image.crop((left, top, left + width, top + height)).save(out, "JPEG", quality=rng.choice((80, 85, 90)))
            made.append(out.getvalue())
    rng.shuffle(made)
    for kind in ("tar", "parquet"):
        (folder / kind / "all").mkdir(parents=True)
    each = count // SHARDS
    for number in range(SHARDS):
        part = made[number * each : (number + 1) * each]
        with tarfile.open(folder / "tar" / "all" / f"{number:05}.tar", "w") as archive:
            for place, data in enumerate(part):
                info = tarfile.TarInfo(f"{number:05}{place:04}.jpg")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        cells = pa.array([{"bytes": data, "path": f"{n}.jpg"} for n, data in enumerate(part)])
        pq.write_table(
            pa.table({"image": cells}), folder / "parquet" / "all" / f"{number:05}.parquet", row_group_size=100
        )
    link_parts(folder)


def link_parts(folder: Path) -> None:
    """The first shards once more, as data sets of their own."""
    for kind in ("tar", "parquet"):
        shards = sorted((folder / kind / "all").iterdir())
        for name, count in SIZES.items():
            shutil.rmtree(folder / kind / name, ignore_errors=True)
            (folder / kind / name).mkdir()
            more = [FEW + number % (MANY - FEW) for number in range(count - FEW)]
            for number, place in enumerate([*range(FEW), *more]):
                path = shards[place]
                os.link(path, folder / kind / name / f"{number:05}{path.suffix}")


def make_bank(home: Path, count: int) -> None:
    """A home with one plain bank of random hashes."""
    from firstlight.banks import NewEntry
    from firstlight.casework.home import Home
    from firstlight.values import BankPurpose

    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text("[banks]\nsealed = false\n")
    rng = random.Random(2)
    hashes = ((f"{rng.getrandbits(256):064x}", f"{rng.getrandbits(128):032x}") for _ in range(count))
    with Home.open(home) as there:
        there.library.create_bank("known", BankPurpose.KNOWN)
        there.library.add("known", (NewEntry(pdq=pdq, md5=md5) for pdq, md5 in hashes))


# --- contenders: each is run as a process of its own: screen.py --as NAME ... -----------------------------------------


def ours(args: argparse.Namespace) -> None:
    """The product, with its local pool."""
    from firstlight.casework.screening import lists_of
    from firstlight.screen import LocalPool, Settings, prepare, run

    out = Path(args.out)
    settings = Settings(out, lists_of(Path(args.home), ("known",)))
    prepare(settings, [args.source], keep=False)
    launcher: Any = LocalPool(2)
    if args.ray:
        from firstlight.screen.cluster import RayCluster

        launcher = RayCluster()
    report = run(settings, launcher)
    assert report.left == 0, report


def floor(args: argparse.Namespace) -> None:
    """What cannot be saved: digests, decoding and PDQ of the same members, in one process; prints its CPU seconds."""
    import hashlib

    from firstlight.hashing.bundle_tasks import Piece
    from firstlight.hashing.tasks import hash_pdq
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
                hash_pdq(Piece(data), DEFAULT_LIMITS, mode="auto")  # kernels and decoders are loaded by the first
            began = time.process_time()
            for kind in (hashlib.md5, hashlib.sha1, hashlib.sha256):
                kind(data).digest()
            hash_pdq(Piece(data), DEFAULT_LIMITS, mode="auto")
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


# --- running them ----------------------------------------------------------------------------------------------------


def tree(pid: int, known: set[int]) -> tuple[int, dict[int, float]]:
    """Proportional memory of a tree of processes, and the CPU seconds of each; who was once in it stays in it."""
    children: dict[int, list[int]] = {}
    seconds: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parts = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        one = int(stat.parent.name)
        children.setdefault(int(parts[1]), []).append(one)
        seconds[one] = (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
    waiting, total = [pid, *known], 0
    while waiting:
        one = waiting.pop()
        if one not in known:
            waiting += children.get(one, [])
        else:
            waiting += [child for child in children.get(one, []) if child not in known]
        known.add(one)
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
        except (OSError, StopIteration):
            continue
    return total, {one: seconds[one] for one in known if one in seconds}


def timed(command: list[str]) -> dict[str, float]:
    """Wall and CPU seconds of a command with all that it started, and the most memory that was seen.

    CPU is what was last seen of each process: some contenders kill theirs, or leave them behind, so that nobody waits
    for them and the kernel tells their time to nobody.
    """
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak, known, spent = 0, set[int](), dict[int, float]()
    while process.poll() is None:
        memory, seen = tree(process.pid, known)
        peak = max(peak, memory)
        spent |= seen
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{command} failed:\n{(process.stderr.read() if process.stderr else b'')[-3000:].decode()}")
    return {"wall": time.monotonic() - began, "cpu": sum(spent.values()), "peak_mb": peak / 2**20}


def measured(contender: str, python: str, kind: str, work: Path, pictures: int, more: list[str]) -> dict[str, float]:
    """What one picture costs a contender, by the difference between all shards and a few."""
    each = pictures // SHARDS
    more_of = "long" if contender == "ours" else "many"
    out = {}
    for size in ("few", more_of):
        target = work / "out" / f"{contender}-{kind}-{size}"
        shutil.rmtree(target, ignore_errors=True)
        (work / "out").mkdir(exist_ok=True)
        command = [python, __file__, "--as", contender, "--source", str(work / kind / size)]
        out[size] = {**timed([*command, "--out", str(target), *more]), "pictures": SIZES[size] * each}
    many, few = out[more_of], out["few"]
    cost = (many["cpu"] - few["cpu"]) / (many["pictures"] - few["pictures"])
    made = {
        "pictures_a_core_second": 1 / cost, "ms": 1000 * cost, "wall": many["wall"], "cpu": many["cpu"],
        "peak_mb": many["peak_mb"], "start_s": (few["cpu"] - cost * few["pictures"]) / 2,
    }  # fmt: skip
    print(f"{contender} {kind}: {made}", flush=True)
    return made


def say(name: str, value: str, goal: str, hit: bool | None) -> None:
    print(f"{name:52} {value:>26}   goal {goal:12} {'' if hit is None else 'hit' if hit else 'MISS'}")


def engines(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    index = ["--index", str(work / "te-index.pickle")]
    home = ["--home", str(work / "home")]
    found: dict[str, Any] = {}
    for kind in ("tar", "parquet"):
        turns: dict[str, list[dict[str, float]]] = {"ours": [], "loop": []}
        for _ in range(args.turns):
            turns["ours"].append(measured("ours", sys.executable, kind, work, args.pictures, home))
            turns["loop"].append(measured("te_loop", args.rivals, kind, work, args.pictures, index))
        for name, each in turns.items():
            found[f"{name} {kind}"] = {key: statistics.median(one[key] for one in each) for key in each[0]}
    others = () if args.without_engines else (("Ray Data parquet", "ray_data"), ("Daft parquet", "daft_engine"))
    for name, contender in others:
        try:
            found[name] = measured(contender, args.rivals, "parquet", work, args.pictures, index)
        except SystemExit as e:
            print(f"{name} did not run: {str(e)[-400:]}")
    print(f"\n{'contender':20} {'img/core-s':>11} {'ms CPU/img':>11} {'start s':>11} {'wall s':>8} {'peak MB':>8}")
    for name, one in found.items():
        print(
            f"{name:20} {one['pictures_a_core_second']:11.1f} {one['ms']:11.2f} {one['start_s']:11.1f} "
            f"{one['wall']:8.1f} {one['peak_mb']:8.0f}"
        )
    for kind in ("tar", "parquet"):
        ratio = found[f"loop {kind}"]["ms"] / found[f"ours {kind}"]["ms"]
        say(f"{kind}: against the loop over threatexchange", f"{ratio:.1f}x", ">= 6x", ratio >= GOALS["loop"])
    engines_ms = [one["ms"] for name, one in found.items() if name.startswith(("Ray", "Daft"))]
    if engines_ms:
        ratio = min(engines_ms) / found["ours parquet"]["ms"]
        say("parquet: against the better of Ray Data and Daft", f"{ratio:.1f}x", ">= 1.5x", ratio >= GOALS["engines"])
    return found


def overhead(work: Path, found: dict[str, Any]) -> dict[str, float]:
    from firstlight.media import _workers

    out = {}
    for kind in ("tar", "parquet"):
        command = [sys.executable, __file__, "--as", "floor", "--source", str(work / kind / "many")]
        caged = os.environ | _workers._SET  # the allocator of the cage, without which decoding costs more
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=caged).stdout)
        least = told["seconds"] / told["pictures"]
        out[kind] = 1 - 1000 * least / found[f"ours {kind}"]["ms"]
        share = f"{100 * out[kind]:.1f} % of {found[f'ours {kind}']['ms']:.2f} ms"
        say(f"{kind}: not decoding, digests or PDQ", share, "<= 10 %", out[kind] <= GOALS["overhead"])
    return out


def memory(work: Path) -> dict[str, float]:
    """Proportional memory of a worker (its process, its nursery and its caged decoder), large set against small."""
    out = {}
    for size in ("few", "all"):
        target = work / "out" / f"memory-{size}"
        shutil.rmtree(target, ignore_errors=True)
        command = [sys.executable, __file__, "--as", "ours", "--source", str(work / "tar" / size), "--out", str(target)]
        out[size] = timed([*command, "--home", str(work / "home")])["peak_mb"] / 2
    say(
        "memory of a worker, small and large set",
        f"{out['few']:.0f} and {out['all']:.0f} MB",
        "<= 400 MB",
        out["all"] <= 400,
    )
    return out


def kills(args: argparse.Namespace, work: Path) -> dict[str, int]:
    """Kill each run once, after a random number of finished shards and a random moment more; then let it go on."""
    from firstlight.screen.plan import read_plan
    from firstlight.screen.report import tallies
    from firstlight.screen.results import finished

    rng = random.Random(3)
    lost = repeated = killed = 0
    for attempt in range(args.kills):
        out = work / "out" / f"kill-{attempt}"
        shutil.rmtree(out, ignore_errors=True)
        command = [sys.executable, __file__, "--as", "ours", "--source", str(work / "tar" / "all"), "--out", str(out)]
        command += ["--home", str(work / "home")] + (["--ray"] if args.kill_on_ray else [])
        seen: dict[str, int] = {}
        wanted_first = rng.randrange(SHARDS)
        for launch in range(2):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wanted = wanted_first if launch == 0 else SHARDS + 1
            while process.poll() is None and len(seen) < wanted:
                time.sleep(0.02)
                repeated += _look(out, seen)
            if process.poll() is None and launch == 0:
                time.sleep(rng.uniform(0, 3))
                process.kill()
                killed += 1
            process.wait()
            repeated += _look(out, seen)
        lost += len({one.ident for one in read_plan(out)} - finished(out / "shards"))
        lost += args.pictures // SHARDS * SHARDS - sum(one.members for one in tallies(out))
        print(
            f"run {attempt}: killed after {wanted_first} of {SHARDS} shards, lost {lost}, repeated {repeated} so far",
            flush=True,
        )
    value = f"{lost} lost, {repeated} repeated"
    say(f"{killed} of {args.kills} runs killed", value, "0, 0", lost == repeated == 0)
    return {"runs": args.kills, "killed": killed, "lost": lost, "repeated": repeated}


def _look(out: Path, seen: dict[str, int]) -> int:
    """How many finished results were written again since they were first seen."""
    again = 0
    for path in (out / "shards").glob("*.screened") if out.exists() else ():
        mark = path.stat().st_mtime_ns
        again += seen.setdefault(path.name, mark) != mark
    return again


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
    path, bank_rows, planted = work / "hashes.parquet", 16_200_000, 1000
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
    for _ in range(3):
        began, found = time.process_time(), 0
        for batch in pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20).iter_batches(ROWS, use_threads=False):
            found += len(suspect_rows(batch.column(0), 16, table, np.zeros(batch.num_rows, dtype=np.bool_)))
        times["ours"].append(time.process_time() - began)
        began = time.process_time()
        query = f"SELECT count(*) FROM read_parquet('{path}') AS t SEMI JOIN bank ON t.md5 = bank.md5"
        [joined] = base.execute(query).fetchone() or (0,)
        times["duckdb"].append(time.process_time() - began)
        assert found == joined == planted, (found, joined)
    rates = {name: args.rows // 8 * 8 / sorted(each)[1] for name, each in times.items()}
    size = (table.bits.nbytes + table.keys.nbytes) >> 20
    print(f"table of {bank_rows:,} digests: built in {build:.1f} s of CPU, {size} MB")
    for name, rate in rates.items():
        print(f"{name:8} {rate / 1e6:6.1f} M rows a core-second, on two cores {2 * rate / 1e6:.1f} M rows/s")
    value = f"{2 * rates['ours'] / 1e6:.1f} M rows/s, {rates['ours'] / rates['duckdb']:.1f}x DuckDB"
    say("list mode, two cores, by CPU", value, ">= 10 M", 2 * rates["ours"] >= GOALS["list_rows"])
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="?", type=Path)
    parser.add_argument("--rivals", default=sys.executable)
    parser.add_argument("--work", type=Path, default=Path("build/screen-benchmark"))
    parser.add_argument("--pictures", type=int, default=1200)
    parser.add_argument("--bank", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=16_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--without-engines", action="store_true", help="leave out Ray Data and Daft")
    parser.add_argument("--kill-on-ray", action="store_true")
    parser.add_argument("--only", choices=("engines", "memory", "kills", "lists"))
    parser.add_argument("--json", type=Path)
    for name in ("--as", "--source", "--out", "--home", "--index"):
        parser.add_argument(name, help=argparse.SUPPRESS, dest=name.strip("-") if name != "--as" else "contender")
    parser.add_argument("--ray", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.contender:
        globals()[args.contender](args)
        return
    work: Path = args.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    needs_pictures = args.only != "lists"
    if needs_pictures and not (work / "tar").exists():
        make_pictures(args.photographs, work, args.pictures)
    if needs_pictures:
        link_parts(work)
    if needs_pictures and not (work / "home").exists():
        make_bank(work / "home", args.bank)
    found: dict[str, Any] = {}
    if args.only in (None, "engines"):
        if not (work / "te-index.pickle").exists():
            index = ["--index", str(work / "te-index.pickle"), "--bank", str(args.bank)]
            subprocess.run([args.rivals, __file__, "--as", "te_index", *index], check=True)
        found["engines"] = engines(args, work)
        found["overhead"] = overhead(work, found["engines"])
    if args.only in (None, "memory"):
        found["memory"] = memory(work)
    if args.only in (None, "kills"):
        found["kills"] = kills(args, work)
    if args.only in (None, "lists"):
        found["lists"] = lists(args, work)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
