"""Bundles: items that are copies of each other, found by their bytes and their pixels and by nothing else.

The rule is the same for an item that comes in and for three million at once (`rebundle`), and it is the rule against
chaining: a picture joins the oldest bundle whose **first picture** is within `threshold` bits, never one where it is
near to just any member. So no member is further than `threshold` from the first, no two members are further than twice
that from each other, and a row of pictures that each differ a little from the next does not grow into one bundle.

The limit: PDQ is a hash of the whole scene. Two children photographed alike, in one room and one pose, can be closer
than any useful threshold. That is why a bundle is a way of looking and never a proof: members that are not the same
bytes are told apart (`Unit.alike`), and whatever speaks for a real child stands as a unit of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import InputError
from firstlight.origin.indicator import Claim
from firstlight.triage.table import BundleRule
from firstlight.values import Level, Pdq

HASH_BYTES = 32
"""A PDQ hash has 256 bits."""


class NearHit(Protocol):
    """One answer of an index: whose hash, and how many bits away."""

    @property
    def key(self) -> int:
        """The key that the hash was added under."""
        ...

    @property
    def distance(self) -> int:
        """Differing bits."""
        ...


class NearestHashes(Protocol):
    """What bundling needs of an index of PDQ hashes; `firstlight.index.HammingIndex` is one.

    `search` answers every hash within the threshold, and sees what `add` took before it returned.
    """

    def add(self, hashes: NDArray[np.uint8], keys: NDArray[np.uint64]) -> object:
        """Take these hashes, shape (n, 32), under these keys, shape (n,)."""
        ...

    def search(self, hash_: bytes, threshold: int, /) -> Sequence[NearHit]:
        """Everything within `threshold` bits."""
        ...


class Joined(StrEnum):
    """How an item came into its bundle."""

    NEW = "new"
    SHA256 = "sha256"
    PDQ = "pdq"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an item belongs. `bundle` is the key of the bundle's first item; `distance` is to that item's picture."""

    bundle: int
    joined: Joined
    distance: int = 0

    @property
    def says(self) -> str:
        """The placement in words."""
        if self.joined is Joined.NEW:
            return "No copy of it has come in before."
        if self.joined is Joined.SHA256:
            return "Exactly these bytes have come in before."
        if self.joined is Joined.RECEIVED:
            return "It came in with the other files of the same received case."
        return f"A near-duplicate has come in before: {self.distance} of 256 bits differ."


class Bundler:
    """Places items as they come in. Bytes first, then pixels; it is never told anything else about an item.

    The state lies in the two arguments, so a caller may keep it where it likes: `nearest` holds one hash per bundle,
    `exact` maps SHA-256 to bundle. Keys grow with arrival. An item placed again stays where it was, also when the
    caller was cut off between the two writes.
    """

    def __init__(self, nearest: NearestHashes, exact: MutableMapping[str, int], rule: BundleRule) -> None:
        self._nearest = nearest
        self._exact = exact
        self._rule = rule

    def place(self, key: int, sha256: str, pdq: Pdq | None) -> Placement:
        """The bundle of this item; it is remembered for those that come after.

        A hash below the table's quality neither joins nor founds a bundle by pixels: a flat picture is near to
        everything flat.

        Raises:
            InputError: the key is not a whole number from 0 to 2**63 - 1.
        """
        if not 0 <= key < 2**63:
            raise InputError(f"{key} cannot be the key of an item.", hint="Use a whole number from 0 to 2**63 - 1.")
        known = self._exact.get(sha256)
        if known is not None:
            return Placement(known, Joined.SHA256)
        usable = pdq is not None and pdq.quality >= self._rule.min_quality
        placement = Placement(key, Joined.NEW)
        if usable and pdq is not None:
            raw = pdq.to_bytes()
            hits = self._nearest.search(raw, self._rule.threshold)
            best = min(hits, key=lambda hit: hit.key, default=None)  # the oldest: equal hashes always end together
            if best is not None and best.key != key:
                placement = Placement(int(best.key), Joined.PDQ, int(best.distance))
            elif best is None:
                row = np.frombuffer(raw, dtype=np.uint8).reshape(1, HASH_BYTES)
                self._nearest.add(row, np.array([key], dtype=np.uint64))
        self._exact[sha256] = placement.bundle
        return placement


@dataclass(frozen=True, slots=True)
class Member:
    """One item of a bundle: its place in the queue and its deadline are its own and stay so."""

    key: int
    sha256: str
    level: Level
    order: float
    received: datetime
    deadline: datetime
    raising: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """What a reviewer opens at once, as part of a bundle.

    `shown` is looked at; `same_bytes` are exactly that file again, so what was seen of it holds for them; `alike` are
    near-duplicates, of which nothing was seen yet. `opened_by` names the claims that took it out of the bundle's common
    unit; it is empty for the common unit. Level and order are the soonest of all, the deadline the earliest.
    """

    bundle: int
    shown: int
    same_bytes: tuple[int, ...]
    alike: tuple[int, ...]
    opened_by: tuple[Claim, ...]
    level: Level
    order: float
    total: float
    received: datetime
    deadline: datetime

    @property
    def says(self) -> str:
        """The unit in words."""
        text = f"{1 + len(self.same_bytes) + len(self.alike)} item(s) of bundle {self.bundle}"
        if self.same_bytes:
            text += f", {len(self.same_bytes)} with the same bytes as the one shown"
        if self.alike:
            text += f", {len(self.alike)} alike by pixels and not yet seen"
        if self.opened_by:
            text += f"; stands apart because of: {', '.join(self.opened_by)}"
        return text + "."


def units(bundle: int, members: Iterable[Member]) -> tuple[Unit, ...]:
    """The review units of one bundle, soonest first; every member is in exactly one.

    Members with a claim for a real child leave the common unit and stand for themselves, still linked by `bundle`.
    Items with the very same bytes always stay together: there is nothing in one that is not in the other.
    """
    apart: dict[str, list[Member]] = {}
    common: list[Member] = []
    everybody = sorted(members, key=_soonest)
    raised = {member.sha256 for member in everybody if member.raising}
    for member in everybody:
        if member.sha256 in raised:
            apart.setdefault(member.sha256, []).append(member)
        else:
            common.append(member)
    groups = [*apart.values(), *([common] if common else [])]
    return tuple(sorted((_unit(bundle, group) for group in groups), key=lambda u: (u.level.rank, -u.order, u.received)))


def reopens(level: Level, *, raising: bool, decided_at: Level, same_bytes: bool) -> bool:
    """Whether a copy of something decided is to be looked at, and does not just take over the decision.

    It is when what is known now asks for a sooner look than what was known then, or when it bears a sign of a real
    child that was not in the bytes decided on. That one more copy came, or one more report, opens nothing: otherwise
    a flood could keep its own bundle open.
    """
    return level.rank < decided_at.rank or (raising and not same_bytes)


def _soonest(member: Member) -> tuple[int, float, datetime, int]:
    return (member.level.rank, -member.order, member.received, member.key)


def _unit(bundle: int, members: Sequence[Member]) -> Unit:
    shown = members[0]
    return Unit(
        bundle=bundle,
        shown=shown.key,
        same_bytes=tuple(m.key for m in members[1:] if m.sha256 == shown.sha256),
        alike=tuple(m.key for m in members[1:] if m.sha256 != shown.sha256),
        opened_by=tuple(sorted({claim for m in members for claim in m.raising})),
        level=min((m.level for m in members), key=lambda level: level.rank),
        order=shown.order,
        total=round(sum(m.order for m in members), 6),
        received=min(m.received for m in members),
        deadline=min(m.deadline for m in members),
    )
