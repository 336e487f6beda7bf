"""Killed inside one act, at any of its writes and statements: it was done whole or not at all, and is done again."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from casework.conftest import Killable
from casework.killed_acts import act
from casework.making import SETTINGS, png, put, take_in, upload
from firstlight.casework import backup, cases, moving, place, reconcile
from firstlight.casework.home import Home
from firstlight.custody import EventType
from firstlight.errors import StateError
from firstlight.media import Cage
from firstlight.store import Database
from postgres import Server

ITEMS = 4
KILLS = 5  # spread over the whole act, and its last moments, where what was done becomes true


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, cage: Cage) -> Path:
    """A home with copies in one case, of an account each."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "home").mkdir(mode=0o700)
    (folder / "home" / "settings.toml").write_text(SETTINGS)
    files = {f"{n}.png": png(1, Comment=str(n)) for n in range(ITEMS)}
    with Home.open(folder / "home") as home:
        take_in(home, cage, [put(folder / "in", files)], {name: upload(f"u-{name}") for name in files})
        assert len(cases.show(home, 1).items) == ITEMS
    return folder


@pytest.fixture
def folder(full: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(full / "home", tmp_path / "home")
    return tmp_path


def _moments(killable: Killable, name: str, folder: Path, spare: Path) -> list[int]:
    """Do it in a copy to count its moments; those at which it is to be killed."""
    shutil.copytree(folder, spare)
    assert killable(act, name, spare, 0) == 0
    return _spread(int((spare / "moments").read_text()))


def _spread(count: int) -> list[int]:
    """Moments over all of them, and the last ones."""
    step = max(1, count // KILLS)
    return sorted({*range(step, count, step), *range(count - 3, count + 1)})


def _account(home: Home, **more: int) -> None:
    found = reconcile.reconcile(home, originals=True)
    assert found.adds_up, found.discrepancies
    assert (found.came_in, found.unexamined) == (ITEMS, 0)
    for name, count in more.items():
        assert getattr(found, name) == count


def _decided(home: Home) -> int:
    with home.look() as work:
        made, back = (
            sum(1 for _ in work.log.entries(types=[kind])) for kind in (EventType.DECIDE, EventType.DECISION_WITHDRAWN)
        )
    return made - back


@pytest.mark.parametrize("name", ["decide", "undo"])
def test_a_decision_on_many_stands_whole_or_not_at_all(
    folder: Path, killable: Killable, tmp_path: Path, name: str
) -> None:
    if name == "undo":
        assert killable(act, "decide", folder, 0) == 0
    before, after = (0, ITEMS) if name == "decide" else (ITEMS, 0)
    found = set()
    for number in _moments(killable, name, folder, tmp_path / "spare"):
        one = tmp_path / f"at-{number}"
        shutil.copytree(folder / "home", one / "home")
        assert killable(act, name, one, number) in (0, -signal.SIGKILL)
        with Home.open(one / "home", create=False) as home:
            decided = _decided(home)
            _account(home, held=ITEMS - decided, decided=decided)
        found.add(decided)
        if decided == before:
            assert killable(act, name, one, 0) == 0
            with Home.open(one / "home", create=False) as home:
                assert _decided(home) == after
                _account(home)
    assert found == {before, after}


def test_a_backup_that_is_cut_off_is_no_backup_and_leaves_nothing_behind_for_long(
    folder: Path, killable: Killable, tmp_path: Path
) -> None:
    for number in _moments(killable, "back up", folder, tmp_path / "spare"):
        assert killable(act, "back up", folder, number) in (0, -signal.SIGKILL)
        with Home.open(folder / "home", create=False) as home:
            _account(home)
        for one in (folder / "backup" / "snapshots").glob("*.json"):
            restored = backup.restore(
                tmp_path / "again", folder / "backup", folder / "keys-apart", snapshot=one.name.removesuffix(".json")
            )
            assert restored.missing == ()
            shutil.rmtree(tmp_path / "again")
    assert killable(act, "back up", folder, 0) == 0
    assert not (folder / "home" / backup.BUILDING).exists()
    there = [path.suffix for path in (folder / "backup" / "snapshots").iterdir()]
    assert set(there) == {".json", ".sealed"}
    assert there.count(".json") == there.count(".sealed")
    assert len(list((folder / "backup" / "objects").glob("*/*"))) == ITEMS


def test_a_restore_that_is_cut_off_makes_no_home_and_can_be_run_again(
    folder: Path, killable: Killable, tmp_path: Path
) -> None:
    assert killable(act, "back up", folder, 0) == 0
    refused = 0
    for number in _moments(killable, "restore", folder, tmp_path / "spare"):
        assert killable(act, "restore", folder, number) in (0, -signal.SIGKILL)
        if (folder / "again" / place.RESTORING).exists():
            refused += 1
            with pytest.raises(StateError, match="its restore was cut off"):
                Home.open(folder / "again")
        elif (folder / "again").exists():
            with Home.open(folder / "again", create=False) as home:
                _account(home)
            shutil.rmtree(folder / "again")
    assert refused >= KILLS // 2
    if not (folder / "again").exists():
        assert killable(act, "restore", folder, 1) == -signal.SIGKILL
    assert killable(act, "restore", folder, 0) == 0
    with Home.open(folder / "again", create=False) as home:
        _account(home)
    assert not (folder / "again" / place.RESTORING).exists()


def _new_database(postgresql: Server, folder: Path) -> str:
    """A database with empty tables, named in the folder."""
    url = postgresql.database()
    Database.connect(url).close()
    (folder / "url").write_text(url)
    return url


def test_a_move_that_is_cut_off_leaves_the_home_as_it_was_and_can_be_run_again(
    folder: Path, killable: Killable, tmp_path: Path, postgresql: Server
) -> None:
    spare, home_folder = tmp_path / "spare", folder / "home"
    shutil.copytree(home_folder, spare / "home")
    _new_database(postgresql, spare)
    assert killable(act, "move", spare, 0) == 0
    url = _new_database(postgresql, folder)
    for number in _spread(int((spare / "moments").read_text())):
        assert killable(act, "move", folder, number) in (0, -signal.SIGKILL)
        if place.recorded(home_folder) is not None:
            break
        with Home.open(home_folder, create=False) as home:
            _account(home, held=ITEMS)
    else:
        assert killable(act, "move", folder, 0) == 0
    with Home.open(home_folder, create=False, database_url=url) as home:
        _account(home, held=ITEMS)


def test_a_move_back_that_is_cut_off_leaves_no_half_of_a_file(
    folder: Path, killable: Killable, tmp_path: Path, postgresql: Server
) -> None:
    home_folder, url = folder / "home", _new_database(postgresql, folder)
    with Home.open(home_folder) as home:
        moving.copy_database(home, url)
    own = home_folder / place.DATABASE
    own.unlink()
    spare = tmp_path / "spare"
    shutil.copytree(home_folder, spare / "home")
    shutil.copy(folder / "url", spare)
    assert killable(act, "move back", spare, 0) == 0
    for number in _spread(int((spare / "moments").read_text())):
        assert killable(act, "move back", folder, number) in (0, -signal.SIGKILL)
        if place.recorded(home_folder) is None:
            break
        with Home.open(home_folder, create=False, database_url=url) as home:
            _account(home, held=ITEMS)
        own.unlink(missing_ok=True)  # whole, and not in use: the next one says that it is there
    else:
        assert killable(act, "move back", folder, 0) == 0
    with Home.open(home_folder, create=False) as home:
        _account(home, held=ITEMS)
    assert not (home_folder / moving.BUILDING).exists()


def test_a_copy_of_another_moment_is_not_taken_for_one_that_was_cut_off(folder: Path, postgresql: Server) -> None:
    url = _new_database(postgresql, folder)
    with Home.open(folder / "home") as home:
        moving.copy_database(home, url)
    (folder / "home" / place.FILE).unlink()
    with Home.open(folder / "home") as home:
        home.checkpoint()
        with home.work() as work:
            work.record(EventType.CONFIG_CHANGE, actor="op", change="something")
        with pytest.raises(StateError, match="not empty"):
            moving.copy_database(home, url)
