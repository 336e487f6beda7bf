"""What a run would take, in hours and money, from a sample. Nothing is written and no list is opened."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import ClassVar, Final, Literal

from firstlight.errors import InputError
from firstlight.media import Cage
from firstlight.screen.bundles import SCREEN_PRELOAD, bundled, hash_bundle
from firstlight.screen.member import Findings
from firstlight.screen.places import Places
from firstlight.screen.plan import plan_shards
from firstlight.screen.readers import members_of
from firstlight.screen.shard import Settings
from firstlight.screen.shards import Shard
from firstlight.values import Document, Versioned

SAMPLE_SHARDS: Final = 3
SAMPLE_MEMBERS: Final = 200
MATCH_SHARE: Final = 1.1
"""Matching and writing add about a tenth to reading, digests and decoding."""
START_SECONDS: Final = 3.0
"""What a worker takes until it screens its first shard."""


class Estimate(Document):
    """What a run would take. `price` is for one core and hour; `low` and `high` are the sample's slowest and fastest
    shard, and say how even the data set is."""

    title_for_people: ClassVar[str] = "estimate of a screening"

    kind: Literal["screen-estimate"] = "screen-estimate"
    version: Versioned = 1
    shards: int
    bytes: int
    members: int
    core_hours: float
    low_core_hours: float
    high_core_hours: float
    workers: int
    hours: float
    price: float
    cost: float
    sampled: int
    trouble: tuple[str, ...] = ()


def estimate(settings: Settings, sources: Sequence[str], *, workers: int, price: float) -> Estimate:
    """Read and hash the first members of a few shards, and extend that to all by their bytes.

    Raises:
        InputError: nothing of the sample could be read.
    """
    places = Places(settings.s3)
    shards = total = 0
    sample: list[Shard] = []
    for shard in plan_shards(sources, places):
        shards += 1
        total += shard.size
        if len(sample) < SAMPLE_SHARDS:
            sample.append(shard)
        elif shards & (shards - 1) == 0:  # each power of two, so that later shards have their say as well
            sample[shards.bit_length() % SAMPLE_SHARDS] = shard
    if not shards:
        raise InputError("There is nothing to screen: the sources hold no file.", hint="Check the names.")
    rates: list[tuple[int, float, int]] = []
    trouble: list[str] = []
    with Cage(workers=1, preload=SCREEN_PRELOAD) as cage:
        _ = cage.isolation  # starting up is not part of the rate
        for shard in sample:
            try:
                rates.append(_sampled(cage, shard, settings, places))
            except InputError as e:
                trouble.append(str(e.diagnostics()))
    seen = sum(size for size, _, _ in rates)
    if not seen:
        raise InputError("Nothing of the sample could be read.", hint=" ".join(trouble)[:500] or "Check the sources.")
    used = min(workers, shards)
    per_byte = sorted(seconds / size for size, seconds, _ in rates if size)
    hours = [
        (rate * total * MATCH_SHARE + used * START_SECONDS) / 3600
        for rate in (sum(s for _, s, _ in rates) / seen, per_byte[0], per_byte[-1])
    ]
    members = sum(count for _, _, count in rates)
    return Estimate(
        shards=shards, bytes=total, members=round(members * total / seen), core_hours=round(hours[0], 6),
        low_core_hours=round(hours[1], 6), high_core_hours=round(hours[2], 6), workers=workers,
        hours=round(hours[0] / used, 6), price=price, cost=round(hours[0] * price, 2), sampled=members,
        trouble=tuple(trouble),
    )  # fmt: skip


def _sampled(cage: Cage, shard: Shard, settings: Settings, places: Places) -> tuple[int, float, int]:
    """Bytes, seconds and members of the beginning of a shard; one step after the other, so that time is work."""
    size = count = 0
    began = time.monotonic()
    for bundle in bundled(itertools.islice(members_of(shard, places, Findings()), SAMPLE_MEMBERS)):
        hash_bundle(cage, bundle, settings.mode)
        size += sum(member.size for member in bundle)
        count += len(bundle)
    return size, time.monotonic() - began, count
