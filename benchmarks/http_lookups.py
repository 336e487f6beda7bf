"""Look-ups over HTTP, side by side with the way HMA serves them.

    python benchmarks/http_lookups.py --rival-python VENV/bin/python [--hashes 1000000] [--seconds 5] [--rounds 3]

`firstlight up` (with its look-up processes, key checked, look-ups logged) against threatexchange's default PDQ index
behind Flask, one gunicorn sync worker and a PostgreSQL look-up of the matched entries, which is how HMA serves
`GET /m/lookup`. Both hold the same random hashes; half of the queries lie two bits from one of 1,000, half match
nothing. `wrk` asks both in turns with four connections. Medians; goal: 30 times the requests a second.
`--rival-python` is an interpreter with threatexchange, flask, gunicorn and psycopg. Homes are kept in --folder, for the
next run.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

GOAL = 30.0
DISTINCT = 1000
OURS, THEIRS = "firstlight", "threatexchange, flask, gunicorn sync, postgresql"

RIVAL = """
import pickle, sys
from pathlib import Path
from flask import Flask, jsonify, request
import psycopg
from threatexchange.signal_type.pdq.signal import PdqSignal
with open(HERE / "index.pickle", "rb") as file:
    index = pickle.load(file)
connection = psycopg.connect(URL, autocommit=True)
app = Flask(__name__)

@app.get("/status")
def status():
    return "I-AM-ALIVE"

@app.get("/m/lookup")
def lookup():
    signal = PdqSignal.validate_signal_str(request.args["signal"])
    found = {match.metadata: match.similarity_info.pretty_str() for match in index.query(signal)}
    rows = connection.execute(
        "select c.id, b.name, b.ratio from content c join bank b on b.id = c.bank where c.id = any(%s)", [list(found)]
    ).fetchall()
    out = {}
    for number, bank, ratio in rows:
        out.setdefault(bank, []).append({"bank_content_id": number, "distance": found[number]})
    return jsonify(out)
"""
BUILD = """
import pickle, sys
import numpy as np, psycopg
from threatexchange.signal_type.pdq.signal import PdqSignal
rows = np.fromfile(HERE / "rows", dtype=np.uint8).reshape(-1, 32)
index = PdqSignal.get_index_cls()()
index.add_all((row.tobytes().hex(), number) for number, row in enumerate(rows))
with open(HERE / "index.pickle", "wb") as file:
    pickle.dump(index, file)
with psycopg.connect(URL, autocommit=True) as connection:
    connection.execute("create table bank (id int primary key, name text, ratio float)")
    connection.execute("create table content (id int primary key, bank int references bank)")
    connection.execute("insert into bank values (1, 'KNOWN', 1.0)")
    connection.execute("insert into content select n, 1 from generate_series(0, %s) n" % (len(rows) - 1))
"""
LUA = """
local file = io.open("{queries}")
local paths, at = {{}}, 0
for line in file:lines() do paths[#paths + 1] = line end
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at], {{ ["Host"] = "localhost", {headers} }})
end
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), summary.errors.status + summary.errors.read + summary.errors.timeout))
end
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rival-python", type=Path, required=True)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "firstlight-http-benchmark")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    rows = np.random.default_rng(1).integers(0, 256, (asked.hashes, 32), dtype=np.uint8)
    queries = asked.folder / "queries"
    queries.write_text("\n".join(f"/m/lookup?signal={one}&signal_type=pdq" for one in asked_for(rows)) + "\n")
    home = asked.folder / f"home-{asked.hashes}"
    with ours(home, rows) as (port, key), theirs(asked.folder, asked.rival_python, rows) as rival_port:
        addresses = {OURS: (port, f'["Authorization"] = "Bearer {key}"'), THEIRS: (rival_port, "")}
        for where, headers in addresses.values():
            ask_each(where, key, queries)  # numbers of entries are given
            load(where, headers, queries, 3)  # look-up processes are there, caches are warm
        taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in addresses}
        for _ in range(asked.rounds):
            for name, (where, headers) in addresses.items():
                taken[name].append(load(where, headers, queries, asked.seconds))
    show(asked.hashes, taken)


def asked_for(rows: NDArray[np.uint8]) -> list[str]:
    """Queries, half of them two bits from a listed hash, half of them random; mixed."""
    random = np.random.default_rng(2)
    near = rows[random.choice(len(rows), DISTINCT, replace=False)].copy()
    near[:, 3] ^= 1
    near[:, 9] ^= 8
    far = random.integers(0, 256, (DISTINCT, 32), dtype=np.uint8)
    mixed = np.concatenate([near, far])[random.permutation(2 * DISTINCT)]
    return [row.tobytes().hex() for row in mixed]


