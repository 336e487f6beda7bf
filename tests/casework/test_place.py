"""A home and its database belong to each other, and neither is ever begun a second time by mistake."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from casework.making import put
from firstlight.casework import banking, intake
from firstlight.casework.home import Home
from firstlight.casework.place import DATABASE, FILE
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError
from firstlight.values import BankPurpose
from postgres import Server


def _take_in(home: Home, tmp_path: Path) -> None:
    banking.create_bank(home, "series", BankPurpose.KNOWN)
    intake.receive(home, intake.arrivals([put(tmp_path / "in", {"a": b"1"})], {}))


def test_a_home_keeps_its_tables_where_it_was_told_and_its_files_in_its_folder(
    postgresql: Server, tmp_path: Path
) -> None:
    url = postgresql.database()
    with Home.open(tmp_path / "home", database_url=url) as home:
        _take_in(home, tmp_path)
        size = home.checkpoint().checkpoint.size
    assert not (tmp_path / "home" / DATABASE).exists()
    assert (tmp_path / "home" / FILE).stat().st_mode & 0o777 == 0o600
    with Home.open(tmp_path / "home", database_url=url, create=False) as home, home.look() as work:
        assert len(work.log) == size > 0


def test_the_settings_can_name_the_database_and_the_caller_goes_before_them(postgresql: Server, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "settings.toml").write_text(f'[database]\nurl = "{postgresql.database()}"\n')
    with Home.open(tmp_path / "home") as home:
        assert home.database.kind == "postgresql"
        one = home.database.where
    with pytest.raises(IntegrityError, match="is empty, and this home has tables"):
        Home.open(tmp_path / "home", database_url=postgresql.database())
    with Home.open(tmp_path / "home") as home:
        assert home.database.where == one


def test_a_forgotten_setting_begins_no_second_set_of_tables(postgresql: Server, tmp_path: Path) -> None:
    with Home.open(tmp_path / "home", database_url=postgresql.database()):
        pass
    with pytest.raises(StateError, match="lie in PostgreSQL") as caught:
        Home.open(tmp_path / "home")
    assert "FIRSTLIGHT_DATABASE_URL" in caught.value.diagnostics().hint
    assert not (tmp_path / "home" / DATABASE).exists()


def test_a_home_with_a_file_is_not_pointed_at_an_empty_database(postgresql: Server, tmp_path: Path) -> None:
    with Home.open(tmp_path / "home"):
        pass
    with pytest.raises(StateError, match="lie in its file") as caught:
        Home.open(tmp_path / "home", database_url=postgresql.database())
    assert "db copy" in caught.value.diagnostics().hint


def test_a_database_of_another_home_is_refused(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.database()
    with Home.open(tmp_path / "one", database_url=url):
        pass
    _keys_alone(tmp_path / "two")
    with pytest.raises(StateError, match="belongs to another home"):
        Home.open(tmp_path / "two", database_url=url)
    assert not (tmp_path / "two" / FILE).exists()


def _keys_alone(folder: Path) -> None:
    """Other keys in this folder, and nothing else of a home."""
    with Home.open(folder):
        pass
    (folder / DATABASE).unlink()


def test_a_second_machine_without_the_keys_is_told_what_it_lacks(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.database()
    with Home.open(tmp_path / "one", database_url=url):
        pass
    with pytest.raises(IntegrityError, match="keys"):
        Home.open(tmp_path / "two", database_url=url)
    assert not (tmp_path / "two" / "keys").exists()


def test_two_machines_with_the_same_keys_and_vault_write_one_log(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.database()
    with Home.open(tmp_path / "one", database_url=url) as home:
        _ = home.vault
    (tmp_path / "two").mkdir(mode=0o700)
    for shared in ("keys", "vault"):
        (tmp_path / "two" / shared).symlink_to(tmp_path / "one" / shared)

    def work(name: str) -> None:
        with Home.open(tmp_path / name, database_url=url) as home:
            for number in range(5):
                folder = put(tmp_path / f"in-{name}-{number}", {"a": f"{name}{number}".encode()})
                intake.receive(home, intake.arrivals([folder], {}))

    threads = [threading.Thread(target=work, args=[name]) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Home.open(tmp_path / "one", database_url=url) as home, home.look() as look:
        assert look.log.verify().first_bad is None
        assert len(look.log) >= 10


def test_nothing_is_made_where_there_is_no_home(postgresql: Server, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        Home.open(tmp_path / "home", database_url=postgresql.database(), create=False)
    (tmp_path / "home").mkdir(mode=0o700)
    shutil.copytree(tmp_path / "home", tmp_path / "other")
    assert not any((tmp_path / "home").iterdir())


def test_keys_alone_are_no_home_of_their_own(tmp_path: Path) -> None:
    _keys_alone(tmp_path / "home")
    with pytest.raises(NotFoundError, match="has no database"):
        Home.open(tmp_path / "home", create=False)


def test_a_url_that_is_none_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Home.open(tmp_path / "home", database_url="mysql://x/y")
    assert not (tmp_path / "home" / DATABASE).exists()
