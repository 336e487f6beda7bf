"""A copy of something decided takes over the decision only where a person has seen exactly these bytes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import NOW, case_of, jpeg, look_at, next_items, png, put, report_it, take_in, told, upload
from firstlight.casework import cases, reconcile, review
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Decision, Finding
from firstlight.custody import EventType
from firstlight.media import Cage
from firstlight.triage import Context

NOT_REPORTABLE = Conclusion(finding=Finding.NOT_REPORTABLE, why="A picture of a turnip.")


@pytest.fixture
def case(home: Home, cage: Cage, tmp_path: Path) -> int:
    """A case of one picture that a person has seen; one more case waits."""
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1), "other.jpg": jpeg(2)})], default=upload("u1"))
    number = case_of(home, "a.jpg")
    look_at(home, 1)
    return number


def _decide(home: Home, case: int) -> tuple[Decision, ...]:
    return review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=next_items(home, case))


def _again(home: Home, cage: Cage, folder: Path, data: bytes, *context: str) -> None:
    """The bytes come in again, from another account."""
    take_in(home, cage, [put(folder / "again", {"b.jpg": data})], default=upload("u2", context=Context.stated(context)))


def _carried(home: Home, case: int) -> list[Decision]:
    return [one for one in review.decisions(home, case) if one.carried_from is not None]


def test_the_same_bytes_take_over_what_was_decided(home: Home, cage: Cage, tmp_path: Path, case: int) -> None:
    (first,) = _decide(home, case)
    _again(home, cage, tmp_path, jpeg(1))
    (second,) = _carried(home, case)
    assert (second.carried_from, second.actor, second.seen) == (first.item, "rev-1", True)
    assert second.conclusion == first.conclusion
    assert cases.show(home, case).state == "decided"
    assert [item.state for item in cases.show(home, case).items] == ["decided", "decided"]
    with home.look() as work:
        last = [entry.event for entry in work.log.entries(types=[EventType.DECIDE]) if entry.event][-1]
    assert last.actor == "service"
    assert reconcile.reconcile(home).adds_up


def test_the_next_uploader_is_reported_too_without_the_haste_of_the_first(
    home: Home, cage: Cage, tmp_path: Path, case: int
) -> None:
    report_it(home, case, escalation="A child is in the room.")
    _again(home, cage, tmp_path, jpeg(1))
    assert {account: one.escalation for account, one in told(home, case).items()} == {
        "u1": "A child is in the room.",
        "u2": "",
    }


def test_what_nobody_has_seen_is_looked_at(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    _decide(home, 1)
    _again(home, cage, tmp_path, jpeg(1))
    assert (_carried(home, 1), cases.show(home, 1).state) == ([], "open")


def test_what_is_merely_alike_is_looked_at(home: Home, cage: Cage, tmp_path: Path, case: int) -> None:
    _decide(home, case)
    _again(home, cage, tmp_path, png(1))
    assert case_of(home, "b.jpg") == case
    assert (_carried(home, case), cases.show(home, case).state) == ([], "open")


def test_a_fact_that_asks_for_a_sooner_look_opens_it_again(home: Home, cage: Cage, tmp_path: Path, case: int) -> None:
    _decide(home, case)
    _again(home, cage, tmp_path, jpeg(1), "live")
    assert (_carried(home, case), cases.queue(home).places[0].case) == ([], case)
    _again(home, cage, tmp_path / "third", jpeg(1))  # and while it waits, the next copy waits with it
    assert _carried(home, case) == []
    (unit,) = (cases.next_unit(home, case),)
    assert len(unit.same_bytes) == 1


def test_decisions_that_differ_are_taken_over_by_nobody(home: Home, cage: Cage, tmp_path: Path, case: int) -> None:
    _decide(home, case)
    _again(home, cage, tmp_path, jpeg(1), "live")
    report_it(home, case)
    _again(home, cage, tmp_path / "third", jpeg(1))
    assert (_carried(home, case), cases.show(home, case).state) == ([], "open")


def test_a_case_that_opens_again_waits_from_then_on(home: Home, cage: Cage, tmp_path: Path, case: int) -> None:
    _decide(home, case)
    home.clock.advance(timedelta(days=30))  # type: ignore[attr-defined]
    _again(home, cage, tmp_path, jpeg(1), "live")
    assert cases.show(home, case).opened_at > NOW + timedelta(days=29)
