"""The rules by which signs of origin are weighed: asymmetric on purpose.

A child may be behind any picture, so signs may raise; what an uploader could have made lowers nothing, alone or in any
number. The numbers are for the expert's page; everything that follows from the signs follows from the rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from firstlight.errors import Fact
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator, Strength
from firstlight.values import Reason, Value

RAISES_AT_ANY_STRENGTH: Final = frozenset({Claim.PHOTO_DERIVED, Claim.KNOWN_CHILD, Claim.CONFLICT})
MADE_BY_MACHINE: Final = frozenset({Claim.SYNTHETIC, Claim.KNOWN_SYNTHETIC})
CONTRARY: Final = frozenset(
    {Claim.PHOTO_DERIVED, Claim.KNOWN_CHILD, Claim.CAMERA, Claim.CONFLICT, Claim.EDITED, Claim.UNREADABLE}
)
"""Claims that forbid lowering, however weak: each leaves room for a child who is real."""

STRONG_FROM: Final = 3.0
"""The lower end of a strength that counts as strong: a likelihood ratio of a thousand."""

FAMILIES_TO_LOWER: Final = 2


class Support(Value):
    """What speaks for one claim: the families, each counted once, and the sum of their strengths."""

    claim: Claim
    families: tuple[Family, ...]
    strength: Strength
    forgeable_by: ForgeableBy
    stands: bool
    raises: bool

    @property
    def words(self) -> str:
        """The strength in words, or that it is insufficient: the interval reaches down to nothing."""
        return "insufficient" if self.strength.low <= 0 else self.strength.words


class Weighing(Value):
    """The signs of one item, weighed.

    `stands` holds the claims that a reviewer may rely on having been made by somebody other than the uploader, and
    the claims that raise whoever made them. `balance` is the sum over independent families of what speaks for a
    machine (positive) and for a camera (negative), as an interval. `may_lower` says whether the signs would allow a
    named human to lower by one step; nothing here lowers anything.
    """

    stands: tuple[Claim, ...]
    support: tuple[Support, ...]
    balance: Strength
    may_lower: bool
    reasons: Reason

    @property
    def balance_words(self) -> str:
        """The balance in words for the expert's page."""
        if self.balance.low <= 0 <= self.balance.high:
            return "insufficient"
        side = "a machine" if self.balance.low > 0 else "a camera"
        nearer = min(abs(self.balance.low), abs(self.balance.high))
        return f"{Strength(low=nearer, high=nearer).words} for {side}"

    @property
    def raises(self) -> tuple[Claim, ...]:
        """The claims that raise urgency."""
        return tuple(support.claim for support in self.support if support.raises)


def weigh(indicators: Iterable[Indicator]) -> Weighing:
    """The signs of one item, weighed by the rules. The same signs in any order give the same answer."""
    signs = sorted(indicators, key=lambda sign: sign.model_dump_json())
    support = [_support(claim, [sign for sign in signs if sign.claim is claim]) for claim in _claims(signs)]
    if (conflict := _conflict(signs)) is not None:
        support.append(conflict)
    by_claim = {one.claim: one for one in support}
    may_lower = _may_lower(signs, conflict)
    stands = tuple(claim for claim in Claim if claim in by_claim and by_claim[claim].stands)
    ordered = tuple(by_claim[claim] for claim in Claim if claim in by_claim)
    return Weighing(
        stands=stands,
        support=ordered,
        balance=_balance(signs),
        may_lower=may_lower,
        reasons=_reasons(ordered, signs, may_lower),
    )


def _claims(signs: list[Indicator]) -> list[Claim]:
    return [claim for claim in Claim if any(sign.claim is claim for sign in signs)]


def cannot_be_the_uploaders(sign: Indicator) -> bool:
    """Whether the sign needs a key holder, a vendor or an authority."""
    return sign.forgeable_by >= ForgeableBy.KEY_HOLDER


def _support(claim: Claim, signs: list[Indicator]) -> Support:
    families = tuple(family for family in Family if any(sign.family is family for sign in signs))
    hard = any(cannot_be_the_uploaders(sign) for sign in signs)
    raises = claim in RAISES_AT_ANY_STRENGTH or (claim is Claim.CAMERA and hard)
    return Support(
        claim=claim,
        families=families,
        strength=_sum([_of_family(signs, family) for family in families]),
        forgeable_by=max(sign.forgeable_by for sign in signs),
        stands=hard or raises or claim is Claim.UNREADABLE,
        raises=raises,
    )


def _of_family(signs: list[Indicator], family: Family) -> Strength:
    """Signs of one family share a forger and count once: the strongest speaks for all."""
    own = [sign.strength for sign in signs if sign.family is family]
    return Strength(low=max(one.low for one in own), high=max(one.high for one in own))


_MOST: Final = 9.0
"""The end of the scale: no sum says more."""


def _sum(strengths: list[Strength]) -> Strength:
    low = sum(one.low for one in strengths)
    high = sum(one.high for one in strengths)
    return Strength(low=max(-_MOST, min(low, _MOST)), high=max(-_MOST, min(high, _MOST)))


