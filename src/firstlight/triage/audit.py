"""What the random audit lane says about all that nobody has looked at yet, with its interval.

A sample drawn at random from the waiting is the only thing that measures what the ranking misses. The interval is the
exact one of Clopper and Pearson: it holds its confidence for every sample size and every share, also for none found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from firstlight.errors import InputError
from firstlight.triage.table import PriorityTable
from firstlight.values import Value

_HALVINGS = 200
"""Steps of the bisection: more than the bits of a float."""

_TERMS = 10_000
"""Terms of the continued fraction; it converges in about the square root of the sample size."""


class AuditEstimate(Value):
    """What a random sample says about the rest. Shares are 0 to 1; counts are of items that still wait."""

    audited: int
    found: int
    rest: int
    confidence: float
    share_low: float
    share: float
    share_high: float
    hidden_low: int
    hidden: float
    hidden_high: int
    says: str


def hidden_in_the_rest(audited: int, found: int, rest: int, *, confidence: float = 0.95) -> AuditEstimate:
    """How many items like those `found` among the `audited` hide among the `rest`.

    The sample must have been drawn at random from the same waiting items. Drawn without replacement it tells a little
    more than the interval says, never less.

    Raises:
        InputError: more were found than audited, a number is negative, or the confidence is not between 0 and 1.
    """
    if rest < 0:
        raise InputError("The rest cannot be a negative number of items.")
    low, high = clopper_pearson(found, audited, confidence=confidence)
    share = found / audited if audited else 0.0
    hidden_low, hidden_high = math.floor(low * rest), math.ceil(high * rest)
    if audited:
        says = (
            f"{found} of {audited} audited at random needed somebody soon. Among the {rest} that wait there are then "
            f"about {share * rest:.0f} like them; with {confidence:.0%} confidence {hidden_low} to {hidden_high}."
        )
    else:
        says = f"Nothing was audited yet, so nobody knows how many of the {rest} that wait need somebody soon."
    return AuditEstimate(
        audited=audited,
        found=found,
        rest=rest,
        confidence=confidence,
        share_low=low,
        share=share,
        share_high=high,
        hidden_low=hidden_low,
        hidden=share * rest,
        hidden_high=hidden_high,
        says=says,
    )


def clopper_pearson(found: int, of: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share, from `found` in a sample of `of`. Without a sample it is (0, 1).

    Raises:
        InputError: the numbers cannot be a sample, or the confidence is not between 0 and 1.
    """
    if not 0 <= found <= of:
        raise InputError(f"{found} found in a sample of {of}: that cannot be.", hint="Give 0 <= found <= sample.")
    if not 0 < confidence < 1:
        raise InputError(f"{confidence} is no confidence.", hint="Give a number between 0 and 1, such as 0.95.")
    if of == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if found == 0 else _beta_quantile(tail, found, of - found + 1)
    high = 1.0 if found == of else _beta_quantile(1 - tail, found + 1, of - found)
    return low, high


def drawn_for_recheck(lowered: Sequence[int], table: PriorityTable, rng: Random) -> tuple[int, ...]:
    """The lowered items that somebody else looks at again, not knowing that they were lowered; at least one if any."""
    wanted = math.ceil(len(lowered) * table.lowering.recheck_share)
    return tuple(sorted(rng.sample(sorted(lowered), wanted)))


def _beta_quantile(probability: float, a: float, b: float) -> float:
    """Where the regularised incomplete beta function reaches `probability`."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if incomplete_beta(a, b, middle) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b) by its continued fraction (modified Lentz)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges quickly on one side only
        return 1.0 - incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    fraction = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        before = fraction
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + term / c
            c = c if abs(c) > tiny else tiny
            fraction *= c * d
        if abs(fraction - before) <= 1e-15 * abs(fraction):
            break
    return min(1.0, front * fraction / a)
