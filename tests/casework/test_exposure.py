"""What a reviewer may still be shown follows from the log alone, and the strictest limit holds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.making import NOW
from firstlight.casework import exposure
from firstlight.casework.exposure import SHIPPED, Limits, Seen, Standing
from firstlight.casework.home import Home
from firstlight.casework.severity import Severity, decided, expected
from firstlight.clock import FixedClock
from firstlight.custody import EventType
from firstlight.cybertip import Rendition
from firstlight.cybertip.drafting.facts import FileSign
from firstlight.cybertip.model.codes import IndustryClassification
from firstlight.errors import InputError, IntegrityError, RefusedError
from firstlight.store.tables import Item, Setting
from triage.cases import match, verdict

ORDINARY, HEAVY, SEVERE = Severity.ORDINARY, Severity.HEAVY, Severity.SEVERE
NONE = Limits()
limits = st.builds(
    Limits,
    files_a_day=st.none() | st.integers(0, 9),
    heavy_a_day=st.none() | st.integers(0, 9),
    severe_a_day=st.none() | st.integers(0, 9),
    severe_before_break=st.none() | st.integers(1, 9),
    minutes_before_break=st.none() | st.integers(1, 90),
    break_minutes=st.integers(1, 30),
    no_two_severe=st.booleans(),
    severest=st.sampled_from(Severity),
    moving=st.booleans(),
)
days = st.lists(
    st.tuples(st.integers(0, 1400), st.integers(0, 12), st.sampled_from(Severity)), max_size=25
)  # minutes ago, which file, how hard


def _stand(given_limits: Limits, day: list[tuple[int, int, Severity]]) -> Standing:
    known = {f"{file:064x}": severity for _, file, severity in day}
    views = sorted(
        (Seen(until=NOW - timedelta(minutes=ago), sha256=f"{file:064x}", seconds=5) for ago, file, _ in day),
        key=lambda view: view.until,
    )
    return exposure._weighed(NOW, "r", given_limits, views, known)


def put_items(home: Home, severities: list[Severity], media_type: str = "image/jpeg") -> None:
    """Items 1 to n of these severities, held and in no case."""
    with home.work() as work:
        for number, severity in enumerate(severities, 1):
            work.session.add(
                Item(
                    id=number,
                    state="held",
                    owner="queue",
                    deadline=NOW,
                    received_at=NOW,
                    source=f"file:///{number}",
                    upload="{}",
                    sha256=f"{number:064x}",
                    md5="0" * 32,
                    sha1="0" * 40,
                    size=1,
                    media_type=media_type,
                    stored="{}",
                    severity=severity.burden,
                )
            )


def see(home: Home, number: int, reviewer: str = "anna", *, seconds: float = 3) -> None:
    """This reviewer sees this item."""
    with home.work() as work:
        work.record(
            EventType.REVEAL,
            actor=reviewer,
            subject=f"{number:064x}",
            role="reviewer",
            rendition=Rendition.GREY.value,
            seconds=seconds,
            entire=True,
        )


def wait(home: Home, **span: float) -> None:
    """Time goes by."""
    assert isinstance(home.clock, FixedClock)
    home.clock.advance(timedelta(**span))


@given(limits, limits, days)
def test_a_second_limit_can_only_tighten(one: Limits, other: Limits, day: list[tuple[int, int, Severity]]) -> None:
    def most(standing: Standing) -> int:
        return standing.may_take.burden if standing.may_take else 0

    both = one & other
    assert both == other & one
    assert both & one == both
    for field in ("files_a_day", "heavy_a_day", "severe_a_day"):
        assert getattr(both, field) in (getattr(one, field), getattr(other, field))
    if one.break_minutes == other.break_minutes:  # a longer break of one is also a longer gap to be one for the other
        assert most(_stand(both, day)) <= min(most(_stand(one, day)), most(_stand(other, day)))


@given(limits, days)
def test_no_limit_is_passed(given_limits: Limits, day: list[tuple[int, int, Severity]]) -> None:
    now = _stand(given_limits, day)
    if now.may_take is None:
        assert now.says
        return
    assert now.break_until is None
    assert now.may_take.burden <= given_limits.severest.burden
    assert given_limits.files_a_day is None or now.files < given_limits.files_a_day
    if now.may_take is not ORDINARY:
        assert given_limits.heavy_a_day is None or now.heavy < given_limits.heavy_a_day
    if now.may_take is SEVERE:
        assert given_limits.severe_a_day is None or now.severe < given_limits.severe_a_day


@given(days)
def test_without_limits_everything_may_be_shown(day: list[tuple[int, int, Severity]]) -> None:
    assert _stand(NONE, day).may_take is SEVERE


def test_a_file_counts_once_however_often_it_is_revealed(home: Home) -> None:
    put_items(home, [SEVERE, ORDINARY])
    for _ in range(5):
        see(home, 1)
    see(home, 2)
    see(home, 2, "bert")
    now = exposure.standing(home, "anna")
    assert (now.files, now.heavy, now.severe, now.last_severity) == (2, 1, 1, ORDINARY)
    assert exposure.standing(home, "bert").files == 1
    assert exposure.standing(home, "nobody yet").files == 0


def test_what_was_seen_counts_as_heavy_as_it_is_known_to_be_today(home: Home) -> None:
    put_items(home, [ORDINARY])
    see(home, 1)
    assert exposure.standing(home, "anna").severe == 0
    with home.work() as work:
        work.session.get_one(Item, 1).severity = SEVERE.burden
    assert exposure.standing(home, "anna").severe == 1


def test_a_day_is_any_24_hours_and_the_log_is_read_on_from_where_it_was_read(home: Home) -> None:
    put_items(home, [SEVERE] * 3)
    exposure.limit_everybody(home, Limits(severe_a_day=2), actor="lead")
    see(home, 1)
    wait(home, hours=2)
    see(home, 2)
    with home.work() as work:
        before = exposure.stand(work, "anna", remember=True)
    assert (before.severe, before.may_take) == (2, HEAVY)
    assert before.says.startswith("A limit of 24 hours is reached: nothing that is expected to be harder than heavy")
    wait(home, hours=22)
    now = exposure.standing(home, "anna")
    assert (now.severe, now.may_take) == (1, SEVERE)
    see(home, 3)
    assert exposure.standing(home, "anna").severe == 2


def test_a_limit_says_when_it_is_over(home: Home) -> None:
    put_items(home, [ORDINARY] * 2)
    exposure.limit_everybody(home, Limits(files_a_day=1), actor="lead")
    see(home, 1)
    now = exposure.standing(home, "anna")
    assert now.may_take is None
    assert now.free_again_at is not None
    wait(home, hours=24)
    assert now.free_again_at <= home.clock.now()
    assert exposure.standing(home, "anna").may_take is SEVERE


def test_a_break_is_due_ends_by_itself_and_a_gap_is_one(home: Home) -> None:
    put_items(home, [SEVERE] * 6)
    exposure.limit_everybody(home, Limits(severe_before_break=2, break_minutes=10), actor="lead")
    see(home, 1)
    wait(home, minutes=11)
    see(home, 2)
    assert exposure.standing(home, "anna").break_until is None
    see(home, 3)
    now = exposure.standing(home, "anna")
    assert now.break_until is not None
    assert now.may_take is None
    assert now.says.startswith("A break is due until")
    with pytest.raises(RefusedError, match="break is due") as caught:
        exposure.require_may_see(home, "anna", 3)
    assert caught.value.diagnostics().code == "refused.exposure"
    exposure.require_may_see(home, "bert", 3)
    wait(home, minutes=10)
    exposure.require_may_see(home, "anna", 4)


def test_work_without_a_gap_ends_in_a_break(home: Home) -> None:
    put_items(home, [ORDINARY] * 4)
    exposure.limit_myself(home, "anna", Limits(minutes_before_break=30, break_minutes=15))
    for number in (1, 2, 3):
        see(home, number)
        assert exposure.standing(home, "anna").break_until is None
        wait(home, minutes=13)
    see(home, 4)
    assert exposure.standing(home, "anna").break_until is not None


def test_each_file_is_asked_for(home: Home) -> None:
    put_items(home, [SEVERE, SEVERE, HEAVY])
    exposure.limit_everybody(home, Limits(severe_a_day=1), actor="lead")
    exposure.require_may_see(home, "anna", 1)
    see(home, 1)
    exposure.require_may_see(home, "anna", 1)  # the same file again is nothing new
    exposure.require_may_see(home, "anna", 3)
    with pytest.raises(RefusedError, match="harder than heavy"):
        exposure.require_may_see(home, "anna", 2)


def test_whoever_wants_no_films_is_shown_none(home: Home) -> None:
    put_items(home, [ORDINARY], "video/mp4")
    exposure.require_may_see(home, "anna", 1)
    exposure.limit_myself(home, "anna", Limits(moving=False))
    with pytest.raises(RefusedError, match="no films"):
        exposure.require_may_see(home, "anna", 1)


def test_neither_side_can_loosen_what_the_other_set(home: Home) -> None:
    assert exposure.limits_of(home, "anna").in_force == SHIPPED
    exposure.limit_everybody(home, Limits(severe_a_day=30), actor="lead")
    exposure.limit_myself(home, "anna", Limits(severe_a_day=10, severest=HEAVY))
    told = exposure.limit_reviewer(home, "anna", Limits(severe_a_day=60), actor="lead")
    assert (told.in_force.severe_a_day, told.in_force.severest) == (10, HEAVY)
    exposure.limit_myself(home, "anna", None)
    assert exposure.limits_of(home, "anna").in_force.severe_a_day == 30
    exposure.limit_reviewer(home, "anna", None, actor="lead")
    assert exposure.limits_of(home, "anna").for_reviewer is None


def test_the_log_tells_the_organisations_limits_and_keeps_a_reviewers_own_to_them(home: Home) -> None:
    exposure.limit_everybody(home, Limits(severe_a_day=30), actor="lead")
    exposure.limit_myself(home, "anna", Limits(severe_a_day=7))
    exposure.name_severe(home, ["Level 9", " "], actor="lead")
    with home.look() as work:
        events = [e.event for e in work.log.entries(types=[EventType.CONFIG_CHANGE]) if e.event]
        assert exposure.severe_categories(work) == {"Level 9"}
    assert [event.actor for event in events] == ["lead", "anna", "lead"]
    assert '"severe_a_day":30' in events[0].to_json().decode()
    assert "7" not in str(events[1].payload)


@pytest.mark.parametrize("reviewer", ["", "  ", "x" * 201])
def test_a_reviewer_has_a_name(home: Home, reviewer: str) -> None:
    with pytest.raises(InputError, match="No reviewer is named"):
        exposure.standing(home, reviewer)


def test_a_limit_that_cannot_be_is_named() -> None:
    with pytest.raises(InputError, match="break minutes"):
        Limits.of(break_minutes=0)
    assert Limits.of(files_a_day=0).files_a_day == 0


def test_damaged_limits_are_told(home: Home) -> None:
    with home.work() as work:
        work.session.merge(Setting(name="exposure:everybody", value="{}}"))
    with pytest.raises(IntegrityError, match="exposure limits"):
        exposure.standing(home, "anna")


def test_severity_is_known_from_lists_and_from_decisions() -> None:
    assert expected(verdict()) is ORDINARY
    assert expected(verdict(matches=(match(),))) is HEAVY
    listed = match().model_copy(update={"categories": ("b1",)})
    assert expected(verdict(matches=(listed,))) is SEVERE
    assert expected(verdict(matches=(listed,)), ["Level 9"]) is HEAVY
    assert expected(verdict(matches=(listed.model_copy(update={"vetoed_by": "allowed"}),))) is ORDINARY
    assert decided(None, ()) is ORDINARY
    assert decided(IndustryClassification.B2, ()) is HEAVY
    assert decided(IndustryClassification.A1, ()) is SEVERE
    assert decided(None, (FileSign.GORE,)) is SEVERE
