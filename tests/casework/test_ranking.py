"""A table of the home's own: in force for everything that waits, recorded, and known to every process."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from casework.making import case_of, jpeg, new_home, put, report_it, take_in, upload
from firstlight.casework import cases, ranking, reconcile
from firstlight.casework.home import TABLE, Home
from firstlight.custody import EventType
from firstlight.errors import InputError, NotFoundError, StateError, StorageError
from firstlight.media import Cage
from firstlight.store.tables import Item, Setting
from firstlight.triage import Context, PriorityTable
from firstlight.values import Level
from triage.test_table import SHIPPED, changed

HIGHER = changed("facts.user_report", "harm", '100\nlevel = "high"')
REPORTED = Context.stated(["user_report"])


@pytest.fixture
def filled(home: Home, cage: Cage, tmp_path: Path) -> Home:
    """Two cases of one picture each; users have reported the second one."""
    take_in(home, cage, [put(tmp_path / "one", {"plain.jpg": jpeg(1)})])
    take_in(home, cage, [put(tmp_path / "two", {"reported.jpg": jpeg(2)})], default=upload("u1", context=REPORTED))
    return home


def _replace(home: Home, text: str, actor: str = "op-1") -> None:
    ranking.replace_table(home, PriorityTable.parse(text.encode()), text.encode(), actor=actor)


def test_what_would_move_is_told_and_nothing_moves(filled: Home, tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(HIGHER)
    before = cases.queue(filled)
    old, _ = ranking.read_table(filled, "current")
    new, _ = ranking.read_table(filled, str(tmp_path / "ours.toml"))
    told = ranking.try_table(filled, old, new)
    (move,) = told.moves
    assert (told.cases, move.key, move.level_after) == (2, case_of(filled, "reported.jpg"), Level.HIGH)
    assert cases.queue(filled).places == before.places


def test_a_new_table_moves_what_waits_and_stands_in_the_custody_log(filled: Home) -> None:
    _replace(filled, HIGHER)
    case = cases.show(filled, case_of(filled, "reported.jpg"))
    table = PriorityTable.parse(HIGHER.encode())
    assert case.level is Level.HIGH
    assert case.items[0].deadline == case.deadline == table.deadline(Level.HIGH, case.items[0].received_at)
    with filled.look() as work:
        (entry,) = work.log.entries(types=[EventType.CONFIG_CHANGE])
    assert entry.event
    assert entry.event.actor == "op-1"
    assert (entry.event.payload["what"], entry.event.payload["moved"]) == ("priority-table", 1)
    assert ranking.priority_of(filled, case.items[0].item).table_sha256 == table.sha256
    assert reconcile.reconcile(filled).adds_up


def test_what_comes_in_later_is_ranked_by_the_new_table_in_every_process(
    filled: Home, cage: Cage, tmp_path: Path
) -> None:
    with Home.open(filled.folder, clock=filled.clock) as other:
        assert other.table.sha256 == PriorityTable.load().sha256
        _replace(filled, HIGHER)
        take_in(other, cage, [put(tmp_path / "new", {"new.jpg": jpeg(3)})], default=upload("u2", context=REPORTED))
        assert cases.show(other, case_of(other, "new.jpg")).level is Level.HIGH
    with Home.open(filled.folder, clock=filled.clock) as again:
        assert again.table.sha256 == PriorityTable.parse(HIGHER.encode()).sha256
        assert ranking.read_table(again, "current")[1] == HIGHER.encode()


def test_the_shipped_table_can_come_back(filled: Home) -> None:
    before = cases.queue(filled).places
    _replace(filled, HIGHER)
    table, text = ranking.read_table(filled, "shipped")
    ranking.replace_table(filled, table, text)
    assert text.decode() == SHIPPED
    assert cases.queue(filled).places == before
    assert reconcile.reconcile(filled).adds_up


def test_what_was_decided_keeps_its_priority(filled: Home) -> None:
    case = case_of(filled, "reported.jpg")
    report_it(filled, case)
    item = cases.show(filled, case).items[0].item
    before = ranking.priority_of(filled, item)
    _replace(filled, HIGHER)
    assert ranking.priority_of(filled, item) == before
    assert cases.show(filled, case).state == "decided"


def test_nothing_changes_where_nobody_is_named(filled: Home) -> None:
    before = cases.queue(filled).places
    with pytest.raises(InputError, match="Nobody is named"):
        _replace(filled, HIGHER, actor=" ")
    assert cases.queue(filled).places == before
    assert filled.table.sha256 == PriorityTable.load().sha256


def test_a_change_that_is_cut_off_changes_nothing(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cases.queue(filled).places

    def cut_off(*_: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(cases, "place_again", cut_off)
    with pytest.raises(StorageError):
        _replace(filled, HIGHER)
    monkeypatch.undo()
    assert cases.queue(filled).places == before
    assert ranking.read_table(filled, "current")[1].decode() == SHIPPED
    assert reconcile.reconcile(filled).adds_up


def test_more_than_a_batch_is_placed_again(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "BATCH", 1)
    _replace(filled, HIGHER)
    assert cases.show(filled, case_of(filled, "reported.jpg")).level is Level.HIGH
    assert reconcile.reconcile(filled).adds_up


def test_what_was_not_examined_yet_gets_the_deadline_of_the_new_table(home: Home, tmp_path: Path) -> None:
    from firstlight.casework import intake

    intake.receive(home, intake.arrivals([put(tmp_path / "in", {"a.jpg": jpeg(1)})], {}))
    _replace(home, changed("levels.immediate", "review_within_hours", "0.5"))
    with home.look() as work:
        item = work.session.get_one(Item, 1)
    assert (item.deadline - item.received_at).total_seconds() == 1800
    with pytest.raises(StateError, match="not examined yet"):
        ranking.priority_of(home, 1)
    with pytest.raises(NotFoundError):
        ranking.priority_of(home, 2)


def test_a_table_of_the_home_that_was_damaged_is_refused(tmp_path: Path) -> None:
    with new_home(tmp_path / "home") as home, home.work() as work:
        work.session.merge(Setting(name=TABLE, value=re.sub("harm = 50", "harm = -1", SHIPPED)))
    with pytest.raises(InputError, match="the priority table of this home cannot be used"):
        Home.open(tmp_path / "home")


def test_a_table_that_cannot_be_read_is_told(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot be read"):
        ranking.read_table(home, str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("version = 1")
    with pytest.raises(InputError, match=r"bad\.toml cannot be used"):
        ranking.read_table(home, str(tmp_path / "bad.toml"))


def test_a_file_that_was_not_taken_in_is_explained_and_not_kept(home: Home, cage: Cage, tmp_path: Path) -> None:
    path = put(tmp_path / "in", {"a.jpg": jpeg(1)}) / "a.jpg"
    assert ranking.priority_of_file(None, cage, path, Context()).level is Level.STANDARD
    assert ranking.priority_of_file(home, cage, path, Context.stated(["live"])).level is Level.IMMEDIATE
    assert cases.queue(home).places == ()
