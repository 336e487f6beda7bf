"""Intake takes everything once, keeps it before it is decided upon, and lets one bad file stop nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import func, select

from casework.making import NOW, jpeg, new_home, put, upload
from firstlight import media
from firstlight.casework import intake, reconcile
from firstlight.casework.home import Home, Work
from firstlight.casework.intake import Arrival, IntakeReport, Refused
from firstlight.casework.upload import Upload
from firstlight.custody import EventType
from firstlight.errors import StorageError, UpstreamError
from firstlight.store.tables import Item, LogLeaf
from firstlight.values import Level


def _receive(home: Home, *paths: Path) -> IntakeReport:
    return intake.receive(home, intake.arrivals(paths, {}))


def _count(home: Home) -> tuple[int, int]:
    """Items, and leaves of the custody log."""
    with home.look() as work:
        items = work.session.scalar(select(func.count()).select_from(Item)) or 0
        return items, work.session.scalar(select(func.count()).select_from(LogLeaf)) or 0


def _objects(home: Home) -> int:
    return sum(1 for _ in home.vault)


@pytest.mark.parametrize("ends", [KeyboardInterrupt(), UpstreamError("gone")])
def test_what_lies_in_the_vault_is_recorded_however_an_intake_ends(
    home: Home, tmp_path: Path, ends: BaseException
) -> None:
    folder = put(tmp_path / "in", {"a": b"1", "b": b"2"})

    def offered() -> Iterator[Arrival | Refused]:
        yield from intake.arrivals([folder], {})
        raise ends

    with pytest.raises(type(ends)):
        intake.receive(home, offered())
    assert _count(home) == (2, 2)
    assert _receive(home, folder).known == 2
    assert _objects(home) == 2


def test_what_is_offered_again_is_known(home: Home, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"a": b"1", "b": b"2"})
    assert _receive(home, folder).received == 2
    again = _receive(home, folder)
    assert (again.offered, again.received, again.known) == (2, 0, 2)
    (folder / "a").write_bytes(b"other bytes under the same name")
    assert _receive(home, folder).received == 1
    assert _count(home) == (3, 3)
    assert _objects(home) == 3


def test_one_file_named_in_many_ways_is_one_item_and_leaves_one_original(home: Home, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"a": b"1"})
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    ways = [folder / "a", folder / "a", folder / ".." / "in" / "a", tmp_path / "link" / "a"]
    report = _receive(home, *ways)
    assert (report.offered, report.received, report.known) == (4, 1, 3)
    assert (_count(home), _objects(home)) == ((1, 1), 1)
    assert reconcile.reconcile(home, originals=True).adds_up


def test_the_same_bytes_from_two_places_are_two_items(home: Home, tmp_path: Path) -> None:
    assert _receive(home, put(tmp_path / "in", {"a": b"1", "b": b"1"})).received == 2


def test_row_and_event_are_kept_together_or_not_at_all(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "in", {"a": b"1", "b": b"2"})
    real, calls = Work.record, [0]

    def record(self: Work, kind: EventType, **more: object) -> None:
        real(self, kind, **more)  # type: ignore[arg-type]
        calls[0] += 1
        if calls[0] == 2:
            raise ZeroDivisionError

    monkeypatch.setattr(Work, "record", record)
    with pytest.raises(ZeroDivisionError):
        _receive(home, folder)
    assert _count(home) == (0, 0)
    monkeypatch.undo()
    assert _receive(home, folder).received == 2
    account = reconcile.reconcile(home, originals=True)
    assert account.adds_up
    assert account.leftovers == 2


def test_a_disk_that_fills_up_keeps_what_came_before(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "in", {str(n): str(n).encode() for n in range(5)})
    real, calls = home.vault.put, [0]

    def fills_up(stream: BinaryIO, key: object) -> object:
        calls[0] += 1
        if calls[0] == 4:
            raise StorageError("The disk is full.", code="storage.enospc")
        return real(stream, key)  # type: ignore[arg-type]

    monkeypatch.setattr(home.vault, "put", fills_up)
    with pytest.raises(StorageError, match="full"):
        _receive(home, folder)
    assert _count(home) == (3, 3)
    monkeypatch.undo()
    report = _receive(home, folder)
    assert (report.received, report.known) == (2, 3)
    assert reconcile.reconcile(home, originals=True).leftovers == 0


def test_a_file_that_changes_while_it_is_read_is_refused_and_leaves_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "in", {"a": b"before", "b": b"quiet"})
    real = home.vault.put

    def meanwhile(stream: BinaryIO, key: object) -> object:
        with (folder / "a").open("ab") as file:
            file.write(b" and after")
        return real(stream, key)  # type: ignore[arg-type]

    monkeypatch.setattr(home.vault, "put", meanwhile)
    report = _receive(home, folder)
    assert [Path(one.path).name for one in report.refused] == ["a"]
    assert "was changed while it was read" in report.refused[0].error.message
    assert (report.received, _objects(home)) == (1, 1)


def test_a_source_that_cannot_be_read_stops_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "in", {"a": b"1", "b": b"2", "c": b"3"})
    real = media.opened

    class Broken:
        def read(self, _size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    @contextmanager
    def opened(path: Path):  # type: ignore[no-untyped-def]
        with real(path) as file:
            yield Broken() if path.name == "b" else file

    monkeypatch.setattr(intake, "opened", opened)
    report = _receive(home, folder)
    assert report.received == 2
    assert [one.error.code for one in report.refused] == ["input.file"]


def test_the_home_is_never_taken_into_itself(home: Home, tmp_path: Path) -> None:
    put(tmp_path, {"beside": b"1"})
    report = _receive(home, tmp_path)
    assert report.received == 1
    assert report.refused
    assert all(str(home.folder) in one.path for one in report.refused)
    assert report.offered == report.received + len(report.refused)


def test_what_is_no_file_is_named_with_a_clear_word(home: Home, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"good": b"1"})
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to(folder / "good")
    (folder / "loop").symlink_to(folder / "loop")
    report = _receive(home, folder, tmp_path / "not there")
    words = {Path(one.path).name: one.error.message for one in report.refused}
    assert report.received == 1
    assert "pipe" in words["pipe"]
    assert "links are not followed" in words["link"]
    assert "links are not followed" in words["loop"]
    assert "no file" in words["not there"]


@pytest.mark.parametrize("name", [b"two\nlines.jpg", b"esc\x1b[2Jape", b"no utf-8 \xff\xfe.jpg", b"\\xff", b" ", b"-n"])
def test_any_name_that_a_disk_knows_comes_in_once(home: Home, tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
    path.write_bytes(b"x")
    (folder / "zz").symlink_to(path)
    assert _receive(home, folder).received == 1
    assert _receive(home, folder).known == 1
    with home.look() as work:
        source = work.session.scalar(select(Item.source)) or ""
    assert source.isascii()
    assert source.isprintable()


def test_two_names_that_look_alike_are_two_sources(tmp_path: Path) -> None:
    raw = tmp_path / os.fsdecode(b"\xff")
    assert intake.source_of(raw) != intake.source_of(tmp_path / "\\xff")


def test_deep_folders_are_walked(home: Home, tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    deep = tmp_path
    for _ in range(400):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "f").write_bytes(b"1")
    os.close(here)
    assert _receive(home, tmp_path / "d").received == 1


def test_facts_are_found_by_path_then_by_name_and_the_rest_is_given_the_default(tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"a": b"", "b": b""})
    put(folder / "sub", {"a": b""})
    about = {"sub/a": Upload(account="by-path"), "a": Upload(account="by-name", name="given")}
    found = list(intake.arrivals([folder], about, Upload(account="default")))
    assert all(isinstance(one, Arrival) for one in found)
    assert [(one.upload.account, one.upload.name) for one in found if isinstance(one, Arrival)] == [
        ("by-name", "given"),
        ("default", "b"),
        ("by-path", "a"),
    ]


def test_a_link_that_is_named_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (one,) = intake.arrivals([tmp_path / "link"], {})
    assert isinstance(one, Refused)


def test_two_that_take_in_the_same_folder_at_once_take_each_file_once(tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {f"{n}.jpg": jpeg(n, side=64) for n in range(40)})
    first = new_home(tmp_path / "home")
    homes = [first, Home.open(tmp_path / "home", clock=first.clock)]

    def take(home: Home) -> IntakeReport:
        return intake.receive(home, intake.arrivals([folder], {}, upload("u1")))

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(take, homes))
    assert sum(report.received for report in reports) == 40
    assert all(report.received + report.known == 40 for report in reports)
    assert _count(homes[0]) == (40, 40)
    assert _objects(homes[0]) == 40
    account = reconcile.reconcile(homes[1], originals=True)
    assert account.adds_up
    assert account.leftovers == 0
    for home in homes:
        home.close()


def test_times_are_those_of_the_clock(home: Home, tmp_path: Path) -> None:
    _receive(home, put(tmp_path / "in", {"a": b"1"}))
    with home.look() as work:
        item = work.session.scalars(select(Item)).one()
    assert (item.received_at - NOW).total_seconds() < 1
    assert item.deadline == home.table.deadline(Level.IMMEDIATE, item.received_at)
    assert (item.state, item.owner) == ("held", "examination")
