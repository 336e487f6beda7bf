"""List files of a gigabyte, read into a bank: memory and time, for each format that comes so large.

    python benchmarks/lists.py --size 100 1000 --folder build/lists --json lists.json

Makes files of random hashes, reads each in a process of its own and prints the records a second (of processor time, and
by the clock), the process's largest memory of its own (anonymous) and all of it (with pages of mapped files, which the
system takes back when it needs them). Memory is constant if it is the same for a tenth of the file. Needs about five
times the size on disk.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from firstlight.banks import Library
from firstlight.clock import SystemClock
from firstlight.values import BankPurpose

BLOCK = 10_000
"""Records that are made at once."""
GOAL = 300
"""MB of memory of its own that an import may take, whatever the size of its file."""
WITH_PDQ = ("threatexchange", "arachnid")
"""Their hashes also go into the index, whose building takes its size in memory: 130 bytes a hash at most."""


def digests(count: int, size: int) -> list[str]:
    """So many random digests of so many bytes, in hexadecimal."""
    text = os.urandom(count * size).hex()
    return [text[at : at + 2 * size] for at in range(0, len(text), 2 * size)]


def plain(_: int) -> str:
    """Lines of MD5."""
    return "".join(f"{md5}\n" for md5 in digests(BLOCK, 16))


def table(number: int) -> str:
    """Rows of a CSV."""
    return "".join(
        f"k{number + i},{md5},{sha1},A{1 + i % 2},seen in {i}\n"
        for i, (md5, sha1) in enumerate(zip(digests(BLOCK, 16), digests(BLOCK, 20), strict=True))
    )


def vics(number: int) -> str:
    """Media of a VICS hash set."""
    return "".join(
        json.dumps(
            {
                "MediaID": number + i, "Category": 1, "MD5": md5.upper(), "SHA1": sha1.upper(), "MediaSize": 81234,
                "VictimIdentified": "false", "IsDistributed": True, "Series": None, "Tags": "", "Comments": "",
                "AlternativeHashes": [{"MD5": md5.upper(), "HashName": "PhotoDNA", "HashValue": "AAAA" * 48}],
            }
        ) + ",\n"
        for i, (md5, sha1) in enumerate(zip(digests(BLOCK, 16), digests(BLOCK, 20), strict=True))
    )  # fmt: skip


def ncmec(number: int) -> str:
    """Entries of NCMEC's hash sharing."""
    return "".join(
        f'<image><member id="{i % 50}">Example {i % 50}</member><timestamp>2026-01-01T00:00:00Z</timestamp>'
        f"<id>e{number + i}</id><classification>A1</classification><fingerprints><md5>{md5}</md5><sha1>{sha1}</sha1>"
        '<pdna/></fingerprints><feedback lastUpdateTimestamp="2026-01-01T00:00:00Z"><affirmativeFeedback type="Md5">'
        '<members timestamp="2026-01-01T00:00:00Z"><member id="7">Example 7</member></members></affirmativeFeedback>'
        "</feedback></image>\n"
        for i, (md5, sha1) in enumerate(zip(digests(BLOCK, 16), digests(BLOCK, 20), strict=True))
    )


def interpol(number: int) -> str:
    """Rows of an INTERPOL export."""
    return "".join(
        f"{md5.upper()};{sha1.upper()};;{number + i};Y;N;series {i % 9};No;image\n"
        for i, (md5, sha1) in enumerate(zip(digests(BLOCK, 16), digests(BLOCK, 20), strict=True))
    )


def signals(number: int) -> str:
    """Rows of python-threatexchange's export: PDQ, and MD5 of videos."""
    return "".join(
        f"{'pdq' if i % 2 else 'video_md5'},{value if i % 2 else value[:32]},INVESTIGATION_SEED,c{number % 7},tag\n"
        for i, value in enumerate(digests(BLOCK, 32))
    )


def base64_pdq(_: int) -> str:
    """Lines of PDQ in base64."""
    raw = os.urandom(32 * BLOCK)
    return "".join(f"{base64.b64encode(raw[at : at + 32]).decode()}\n" for at in range(0, len(raw), 32))


