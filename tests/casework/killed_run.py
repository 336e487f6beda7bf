"""The whole path in a process that may be killed at any of its writes; `test_kills` starts it.

Decoding is played by a table of hashes, so that a run costs little: the cage has its own tests.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from casework.making import AT_ONCE, look_at, report_it
from firstlight.casework import banking, cases, examine, filing, intake, preserve
from firstlight.casework.home import Home
from firstlight.casework.upload import Upload
from firstlight.cybertip import DEMO_CREDENTIALS, Client, SimulatorDestination
from firstlight.hashing import PictureHash
from firstlight.media import Cage
from firstlight.values import BankPurpose

WRITES = ("fsync", "fdatasync", "link", "rename", "replace", "mkdir", "unlink", "write")


class KilledAt:
    """Kills this process, without a word and without any clean-up, before or after its n-th write."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._pid = os.getpid()
        self.seen = 0

    def tick(self, *_: object) -> None:
        """One moment at which a process can end."""
        self.seen += 1
        if self.seen == self._number and os.getpid() == self._pid:
            os.kill(self._pid, signal.SIGKILL)

    def watch(self) -> None:
        """Count every write to a disk and every commit, just before and just after it."""
        for name in WRITES:
            setattr(os, name, self._watched(getattr(os, name)))
        event.listen(Engine, "commit", self.tick)
        event.listen(Session, "after_commit", self.tick)

    def _watched(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self.tick()
            answer = real(*args, **more)
            self.tick()
            return answer

        return call


class NoCage:
    """Calls the work here and now."""

    def each(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """The answers, in order."""
        return map(work, items)


def whole_path(folder: Path, url: str, hashes: dict[str, PictureHash], kill_at: int) -> None:
    """Take in, decide the case of `a.png`, file it, export it; everything that is there already is gone on with."""

    def caged(_cage: object, original: bytes, _trust: object) -> examine.Found:
        return examine.Found(picture=hashes.get(hashlib.sha256(original).hexdigest()))

    examine._caged = caged  # type: ignore[assignment]
    if kill_at:
        KilledAt(kill_at).watch()
    with Home.open(folder / "home") as home:
        if not home.library.banks():
            banking.create_bank(home, "series", BankPurpose.KNOWN)
        about = {"a.png": Upload(account="u1"), "b.png": Upload(account="u2")}
        intake.receive(home, intake.arrivals([folder / "in"], about))
        examine.examine(home, cast("Cage", NoCage()))
        case = decided(home)
        with Client(SimulatorDestination(url), DEMO_CREDENTIALS) as client:
            if cases.show(home, case).state != "filed":
                filing.file_case(home, case, client, retries=AT_ONCE)
        preserve.export(home, case, folder / "out")


def decided(home: Home) -> int:
    """The case of `a.png`, decided to be reported."""
    case = 1  # `a.png` comes first, and its case is opened first
    if cases.show(home, case).state == "open":
        look_at(home, cases.next_unit(home, case).shown)
        report_it(home, case)
    return case
