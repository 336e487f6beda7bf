"""The one way down: a named person, hard records, one step, never out of the queue; a share is looked at again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from casework.making import case_of, jpeg, put, take_in, upload
from casework.test_routing import given as given_to
from firstlight.casework import banking, cases, exposure, lowering, outlook, ranking, reconcile, review, undo
from firstlight.casework.exposure import Limits
from firstlight.casework.home import Home
from firstlight.casework.lowering import Result, Seems
from firstlight.casework.review import Conclusion, Finding
from firstlight.custody import EventType
from firstlight.cybertip.drafting.facts import Conduct
from firstlight.errors import InputError, NotFoundError, RefusedError, StateError
from firstlight.media import Cage
from firstlight.store.tables import Item, Lowering
from firstlight.triage import Confirmation, Context, Lane, PriorityTable
from firstlight.values import BankPurpose, Level
from triage.test_table import changed

WHY = "The list of assessed machine-made material holds exactly these bytes."


def fill(home: Home, cage: Cage, folder: Path, seeds: Sequence[int] = (1,), context: Context | None = None) -> None:
    """Pictures that a list of assessed machine-made material holds, each in a case of its own."""
    files = {f"{seed}.jpg": jpeg(seed) for seed in seeds}
    banking.create_bank(home, "assessed", BankPurpose.KNOWN_AI)
    lines = [hashlib.sha256(data).hexdigest() for data in files.values()]
    (folder / "list.csv").write_text("\n".join(["sha256", *lines]) + "\n")
    banking.import_list(home, "assessed", folder / "list.csv")
    take_in(home, cage, [put(folder / "in", files)], default=upload("u1", context=context or Context()))
    exposure.limit_everybody(home, Limits(), actor="lead")


@pytest.fixture
def house(home: Home, cage: Cage, tmp_path: Path) -> Home:
    """One such picture, in a case of its own."""
    fill(home, cage, tmp_path)
    return home


def level(home: Home, item: int) -> Level:
    return ranking.priority_of(home, item).level


def conclude(finding: Finding = Finding.NOT_REPORTABLE, seems: Seems = Seems.CANNOT_TELL) -> Conclusion:
    conduct = Conduct.MATERIAL if finding is Finding.REPORT else None
    return Conclusion.of(finding=finding, why="As seen.", conduct=conduct, seems=seems)


def results(home: Home) -> list[str]:
    with home.look() as work:
        events = [e.event for e in work.log.entries(types=[EventType.SECOND_DECIDE]) if e.event]
    return [str(event.payload["result"]) for event in events]


def undraw(home: Home) -> None:
    """Make as if the item had not been drawn, to look at what a lowering does by itself."""
    with home.work() as work:
        row = work.session.get_one(Lowering, 1)
        row.drawn = False
        item = work.session.get_one(Item, row.item_id)
        lowering._lower_one(work, home.table, item, Confirmation.model_validate_json(row.confirmation))
        cases.place_again(work, cases.one(work, item.case_id or 0))


def test_it_goes_down_one_step_and_stays_in_the_queue(house: Home) -> None:
    told = lowering.lower(house, 1, actor="anna", says=WHY)
    assert told.items == (1,)
    undraw(house)
    priority = ranking.priority_of(house, 1)
    assert (priority.level, priority.lowered_by and priority.lowered_by.by) == (Level.BULK, "anna")
    (place,) = cases.queue(house).places
    assert (place.level, place.items) == (Level.BULK, 1)
    assert place.deadline == house.table.deadline(Level.BULK, cases.show(house, 1).items[0].received_at)
    assert reconcile.reconcile(house).adds_up
    assert WHY in place.says


def test_the_log_says_who_and_why_and_that_nobody_had_seen_it(house: Home) -> None:
    lowering.lower(house, 1, actor="anna", says=WHY)
    with house.look() as work:
        events = [e.event for e in work.log.entries(types=[EventType.PRIORITISE]) if e.event]
    lowered = next(event for event in events if event.payload.get("step") == "lowered")
    assert (lowered.actor, lowered.payload["seen"], WHY in str(lowered.payload)) == ("anna", False, True)


def test_without_hard_records_nothing_goes_down(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    with pytest.raises(RefusedError, match="no record of the authority") as caught:
        lowering.lower(home, 1, actor="anna", says=WHY)
    assert caught.value.diagnostics().code == "refused.lowering"
    assert level(home, 1) is Level.STANDARD


def test_what_the_service_states_holds_the_level(home: Home, cage: Cage, tmp_path: Path) -> None:
    fill(home, cage, tmp_path, context=Context.stated(["live"]))
    with pytest.raises(RefusedError, match="holds the level"):
        lowering.lower(home, 1, actor="anna", says=WHY)


@pytest.mark.parametrize(("actor", "says"), [("", WHY), (" ", WHY), ("anna", " "), ("anna", "x" * 2001)])
def test_a_name_and_a_reason_are_needed(house: Home, actor: str, says: str) -> None:
    with pytest.raises(InputError):
        lowering.lower(house, 1, actor=actor, says=says)
    with pytest.raises(NotFoundError):
        lowering.lower(house, 7, actor="anna", says=WHY)
    assert level(house, 1) is Level.STANDARD


def test_a_lowering_can_be_taken_back(house: Home) -> None:
    with pytest.raises(StateError, match="is not lowered"):
        lowering.take_back(house, 1, actor="bert", why="None.")
    lowering.lower(house, 1, actor="anna", says=WHY)
    undraw(house)
    with pytest.raises(InputError, match="No reason"):
        lowering.take_back(house, 1, actor="bert", why=" ")
    told = lowering.take_back(house, 1, actor="bert", why="The list was withdrawn.")
    assert told.items == (1,)
    assert level(house, 1) is Level.STANDARD
    assert cases.queue(house).places[0].level is Level.STANDARD
    with house.look() as work:
        last = [e.event for e in work.log.entries(types=[EventType.PRIORITISE]) if e.event][-1]
        assert (last.actor, last.payload["step"]) == ("bert", "lowering-taken-back")
        assert lowering.rechecks(work).lowered == 0
    lowering.lower(house, 1, actor="anna", says=WHY)


def test_a_new_table_keeps_what_was_lowered(house: Home) -> None:
    lowering.lower(house, 1, actor="anna", says=WHY)
    undraw(house)
    text = changed("facts.user_report", "harm", "70").encode()
    ranking.replace_table(house, PriorityTable.parse(text), text, actor="lead")
    assert level(house, 1) is Level.BULK


def test_what_is_drawn_stands_as_if_nobody_had_lowered_it(house: Home) -> None:
    before = cases.queue(house).places, cases.show(house, 1)
    told = lowering.lower(house, 1, actor="anna", says=WHY)  # one of one: at least one is looked at again
    assert "anna" not in told.says
    assert (cases.queue(house).places, cases.show(house, 1)) == before
    assert given_to(house, "anna").case is None
    answer = given_to(house, "bert")
    assert answer.case == 1
    assert "lower" not in answer.to_json().decode()


@pytest.mark.parametrize(
    ("conclusion", "result"),
    [
        (conclude(Finding.NOT_REPORTABLE), Result.AGREES),
        (conclude(Finding.REPORT, Seems.MADE), Result.AGREES),
        (conclude(Finding.REPORT), Result.OPEN),
        (conclude(Finding.REPORT, Seems.REAL_CHILD), Result.DIFFERS),
        (conclude(Finding.NOT_REPORTABLE, Seems.REAL_CHILD), Result.DIFFERS),
    ],
)
def test_the_second_look_is_compared_and_logged(house: Home, conclusion: Conclusion, result: Result) -> None:
    lowering.lower(house, 1, actor="anna", says=WHY)
    given_to(house, "bert")
    review.decide(house, 1, conclusion, actor="bert", items=[1])
    assert results(house) == [result.value]
    found = outlook.outlook(house, reviewers=1, reviews_each_per_hour=6).lowered
    assert (found.looked_at, found.differs, found.open) == (1, result is Result.DIFFERS, result is Result.OPEN)
    assert found.share_high == 1.0 or result is Result.AGREES
    assert "1 looked at again" in found.says


def test_whoever_lowered_it_is_no_second_person(house: Home, tmp_path: Path, cage: Cage) -> None:
    lowering.lower(house, 1, actor="anna", says=WHY)
    with pytest.raises(StateError, match="already"):
        lowering.lower(house, 1, actor="anna", says=WHY)
    review.decide(house, 1, conclude(), actor="anna", items=[1])
    assert results(house) == ["same-person"]
    with house.look() as work:
        assert lowering.rechecks(work).looked_at == 0


def test_a_second_person_who_lowers_it_too_agrees(house: Home) -> None:
    lowering.lower(house, 1, actor="anna", says=WHY)
    lowering.lower(house, 1, actor="bert", says="The record is right.")
    assert results(house) == ["agrees"]
    assert level(house, 1) is Level.BULK
    with pytest.raises(StateError, match="lowered already"):
        lowering.lower(house, 1, actor="carl", says=WHY)


def test_a_share_is_drawn_and_each_as_likely_as_any_other(home: Home, cage: Cage, tmp_path: Path) -> None:
    fill(home, cage, tmp_path, range(1, 26))
    drawn = []
    for number in range(1, 26):
        lowering.lower(home, number, actor="anna", says=WHY, rng=Random(7))
        with home.look() as work:
            drawn.append(lowering.rechecks(work).drawn)
    assert drawn == [1] * 20 + [2] * 5  # one in twenty, rounded up
    with home.look() as work:
        numbers = [number for number in range(1, 26) if level(home, number) is Level.STANDARD]
        assert len(numbers) == 2
        assert numbers[0] == 1
    places = cases.queue(home).places
    assert len(places) == 25
    assert {place.lane for place in places} >= {Lane.RANKED, Lane.OLDEST}


def test_a_copy_with_the_same_bytes_goes_down_with_it_unless_a_fact_holds_it(
    home: Home, cage: Cage, tmp_path: Path
) -> None:
    fill(home, cage, tmp_path)
    take_in(home, cage, [put(tmp_path / "more", {"copy.jpg": jpeg(1)})])
    take_in(
        home,
        cage,
        [put(tmp_path / "new", {"sold.jpg": jpeg(1)})],
        default=upload("u2", context=Context.stated(["prior_reports"])),
    )
    told = lowering.lower(home, 1, actor="anna", says=WHY)
    assert told.items == (1, 2)
    assert level(home, 3) is Level.HIGH
    assert cases.show(home, case_of(home, "copy.jpg")).level is Level.HIGH


def test_a_second_look_that_is_undone_is_compared_when_it_is_decided_for_good(house: Home) -> None:
    lowering.lower(house, 1, actor="anna", says=WHY)
    given_to(house, "bert")
    review.decide(house, 1, conclude(), actor="bert", items=[1])
    undo.undo(house, 1, actor="bert")
    with house.look() as work:
        assert lowering.rechecks(work).looked_at == 0
    review.decide(house, 1, conclude(seems=Seems.REAL_CHILD), actor="bert", items=[1])
    assert results(house) == ["agrees", "None", "differs"]