FORMS: dict[str, tuple[str, Callable[[int], str], str]] = {
    "plain": ("", plain, ""),
    "csv": ("id,md5,sha1,classification,notes\n", table, ""),
    "vics-json": (
        '{"odata.metadata": "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media", "value": [\n', vics,
        '{"MD5": "0123456789abcdef0123456789abcdef", "Category": 1}]}',
    ),
    "ncmec-xml": (
        '<?xml version="1.0"?><queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images>', ncmec,
        "</images></queryResult>",
    ),
    "interpol-csv": (
        "MD5;SHA1;PhotoDNA;Image ID;Baseline;Victim Identified;Series Name;Is Distributed;Media Type\n", interpol, "",
    ),
    "threatexchange": ("signal_type,signal_str,category,collab,tags\n", signals, ""),
    "arachnid": ("", base64_pdq, ""),
}  # fmt: skip
TABLES: dict[str, tuple[str, str, Callable[[], list[list[Any]]]]] = {
    "nsrl": (
        "FILE", "sha256 TEXT, sha1 TEXT, md5 TEXT, file_name TEXT, file_size INTEGER",
        lambda: [digests(BLOCK, 32), digests(BLOCK, 20), digests(BLOCK, 16), ["setup.exe"] * BLOCK, [1234] * BLOCK],
    ),
    "autopsy": (
        "hashes", "md5 TEXT UNIQUE, sha1 TEXT, sha2_256 TEXT, database_id INTEGER",
        lambda: [digests(BLOCK, 16), [None] * BLOCK, [None] * BLOCK, [1] * BLOCK],
    ),
}  # fmt: skip


def make(form: str, path: Path, size: int) -> None:
    """A list of the format, of so many bytes or a little more."""
    if form in TABLES:
        table_name, columns, values = TABLES[form]
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA journal_mode = OFF")
            database.execute(f"CREATE TABLE {table_name} ({columns})")
            marks = ", ".join("?" for _ in columns.split(","))
            while path.stat().st_size < size:
                rows = zip(*values(), strict=True)
                database.executemany(f"INSERT INTO {table_name} VALUES ({marks})", rows)
                database.commit()
        return
    head, rows_of, tail = FORMS[form]
    with path.open("w", encoding="utf-8") as out:
        out.write(head)
        number = 0
        while out.tell() < size:
            out.write(rows_of(number))
            number += BLOCK
        out.write(tail)


def memory() -> Iterator[tuple[str, int]]:
    """What the system says of this process's memory, in kB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("RssAnon", "VmHWM"):
            yield name, int(rest.split()[0])


def read(path: Path, folder: Path, form: str) -> dict[str, Any]:
    """Read the list into a new bank of a plain library; run in a process of its own."""
    own, done = 0, threading.Event()

    def watch() -> None:
        nonlocal own
        while not done.wait(0.02):
            own = max(own, dict(memory())["RssAnon"])

    library = Library.create(folder, sealer=None, clock=SystemClock())
    library.create_bank("list", BankPurpose.KNOWN)
    before = dict(memory())["RssAnon"]
    watcher = threading.Thread(target=watch)
    watcher.start()
    begin, cpu = time.monotonic(), time.process_time()
    report = library.import_list("list", path, form)
    wall, cpu = time.monotonic() - begin, time.process_time() - cpu
    done.set()
    watcher.join()
    library.close()
    if report.skipped or report.stopped or report.added != report.came - report.repeated:
        sys.exit(f"not all was taken: {report.first_skips[:3]} {report.stopped}")
    return {
        "records": report.came, "wall_s": wall, "cpu_s": cpu, "before_mb": before / 1000, "own_mb": own / 1000,
        "all_mb": dict(memory())["VmHWM"] / 1000,
        "bank_mb": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6,
    }  # fmt: skip


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[100, 1000], help="MB of each list")
    parser.add_argument("--formats", nargs="+", default=[*FORMS, *TABLES])
    parser.add_argument("--folder", type=Path, help="where the files are made and removed again")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--read", nargs=3, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.read:
        print(json.dumps(read(Path(wanted.read[0]), Path(wanted.read[1]), wanted.read[2])))
        return
    out = []
    print(f"{'format':14} {'MB':>6} {'records':>11} {'a CPU s':>9} {'a second':>9} {'own MB':>7} {'all MB':>7} bank MB")
    for form in wanted.formats:
        for size in wanted.size:
            with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
                path = Path(folder) / "list"
                make(form, path, size * 1_000_000)
                command = [sys.executable, __file__, "--read", str(path), f"{folder}/library", form]
                found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            out.append({"format": form, "size_mb": size} | found)
            goal = GOAL + (found["records"] * 130 / 1e6 if form in WITH_PDQ else 0)
            verdict = "" if found["own_mb"] <= goal else f"MISSED: more than {goal:.0f} MB of its own"
            print(
                f"{form:14} {size:6} {found['records']:11,} {found['records'] / found['cpu_s']:9,.0f} "
                f"{found['records'] / found['wall_s']:9,.0f} "
                f"{found['own_mb']:7.0f} {found['all_mb']:7.0f} {found['bank_mb']:7.0f} {verdict}", flush=True,
            )  # fmt: skip
    if wanted.json:
        wanted.json.write_text(json.dumps(out, indent=2) + "\n")


if __name__ == "__main__":
    main()
