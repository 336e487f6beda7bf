"""A flood of copies is one bundle: deciding it writes a record for each, and asks the database no more for many."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from casework.making import (
    AGAINST,
    FOR,
    NOW,
    case_of,
    flood,
    jpeg,
    look_at,
    new_home,
    next_items,
    put,
    statements,
    take_in,
    upload,
)
from firstlight.casework import cases, filing, review, undo
from firstlight.casework.home import Home
from firstlight.casework.review import Decision
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, EventType, LogEntry, StoredLeaf
from firstlight.media import Cage
from firstlight.store.tables import Item, RetentionClock

BATCHES = 12
"""Statements that a few hundred items more may cost: some are taken a batch at a time."""


def _flooded(folder: Path, cage: Cage, count: int, *, same_bytes: bool) -> tuple[Home, int]:
    home = new_home(folder / "home", FixedClock(NOW, timedelta(microseconds=1)))
    take_in(home, cage, [put(folder / "in", {"a.jpg": jpeg(1)})], default=upload("u1"))
    case = case_of(home, "a.jpg")
    look_at(home, 1)
    flood(home, case, count - 1, same_bytes=same_bytes)
    return home, case


def _asked(folder: Path, cage: Cage, count: int, *, same_bytes: bool) -> dict[str, int]:
    """Statements that each act on a case of so many items takes."""
    folder.mkdir()
    home, case = _flooded(folder, cage, count, same_bytes=same_bytes)
    asked = {}
    with home:
        items = next_items(home, case)
        assert len(items) == count
        with statements() as said:
            review.decide(home, case, AGAINST, actor="rev-1", items=items)
        asked["against"] = len(said)
        with statements() as said:
            undo.undo(home, case, actor="rev-1")
        asked["undo"] = len(said)
        with statements() as said:
            review.decide(home, case, FOR, actor="rev-1", items=items)
        asked["for"] = len(said)
    return asked


@pytest.mark.parametrize("same_bytes", [False, True])
def test_many_items_take_few_statements(tmp_path: Path, cage: Cage, same_bytes: bool) -> None:
    few = _asked(tmp_path / "few", cage, 20, same_bytes=same_bytes)
    many = _asked(tmp_path / "many", cage, 420, same_bytes=same_bytes)
    assert {act: many[act] - few[act] <= BATCHES for act in few} == dict.fromkeys(few, True), (few, many)


@pytest.mark.parametrize("same_bytes", [False, True])
def test_each_of_many_has_its_record_its_event_and_its_clock(tmp_path: Path, cage: Cage, same_bytes: bool) -> None:
    home, case = _flooded(tmp_path, cage, 1100, same_bytes=same_bytes)
    with home:
        items = next_items(home, case)
        made = review.decide(home, case, AGAINST, actor="rev-1", items=items[:1] if same_bytes else items)
        assert [one.item for one in made] == sorted(items)
        assert review.decisions(home, case) == made
        assert sum(one.seen for one in made) == (1100 if same_bytes else 1)
        with home.look() as work:
            logged = [
                Decision.model_validate(entry.event.payload["decision"])
                for entry in work.log.entries(types=[EventType.DECIDE])
                if entry.event
            ]
            assert tuple(logged) == made
            assert work.session.scalar(select(func.count()).select_from(RetentionClock)) == 1100
            assert work.log.verify().ok
        assert cases.show(home, case).state == "decided"
        assert len(undo.undo(home, case, actor="rev-1")) == 1100
        with home.look() as work:
            assert work.session.scalar(select(func.count()).select_from(RetentionClock)) == 0
            held = select(func.count()).where(Item.state == "held", Item.owner == cases.QUEUE)
            assert work.session.scalar(held) == 1100
            assert sum(1 for _ in work.log.entries(types=[EventType.DECISION_WITHDRAWN])) == 1100
        assert cases.show(home, case).state == "open"


def test_a_report_on_copies_opens_each_record_of_them_a_few_times(
    tmp_path: Path, cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, case = _flooded(tmp_path, cage, 120, same_bytes=True)
    opened: list[int] = []
    open_leaf = CustodyLog.open_leaf

    def opening(log: CustodyLog, leaf: StoredLeaf) -> LogEntry:
        opened.append(leaf.seq)
        return open_leaf(log, leaf)

    monkeypatch.setattr(CustodyLog, "open_leaf", opening)
    with home:
        review.decide(home, case, FOR, actor="rev-1", items=next_items(home, case))
        opened.clear()
        (made,) = filing.draft(home, case)
    assert len(made.draft.files) == 120
    assert len(opened) < 10 * 120
