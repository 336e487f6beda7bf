"""The rules of weighing: asymmetric, independent of order, and blind to what an uploader can make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.origin import Binding, Claim, Family, ForgeableBy, Indicator, Source, Strength, weigh
from firstlight.origin.weighing import RAISES_AT_ANY_STRENGTH

SOURCE = Source(tool="test", version="1")


def sign(
    claim: Claim,
    by: ForgeableBy = ForgeableBy.ANYONE,
    family: Family = Family.METADATA,
    low: float = 0.3,
    high: float = 1.0,
    binding: Binding = Binding.CONTAINER,
    name: str = "test",
) -> Indicator:
    strength = Strength(low=low, high=high)
    return Indicator(
        name=name,
        claim=claim,
        strength=strength,
        forgeable_by=by,
        binding=binding,
        family=family,
        says="",
        source=SOURCE,
    )


MACHINE, CAMERA = Claim.SYNTHETIC, Claim.CAMERA


@st.composite
def any_sign(draw: st.DrawFn) -> Indicator:
    low = draw(st.floats(-2, 6))
    return sign(
        draw(st.sampled_from(Claim)),
        draw(st.sampled_from(ForgeableBy)),
        draw(st.sampled_from(Family)),
        low,
        draw(st.floats(low, 7)),
        draw(st.sampled_from(Binding)),
        draw(st.sampled_from(["a", "b", "c"])),
    )


forged = st.builds(
    sign,
    st.just(MACHINE),
    st.sampled_from([ForgeableBy.ANYONE, ForgeableBy.CUSTOMER]),
    st.sampled_from(Family),
    st.just(0.0),
    st.floats(0, 9),
)


@given(st.lists(any_sign(), max_size=6), st.lists(forged, min_size=1, max_size=6))
def test_what_an_uploader_can_forge_weakens_nothing_that_raises(
    signs: list[Indicator], planted: list[Indicator]
) -> None:
    before, after = weigh(signs), weigh([*signs, *planted])
    assert set(before.raises) <= set(after.raises)
    assert set(before.stands) <= set(after.stands)
    by_claim = {one.claim: one for one in after.support}
    for one in before.support:
        if one.raises:
            same = by_claim[one.claim]
            assert same.strength.low >= one.strength.low
            assert same.strength.high >= one.strength.high
            assert same.forgeable_by >= one.forgeable_by


@given(st.lists(any_sign(), max_size=6), st.lists(forged, min_size=1, max_size=6))
def test_and_never_opens_the_way_down(signs: list[Indicator], planted: list[Indicator]) -> None:
    assert weigh([*signs, *planted]).may_lower <= weigh(signs).may_lower


@given(st.lists(any_sign(), max_size=6), st.lists(any_sign(), max_size=4))
def test_more_signs_never_take_a_raising_claim_away(signs: list[Indicator], more: list[Indicator]) -> None:
    assert set(weigh(signs).raises) <= set(weigh([*signs, *more]).raises)


@given(st.lists(any_sign(), max_size=6), st.randoms())
def test_order_does_not_matter(signs: list[Indicator], random: object) -> None:
    mixed = list(signs)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert weigh(mixed) == weigh(signs)


@pytest.mark.parametrize("claim", sorted(RAISES_AT_ANY_STRENGTH))
@pytest.mark.parametrize("by", ForgeableBy)
def test_some_claims_raise_whoever_made_them(claim: Claim, by: ForgeableBy) -> None:
    found = weigh([sign(claim, by, low=0, high=0.1)])
    assert found.raises == (claim,)
    assert claim in found.stands


def test_a_cameras_sign_raises_only_when_an_uploader_cannot_make_it() -> None:
    assert weigh([sign(CAMERA, ForgeableBy.ANYONE)]).raises == ()
    assert weigh([sign(CAMERA, ForgeableBy.CUSTOMER)]).stands == ()
    assert weigh([sign(CAMERA, ForgeableBy.KEY_HOLDER)]).raises == (CAMERA,)


def test_a_forged_stamp_does_not_stand() -> None:
    found = weigh([sign(MACHINE), sign(MACHINE, ForgeableBy.CUSTOMER, Family.C2PA)])
    assert (found.stands, found.raises, found.may_lower) == ((), (), False)
    assert (
        found.reasons.says == "Only signs of origin that the uploader could have made were seen; they change nothing."
    )


@pytest.mark.parametrize(
    ("camera", "conflict"),
    [(ForgeableBy.ANYONE, False), (ForgeableBy.CUSTOMER, True), (ForgeableBy.KEY_HOLDER, True)],
)
def test_a_machine_beside_a_camera_that_is_not_trivially_forged_is_a_conflict(
    camera: ForgeableBy, conflict: bool
) -> None:
    found = weigh([sign(MACHINE), sign(CAMERA, camera)])
    assert (Claim.CONFLICT in found.raises) is conflict


def test_a_machine_beside_a_known_child_is_a_conflict() -> None:
    found = weigh([sign(MACHINE), sign(Claim.KNOWN_CHILD, ForgeableBy.AUTHORITY, Family.AUTHORITY)])
    assert found.raises == (Claim.KNOWN_CHILD, Claim.CONFLICT)


def test_no_sign_says_nothing() -> None:
    found = weigh([])
    assert (found.stands, found.support, found.balance_words) == ((), (), "insufficient")
    assert found.reasons.says == "No sign of origin was seen, which says nothing."


# --- the numbers for the expert ---


def test_signs_of_one_family_count_once() -> None:
    one = weigh([sign(MACHINE, low=1, high=2)])
    many = weigh([sign(MACHINE, low=1, high=2, name=str(n)) for n in range(9)])
    assert one.balance == many.balance == Strength(low=1, high=2)


def test_independent_families_add_up() -> None:
    found = weigh([sign(MACHINE, low=1, high=2), sign(MACHINE, family=Family.C2PA, low=0.5, high=1)])
    assert (found.balance.low, found.balance.high) == (1.5, 3.0)
    assert found.balance_words == "moderate for a machine"


def test_a_camera_counts_against_a_machine() -> None:
    found = weigh([sign(CAMERA, ForgeableBy.KEY_HOLDER, Family.C2PA, 4, 6), sign(MACHINE, low=0, high=1)])
    assert (found.balance.low, found.balance.high) == (-6, -3)
    assert found.balance_words == "strong for a camera"


def test_an_interval_that_reaches_down_to_nothing_is_insufficient() -> None:
    found = weigh([sign(MACHINE, low=0, high=1)])
    assert found.balance_words == "insufficient"
    assert found.support[0].words == "insufficient"


def test_a_family_that_says_both_says_neither() -> None:
    found = weigh([sign(MACHINE, low=1, high=2), sign(CAMERA, low=1, high=2)])
    assert (found.balance.low, found.balance.high) == (-2, 2)


# --- the one way down ---


def record(**changes: object) -> Indicator:
    known = sign(Claim.KNOWN_SYNTHETIC, ForgeableBy.AUTHORITY, Family.AUTHORITY, 4, 6, Binding.BYTES)
    return known.model_copy(update=changes)


def hard(family: Family, low: float = 3.0) -> Indicator:
    return sign(MACHINE, ForgeableBy.KEY_HOLDER, family, low, 6, Binding.BYTES)


def test_an_authoritys_record_of_these_bytes_lets_a_person_lower() -> None:
    assert weigh([record()]).may_lower
    assert not weigh([record(binding=Binding.PIXELS)]).may_lower
    assert not weigh([record(forgeable_by=ForgeableBy.KEY_HOLDER)]).may_lower


def test_so_do_two_strong_families_that_no_uploader_can_forge() -> None:
    assert weigh([hard(Family.C2PA), hard(Family.GENERATOR_LOG)]).may_lower
    assert not weigh([hard(Family.C2PA)]).may_lower
    assert not weigh([hard(Family.C2PA), hard(Family.C2PA, 4)]).may_lower
    assert not weigh([hard(Family.C2PA), hard(Family.GENERATOR_LOG, 2.9)]).may_lower


@pytest.mark.parametrize("claim", [c for c in Claim if c not in (MACHINE, Claim.KNOWN_SYNTHETIC)])
def test_and_any_contrary_sign_however_weak_forbids_it(claim: Claim) -> None:
    assert not weigh([record(), sign(claim, low=0, high=0)]).may_lower
