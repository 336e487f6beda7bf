"""Looking an item up in the banks, and what `allow` banks say to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from firstlight import clock as times
from firstlight.banks.entry import Record
from firstlight.banks.match import Match, Via
from firstlight.banks.store import BankStore
from firstlight.clock import Clock
from firstlight.values import BankPurpose, Pdq

BEST_QUALITY = 100
"""Of a PDQ hash of which nobody says how good it is."""
_STRENGTH = (Via.SHA256, Via.SHA1, Via.MD5)


@dataclass(frozen=True, slots=True)
class _Found:
    record: Record
    via: Via
    exact: bool
    distance: int = 0
    orientation: str = ""


def match(
    stores: Sequence[BankStore],
    digests: Mapping[str, str],
    hashes: Mapping[str, Pdq],
    names: Sequence[str] | None,
    now: datetime,
) -> tuple[Match, ...]:
    """See `Library.match`; `digests` are by kind, as far as known; `hashes` by orientation, upright being empty."""
    found: list[tuple[BankStore, _Found]] = []
    for store in stores:
        if store.enabled and store.purpose != BankPurpose.ALLOW and (names is None or store.name in names):
            here = _in_bank(store, digests, hashes)
            found.extend((store, one) for one in here.values())
            store.matched.put(list(here), now)
    if not found:
        return ()
    veto = None
    if any(one.via is Via.PDQ for _, one in found):
        allowing = (s for s in stores if s.enabled and s.purpose == BankPurpose.ALLOW)
        veto = next((s.name for s in allowing if _in_bank(s, digests, hashes)), None)
    matches = [_as_match(store, one, veto) for store, one in found]
    order = {via: place for place, via in enumerate((*_STRENGTH, Via.PDQ))}
    return tuple(sorted(matches, key=lambda m: (not m.exact, order[m.via], m.distance, m.bank, m.entry)))


def nearest(stores: Sequence[BankStore], pdq: bytes, clock: Clock) -> list[tuple[str, str, int]]:
    """See `Library.nearest`."""
    found: list[tuple[str, str, int]] = []
    for store in stores:
        if store.enabled and store.purpose != BankPurpose.ALLOW and (here := _near(store, pdq, BEST_QUALITY)):
            found += [(store.name, record.key, distance) for _, record, distance in here]
            store.matched.put([ordinal for ordinal, _, _ in here], clock.now())
    if not found:
        return []
    for store in stores:
        if store.enabled and store.purpose == BankPurpose.ALLOW and _near(store, pdq, BEST_QUALITY):
            return []
    return sorted(found, key=itemgetter(2)) if len(found) > 1 else found


def _in_bank(store: BankStore, digests: Mapping[str, str], hashes: Mapping[str, Pdq]) -> dict[int, _Found]:
    """The entries that hold the item, each with the strongest way it was found."""
    found: dict[int, _Found] = {}
    for via in _STRENGTH:
        for ordinal, record in store.find(via.value, digests[via.value]) if via.value in digests else ():
            if record.standing.matches and ordinal not in found:
                found[ordinal] = _Found(record, via, _agrees(record, digests))
    for orientation, pdq in hashes.items():
        for key, record, distance in _near(store, pdq.to_bytes(), pdq.quality):
            best = found.get(key)
            if best is None or (best.via is Via.PDQ and best.distance > distance):
                found[key] = _Found(record, Via.PDQ, exact=False, distance=distance, orientation=orientation)
    return found


def _near(store: BankStore, pdq: bytes, quality: int) -> list[tuple[int, Record, int]]:
    """The entries that hold the picture by its PDQ hash, with their distances, nearest first."""
    least = store.min_quality
    index = store.index() if quality >= least else None
    if index is None:
        return []
    out = []
    for key, distance in index.search(pdq, store.threshold):
        record = store.record(key)
        if record.standing.matches and (record.quality is None or record.quality >= least):
            out.append((key, record, distance))
    return out


def _agrees(record: Record, digests: Mapping[str, str]) -> bool:
    """Whether every known digest of the entry is the item's: if one is not, these are other bytes, made to collide."""
    return all(digests[kind] == value for kind, value in record.hashes.items() if kind in digests)


def _as_match(store: BankStore, one: _Found, veto: str | None) -> Match:
    return Match(
        bank=store.name,
        purpose=BankPurpose(store.purpose),
        entry=one.record.key,
        via=one.via,
        exact=one.exact,
        distance=one.distance,
        threshold=store.threshold if one.via is Via.PDQ else 0,
        vetoed_by=veto if one.via is Via.PDQ else None,
        first_seen=times.from_text(one.record.first_seen),
        categories=tuple(dict.fromkeys((*one.record.categories, *one.record.house_categories))),
        note="\n".join(filter(None, (one.record.note, one.record.house_note))),
        orientation=one.orientation,
    )
