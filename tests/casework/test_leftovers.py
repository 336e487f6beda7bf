"""Originals without an item: found, adopted or removed, and never lost."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from casework.making import jpeg, png, put, take_in
from firstlight.casework import intake, leftovers, reconcile
from firstlight.casework.home import Home
from firstlight.casework.leftovers import Became
from firstlight.custody import EventType
from firstlight.errors import StateError
from firstlight.media import Cage
from firstlight.store.tables import Item


def left_behind(home: Home, data: bytes, name: str) -> str:
    """What an intake that was killed between vault and tables leaves; answers the object's id."""
    return home.vault.put(io.BytesIO(data), home.keyring.ensure_case_key(name)).id


def became(home: Home, *, adopt: bool = False, remove: bool = False) -> dict[str, Became]:
    return {one.object: one.became for one in leftovers.leftovers(home, adopt=adopt, remove=remove).leftovers}


def test_what_is_in_no_item_is_adopted_and_examined_like_anything_else(home: Home, cage: Cage) -> None:
    new = left_behind(home, jpeg(1), "it-1")
    assert became(home) == {new: Became.FOUND}
    assert became(home, remove=True) == {new: Became.FOUND}, "nothing is removed of which there is no other copy"
    assert became(home, adopt=True) == {new: Became.ADOPTED}
    assert became(home) == {}
    take_in(home, cage, [])
    account = reconcile.reconcile(home, originals=True)
    assert account.adds_up, account.discrepancies
    assert (account.came_in, account.held, account.unexamined, account.leftovers) == (1, 1, 0, 0)
    with home.look() as work:
        item = work.session.scalars(select(Item)).one()
        assert item.source == f"vault:{new}"
        assert item.media_type == "image/jpeg"


def test_copies_of_what_is_in_the_tables_are_removed_and_the_log_says_so(
    home: Home, cage: Cage, tmp_path: Path
) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1)})])
    copy = left_behind(home, png(1), "it-copy")
    closed = left_behind(home, png(2), "it-closed")
    home.keyring.destroy_case_key("it-closed", home.clock.now())
    assert became(home) == {copy: Became.KNOWN, closed: Became.CLOSED}
    assert became(home, adopt=True) == {copy: Became.KNOWN, closed: Became.CLOSED}
    assert became(home, remove=True) == {copy: Became.REMOVED, closed: Became.REMOVED}
    assert home.keyring.destruction("it-copy") is not None
    account = reconcile.reconcile(home, originals=True)
    assert account.adds_up, account.discrepancies
    assert account.leftovers == 0
    with home.look() as work:
        told = [entry.event for entry in work.log.entries(types=[EventType.SHRED])]
    assert {event.payload["leftover"] for event in told if event} == {copy, closed}


def test_what_is_damaged_is_told_apart(home: Home) -> None:
    new = left_behind(home, jpeg(1), "it-1")
    (path,) = (home.folder / "vault" / "objects").glob("*/*")
    path.write_bytes(path.read_bytes()[:-1])
    assert became(home, adopt=True) == {new: Became.CLOSED}


def test_while_somebody_takes_in_nothing_is_a_leftover(home: Home) -> None:
    with home.taking_in(), home.taking_in(), pytest.raises(StateError, match="at work"):
        leftovers.leftovers(home)
    assert became(home) == {}


_SLOW = """
import sys, time
from pathlib import Path
from firstlight.casework import intake
from firstlight.casework.home import Home
def slowly(home, waiting, actor):
    print("stored", flush=True)
    time.sleep(60)
intake._keep = slowly
with Home.open(Path(sys.argv[1])) as home:
    intake.receive(home, intake.arrivals([Path(sys.argv[2])], {}))
"""


def test_an_intake_that_is_killed_leaves_what_can_be_adopted(home: Home, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"a.png": png(1), "b.png": png(2)})
    command = [sys.executable, "-c", _SLOW, str(home.folder), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stored\n"
        with pytest.raises(StateError):
            leftovers.leftovers(home)
        process.kill()
    assert reconcile.reconcile(home).leftovers == 2
    assert set(became(home).values()) == {Became.FOUND}
    intake.receive(home, intake.arrivals([folder], {}))
    assert set(became(home, remove=True).values()) == {Became.REMOVED}
    account = reconcile.reconcile(home, originals=True)
    assert account.adds_up, account.discrepancies
    assert (account.came_in, account.leftovers) == (2, 0)
