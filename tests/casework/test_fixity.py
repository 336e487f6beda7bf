"""Originals are checked against what was stored, and the log says what was found."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import jpeg, next_items, put, take_in
from firstlight.casework import fixity, retention, review
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Finding
from firstlight.clock import FixedClock
from firstlight.custody import Event, EventType, Stored
from firstlight.errors import StorageError
from firstlight.media import Cage
from firstlight.store.tables import Item


@pytest.fixture
def three(home: Home, cage: Cage, tmp_path: Path) -> Home:
    """Three originals in three cases."""
    take_in(home, cage, [put(tmp_path / "in", {f"{n}.jpg": jpeg(n) for n in range(3)})])
    return home


def _file(home: Home, item: int) -> Path:
    with home.look() as work:
        stored = Stored.from_json(work.session.get_one(Item, item).stored)
    return home.folder / "vault" / "objects" / stored.key_id / stored.id


def _events(home: Home) -> list[Event]:
    with home.look() as work:
        return [entry.event for entry in work.log.entries(types=[EventType.FIXITY_CHECK]) if entry.event]


def test_every_original_is_what_was_stored(three: Home) -> None:
    report = fixity.check(three, actor="op-1")
    assert (report.originals, report.checked, report.unfit) == (3, 3, ())
    (event,) = _events(three)
    assert (event.actor, event.subject) == ("op-1", None)


def test_one_changed_byte_and_one_file_that_is_gone_are_named(three: Home) -> None:
    changed = _file(three, 2)
    data = bytearray(changed.read_bytes())
    data[len(data) // 2] ^= 1
    changed.chmod(0o600)
    changed.write_bytes(data)
    _file(three, 3).unlink()
    report = fixity.check(three)
    assert [one.item for one in report.unfit] == [2, 3]
    *named, whole = _events(three)
    assert [event.subject for event in named] == [one.sha256 for one in report.unfit]
    assert whole.payload["report"]["unfit"] == 2  # type: ignore[index,call-overload]


def test_a_sample_is_as_large_as_asked_and_the_log_says_which(three: Home) -> None:
    report = fixity.check(three, sample=2, draw=random.Random(7))
    assert (report.originals, report.checked) == (3, 2)
    assert fixity.check(three, sample=99).checked == 3
    assert fixity.check(three, sample=0).checked == 0
    assert report.items_sha256 in {fixity._digest([a, b]) for a, b in ((1, 2), (1, 3), (2, 3))}


def test_what_was_destroyed_is_not_missed(three: Home) -> None:
    innocent = Conclusion.of(finding=Finding.NOT_REPORTABLE, why="A picture of a holiday.")
    review.decide(three, 1, innocent, actor="rev-1", items=next_items(three, 1))
    assert isinstance(three.clock, FixedClock)
    three.clock.advance(timedelta(days=31))
    retention.destroy(three, 1, actor="op-1")
    report = fixity.check(three)
    assert (report.originals, report.unfit) == (2, ())


def test_a_disk_that_cannot_be_read_proves_nothing_and_logs_nothing(
    three: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_stored: Stored) -> None:
        raise StorageError("The disk cannot be read.")

    monkeypatch.setattr(three.vault, "check", refuse)
    with pytest.raises(StorageError):
        fixity.check(three)
    assert _events(three) == []
