"""Small cases built in memory: verdicts, indicators and a plain index, for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from firstlight.banks.match import Match, Via
from firstlight.origin.indicator import Basis, Binding, Claim, Family, ForgeableBy, Indicator, Source, Strength
from firstlight.origin.verdict import Verdict
from firstlight.triage import Confirmation, Context, ContextFact
from firstlight.values import BankPurpose, Digests, ErrorNote, Reason

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHA = "ab" * 32


def indicator(
    claim: Claim,
    forgeable_by: int = 0,
    low: float = 0.5,
    family: Family = Family.METADATA,
    binding: Binding = Binding.CONTAINER,
    name: str = "test",
) -> Indicator:
    return Indicator(
        name=name,
        claim=claim,
        strength=Strength(low=low, high=max(low, 1.0), basis=Basis.JUDGEMENT),
        forgeable_by=ForgeableBy(forgeable_by),
        binding=binding,
        family=family,
        says=f"A note in the file says {claim}.",
        source=Source(tool="test", version="1"),
    )


def verdict(
    indicators: Iterable[Indicator] = (),
    *,
    matches: Iterable[Match] = (),
    unreadable: bool = False,
    sha256: str = SHA,
) -> Verdict:
    """A verdict weighed as widely as may be: any machine's mark beside a camera's or known material is a conflict."""
    kept = tuple(indicators)
    claims = {i.claim for i in kept}
    if claims & {Claim.SYNTHETIC, Claim.KNOWN_SYNTHETIC} and claims & {Claim.CAMERA, Claim.KNOWN_CHILD}:
        claims.add(Claim.CONFLICT)
    return Verdict(
        at=AT,
        digests=Digests(md5="0" * 32, sha1="0" * 40, sha256=sha256, size=1),
        media_type="image/jpeg",
        matches=tuple(matches),
        indicators=kept,
        origin=tuple(sorted(claims)),
        unreadable=ErrorNote(code="unreadable.truncated", message="The picture ends early.") if unreadable else None,
        reasons=Reason(rule="verdict", says="Weighed."),
    )


def match(
    purpose: BankPurpose = BankPurpose.KNOWN, *, exact: bool = True, vetoed_by: str | None = None, bank: str = "one"
) -> Match:
    via = Via.SHA256 if exact else Via.PDQ
    return Match(bank=bank, purpose=purpose, entry="1", via=via, exact=exact, vetoed_by=vetoed_by)


def confirmation(sha256: str = SHA) -> Confirmation:
    return Confirmation(by="R. Example", at=AT, sha256=sha256, says="The generator's record names these bytes.")


claims = st.sampled_from(Claim)
strengths = st.floats(-1, 6, allow_nan=False)
any_indicator = st.builds(
    indicator,
    claims,
    st.integers(0, 3),
    strengths,
    st.sampled_from(Family),
    st.sampled_from(Binding),
)
forged_synthetic = st.builds(
    indicator,
    st.just(Claim.SYNTHETIC),
    st.integers(0, 1),
    strengths,
    st.sampled_from(Family),
    st.sampled_from(Binding),
)
contexts = st.builds(lambda facts: Context(facts=tuple(facts)), st.sets(st.sampled_from(ContextFact), max_size=4))
matches = st.lists(
    st.builds(match, st.sampled_from(BankPurpose), exact=st.booleans(), vetoed_by=st.none() | st.just("ours")),
    max_size=2,
)
cases = st.fixed_dictionaries(
    {"indicators": st.lists(any_indicator, max_size=6), "matches": matches, "unreadable": st.booleans()}
)


def built(case: dict[str, Any], extra: Iterable[Indicator] = ()) -> Verdict:
    return verdict([*case["indicators"], *extra], matches=case["matches"], unreadable=case["unreadable"])


@dataclass(frozen=True)
class PlainHit:
    key: int
    distance: int


class PlainHashes:
    """A plain scan: the judge of every cleverer index."""

    def __init__(self) -> None:
        self.hashes: list[bytes] = []
        self.keys: list[int] = []

    def add(self, hashes: NDArray[np.uint8], keys: NDArray[np.uint64]) -> None:
        self.hashes += [row.tobytes() for row in hashes]
        self.keys += [int(key) for key in keys]

    def search(self, hash_: bytes, threshold: int) -> list[PlainHit]:
        found = (PlainHit(key, bits_apart(hash_, other)) for key, other in zip(self.keys, self.hashes, strict=True))
        return [hit for hit in found if hit.distance <= threshold]


def bits_apart(left: bytes, right: bytes) -> int:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).bit_count()


def flipped(hash_: bytes, bits: Iterable[int]) -> bytes:
    value = int.from_bytes(hash_, "big")
    for bit in bits:
        value ^= 1 << bit
    return value.to_bytes(32, "big")
