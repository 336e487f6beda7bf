"""What recall to expect: the data set's own resizing, replayed on ordinary pictures that are known to be in a list.

A list holds hashes of originals. The data set holds smaller copies. How many of them would have been found says how
much "nothing found" is worth.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, Literal

from firstlight.media import Cage, Source
from firstlight.screen.channels import Channel, Obstacle
from firstlight.screen.shard import Tally
from firstlight.values import Document, Value, Versioned

_TASK: Final = "firstlight.hashing.replay_tasks:replay"
MOST_RESIZES: Final = 6
"""Ways of resizing that are replayed, the most frequent first; a data set has one or two."""
STANDARD_THRESHOLD: Final = 31

Resize = tuple[Literal["none", "keep", "border", "crop"], int]


class Expected(Value):
    """How a way of resizing does: of `pictures` ordinary ones, how many would be found by each perceptual channel.

    `low` and `high` bound the recall with 95 % confidence, for pictures like those that were replayed.
    """

    resize: Literal["none", "keep", "border", "crop"]
    side: int
    channel: str
    pictures: int
    found: int
    recall: float
    low: float
    high: float
    median_distance: int


class SelfTest(Document):
    """The recall to expect by perceptual hash. Digests find exact copies always, and nothing else."""

    title_for_people: ClassVar[str] = "self-test of a screening"

    kind: Literal["screen-self-test"] = "screen-self-test"
    version: Versioned = 1
    material: str
    threshold: int
    expected: tuple[Expected, ...]


def resizes_of(tallies: Iterable[Tally]) -> tuple[Resize, ...]:
    """The ways in which the pictures of a data set were resized, as far as their recorded original sizes show."""
    seen: Counter[Resize] = Counter()
    whole = 0
    for tally in tallies:
        way = _way(tally)
        for side, count in tally.shrunk.items():
            seen[way, side] += count
        whole += tally.screened - sum(tally.shrunk.values())
    out = [resize for resize, _ in seen.most_common(MOST_RESIZES)]
    return (*out, ("none", 0)) if whole or not out else tuple(out)


def _way(tally: Tally) -> Literal["keep", "border", "crop"]:
    masks = {name: sum(n for mask, n in tally.obstacles.items() if mask & int(name)) for name in Obstacle}
    bordered, cropped = masks[Obstacle.BORDERED], masks[Obstacle.CROPPED]
    if max(bordered, cropped) * 20 < tally.screened:
        return "keep"
    return "border" if bordered >= cropped else "crop"


def self_test(
    cage: Cage, pictures: Iterable[Source], resizes: Sequence[Resize], *, material: str, threshold: int
) -> SelfTest:
    """Replay these resizes on these pictures. What cannot be decoded, or is too plain for PDQ, is left out."""
    distances: dict[tuple[Resize, Channel], list[int]] = {}
    for outcome in cage.map(_TASK, pictures, resizes=[list(one) for one in resizes]):
        if outcome.answer is None:
            continue
        for resize, found in zip(resizes, outcome.answer["distances"], strict=False):
            for channel, distance in zip((Channel.PDQ, Channel.UNBORDERED), found, strict=False):
                distances.setdefault((resize, channel), []).append(int(distance))
    return SelfTest(
        material=material,
        threshold=threshold,
        expected=tuple(_expected(resize, channel, all_, threshold) for (resize, channel), all_ in distances.items()),
    )


def _expected(resize: Resize, channel: Channel, distances: list[int], threshold: int) -> Expected:
    found, count = sum(one <= threshold for one in distances), len(distances)
    low, high = wilson(found, count)
    return Expected(
        resize=resize[0], side=resize[1], channel=(channel.name or "").lower(), pictures=count, found=found,
        recall=round(found / count, 4), low=low, high=high, median_distance=sorted(distances)[count // 2],
    )  # fmt: skip


def wilson(found: int, count: int) -> tuple[float, float]:
    """The bounds of a share with 95 % confidence (Wilson's interval)."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, found / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return round(max(0.0, centre - spread), 4), round(min(1.0, centre + spread), 4)
