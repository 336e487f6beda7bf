from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.custody.event import EventType
from firstlight.custody.retention import Hold, RetentionClock, RetentionPolicy, RetentionTable, may_destroy
from firstlight.errors import InputError, NotFoundError, RefusedError

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLE = RetentionTable.load()
NAIVE = (datetime(2000, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - hypothesis adds the zone itself
times = st.datetimes(*NAIVE, timezones=st.just(UTC))


def test_one_year_from_the_receipt() -> None:
    clock = TABLE.start("us-2258a", START)
    assert clock.ends == clock.not_before == datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert TABLE.policy["us-2258a"].starts is EventType.REPORT_FINISHED
    assert RetentionClock.from_json(clock.to_json()) == clock


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2024, 2, 29, 23, 59, tzinfo=UTC), datetime(2025, 3, 1, 23, 59, tzinfo=UTC)),
        (datetime(2023, 2, 28, tzinfo=UTC), datetime(2024, 2, 28, tzinfo=UTC)),
        (datetime(2023, 3, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=14))), datetime(2026, 12, 31, 11, tzinfo=UTC)),
    ],
)
def test_leap_years_and_zones(start: datetime, end: datetime) -> None:
    assert TABLE.policy["us-2258a"].end(start) == end


@given(times, st.integers(0, 20), st.integers(0, 1000))
def test_no_year_is_ever_shorter_than_a_year(start: datetime, years: int, days: int) -> None:
    policy = RetentionPolicy(title="t", basis="b", starts=EventType.INGEST, years=years, days=days, minimum=True)
    assert policy.end(start) - start >= timedelta(days=365 * years + days)
    assert policy.end(start) <= policy.end(start + timedelta(days=1))


@given(times, times)
def test_nothing_shortens_a_statutory_clock(start: datetime, ends: datetime) -> None:
    clock = TABLE.start("us-2258a", start)
    assert clock.not_before is not None
    if ends < clock.not_before:
        with pytest.raises(RefusedError, match="2258A"):
            clock.change_end(ends, at=start, by="u", purpose="a purpose that is long enough")
    else:
        changed = clock.change_end(ends, at=start, by="u", purpose="a purpose that is long enough")
        assert changed.ends == ends
        assert changed.not_before == clock.not_before
        with pytest.raises(RefusedError):
            changed.change_end(clock.not_before - timedelta(microseconds=1), at=start, by="u", purpose="long enough")


def test_a_change_needs_a_purpose() -> None:
    clock = TABLE.start("us-2258a", START)
    with pytest.raises(InputError, match="purpose"):
        clock.change_end(START + timedelta(days=800), at=START, by="u", purpose="   because   ")
    longer = clock.change_end(START + timedelta(days=800), at=START, by="u", purpose="to match against new uploads")
    assert longer.extensions[0].by == "u"


def test_a_house_rule_may_be_shortened() -> None:
    clock = TABLE.start("house-undecided", START)
    assert clock.not_before is None
    assert clock.change_end(START, at=START, by="u", purpose="decided to go earlier").ends == START


def test_destruction_waits_for_every_clock_and_every_hold() -> None:
    clocks = [TABLE.start("house-undecided", START), TABLE.start("us-2258a", START)]
    end = clocks[1].ends
    assert may_destroy(clocks, [], end).allowed
    too_early = may_destroy(clocks, [], end - timedelta(microseconds=1))
    assert not too_early.allowed
    assert "us-2258a" in too_early.reasons.lines()[1]
    hold = Hold(id="h-1", authority="letter 7 of the county police", since=START)
    for one, allowed in (
        (hold, False),
        (hold.model_copy(update={"until": end + timedelta(days=1)}), False),
        (hold.model_copy(update={"until": end}), True),
        (hold.model_copy(update={"released": end}), True),
        (hold.model_copy(update={"released": end + timedelta(days=1)}), False),
        (hold.model_copy(update={"since": end + timedelta(days=9)}), False),
    ):
        assert may_destroy(clocks, [one], end).allowed is allowed


def test_what_has_no_clock_is_kept() -> None:
    assert not may_destroy([], [], START).allowed


def test_tables_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no retention policy"):
        TABLE.start("nonsense", START)
    path = tmp_path / "r.toml"
    for text, why in (("version = ", "no TOML"), ("version = 1", "policy"), ("version=1\n[policy.a]\ntitle='t'", "a")):
        path.write_text(text)
        with pytest.raises(InputError, match=why):
            RetentionTable.load(path)
    with pytest.raises(InputError, match="Cannot read"):
        RetentionTable.load(tmp_path / "missing")
