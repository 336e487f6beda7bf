"""A home keeps what it holds: nothing new is ever made in the place of what is gone."""

from __future__ import annotations

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from casework.making import jpeg, new_home, png, put, take_in
from firstlight.casework import banking, cases, intake
from firstlight.casework.home import Home
from firstlight.casework.place import DATABASE
from firstlight.custody import EventType
from firstlight.errors import FirstlightError, InputError, IntegrityError, NotFoundError, StateError, StorageError
from firstlight.media import Cage
from firstlight.store.tables import Case, Item
from firstlight.values import BankPurpose


def test_a_new_home_is_private(tmp_path: Path) -> None:
    with Home.open(tmp_path / "a" / "b") as home:
        _ = home.vault, home.library, home.bundles
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    for path in (tmp_path / "a" / "b").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_home_that_is_not_there_is_made_only_when_asked_for(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no Firstlight home"):
        Home.open(tmp_path / "home", create=False)
    assert not (tmp_path / "home").exists()


def test_a_home_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    with pytest.raises(StorageError, match="Others may enter") as caught:
        Home.open(tmp_path / "home")
    assert "chmod 700" in caught.value.diagnostics().hint
    assert not any((tmp_path / "home").iterdir())


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("file", StorageError),
        ("file/below", StorageError),
        ("x" * 300, StorageError),
        ("~nobody-of-that-name/h", InputError),
    ],
)
@pytest.mark.parametrize("create", [True, False])
def test_what_cannot_be_a_home_is_refused_in_words(
    tmp_path: Path, where: str, error: type[FirstlightError], create: bool
) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = Path(where) if where.startswith("~") else tmp_path / where
    with pytest.raises((error, NotFoundError)):
        Home.open(folder, create=create)


def test_a_home_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with new_home(tmp_path / "home") as home, home.database.write() as session:
        session.connection().exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(StateError, match="newer version"):
        Home.open(tmp_path / "home")


@pytest.mark.parametrize("part", ["keys", "vault", "banks"])
def test_what_is_gone_is_missed_and_not_replaced(tmp_path: Path, part: str) -> None:
    folder = put(tmp_path / "in", {"a": b"1"})
    with new_home(tmp_path / "home") as home:
        banking.create_bank(home, "series", BankPurpose.KNOWN)
        intake.receive(home, intake.arrivals([folder], {}))
    shutil.move(tmp_path / "home" / part, tmp_path / "elsewhere")

    def use() -> None:
        with Home.open(tmp_path / "home") as home:
            _ = home.vault, home.library

    with pytest.raises(IntegrityError, match="is gone") as caught:
        use()
    assert "backup" in caught.value.diagnostics().hint
    assert not (tmp_path / "home" / part).exists()
    shutil.move(tmp_path / "elsewhere", tmp_path / "home" / part)
    use()


def test_an_index_of_bundles_that_is_gone_is_built_again(cage: Cage, tmp_path: Path) -> None:
    first, second = put(tmp_path / "1", {"a": jpeg(1), "b": jpeg(2)}), put(tmp_path / "2", {"c": png(1), "d": png(2)})
    with new_home(tmp_path / "home") as home:
        take_in(home, cage, [first])
    shutil.rmtree(tmp_path / "home" / "bundles")
    with Home.open(tmp_path / "home") as home:
        take_in(home, cage, [second])
        with home.look() as work:
            assert work.session.scalar(select(func.count()).select_from(Case)) == 2
        assert sorted(place.items for place in cases.queue(home).places) == [2, 2]


def test_an_index_of_bundles_that_was_begun_and_cut_off_is_finished(tmp_path: Path) -> None:
    with new_home(tmp_path / "home") as home:
        (home.folder / "bundles").mkdir(mode=0o700)
        assert len(home.bundles) == 0


def test_two_that_begin_at_once_make_one_home(tmp_path: Path) -> None:
    def begin(_: int) -> str:
        with Home.open(tmp_path / "home") as home:
            banks = home.library.banks()
            assert (banks, len(home.bundles)) == ((), 0)
            return home.keyring.log_signer().verifier.vkey

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(begin, range(8)))) == 1


def test_an_event_without_an_actor_is_refused(home: Home) -> None:
    with pytest.raises(InputError, match="Nobody is named"), home.work() as work:
        work.record(EventType.BANK_CHANGED, actor=" ")


def test_a_damaged_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    with Home.open(tmp_path / "home"):
        pass
    (tmp_path / "home" / DATABASE).write_bytes(b"this is no database at all" * 400)
    with pytest.raises(IntegrityError, match="damaged"):
        Home.open(tmp_path / "home")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root; the command's test drops to another user")
def test_a_home_below_a_closed_folder_is_refused_in_words(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    with pytest.raises(StorageError, match="cannot be read"):
        Home.open(closed / "home", create=False)


def test_rows_of_a_migrated_home_can_be_read_while_somebody_writes(home: Home) -> None:
    with home.work(), Home.open(home.folder) as other, other.look() as work:
        assert work.session.scalar(select(func.count()).select_from(Item)) == 0


@pytest.mark.parametrize("sealed", [True, False])
def test_lists_are_sealed_unless_the_operator_says_otherwise(tmp_path: Path, cage: Cage, sealed: bool) -> None:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    settings = folder / "settings.toml"
    settings.write_text(f"[banks]\nsealed = {str(sealed).lower()}\n")
    picture = put(tmp_path / "in", {"a.png": png(1)}) / "a.png"
    with Home.open(folder) as home:
        banking.create_bank(home, "roots", BankPurpose.KNOWN)
        banking.add_pictures(home, cage, "roots", [picture])
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    on_disk = b"".join(path.read_bytes() for path in (folder / "banks").rglob("*") if path.is_file())
    assert (digest.encode() in on_disk) is not sealed
    with Home.open(folder) as home:
        (found,) = banking.match_files(home, cage, [picture])
        assert found.found
    settings.write_text(f"[banks]\nsealed = {str(not sealed).lower()}\n")
    with Home.open(folder) as home, pytest.raises(StateError, match="sealed"):
        _ = home.library
