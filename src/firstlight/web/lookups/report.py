"""What a look-up process tells of its work, in packets: look-ups for the audit, requests for the figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from firstlight.web.audit import Asked, Audit, Tally
from firstlight.web.lookups.wire import REPORT
from firstlight.web.measures import Meter, Took

ACTORS_A_PACKET, HITS_A_PACKET = 100, 50
"""Names of callers, banks and entries have up to 200 characters, and a packet 64 KiB for certain."""


def packets(tally: Tally, meter: Meter, closed: int) -> Iterator[bytes]:
    """Everything that was gathered, taken from where it was; `closed` is how many connections ended."""
    asked, total, found = tally.take(), tally.total, tally.found
    tally.total = tally.found = 0
    requests = [
        [method, route, status, took.buckets, took.seconds]
        for (method, route, status) in meter.answered
        if (took := meter.took.get(route)) is not None
    ]
    meter.answered.clear()
    meter.took.clear()
    if total or requests or closed:
        yield _packet({"total": total, "found": found, "requests": requests, "closed": closed})
    for actors in _batched(asked, ACTORS_A_PACKET):
        yield _packet({"counts": {actor: asked[actor].counts for actor in actors}})
    for actor, one in asked.items():
        for at in range(0, len(one.hits), HITS_A_PACKET):
            yield _packet({"hits": {actor: one.hits[at : at + HITS_A_PACKET]}})


def join(packet: bytes, audit: Audit, meter: Meter) -> int:
    """Add what a packet says; answers how many connections ended."""
    said: dict[str, Any] = json.loads(packet[len(REPORT) :])
    asked = {actor: Asked(Counter(counts)) for actor, counts in said.get("counts", {}).items()}
    for actor, hits in said.get("hits", {}).items():
        asked.setdefault(actor, Asked()).hits += [(bank, entry) for bank, entry in hits]
    audit.join(asked, said.get("total", 0), said.get("found", 0))
    for method, route, status, buckets, seconds in said.get("requests", ()):
        meter.join(method, route, status, Took(buckets, seconds))
    return int(said.get("closed", 0))


def _batched(actors: Iterable[str], size: int) -> Iterator[list[str]]:
    """So many at a time."""
    left = iter(actors)
    while some := list(islice(left, size)):
        yield some


def _packet(said: dict[str, Any]) -> bytes:
    return REPORT + json.dumps(said, separators=(",", ":")).encode()


__all__ = ["join", "packets"]
