"""What custody costs: events a second, proof time, vault throughput, export and verification of a large case, growth.

    python benchmarks/custody.py [--leaves N] [--files N] [--megabytes N] [--events N] [--turns N] [--folder DIR]
                                 [--json FILE]

Everything is written below DIR (a temporary folder unless given); give one on the disk that you want to know about.
What waits for the disk is measured on the wall, what computes in CPU time of one core. The vault, a plain copy and raw
AES-256-GCM take turns, and figures and ratios are medians over the turns.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firstlight.casework.home import Home
from firstlight.clock import SystemClock
from firstlight.custody import (
    CustodyLog,
    Event,
    EventType,
    FileFacts,
    Keyring,
    PackageContents,
    Stored,
    StoredLeaf,
    Summary,
    Vault,
    export_package,
    merkle,
    reveal,
    verify_package,
    viewings,
)
from firstlight.errors import StateError
from firstlight.values import Digests


class SqliteLeafStore:
    """A leaf store as small as it can be: what a database has to do, in one connection."""

    def __init__(self, path: Path, synchronous: str = "FULL") -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(
            f"""PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous};
            CREATE TABLE leaf (seq INTEGER PRIMARY KEY, leaf BLOB, sealed BLOB, "case" TEXT, subject TEXT);
            CREATE INDEX leaf_case ON leaf ("case"); CREATE INDEX leaf_subject ON leaf (subject);
            CREATE TABLE hash (place INTEGER PRIMARY KEY, hash BLOB);
            CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note BLOB);"""
        )

    def size(self) -> int:
        return int(self.db.execute("SELECT coalesce(max(seq) + 1, 0) FROM leaf").fetchone()[0])

    def append(self, leaves: Sequence[StoredLeaf], first_hash: int, hashes: Sequence[bytes]) -> None:
        try:
            self.db.executemany(
                "INSERT INTO leaf VALUES (?, ?, ?, ?, ?)",
                [(x.seq, x.leaf, x.sealed, x.case, x.subject) for x in leaves],
            )
            self.db.executemany("INSERT INTO hash VALUES (?, ?)", list(enumerate(hashes, first_hash)))
        except sqlite3.IntegrityError as e:
            raise StateError("The log has grown in the meantime.") from e

    def hashes(self, places: Sequence[int]) -> list[bytes]:
        marks = ",".join("?" * len(places))
        found = dict(self.db.execute(f"SELECT place, hash FROM hash WHERE place IN ({marks})", list(places)).fetchall())
        return [found[place] for place in places if place in found]

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[StoredLeaf]:
        last = stop if stop is not None else 2**62
        query = 'SELECT seq, leaf, sealed, "case", subject FROM leaf WHERE seq >= ? AND seq < ? ORDER BY seq'
        return (StoredLeaf(*row) for row in self.db.execute(query, (start, last)))

    def pick(self, seqs: Sequence[int]) -> Iterator[StoredLeaf]:
        return (leaf for seq in seqs for leaf in self.leaves(seq, seq + 1))

    def find(self, *, cases: Sequence[str] = (), subjects: Sequence[str] = ()) -> list[int]:
        found: set[int] = set()
        for column, values in (('"case"', cases), ("subject", subjects)):
            for value in values:
                found.update(row[0] for row in self.db.execute(f"SELECT seq FROM leaf WHERE {column} = ?", (value,)))
        return sorted(found)

    def forget(self, seqs: Sequence[int]) -> None:
        self.db.executemany("UPDATE leaf SET sealed = NULL WHERE seq = ?", [(seq,) for seq in seqs])

    def save_checkpoint(self, size: int, note: bytes) -> None:
        self.db.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?)", (size, note))

    def checkpoints(self) -> list[bytes]:
        return [row[0] for row in self.db.execute("SELECT note FROM checkpoint ORDER BY size")]

    def latest_checkpoint(self) -> bytes | None:
        row = self.db.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
        return row[0] if row else None


FIGURES: dict[str, str] = {}


def say(what: str, figure: str) -> None:
    FIGURES[what] = figure
    print(f"{what:<66} {figure:>20}", flush=True)


def timed(act: Callable[[], object]) -> float:
    """Seconds on the wall: for what waits for the disk."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def busy(act: Callable[[], object]) -> float:
    """Seconds of one processor: for what computes, so that other work on the machine does not count."""
    start = time.process_time()
    act()
    return max(time.process_time() - start, 1e-9)


def log_over(store: SqliteLeafStore, ring: Keyring) -> CustodyLog:
    return CustodyLog(store, ring.log_signer(), SystemClock(), sealers=ring.event_sealer, software="benchmark")


def an_event(number: int) -> Event:
    return Event(
        type=EventType.HASH,
        at=datetime.now(UTC),
        actor="benchmark",
        subject=hashlib.sha256(b"%d" % number).hexdigest(),
        payload={"pdq_mode": "exact", "quality": 100, "width": 1024, "height": 768},
    )


