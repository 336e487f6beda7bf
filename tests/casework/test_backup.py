"""The restore drill: what was backed up while others worked comes back, is verified, and goes on."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import AT_ONCE, case_of, look_at, png, put, report_it, take_in, upload
from firstlight.casework import backup, cases, filing, intake, reconcile, retention, supplements
from firstlight.casework.home import Home
from firstlight.casework.review import Finding
from firstlight.clock import FixedClock
from firstlight.cybertip import Client
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError
from firstlight.media import Cage


@pytest.fixture
def full(home: Home, cage: Cage, client: Client, tmp_path: Path) -> Home:
    """A home with a filed case, one that waits, and context."""
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1), "b.png": png(2)})], default=upload("u1"))
    case = case_of(home, "a.png")
    item = cases.show(home, case).items[0].item
    supplements.attach(home, item, put(tmp_path / "c", {"p.json": b"{}"}) / "p.json", what="export", actor="op")
    look_at(home, item)
    report_it(home, case)
    filing.file_case(home, case, client, retries=AT_ONCE)
    return home


def _folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "backup", tmp_path / "keys-apart"


def _states(home: Home) -> tuple[int, int, int, int]:
    found = reconcile.reconcile(home, originals=True)
    assert found.adds_up
    return found.came_in, found.held, found.decided, found.filed


def test_the_restore_drill(full: Home, cage: Cage, tmp_path: Path) -> None:
    to, keys = _folders(tmp_path)
    made = backup.backup(full, to, keys)
    assert (made.copied, made.snapshot.originals) == (3, 3)
    before = _states(full)
    take_in(full, cage, [put(tmp_path / "later", {"c.png": png(3)})])
    full.close()
    shutil.rmtree(full.folder)
    restored = backup.restore(tmp_path / "again", to, keys)
    assert restored.snapshot == made.snapshot
    assert restored.missing == ()
    with Home.open(tmp_path / "again", clock=FixedClock(full.clock.now(), timedelta(milliseconds=1))) as home:
        assert _states(home) == before
        assert home.settings.organisation.name == full.settings.organisation.name
        take_in(home, cage, [tmp_path / "later"])
        report_it(home, case_of(home, "b.png"))
        assert filing.draft(home, case_of(home, "c.png")) == ()
        assert len(filing.filings(home, 1)) == 1
    for path in (tmp_path / "again").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_backup_tells_nothing_without_the_keys(full: Home, tmp_path: Path) -> None:
    to, keys = _folders(tmp_path)
    backup.backup(full, to, keys)
    everything = b"".join(path.read_bytes() for path in to.rglob("*") if path.is_file())
    for secret in (b"SQLite format", b"rev-1", b"photos.example", png(1)[:40], b"export"):
        assert secret not in everything, secret
    with pytest.raises(NotFoundError, match="no keys"):
        backup.restore(tmp_path / "again", to, tmp_path)
    other_to, other_keys = tmp_path / "other-backup", tmp_path / "other-keys"
    with Home.open(tmp_path / "other") as other:
        backup.backup(other, other_to, other_keys)
    with pytest.raises(IntegrityError):
        backup.restore(tmp_path / "again", to, other_keys)
    assert not (tmp_path / "again").exists()


def test_a_second_backup_copies_what_is_new_and_drops_what_was_destroyed(
    full: Home, cage: Cage, tmp_path: Path
) -> None:
    to, keys = _folders(tmp_path)
    first = backup.backup(full, to, keys)
    case = case_of(full, "b.png")
    item = cases.show(full, case).items[0].item
    report_it(full, case, finding=Finding.NOT_REPORTABLE, conduct=None)
    take_in(full, cage, [put(tmp_path / "later", {"c.png": png(3)})])
    assert isinstance(full.clock, FixedClock)
    full.clock.advance(timedelta(days=300))
    retention.destroy(full, item, actor="op")
    second = backup.backup(full, to, keys)
    assert (second.copied, second.removed, second.snapshot.originals) == (1, 1, 3)
    backup.restore(tmp_path / "again", to, keys)
    with Home.open(tmp_path / "again", clock=FixedClock(full.clock.now())) as home:
        assert reconcile.reconcile(home, originals=True).adds_up
    old = backup.restore(tmp_path / "old", to, keys, snapshot=first.snapshot.name)
    assert len(old.missing) == 1  # destroyed for good: no snapshot brings it back


def test_what_comes_in_during_a_backup_is_whole_or_not_in_it(full: Home, tmp_path: Path) -> None:
    to, keys = _folders(tmp_path)
    folder = put(tmp_path / "meanwhile", {f"{n}": f"{n}".encode() for n in range(5)})

    def meanwhile() -> None:
        intake.receive(full, intake.arrivals([folder], {}))

    backup.backup(full, to, keys, advance=meanwhile)
    restored = backup.restore(tmp_path / "again", to, keys)
    assert restored.missing == ()
    with Home.open(tmp_path / "again", clock=FixedClock(full.clock.now())) as home:
        assert reconcile.reconcile(home).came_in == 2


@pytest.mark.parametrize("damage", ["snapshot", "keys", "cut"])
def test_a_damaged_backup_makes_no_home(full: Home, tmp_path: Path, damage: str) -> None:
    to, keys = _folders(tmp_path)
    backup.backup(full, to, keys)
    (snapshot,) = (to / "snapshots").glob("*.sealed")
    if damage == "snapshot":
        data = bytearray(snapshot.read_bytes())
        data[len(data) // 2] ^= 1
        snapshot.write_bytes(data)
    elif damage == "cut":
        snapshot.write_bytes(snapshot.read_bytes()[:-100])
    else:
        next((keys / "keys").glob("*.json")).write_bytes(b"{}")
    with pytest.raises(IntegrityError):
        backup.restore(tmp_path / "again", to, keys)
    assert not (tmp_path / "again").exists()


def test_an_original_that_the_backup_lost_is_named(full: Home, tmp_path: Path) -> None:
    to, keys = _folders(tmp_path)
    backup.backup(full, to, keys)
    next((to / "objects").glob("*/*")).unlink()
    assert len(backup.restore(tmp_path / "again", to, keys).missing) == 1


def test_folders_that_do_not_lie_apart_are_refused(full: Home, tmp_path: Path) -> None:
    to, _ = _folders(tmp_path)
    for pair in ((to, to), (to, to / "keys"), (to / "data", to), (full.folder / "backup", to), (to, full.folder)):
        with pytest.raises(InputError, match="apart"):
            backup.backup(full, *pair)
    assert not to.exists()


def test_a_folder_that_is_in_use_is_not_restored_into(full: Home, tmp_path: Path) -> None:
    to, keys = _folders(tmp_path)
    backup.backup(full, to, keys)
    with pytest.raises(StateError, match="not empty"):
        backup.restore(full.folder, to, keys)
    with pytest.raises(NotFoundError, match="no such snapshot"):
        backup.restore(tmp_path / "again", to, keys, snapshot="yesterday")
    with pytest.raises(NotFoundError, match="no such snapshot"):
        backup.restore(tmp_path / "again", tmp_path / "nowhere", keys)
