"""The banks of a home are opened without its database, and only where the home as a whole could be."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from firstlight.banks import NewEntry
from firstlight.casework.home import Home
from firstlight.casework.screening import lists_of
from firstlight.errors import NotFoundError, StorageError
from firstlight.screen.lists import state_of
from firstlight.values import BankPurpose


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    with Home.open(folder) as home:
        home.library.create_bank("known", BankPurpose.KNOWN)
        home.library.add("known", [NewEntry(md5="1a" * 16)])
    return folder


def test_sealed_lists_are_opened_and_what_they_seal_the_home_opens(there: Path) -> None:
    opened = pickle.loads(pickle.dumps(lists_of(there, ("known",))))
    with opened() as lists:
        [bank] = state_of(lists).banks
        assert bank.entries == 1
        sealed = lists.sealer.seal(b"found", b"here")
    with Home.open(there, create=False) as home:
        assert home.keyring.sealer("screen").unseal(sealed, b"here") == b"found"


def test_no_database_is_opened(there: Path) -> None:
    opened = lists_of(there, ("known",))
    (there / "firstlight.sqlite3").rename(there / "away")
    with opened() as lists:
        assert state_of(lists).banks


def test_a_worker_loads_no_code_of_the_database() -> None:
    code = "import sys, firstlight.casework.banks_alone; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_wrong_with_a_home_is_said_at_once(there: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        lists_of(tmp_path / "nothing", ("known",))
    there.chmod(0o755)
    with pytest.raises(StorageError, match="Others may enter"):
        lists_of(there, ("known",))