@contextlib.contextmanager
def ours(folder: Path, rows: NDArray[np.uint8]) -> Iterator[tuple[int, str]]:
    """The service over a home that holds the hashes."""
    from firstlight.banks import NewEntry
    from firstlight.casework.home import Home
    from firstlight.values import BankPurpose
    from firstlight.web.access import api_keys
    from firstlight.web.access.policy import Permission

    with Home.open(folder) as home:
        if not home.library.banks():
            home.library.create_bank("known", BankPurpose.KNOWN)
            home.library.add("known", (NewEntry(key=str(n), pdq=row.tobytes().hex()) for n, row in enumerate(rows)))
        _, key = api_keys.add(home, f"benchmark-{time.time_ns()}", [Permission.MATCH])
    port = 18470
    command = [str(Path(sys.executable).with_name("firstlight")), "up", "--home", str(folder)]
    process = subprocess.Popen([*command, "--port", str(port), "--metrics-port", "0"], stdout=subprocess.DEVNULL)
    try:
        answers(f"http://127.0.0.1:{port}/status", process)
        yield port, key
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def theirs(folder: Path, python: Path, rows: NDArray[np.uint8]) -> Iterator[int]:
    """The same hashes as HMA serves them."""
    from postgres import Server

    rows.tofile(folder / "rows")
    server = Server()
    try:
        heads = f"from pathlib import Path\nHERE = Path({str(folder)!r})\nURL = {server.database()!r}\n"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
        subprocess.run([str(python), "-c", heads + BUILD], check=True, env=environment)
        (folder / "rival.py").write_text(heads + RIVAL)
        port = 18471
        gunicorn = [str(python.with_name("gunicorn")), "-w", "1", "-b", f"127.0.0.1:{port}", "rival:app"]
        process = subprocess.Popen(
            [*gunicorn, "--timeout", "600"], cwd=folder, env=environment, stderr=subprocess.DEVNULL
        )
        try:
            answers(f"http://127.0.0.1:{port}/status", process)
            yield port
        finally:
            process.terminate()
            process.wait(60)
    finally:
        server.stop()


def answers(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody answers there."""
    for _ in range(1200):
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            if answer.status == 200:
                return
        if process.poll() is not None:
            raise SystemExit(f"{address}: it ended with {process.returncode}")
        time.sleep(0.1)
    raise SystemExit(f"{address}: nobody answers")


def ask_each(port: int, key: str, queries: Path) -> None:
    """Ask every query once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for path in queries.read_text().splitlines():
        connection.request("GET", path, headers={"Host": "localhost", "Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"a look-up was answered with {answer.status}")
    connection.close()


def load(port: int, headers: str, queries: Path, seconds: int) -> tuple[float, float, float]:
    """Requests a second, and p50 and p99 in milliseconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA.format(queries=queries, headers=headers))
        script.flush()
        command = ["wrk", "-t1", "-c4", f"-d{seconds}s", "--timeout", "30s", "-s", script.name]
        ran = subprocess.run([*command, f"http://127.0.0.1:{port}"], check=True, capture_output=True, text=True)
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", ran.stdout)
    if found is None or int(found[5]):
        raise SystemExit(f"requests failed:\n{ran.stdout}")
    requests, micros, p50, p99 = (int(found[n]) for n in range(1, 5))
    return requests / (micros / 1e6), p50 / 1e3, p99 / 1e3


def show(hashes: int, taken: dict[str, list[tuple[float, float, float]]]) -> None:
    """The table, and the same as JSON."""
    middle = {
        name: tuple(statistics.median(each) for each in zip(*rounds, strict=True)) for name, rounds in taken.items()
    }
    print(f"{hashes:,} hashes, half of the queries match, wrk -t1 -c4, medians of {len(taken[OURS])} rounds")
    print(f"{'server':<52}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}")
    for name, (rate, p50, p99) in middle.items():
        print(f"{name:<52}{rate:>12,.0f}{p50:>10.2f}{p99:>10.2f}")
    times = middle[OURS][0] / middle[THEIRS][0]
    print(f"{times:.1f} times the requests a second; goal {GOAL:.0f}: {'hit' if times >= GOAL else 'MISSED'}")
    print(json.dumps({"hashes": hashes, "rounds": taken, "times": times}))


if __name__ == "__main__":
    main()
