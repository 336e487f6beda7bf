"""Live placement and review units: bytes, then pixels, against chaining, and open where a child may be."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError
from firstlight.origin.indicator import Claim
from firstlight.triage import Bundler, Joined, Member, Placement, PriorityTable, reopens, units
from firstlight.values import Level, Pdq, PdqMode
from triage.cases import AT, PlainHashes, flipped

RULE = PriorityTable.load().bundling
BASE = Random(1).randbytes(32)


def pdq(raw: bytes, quality: int = 100) -> Pdq:
    return Pdq(hex=raw.hex(), quality=quality, mode=PdqMode.EXACT)


def sha(n: int) -> str:
    return f"{n:064x}"


@pytest.fixture
def bundler() -> Bundler:
    return Bundler(PlainHashes(), {}, RULE)


def test_the_same_bytes_are_one_bundle_also_without_a_picture(bundler: Bundler) -> None:
    assert bundler.place(1, sha(1), None) == Placement(1, Joined.NEW)
    assert bundler.place(2, sha(1), None) == Placement(1, Joined.SHA256)
    assert bundler.place(3, sha(3), None) == Placement(3, Joined.NEW)


def test_pixels_join_up_to_the_threshold_and_not_beyond(bundler: Bundler) -> None:
    bundler.place(1, sha(1), pdq(BASE))
    at_edge = flipped(BASE, range(RULE.threshold))
    beyond = flipped(BASE, range(RULE.threshold + 1))
    assert bundler.place(2, sha(2), pdq(at_edge)) == Placement(1, Joined.PDQ, RULE.threshold)
    assert bundler.place(3, sha(3), pdq(beyond)) == Placement(3, Joined.NEW)


def test_a_row_of_small_changes_does_not_grow_into_one_bundle(bundler: Bundler) -> None:
    step = RULE.threshold // 2 + 1
    row = [flipped(BASE, range(step * i)) for i in range(8)]
    bundles = {bundler.place(i, sha(i), pdq(raw)).bundle for i, raw in enumerate(row)}
    assert len(bundles) == 4


def test_between_two_bundles_the_older_one_takes_it_also_when_the_younger_is_nearer(bundler: Bundler) -> None:
    bundler.place(1, sha(1), pdq(BASE))
    assert bundler.place(2, sha(2), pdq(flipped(BASE, range(12)))).joined is Joined.NEW
    assert bundler.place(3, sha(3), pdq(flipped(BASE, range(8)))) == Placement(1, Joined.PDQ, 8)


def test_a_picture_without_detail_joins_nothing_by_pixels(bundler: Bundler) -> None:
    bundler.place(1, sha(1), pdq(BASE, RULE.min_quality - 1))
    assert bundler.place(2, sha(2), pdq(BASE, RULE.min_quality)).joined is Joined.NEW
    assert bundler.place(3, sha(3), pdq(BASE, RULE.min_quality - 1)).joined is Joined.NEW
    assert bundler.place(4, sha(4), pdq(BASE)).bundle == 2


def test_an_item_placed_again_after_a_cut_stays_where_it_was() -> None:
    nearest = PlainHashes()
    Bundler(nearest, {}, RULE).place(7, sha(7), pdq(BASE))
    again = Bundler(nearest, {}, RULE).place(7, sha(7), pdq(BASE))  # the map of bytes was lost, the hash was not
    assert again == Placement(7, Joined.NEW)
    assert nearest.keys == [7]


@pytest.mark.parametrize("key", [-1, 2**63])
def test_a_key_outside_the_range_is_refused(bundler: Bundler, key: int) -> None:
    with pytest.raises(InputError, match="cannot be the key"):
        bundler.place(key, sha(1), None)


@given(st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 255), max_size=9)), max_size=40))
def test_any_two_members_are_within_twice_the_threshold(items: list[tuple[int, set[int]]]) -> None:
    centres = [Random(i).randbytes(32) for i in range(6)]
    hashes = [flipped(centres[centre], bits) for centre, bits in items]
    bundler = Bundler(PlainHashes(), {}, RULE)
    placed = [bundler.place(i, sha(i), pdq(raw)) for i, raw in enumerate(hashes)]
    for i, placement in enumerate(placed):
        first = hashes[placement.bundle]
        apart = (int.from_bytes(first) ^ int.from_bytes(hashes[i])).bit_count()
        assert apart == placement.distance <= RULE.threshold


def test_a_placement_says_why() -> None:
    assert "6 of 256 bits differ" in Placement(1, Joined.PDQ, 6).says
    assert "Exactly these bytes" in Placement(1, Joined.SHA256).says
    assert "No copy" in Placement(1, Joined.NEW).says


def member(
    key: int, name: int, level: Level = Level.STANDARD, order: float = 10, raising: tuple[Claim, ...] = ()
) -> Member:
    received = AT + timedelta(minutes=key)
    return Member(key, sha(name), level, order, received, received + timedelta(hours=72 - key), raising)


def test_a_bundle_is_one_unit_with_the_soonest_level_and_the_earliest_deadline() -> None:
    (unit,) = units(1, [member(1, 1), member(2, 1), member(3, 2, Level.HIGH, 30)])
    assert (unit.shown, unit.same_bytes, unit.alike) == (3, (), (1, 2))
    assert (unit.level, unit.order, unit.total) == (Level.HIGH, 30, 50)
    assert unit.deadline == AT + timedelta(minutes=3, hours=69)
    assert unit.received == AT + timedelta(minutes=1)
    assert "2 alike by pixels and not yet seen" in unit.says


@pytest.mark.parametrize("claim", [Claim.PHOTO_DERIVED, Claim.CAMERA, Claim.KNOWN_CHILD, Claim.CONFLICT])
def test_a_sign_of_a_real_child_opens_the_bundle(claim: Claim) -> None:
    flood = [member(key, key) for key in range(1, 50)]
    apart, common = units(1, [*flood, member(99, 99, Level.HIGH, 70, (claim,))])
    assert (apart.shown, apart.opened_by, apart.bundle) == (99, (claim,), 1)
    assert (apart.same_bytes, apart.alike) == ((), ())
    assert common.opened_by == ()
    assert 99 not in (common.shown, *common.alike)
    assert claim in apart.says


def test_exact_copies_of_a_raising_member_stand_with_it() -> None:
    apart, common = units(1, [member(1, 1), member(2, 2, Level.HIGH, 70, (Claim.CAMERA,)), member(3, 2), member(4, 4)])
    assert (apart.shown, apart.same_bytes) == (2, (3,))
    assert {common.shown, *common.alike} == {1, 4}


members = st.lists(
    st.builds(
        member,
        st.integers(0, 10_000),
        st.integers(0, 5),
        st.sampled_from(Level),
        st.floats(0, 100, allow_nan=False),
        st.sets(st.sampled_from([Claim.CAMERA, Claim.CONFLICT]), max_size=1).map(tuple),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda m: m.key,
)


@given(members)
def test_every_member_is_in_exactly_one_unit_and_none_waits_longer_for_it(them: list[Member]) -> None:
    found = units(1, them)
    keys = [key for unit in found for key in (unit.shown, *unit.same_bytes, *unit.alike)]
    assert sorted(keys) == sorted(m.key for m in them)
    by_key = {m.key: m for m in them}
    for unit in found:
        for key in (unit.shown, *unit.same_bytes, *unit.alike):
            own = by_key[key]
            assert unit.level.rank <= own.level.rank
            assert unit.deadline <= own.deadline
            if own.level is unit.level:
                assert unit.order >= own.order
        for key in unit.same_bytes:
            assert by_key[key].sha256 == by_key[unit.shown].sha256
        if any(by_key[key].raising for key in (unit.shown, *unit.same_bytes, *unit.alike)):
            assert unit.opened_by
            assert not unit.alike


@pytest.mark.parametrize(
    ("level", "raising", "same_bytes", "opened"),
    [
        (Level.STANDARD, False, False, False),
        (Level.HIGH, False, False, False),
        (Level.IMMEDIATE, False, True, True),
        (Level.STANDARD, True, False, True),
        (Level.STANDARD, True, True, False),
    ],
)
def test_a_decided_bundle_opens_for_a_new_fact_and_not_for_one_more_copy(
    level: Level, raising: bool, same_bytes: bool, opened: bool
) -> None:
    assert reopens(level, raising=raising, decided_at=Level.HIGH, same_bytes=same_bytes) is opened
