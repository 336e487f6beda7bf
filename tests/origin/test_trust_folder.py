"""The folder of trust lists: what is put there stays what it was."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from firstlight.errors import InputError, IntegrityError, NotFoundError, StorageError
from firstlight.origin import TrustLists
from firstlight.origin.trust_folder import OLD_AFTER_DAYS, inspect, install, load_folder
from origin.signing import Authority


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    path = tmp_path / "roots.pem"
    path.write_text(Authority.new().pem)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "trust"


def test_a_list_is_installed_and_loaded_with_its_date_and_digest(folder: Path, roots: Path) -> None:
    file = install(folder, "official", roots, date_of_list="2026-08-14")
    trust = load_folder(folder)
    assert trust.files == (file,)
    assert (trust.official, trust.date_of("official")) == (roots.read_text(), "2026-08-14")
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_second_list_joins_the_first_and_a_newer_one_replaces_it(folder: Path, roots: Path) -> None:
    install(folder, "official", roots, date_of_list="2026-01-01")
    install(folder, "interim", roots, date_of_list="2026-01-01")
    roots.write_text(Authority.new("Newer").pem)
    install(folder, "official", roots, date_of_list="2026-08-14")
    trust = load_folder(folder)
    assert [(file.name, file.date) for file in trust.files] == [("official", "2026-08-14"), ("interim", "2026-01-01")]
    assert trust.official != trust.interim
    assert len(list(folder.iterdir())) == 3


def test_no_folder_is_no_trust(folder: Path) -> None:
    assert load_folder(folder) == TrustLists()
    assert inspect(folder, date(2026, 1, 1)) == []


def test_a_list_changed_behind_the_operators_back_is_refused(folder: Path, roots: Path) -> None:
    install(folder, "official", roots, date_of_list="2026-08-14")
    (path,) = folder.glob("official-*.pem")
    path.write_text(Authority.new("Intruder").pem)
    with pytest.raises(IntegrityError, match="official is not the one that was put there"):
        load_folder(folder)
    (found,) = inspect(folder, date(2026, 9, 1))
    assert (found.whole, found.entries) == (False, 1)
    path.unlink()
    (found,) = inspect(folder, date(2026, 9, 1))
    assert (found.whole, found.entries) == (False, 0)


@pytest.mark.parametrize(("days", "old"), [(OLD_AFTER_DAYS, False), (OLD_AFTER_DAYS + 1, True)])
def test_a_list_grows_old_and_the_frozen_one_does_not(folder: Path, roots: Path, days: int, old: bool) -> None:
    for name in ("official", "interim"):
        install(folder, name, roots, date_of_list="2026-01-01")
    today = date.fromordinal(date(2026, 1, 1).toordinal() + days)
    assert {found.name: found.old for found in inspect(folder, today)} == {"official": old, "interim": False}


def test_what_is_no_list_is_not_installed(folder: Path, roots: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no trust list"):
        install(folder, "unofficial", roots, date_of_list="2026-08-14")
    with pytest.raises(InputError, match="no date"):
        install(folder, "official", roots, date_of_list="last summer")
    with pytest.raises(NotFoundError):
        install(folder, "official", tmp_path / "absent.pem", date_of_list="2026-08-14")
    roots.write_text("no certificate")
    with pytest.raises(InputError):
        install(folder, "official", roots, date_of_list="2026-08-14")
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, roots: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((StorageError, NotFoundError)):
        install(tmp_path / "file" / "trust", "official", roots, date_of_list="2026-08-14")


@pytest.mark.parametrize(
    "content",
    [
        "= =",
        "[other]\n",
        "official = 3\n",
        '[official]\ndate = "2026-01-01"\n',
        '[official]\ndate = "2026-01-01"\nsha256 = "xyz"\n',
        f'[official]\ndate = "soon"\nsha256 = "{"0" * 64}"\n',
    ],
)
def test_a_damaged_index_is_said(folder: Path, content: str) -> None:
    folder.mkdir(parents=True)
    (folder / "lists.toml").write_text(content)
    with pytest.raises(InputError):
        load_folder(folder)


@pytest.mark.parametrize("step", range(2))
def test_being_stopped_in_the_middle_leaves_the_old_list(
    folder: Path, roots: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    install(folder, "official", roots, date_of_list="2026-01-01")
    before = load_folder(folder)
    roots.write_text(Authority.new("Newer").pem)

    steps = iter(range(9))
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if next(steps) == step:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match="No space left"):
        install(folder, "official", roots, date_of_list="2026-08-14")
    monkeypatch.undo()
    assert load_folder(folder) == before
