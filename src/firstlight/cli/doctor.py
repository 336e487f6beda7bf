"""The command `doctor`: is this machine and this home fit for the work, and what to do where it is not."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from firstlight import __version__
from firstlight.casework.examine import PRELOAD
from firstlight.casework.home import DATABASE
from firstlight.cli import output
from firstlight.cli.common import HomeFolder, caged, home_folder, opened
from firstlight.errors import FirstlightError
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


def doctor(as_json: output.Json = False, home: HomeFolder = None) -> int:
    """Check this machine and this home, and say what to do where something is not right."""
    checks = list(_checks(home))
    if as_json:
        output.answer({"checks": [{"name": c.name, "ok": c.ok, "says": c.says} for c in checks]})
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
    if (home_folder(home) / DATABASE).exists():
        yield from _guarded("home", lambda: _home(home))
    else:
        yield Check("home", True, f"none yet in {home_folder(home)}; the first command that needs one makes it")


def _guarded(name: str, look: Callable[[], Check]) -> Iterator[Check]:
    try:
        yield look()
    except FirstlightError as e:
        yield Check(name, False, str(e.diagnostics()))


def _cage() -> Check:
    with caged(PRELOAD) as cage:
        layers = cage.isolation.as_dict()
        picture = hash_picture(cage, _picture())
    missing = [name.replace("_", " ") for name, holds in layers.items() if not holds]
    held = "all layers of isolation hold" if not missing else f"this kernel does not give: {', '.join(missing)}"
    # What the kernel lacks weakens the cage and does not break it; without limits there would be none.
    return Check(
        "caged workers",
        layers["limits"],
        f"{cage.workers} workers, a test picture hashed ({picture.pdq.mode.value}); {held}",
    )


def _picture() -> bytes:
    """A small drawn picture as a portable grey map."""
    return b"P5 64 64 255\n" + bytes((x * 3 + y * y) % 256 for y in range(64) for x in range(64))


def _kernels() -> Check:
    import numpy as np  # loads the compiler, which other checks do not need

    from firstlight.index import HammingIndex

    with tempfile.TemporaryDirectory() as folder, HammingIndex.create(Path(folder) / "index") as index:
        index.add(np.full((1, 32), 0x5A, dtype=np.uint8), [7])
        begun = time.perf_counter()
        found = index.search(bytes([0x5A] * 31 + [0x5B]), 31)
        took = time.perf_counter() - begun
    right = [(hit.key, hit.distance) for hit in found] == [(7, 1)]
    return Check("search kernels", right, f"a bank of one was found; first search after {took:.2f} s")


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
