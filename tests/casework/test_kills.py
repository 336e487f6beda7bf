"""Killed at any moment and begun again: nothing is lost, nothing is there twice, one finished report an account."""

from __future__ import annotations

import hashlib
import random
import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from casework.conftest import Killable
from casework.killed_run import whole_path
from casework.making import SETTINGS, png, put
from firstlight.casework import cases, reconcile
from firstlight.casework.home import Home
from firstlight.clock import SystemClock
from firstlight.custody import verify_package
from firstlight.cybertip import Simulator
from firstlight.cybertip.simulator.reports import ReportState
from firstlight.hashing import PictureHash, hash_picture
from firstlight.media import Cage
from firstlight.store.tables import Case, Item

FILES = {"a.png": png(1), "b.png": png(1, Comment="a copy"), "c.png": png(2), "d.txt": b"words"}
RUNS = 3
KILLS_A_RUN = 5
STEPS_APART = 260  # a whole run has some 700 moments; kills are this far apart at most, so that each run gets on


@pytest.fixture(scope="module")
def hashes(cage: Cage) -> dict[str, PictureHash]:
    """What the caged workers say of the pictures."""
    return {
        hashlib.sha256(data).hexdigest(): hash_picture(cage, data) for name, data in FILES.items() if name[-1] == "g"
    }


def _check(folder: Path, service: Simulator) -> None:
    finished = [report for report in service.reports() if report.state is ReportState.FINISHED]
    sent = sorted(file.sha256 for report in finished for file in report.files.values())
    assert sent == sorted(hashlib.sha256(FILES[name]).hexdigest() for name in ("a.png", "b.png"))
    assert len(finished) == 2
    packages = list((folder / "out").iterdir())
    assert all(verify_package(package).ok for package in packages)
    with Home.open(folder / "home") as home:
        account = reconcile.reconcile(home, originals=True)
        assert account.adds_up, account.discrepancies
        assert (account.came_in, account.held, account.filed) == (4, 2, 2)
        assert account.unexamined == account.reports_unfinished == 0
        with home.look() as work:
            names = sorted(Path(source).name for source in work.session.scalars(select(Item.source)))
            assert len(work.session.scalars(select(Case)).all()) == 3
        assert names == sorted(FILES)
        assert sum(place.items for place in cases.queue(home).places) == 2
    assert {path.name: path.read_bytes() for path in (folder / "in").iterdir()} == FILES


@pytest.mark.parametrize("seed", range(RUNS))
def test_killed_anywhere_and_begun_again(
    tmp_path: Path, hashes: dict[str, PictureHash], killable: Killable, seed: int
) -> None:
    chance = random.Random(seed)
    put(tmp_path / "in", FILES)
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "settings.toml").write_text(SETTINGS)
    killed = 0
    with Simulator.of(SystemClock()) as service:
        for _ in range(KILLS_A_RUN):
            ended = killable(whole_path, tmp_path, service.url, hashes, chance.randint(1, STEPS_APART))
            assert ended in (0, -signal.SIGKILL)
            killed += ended != 0
            if (tmp_path / "home" / "keys" / "keyring.json").exists():
                with Home.open(tmp_path / "home") as home:
                    account = reconcile.reconcile(home)
                    assert account.adds_up, account.discrepancies
        assert killable(whole_path, tmp_path, service.url, hashes, 0) == 0
        _check(tmp_path, service)
    assert killed >= 2