def _balance(signs: list[Indicator]) -> Strength:
    """What speaks for a machine less what speaks for a camera, family by family.

    A family that says both says neither more than the other for sure: its interval reaches from one to the other.
    """
    sums = []
    for family in Family:
        machine = [s for s in signs if s.family is family and s.claim in MADE_BY_MACHINE]
        camera = [s for s in signs if s.family is family and s.claim is Claim.CAMERA]
        if machine and camera:
            one, other = _of_family(machine, family), _of_family(camera, family)
            sums.append(Strength(low=min(one.low, -other.high), high=max(one.high, -other.low)))
        elif machine:
            sums.append(_of_family(machine, family))
        elif camera:
            one = _of_family(camera, family)
            sums.append(Strength(low=-one.high, high=-one.low))
    return _sum(sums)


def _conflict(signs: list[Indicator]) -> Support | None:
    """A machine's sign beside a camera's that is not trivially forged, or beside known material: a way of hiding."""
    machine = [sign for sign in signs if sign.claim in MADE_BY_MACHINE]
    other = [
        sign
        for sign in signs
        if sign.claim is Claim.KNOWN_CHILD or (sign.claim is Claim.CAMERA and sign.forgeable_by >= ForgeableBy.CUSTOMER)
    ]
    if not (machine and other) or any(sign.claim is Claim.CONFLICT for sign in signs):
        return None
    return Support(
        claim=Claim.CONFLICT,
        families=tuple(f for f in Family if any(sign.family is f for sign in (*machine, *other))),
        strength=Strength(low=0, high=0),
        forgeable_by=ForgeableBy.ANYONE,
        stands=True,
        raises=True,
    )


def _may_lower(signs: list[Indicator], conflict: Support | None) -> bool:
    """Whether the signs would let a named human lower by one step.

    An authority's record of exactly these bytes, or two independent families that no uploader can forge and that are
    strong; and no contrary sign of any strength.
    """
    if conflict is not None or any(sign.claim in CONTRARY for sign in signs):
        return False
    hard = [s for s in signs if s.claim in MADE_BY_MACHINE and cannot_be_the_uploaders(s)]
    record = any(
        sign.claim is Claim.KNOWN_SYNTHETIC
        and sign.forgeable_by is ForgeableBy.AUTHORITY
        and sign.binding is Binding.BYTES
        for sign in hard
    )
    strong_families = {sign.family for sign in hard if sign.strength.low >= STRONG_FROM}
    return record or len(strong_families) >= FAMILIES_TO_LOWER


_RULES: Final = {
    Claim.SYNTHETIC: "A sign of a machine changes nothing by itself",
    Claim.KNOWN_SYNTHETIC: "An authority has assessed it as machine-made",
    Claim.PHOTO_DERIVED: "A photograph may have gone in: treat it as a real child until seen otherwise",
    Claim.EDITED: "It was edited or saved again; that happens to most pictures",
    Claim.CAMERA: "A camera's sign that an uploader cannot make speaks for a real scene",
    Claim.KNOWN_CHILD: "It is listed as known material",
    Claim.CONFLICT: "A machine's sign stands beside a camera's or known material: this is what hiding looks like",
    Claim.UNREADABLE: "Something could not be read; a person has to look",
}
_PLANTABLE_CAMERA: Final = "A camera's sign that anyone can write is kept as a lead"
_PLANTABLE_MACHINE: Final = "A machine's sign that the uploader could have made changes nothing"


def _reasons(support: tuple[Support, ...], signs: list[Indicator], may_lower: bool) -> Reason:
    branches = []
    for one in support:
        own = tuple(
            Reason(
                rule=f"sign.{sign.name}",
                says=sign.says,
                facts={"strength": sign.strength.words, "forgeable_by": sign.forgeable_by.name.lower()},
            )
            for sign in signs
            if sign.claim is one.claim
        )
        facts: dict[str, Fact] = {
            "low": one.strength.low,
            "high": one.strength.high,
            "words": one.words,
            "raises": one.raises,
        }
        branches.append(Reason(rule=f"origin.{one.claim}", says=_rule(one) + ".", facts=facts, because=own))
    if not branches:
        return Reason(rule="origin.none", says="No sign of origin was seen, which says nothing.")
    if may_lower:
        says = "A named person may lower this by one step; nothing else may."
        branches.append(Reason(rule="origin.may_lower", says=says))
    return Reason(rule="origin", says=_headline(support), because=tuple(branches))


def _rule(one: Support) -> str:
    if one.claim is Claim.CAMERA and not one.raises:
        return _PLANTABLE_CAMERA
    if one.claim is Claim.SYNTHETIC and not one.stands:
        return _PLANTABLE_MACHINE
    return _RULES[one.claim]


def _headline(support: tuple[Support, ...]) -> str:
    raising = [one.claim.value for one in support if one.raises]
    if raising:
        return f"Signs of origin that raise: {', '.join(raising)}."
    if any(one.stands for one in support):
        return "Signs of origin were seen; none of them raises."
    return "Only signs of origin that the uploader could have made were seen; they change nothing."