def events(folder: Path, ring: Keyring, count: int) -> None:
    """Single events, each durable, and batches: in the log alone, and in a home, with its tables and its locks."""
    path = folder / "events.db"
    store = SqliteLeafStore(path)
    log = log_over(store, ring)

    def alone(made: list[Event], batch: int) -> None:
        for start in range(0, len(made), batch):
            store.db.execute("BEGIN IMMEDIATE")
            log.append_many(made[start : start + batch])
            store.db.execute("COMMIT")

    rates(alone, "the log alone", count)
    store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    say("bytes a log entry (leaf, sealed event, hashes, two indices)", f"{path.stat().st_size / len(log):,.0f}")
    say("entries walked and opened a second by verify", f"{len(log) / busy(log.verify):,.0f}")
    (folder / "home").mkdir(mode=0o700)
    with Home.open(folder / "home", clock=SystemClock()) as home:

        def in_a_home(made: list[Event], batch: int) -> None:
            for start in range(0, len(made), batch):
                with home.work() as work:
                    work.log.append_many(
                        [
                            work.event(one.type, one.actor, None, one.subject, dict(one.payload))
                            for one in made[start : start + batch]
                        ]
                    )

        rates(in_a_home, "a home", count)


def rates(append: Callable[[list[Event], int], None], where: str, most: int) -> None:
    """Events a second, one and many a commit; the last batches stand on a log that has grown."""
    for batch, count in ((1, 300), (100, most // 2), (1_000, most)):
        made = [an_event(i) for i in range(count)]
        cpu = time.process_time()
        wall = timed(lambda made=made, batch=batch: append(made, batch))  # type: ignore[misc]
        say(f"{where}: durable events a second, {batch:,} a commit", f"{count / wall:,.0f}")
        say(f"{where}: {batch:,} a commit, by CPU time", f"{count / (time.process_time() - cpu):,.0f}")


class FlatHashes:
    """Stored hashes in a flat file, for trees that are too large to build in a database for a benchmark."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w+b")
        self.size = 0

    def read(self, places: Sequence[int]) -> list[bytes]:
        return [os.pread(self.file.fileno(), 32, place * 32) for place in places]

    def grow(self, leaves: int) -> None:
        while self.size < leaves:
            batch = [merkle.leaf_hash(b"%d" % i) for i in range(self.size, min(self.size + 50_000, leaves))]
            new = merkle.grow(self.size, batch, self.read)
            os.pwrite(self.file.fileno(), b"".join(new), merkle.stored_count(self.size) * 32)
            self.size += len(batch)


def proofs(folder: Path, largest: int) -> None:
    """Inclusion and consistency proofs in large trees."""
    flat = FlatHashes(folder / "hashes")
    for size in sorted({min(largest, 1_000_000), largest}):
        before = flat.size
        seconds = busy(lambda size=size: flat.grow(size))  # type: ignore[misc]
        say(f"leaves a second while growing to {size:,}", f"{(size - before) / seconds:,.0f}")
        at = [i * 7919 % size for i in range(2_000)]
        took = busy(lambda at=at, size=size: [merkle.inclusion_proof(i, size, flat.read) for i in at])  # type: ignore[misc]
        say(f"inclusion proof among {size:,} leaves", f"{took / len(at) * 1e6:,.0f} us")
        took = busy(lambda at=at, size=size: [merkle.consistency_proof(i + 1, size, flat.read) for i in at])  # type: ignore[misc]
        say(f"consistency proof among {size:,} leaves", f"{took / len(at) * 1e6:,.0f} us")
    flat.file.close()


def _rates(megabytes: int, walls: dict[str, list[float]], cpus: dict[str, list[float]]) -> None:
    def rate(seconds: list[float]) -> str:
        return f"{megabytes / statistics.median(seconds):,.0f} MB/s"

    def ratio(ours: list[float], theirs: list[float]) -> str:
        return f"{statistics.median(a / b for a, b in zip(ours, theirs, strict=True)):.1f} times as long"

    say("plain copy with fsync, wall", rate(walls["copy"]))
    say("vault: put (digests, seal, fsync, read back, open, digests), wall", rate(walls["put"]))
    say("vault: put against a plain copy, wall", ratio(walls["put"], walls["copy"]))
    say("raw AES-256-GCM, 1 MiB blocks", rate(cpus["raw"]))
    say("MD5 + SHA-1 + SHA-256 alone", rate(cpus["digests"]))
    say("vault: put, by CPU time", rate(cpus["put"]))
    say("vault: put against raw AES-256-GCM, by CPU time", ratio(cpus["put"], cpus["raw"]))
    say("vault: put against the three digests alone, by CPU time", ratio(cpus["put"], cpus["digests"]))
    say("vault: check (open and digest)", rate(cpus["check"]))
    say("vault: check against raw AES-256-GCM", ratio(cpus["check"], cpus["raw"]))
    say("vault: check_sealed (digest only)", rate(cpus["sealed"]))


def vault(folder: Path, ring: Keyring, megabytes: int, turns: int) -> None:
    """Throughput of the vault beside a plain copy and beside raw AES-256-GCM."""
    source = folder / "source"
    block = os.urandom(1024 * 1024)
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)

    def copy() -> None:
        shutil.copyfile(source, folder / "copy")
        with (folder / "copy").open("rb+") as file:
            os.fsync(file.fileno())

    def raw() -> None:
        cipher = AESGCM(bytes(32))
        for number in range(megabytes):
            cipher.encrypt(number.to_bytes(12, "big"), block, None)

    def three_digests() -> None:
        for name in ("md5", "sha1", "sha256"):
            hashed = hashlib.new(name, usedforsecurity=False)
            for _ in range(megabytes):
                hashed.update(block)

    keeper = Vault(folder / "vault", ring)
    key = ring.ensure_case_key("benchmark")
    kept: list[Stored] = []

    def put() -> None:
        with source.open("rb") as original:
            kept.append(keeper.put(original, key))

    walls: dict[str, list[float]] = {name: [] for name in ("copy", "put")}
    cpus: dict[str, list[float]] = {name: [] for name in ("raw", "digests", "put", "check", "sealed")}
    for _ in range(turns):
        walls["copy"].append(timed(copy))
        cpus["raw"].append(busy(raw))
        cpus["digests"].append(busy(three_digests))
        cpu = time.process_time()
        walls["put"].append(timed(put))
        cpus["put"].append(time.process_time() - cpu)
        cpus["check"].append(busy(lambda: keeper.check(kept[-1])))
        cpus["sealed"].append(busy(lambda: keeper.check_sealed(kept[-1])))
        for one in kept[:-1]:
            keeper.remove(one)
        del kept[:-1]
    stored = kept[0]
    _rates(megabytes, walls, cpus)
    say("vault: overhead", f"{(stored.sealed_size / stored.digests.size - 1) * 100:.2f} %")
    small = os.urandom(100_000)
    took = timed(lambda: [keeper.put(io.BytesIO(small), key) for _ in range(100)])
    say("vault: objects of 100 kB a second, each durable", f"{100 / took:,.0f}")
    with keeper.open(stored) as reader:

        def ranges() -> None:
            for i in range(200):
                reader.seek(i * 104_729 % max(1, stored.digests.size - 65_536))
                reader.read(65_536)

        say("vault: random range of 64 kB", f"{timed(ranges) / 200 * 1e3:,.2f} ms")


def package(folder: Path, ring: Keyring, files: int) -> None:
    """Export and verification of a case of many files, five events each; called for a tenth of them as well, so that
    one sees how both grow."""
    folder = folder / f"case-{files}"
    folder.mkdir()
    store = SqliteLeafStore(folder / "case.db", "OFF")
    log = log_over(store, ring)
    facts: list[FileFacts] = []
    kinds = (EventType.INGEST, EventType.HASH, EventType.MATCH, EventType.ENQUEUE)
    for number in range(files):
        data = b"%d" % number
        digests = Digests(
            md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
            sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
        )
        at = datetime.now(UTC)
        made = [Event(type=kind, at=at, actor="u", case="large", subject=digests.sha256) for kind in kinds]
        made.append(reveal(at=at, actor="u", role="reviewer", file=digests, rendition="grey", seconds=1, entire=False))
        store.db.execute("BEGIN")
        log.append_many(made)
        store.db.execute("COMMIT")
        facts.append(FileFacts(digests=digests, viewed=viewings(log, digests), original_name=f"{number}.jpg"))
    contents = PackageContents(
        name="large", case="large", organisation="Example", summary=Summary(danger="none known"), files=tuple(facts)
    )
    took = busy(lambda: export_package(contents, folder, log, SystemClock(), actor="u"))
    say(f"export of a case of {files:,} files and {len(log):,} entries", f"{took:,.1f} s")
    size = sum(path.stat().st_size for path in (folder / "large").rglob("*") if path.is_file())
    say("size of that package", f"{size / 1e6:,.1f} MB")
    took = busy(lambda: verify_package(folder / "large"))
    say("verification of that package", f"{took:,.1f} s")
    if not verify_package(folder / "large").ok:
        sys.exit("the package does not verify")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaves", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        ring = Keyring.create(folder / "keys", "example.org/benchmark")
        events(folder, ring, options.events)
        vault(folder, ring, options.megabytes, options.turns)
        for files in sorted({max(options.files // 10, 1), options.files}):
            package(folder, ring, files)
        proofs(folder, options.leaves)
    if options.json:
        about = {"python": platform.python_version(), "processors": os.cpu_count(), "load": os.getloadavg()[0]}
        options.json.write_text(json.dumps({"machine": about, "figures": FIGURES}, indent=1) + "\n")


if __name__ == "__main__":
    main()
