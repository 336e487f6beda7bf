"""The command `doctor`: is this machine and this home fit for the work, and what to do where it is not."""

from __future__ import annotations

import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from firstlight import __version__
from firstlight.casework import place
from firstlight.casework.examine import PRELOAD
from firstlight.cli import output
from firstlight.cli.common import HomeFolder, caged, home_folder, opened
from firstlight.errors import Fact, FirstlightError
from firstlight.hashing import hash_picture
from firstlight.store import sqlite_version
from firstlight.store.database import SAFE_SQLITE

ENOUGH_DISK = 5 * 2**30  # bytes; less and a day of intake may fill it


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    says: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


LAYERS = {
    "limits": ("memory, time and files are limited", "NO LIMITS on memory, time and files"),
    "no_new_privileges": ("no program gives it more rights", "a program could give it more rights"),
    "own_network": ("it has no network interface", "it has this machine's network interfaces"),
    "system_calls": ("sockets and programs are refused", "no filter refuses sockets and programs"),
    "files": ("it reads no foreign file and writes none", "files are kept from it by their permissions alone"),
}
"""What holds for a caged worker, layer by layer, and what it means where this kernel does not give the layer."""


def doctor(as_json: output.Json = False, home: HomeFolder = None) -> int:
    """Check this machine and this home, and say what to do where something is not right."""
    checks = list(_checks(home))
    if as_json:
        output.answer(
            {"checks": [{"name": c.name, "ok": c.ok, "says": c.says, "facts": dict(c.facts)} for c in checks]}
        )
    else:
        output.table(["", "what", "finding"], [("ok" if c.ok else "NO", c.name, c.says) for c in checks])
    return output.DONE if all(c.ok for c in checks) else output.FINDING


def _checks(home: Path | None) -> Iterator[Check]:
    yield Check("version", True, f"firstlight {__version__}, Python {sys.version.split()[0]}")
    safe = tuple(map(int, sqlite_version().split("."))) >= SAFE_SQLITE
    yield Check("SQLite", safe, sqlite_version() + ("" if safe else "; too old for a write-ahead log, which stays off"))
    yield from _guarded("caged workers", _cage)
    yield from _guarded("search kernels", _kernels)
    yield from _guarded("disk", lambda: _disk(home_folder(home)))
    if place.is_begun(home_folder(home)):
        yield from _guarded("home", lambda: _home(home))
    else:
        yield Check("home", True, f"none yet in {home_folder(home)}; the first `bank create` or `intake` makes it")


def _guarded(name: str, look: Callable[[], Check]) -> Iterator[Check]:
    try:
        yield look()
    except FirstlightError as e:
        yield Check(name, False, str(e.diagnostics()))


def _cage() -> Check:
    with caged(PRELOAD) as cage:
        layers = cage.isolation.as_dict()
        picture = hash_picture(cage, _picture())
    # What the kernel lacks weakens the cage and does not break it; without limits there would be none.
    return Check(
        "caged workers",
        layers["limits"],
        f"{cage.workers} workers, a test picture hashed ({picture.pdq.mode.value}); {isolation_words(layers)}",
        layers,
    )


def isolation_words(layers: Mapping[str, bool]) -> str:
    """What a worker cannot do, and what this kernel does not give."""
    held = [LAYERS[name][0] for name, holds in layers.items() if holds]
    missing = [LAYERS[name][1] for name, holds in layers.items() if not holds]
    parts = [f"of a worker: {', '.join(held)}"] if held else []
    return "; ".join(parts + ([f"NOT GIVEN by this kernel: {', '.join(missing)}"] if missing else []))


def _picture() -> bytes:
    """A small drawn picture as a bitmap, which takes no library to write."""
    side = 64
    pixels = bytes((x * 3 + y * y) % 256 for y in range(side) for x in range(side) for _ in "rgb")
    heads = struct.pack("<2sIIIIiiHHIIiiII", b"BM", 54 + len(pixels), 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    return heads + pixels


def _kernels() -> Check:
    import numpy as np  # loads the compiler, which other checks do not need

    from firstlight.index import HammingIndex, kernel_facts

    with tempfile.TemporaryDirectory() as folder, HammingIndex.create(Path(folder) / "index") as index:
        index.add(np.full((1, 32), 0x5A, dtype=np.uint8), [7])
        begun = time.perf_counter()
        found = index.search(bytes([0x5A] * 31 + [0x5B]), 31)
        took = time.perf_counter() - begun
    right = [(hit.key, hit.distance) for hit in found] == [(7, 1)]
    facts = kernel_facts()
    says = "a bank of one was found" if right else "A BANK OF ONE WAS NOT FOUND"
    return Check("search kernels", right, f"{says}; first search after {took:.2f} s; {kernel_words(facts)}", facts)


def kernel_words(facts: Mapping[str, Fact]) -> str:
    """For which processor the kernels are compiled, and whether the next process finds them ready."""
    made = f"compiled for {facts['processor']}"
    if facts["cached"]:
        return f"{made}, kept in {facts['cache_folder']}"
    return f"{made}, NOT KEPT: each process compiles them again; set NUMBA_CACHE_DIR to a folder that it may write"


def _disk(folder: Path) -> Check:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    return Check("disk", free >= ENOUGH_DISK, f"{free / 2**30:.1f} GiB free where the home lies")


def _home(given: Path | None) -> Check:
    with opened(given) as house:
        house.database.check()
        house.library.verify()
        banks = house.library.banks()
        with house.look() as work:
            entries = len(work.log)
        named = bool(house.settings.organisation.contact_email)
        says = f"{house.folder}: database whole, {len(banks)} banks whole, {entries} log entries"
    if not named:
        says += "; fill in [organisation] contact_email in settings.toml before you report"
    return Check("home", True, says)
