"""What custody costs: events a second, proof time, vault throughput, export and verification of a large case, growth.

    python benchmarks/custody.py [--leaves N] [--files N] [--megabytes N] [--folder DIR]

Everything is written below DIR (a temporary folder unless given); give one on the disk that you want to know about.
What waits for the disk is measured on the wall, what computes in CPU time of one core.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firstlight.clock import SystemClock
from firstlight.custody import (
    CustodyLog,
    Event,
    EventType,
    FileFacts,
    Keyring,
    PackageContents,
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


def say(what: str, figure: str) -> None:
    print(f"{what:<62} {figure:>22}", flush=True)


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


def events(folder: Path, ring: Keyring) -> None:
    """Single events, each durable, and batches of a hundred and a thousand."""
    path = folder / "events.db"
    store = SqliteLeafStore(path)
    log = log_over(store, ring)
    for batch, count in ((1, 300), (100, 5_000), (1_000, 10_000)):
        made = [an_event(i) for i in range(count)]

        def run(batch: int = batch, made: list[Event] = made) -> None:
            for start in range(0, len(made), batch):
                store.db.execute("BEGIN IMMEDIATE")
                log.append_many(made[start : start + batch])
                store.db.execute("COMMIT")

        cpu = time.process_time()
        say(f"durable events a second, {batch} a commit", f"{count / timed(run):,.0f}")
        say("  the same by CPU time", f"{count / (time.process_time() - cpu):,.0f}")
    store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    say("bytes a log entry (leaf, sealed event, hashes, two indices)", f"{path.stat().st_size / len(log):,.0f}")
    say("entries walked and opened a second by verify", f"{len(log) / busy(log.verify):,.0f}")


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


def vault(folder: Path, ring: Keyring, megabytes: int) -> None:
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

    say("plain copy with fsync", f"{megabytes / timed(copy):,.0f} MB/s")
    say("raw AES-256-GCM, 1 MiB blocks", f"{megabytes / busy(raw):,.0f} MB/s")
    say("MD5 + SHA-1 + SHA-256 alone", f"{megabytes / busy(three_digests):,.0f} MB/s")
    keeper = Vault(folder / "vault", ring)
    key = ring.ensure_case_key("benchmark")
    start, cpu = time.perf_counter(), time.process_time()
    with source.open("rb") as original:
        stored = keeper.put(original, key)
    say("vault: put, by CPU time", f"{megabytes / (time.process_time() - cpu):,.0f} MB/s")
    say(
        "vault: put (digests, seal, fsync, read back, open, digests)",
        f"{megabytes / (time.perf_counter() - start):,.0f} MB/s",
    )
    say("vault: check (open and digest)", f"{megabytes / busy(lambda: keeper.check(stored)):,.0f} MB/s")
    say("vault: check_sealed (digest only)", f"{megabytes / busy(lambda: keeper.check_sealed(stored)):,.0f} MB/s")
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
    """Export and verification of a case of many files, five events each."""
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
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        ring = Keyring.create(folder / "keys", "example.org/benchmark")
        events(folder, ring)
        vault(folder, ring, options.megabytes)
        package(folder, ring, options.files)
        proofs(folder, options.leaves)


if __name__ == "__main__":
    main()
