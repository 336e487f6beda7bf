"""The lists that a run compares with, and what they looked like at that time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, TypeAlias

from firstlight.banks import Bank, Library, Match, Sealer, Sought
from firstlight.clock import Clock
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.screen.bundles import Hashed
from firstlight.screen.channels import Channel
from firstlight.values import BankPurpose, Instant, Pdq, PdqMode, Value

AT_ONCE: Final = 1024
"""Members that are best compared together: a member alone costs three times as much, and more gain little."""


@dataclass(frozen=True, slots=True)
class Lists:
    """A library of banks, and the sealer that keeps what they matched."""

    library: Library
    sealer: Sealer
    banks: tuple[str, ...]
    clock: Clock


OpenLists: TypeAlias = Callable[[], AbstractContextManager[Lists]]
"""Opens the lists. Each process of a run calls it for itself, so it has to be picklable."""


class ListState(Value):
    """A bank as it was when members were compared with it."""

    name: str
    purpose: BankPurpose
    owner: str = ""
    entries: int
    revision: int
    threshold: int
    min_quality: int


class Compared(Value):
    """With which lists, and when. A later entry of a list was not looked for."""

    at: Instant
    banks: tuple[ListState, ...]

    def is_as_of(self, other: Compared) -> bool:
        """Whether the lists have not changed from one to the other."""
        return self.banks == other.banks


def state_of(lists: Lists) -> Compared:
    """The lists as they are now.

    Raises:
        InputError: none is named, or one is no list to look things up in.
        NotFoundError: there is no such bank.
        StateError: a bank is disabled, so that nothing could ever be found in it.
    """
    if not lists.banks:
        raise InputError("No bank is named to compare with.", hint="Name one with --bank, or use --hash-only.")
    found = [_bank(lists.library, name) for name in lists.banks]
    for bank in found:
        if bank.purpose is BankPurpose.ALLOW:
            raise InputError(
                f"The bank {bank.name!r} is an allow list: it only vetoes what other banks match.",
                hint="Name banks of known material; allow lists count by themselves.",
            )
        if not bank.enabled:
            raise StateError(
                f"The bank {bank.name!r} is disabled and would match nothing.",
                hint=f"Enable it: firstlight bank enable {bank.name}. Or name the others alone, with --bank.",
            )
    allow = [bank for bank in lists.library.banks() if bank.purpose is BankPurpose.ALLOW and bank.enabled]
    return Compared(
        at=lists.clock.now(),
        banks=tuple(
            ListState(
                name=bank.name, purpose=bank.purpose, owner=bank.owner, entries=bank.entries, revision=bank.revision,
                threshold=bank.threshold, min_quality=bank.min_quality,
            )
            for bank in (*found, *allow)
        ),
    )  # fmt: skip


def _bank(library: Library, name: str) -> Bank:
    try:
        return library.bank(name)
    except NotFoundError as e:
        raise NotFoundError(
            f"There is no bank {name!r}.",
            hint="`firstlight bank list` shows those that are there; name the ones to compare with by --bank.",
        ) from e


@dataclass(frozen=True, slots=True)
class Known:
    """The hashes of one member, as they were just made or are kept in a result."""

    stored: dict[str, str]
    recorded: dict[str, str]
    pdq: Pdq | None
    inner: Pdq | None


def known_of(one: Hashed) -> Known:
    """The hashes of a member that was just hashed."""
    stored = {"sha256": one.sha256.hex(), "sha1": one.sha1.hex(), "md5": one.md5.hex()} if one.sha256 else {}
    mode = PdqMode.EXACT if one.exact else PdqMode.SCALED
    pdq = Pdq(hex=one.pdq.hex(), quality=one.quality, mode=mode) if one.pdq else None
    inner = Pdq(hex=one.inner_pdq.hex(), quality=one.inner_quality, mode=PdqMode.EXACT) if one.inner_pdq else None
    recorded = {k: v for k, v in one.member.facts.digests.items() if stored.get(k) != v}
    return Known(stored, recorded, pdq, inner)


def compare(lists: Lists, members: Sequence[Known]) -> list[list[tuple[Channel, Match]]]:
    """What the lists hold of each member and by which channel it was found; vetoed matches are left out."""
    sought: list[Sought] = []
    places: list[tuple[int, Channel]] = []
    for number, known in enumerate(members):
        if known.stored or known.pdq:
            sought.append(Sought(known.stored, known.pdq))
            places.append((number, Channel.STORED))
        if known.recorded:
            sought.append(Sought(known.recorded))
            places.append((number, Channel.RECORDED))
        if known.inner is not None:
            sought.append(Sought({}, known.inner))
            places.append((number, Channel.UNBORDERED))
    out: list[list[tuple[Channel, Match]]] = [[] for _ in members]
    for (number, channel), matches in zip(places, lists.library.match_many(sought, banks=lists.banks), strict=True):
        for match in matches:
            if match.counts:
                by_pixels = match.via.value == "pdq" and channel is Channel.STORED
                out[number].append((Channel.PDQ if by_pixels else channel, match))
    return out
