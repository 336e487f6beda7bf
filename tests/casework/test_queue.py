"""The queue as it is shown: the first places alone are those of the whole, and a copy more costs the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import NOW, case_row, jpeg, put, take_in, upload
from firstlight.casework import cases
from firstlight.casework.home import Home
from firstlight.casework.upload import Upload
from firstlight.media import Cage
from firstlight.store.tables import Case, Item
from firstlight.triage import OVERLOAD, Context, Lane
from firstlight.values import Level


def _many(home: Home, immediate: int) -> None:
    """A crowd of two levels and of every severity, and so many immediate cases for three causes."""
    kinds = [(Level.HIGH, Level.STANDARD, Level.STANDARD)[number % 3] for number in range(4 * OVERLOAD)]
    kinds += [Level.IMMEDIATE] * immediate
    with home.work() as work:
        for number, level in enumerate(kinds, 1):
            at = NOW - timedelta(hours=len(kinds) - number, minutes=30)
            more = {"severity": 1 + number % 3, "place_order": float(number % 7), "cause": "abc"[number % 3]}
            work.session.add(case_row(home, number, level, at, **more))


@pytest.mark.parametrize("immediate", [0, 5, OVERLOAD + 20])
def test_the_first_places_are_those_of_the_whole_queue(home: Home, immediate: int) -> None:
    _many(home, immediate)
    whole = cases.queue(home)
    assert len(whole.places) == whole.waiting == 4 * OVERLOAD + immediate
    for limit in (1, 7, 40):
        few = cases.queue(home, limit=limit)
        assert (len(few.places), few.waiting) == (limit, whole.waiting)
        drawn = next((n for n, one in enumerate(whole.places[:limit]) if n and one.lane is Lane.AUDIT), limit)
        assert few.places[:drawn] == whole.places[:drawn]


def test_no_case_is_asked_for_that_is_not_among_the_first(home: Home) -> None:
    _many(home, 3)
    few = cases.queue(home, limit=10_000)
    assert len({one.case for one in few.places}) == len(few.places)
    assert cases.queue(home, limit=1).places[0].level is Level.IMMEDIATE


FACTS = [(), ("user_report",), ("contact_with_minor",), ("new_upload",), ("prior_reports",), ("live",), ()]


def test_a_copy_more_gives_the_place_that_follows_from_all_of_them(home: Home, cage: Cage, tmp_path: Path) -> None:
    """`place_with` looks at the newcomer alone; what it says is what all members say."""
    for number, facts in enumerate(FACTS):
        (path,) = put(tmp_path / str(number), {f"{number}.jpg": jpeg(3, quality=95 - number % 2)}).iterdir()
        about: Upload = upload(context=Context.stated(facts))
        take_in(home, cage, [path], default=about)
        with home.work() as work:
            (case,) = cases.open_cases(work.session)
            stands = _place(case)
            cases.place_again(work, case)
            assert _place(case) == stands
            assert case.waiting == number + 1
            assert case.says.startswith(case.why)


def test_what_waits_already_is_counted_when_the_next_copy_comes(home: Home, cage: Cage, tmp_path: Path) -> None:
    """As after an update from tables that did not count."""
    for number in range(3):
        (path,) = put(tmp_path / str(number), {f"{number}.jpg": jpeg(3)}).iterdir()
        take_in(home, cage, [path])
        with home.work() as work:
            (case,) = cases.open_cases(work.session)
            assert case.waiting == number + 1
            assert case.says.endswith(f"{number + 1} copies in one case.") == (number > 0)
            case.waiting = 0
    with home.work() as work:
        work.session.get_one(Item, 1).state = "decided"
        cases.place_again(work, work.session.get_one(Case, 1))
        assert work.session.get_one(Case, 1).waiting == 2


def _place(case: Case) -> tuple[object, ...]:
    return (
        case.level_rank,
        case.place_order,
        case.cause,
        case.deadline,
        case.severity,
        case.says,
        case.state,
        case.opened_at,
        case.waiting,
    )
