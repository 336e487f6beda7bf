"""The command `doctor`: is this machine and this home fit for the work, and what to do where it is not."""

from __future__ import annotations

import os
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from firstlight import __version__
from firstlight.banks.library import MEMORY
from firstlight.casework import exchanging, place
from firstlight.casework.examine import PRELOAD
from firstlight.casework.home import Home
from firstlight.cli import machine, output
from firstlight.cli.common import HomeFolder, caged, home_folder, opened
from firstlight.cli.machine import Check
from firstlight.errors import Fact, FirstlightError
from firstlight.hashing import hash_picture
from firstlight.store import sqlite_version
from firstlight.store.database import SAFE_SQLITE

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
    folder = home_folder(home)
    yield Check("version", True, f"firstlight {__version__}, Python {sys.version.split()[0]}")
    safe = tuple(map(int, sqlite_version().split("."))) >= SAFE_SQLITE
    yield Check("SQLite", safe, sqlite_version() + ("" if safe else "; too old for a write-ahead log, which stays off"))
    yield machine.limits(machine.soft_limit_of_files())
    yield from _guarded("caged workers", _cage)
    yield from _guarded("search kernels", _kernels)
    yield from _guarded("disk", lambda: machine.disk(folder, machine.free_bytes(folder), _mounts()))
    if not place.is_begun(folder):
        yield machine.clock(datetime.now(UTC), None, machine.kept_in_step())
        yield Check("home", True, f"none yet in {folder}; the first `bank create`, `intake` or `up` makes it")
        return
    yield machine.permissions(folder, os.geteuid())
    try:
        with opened(home) as house:
            yield from _of_the_home(house)
    except FirstlightError as e:
        yield Check("home", False, str(e.diagnostics()))


def _mounts() -> list[str]:
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _of_the_home(house: Home) -> Iterator[Check]:
    with house.look() as work:
        entries = len(work.log)
        newest = work.log.entry(entries - 1).event if entries else None
        last = None if newest is None else newest.at
    yield machine.clock(house.clock.now(), last, machine.kept_in_step())
    yield from _guarded("database", lambda: _database(house, entries))
    yield from _guarded("banks", lambda: _banks(house))
    yield from _guarded("memory for lists", lambda: _memory(house))
    yield from _guarded("exchanges", lambda: _exchanges(house))
    yield from _guarded("settings", lambda: _settings(house))


def _database(house: Home, entries: int) -> Check:
    house.database.check()
    return Check("database", True, f"{house.database.where}: whole, {entries} log entries")


def _banks(house: Home) -> Check:
    house.library.verify()
    banks = house.library.banks()
    gone = () if banks else house.made_banks()  # walks the whole log: for a home that was restored
    off = [bank.name for bank in banks if not bank.enabled]
    empty = [bank.name for bank in banks if not bank.entries]
    says = f"{len(banks)} whole" if banks else "none yet: `firstlight bank create`, or `firstlight exchange add`"
    says += f"; switched off: {', '.join(off)}" if off else ""
    says += f"; EMPTY, so that they match nothing: {', '.join(empty)}" if empty else ""
    if gone:
        says += f"; NOT THERE, though made here: {', '.join(sorted(gone))}: make them and import their lists again"
    return Check("banks", not gone, says)


def _memory(house: Home) -> Check:
    if not house.settings.banks.sealed:
        return Check("memory for lists", True, "lists lie plain on the disk and need none")
    kept = sum(path.stat().st_size for path in (house.folder / "banks").rglob("*") if path.is_file())
    open_already = any(MEMORY.glob("firstlight-*"))
    return machine.memory(MEMORY, machine.free_bytes(MEMORY), 0 if open_already else kept)


def _exchanges(house: Home) -> Check:
    states = [exchanging.show(house, name) for name in exchanging.names(house)]
    late = [state.name for state in states if exchanging.overdue(state, house.clock.now())]
    if late:
        return Check(
            "exchanges", False, f"NOT FETCHED to the end within a day: {', '.join(late)}; "
            "`firstlight exchange fetch` says why",
        )  # fmt: skip
    return Check("exchanges", True, f"{len(states)} up to date" if states else "none")


def _settings(house: Home) -> Check:
    from firstlight.web.access import oidc
    from firstlight.web.service import check_reach

    check_reach(house.settings.service)
    oidc.provider(house)
    if house.settings.oidc.issuer:
        oidc.client_secret(house.folder, house.settings.oidc)
    says = f"home {house.folder}"
    service = house.settings.service
    if service.tls_cert and service.look_up_processes and "look_up_processes" in service.model_fields_set:
        says += "; with tls_cert there are no look_up_processes: let a proxy in front speak TLS instead"
    if not house.settings.organisation.contact_email:
        says += "; fill in [organisation] contact_email in settings.toml before you report"
    return Check("settings", True, says)


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
