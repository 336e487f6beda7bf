"""Looking many items up at once: the few that could match are found first, and only they are looked at one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from firstlight.banks import matching
from firstlight.banks.match import Match
from firstlight.banks.sealing import Sealing
from firstlight.banks.store import BankStore
from firstlight.values import BankPurpose, Pdq


@dataclass(frozen=True, slots=True)
class Sought:
    """What is known of an item that is looked up: any of its digests by kind (`md5`, `sha1`, `sha256`), and its PDQ."""

    digests: Mapping[str, str] = field(default_factory=dict)
    pdq: Pdq | None = None


def match_many(
    stores: Sequence[BankStore],
    sealing: Sealing,
    items: Sequence[Sought],
    names: Sequence[str] | None,
    now: datetime,
) -> list[tuple[Match, ...]]:
    """See `Library.match_many`."""
    searched = [
        store
        for store in stores
        if store.enabled and store.purpose != BankPurpose.ALLOW and (names is None or store.name in names)
    ]
    suspects = _by_digest(searched, sealing, items) | _by_pixels(searched, items)
    return [
        matching.match(stores, item.digests, {"": item.pdq} if item.pdq else {}, names, now)
        if number in suspects
        else ()
        for number, item in enumerate(items)
    ]


def _by_digest(stores: Sequence[BankStore], sealing: Sealing, items: Sequence[Sought]) -> set[int]:
    pairs = [(i, kind, value) for i, item in enumerate(items) for kind, value in item.digests.items()]
    if not pairs or not stores:
        return set()
    prints = np.array([sealing.print_of(kind, value) for _, kind, value in pairs], dtype=np.uint64)
    return {pairs[at][0] for store in stores for at in np.flatnonzero(store.knows(prints))}


def _by_pixels(stores: Sequence[BankStore], items: Sequence[Sought]) -> set[int]:
    found: set[int] = set()
    for store in stores:
        asked = [i for i, item in enumerate(items) if item.pdq is not None and item.pdq.quality >= store.min_quality]
        index = store.index() if asked else None
        if index is None:
            continue
        raw = b"".join(pdq.to_bytes() for i in asked if (pdq := items[i].pdq) is not None)
        hits = index.search_many(np.frombuffer(raw, dtype=np.uint8).reshape(len(asked), 32), store.threshold)
        found |= {asked[int(at)] for at in np.unique(hits.query)}
    return found
