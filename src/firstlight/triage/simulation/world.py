"""One draw of a scenario: items with their hidden truth and what everybody can see of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight.triage.facts import FACTS, ContextFact
from firstlight.triage.priority import RAISING_SIGNALS, cause, score
from firstlight.triage.simulation.scenario import CLASSES, Scenario, Seen
from firstlight.triage.table import OriginSignal, PriorityTable
from firstlight.values import Level

OBSERVATIONS = tuple(Seen.model_fields)
"""In a fixed order, so that changing one rate leaves all other draws as they were."""

URGENT, CHILD, OTHER, FLOOD = range(len(CLASSES))


@dataclass(frozen=True, slots=True)
class World:
    """Items in order of arrival. `kind` is the truth and belongs to the scorer; policies see all the rest.

    `copy_of` is the row of the first picture that the item was recognised as a copy of, or -1. `ai_score` is the
    detector's, 0 to 1; `mark` is what the file says of itself: 1 machine-made, -1 camera, 0 nothing; `level` and
    `order` are those of the priority table, and `cause` numbers its row that asks for the level; `raising` tells
    whether a sign of a real child opens its bundle.
    """

    arrival: NDArray[np.float64]
    kind: NDArray[np.int8]
    copy_of: NDArray[np.int64]
    ai_score: NDArray[np.float64]
    mark: NDArray[np.int8]
    level: NDArray[np.int8]
    order: NDArray[np.float64]
    cause: NDArray[np.int64]
    raising: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.arrival)


def draw(scenario: Scenario, table: PriorityTable, seed: int) -> World:
    """One world. The same scenario, table and seed always give the same one."""
    rng = np.random.default_rng(seed)
    arrival, kind = _arrivals(scenario, rng)
    n = len(arrival)
    drawn = rng.random((len(OBSERVATIONS) + 4, n))
    rates = np.array(
        [[getattr(scenario.see[name], what).value for name in CLASSES] for what in OBSERVATIONS], dtype=np.float64
    )
    seen = {what: drawn[i] < rates[i][kind] for i, what in enumerate(OBSERVATIONS)}
    jitter, which, member, cluster = drawn[len(OBSERVATIONS) :]
    mark = np.where(seen["ai_mark"] | seen["attested"], 1, np.where(seen["camera_mark"], -1, 0)).astype(np.int8)
    level, order, cause, raising = _priorities(seen, kind == FLOOD, which, table)
    return World(
        arrival=arrival,
        kind=kind,
        copy_of=_copies(scenario, kind, raising, member, cluster),
        ai_score=np.where(seen["called_ai"], 0.5, 0.0) + jitter / 2,
        mark=mark,
        level=level,
        order=order,
        cause=cause,
        raising=raising,
    )


def _arrivals(scenario: Scenario, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    hours, stream, flood = scenario.days * 24, scenario.arrivals, scenario.flood
    n = rng.poisson(stream.per_hour.value * hours)
    ordinary = np.sort(rng.random(n) * hours)
    truth = rng.random(n)
    urgent = stream.urgent_share.value
    kind = np.where(truth < urgent, URGENT, np.where(truth < urgent + stream.child_share.value, CHILD, OTHER))
    m = rng.poisson(flood.per_hour.value * flood.hours)
    smoke = flood.from_hour + rng.random(m) * flood.hours
    arrival = np.concatenate([ordinary, smoke])
    by_time = np.argsort(arrival, kind="stable")
    return arrival[by_time], np.concatenate([kind, np.full(m, FLOOD)])[by_time].astype(np.int8)


def _copies(
    scenario: Scenario,
    kind: NDArray[np.int8],
    raising: NDArray[np.bool_],
    member: NDArray[np.float64],
    cluster: NDArray[np.float64],
) -> NDArray[np.int64]:
    """The first picture of each cluster that opens nothing leads it; what came before it stands for itself."""
    flood = scenario.flood
    copy_of = np.full(len(kind), -1, dtype=np.int64)
    rows = np.flatnonzero((kind == FLOOD) & (member < flood.near_duplicates.value))
    which = (cluster[rows] * flood.clusters).astype(np.int64)
    leader = np.full(flood.clusters, len(kind), dtype=np.int64)
    quiet = ~raising[rows]
    np.minimum.at(leader, which[quiet], rows[quiet])
    copy_of[rows] = np.where(leader[which] < rows, leader[which], -1)
    return copy_of


_SIGNALS = {
    "photo_derived": OriginSignal.PHOTO_DERIVED,
    "known_child": OriginSignal.KNOWN_CHILD,
    "hard_camera": OriginSignal.CAMERA,
}
_EXTRAS = {"new_upload": ContextFact.NEW_UPLOAD, "user_report": ContextFact.USER_REPORT}


def _priorities(
    seen: dict[str, NDArray[np.bool_]], staged: NDArray[np.bool_], which: NDArray[np.float64], table: PriorityTable
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Level, order and cause by the real table. Only distinct sets of observations are scored, not every item.

    What is stated of the flood is what an uploader could bring about, such as a faked threat; all else is drawn from
    all facts of the level.
    """
    stated = tuple(ContextFact)
    fact = np.full(len(which), -1, dtype=np.int64)
    for immediate, level in ((True, Level.IMMEDIATE), (False, Level.HIGH)):
        for flood in (True, False):
            choices = np.array(_facts(table, level, staged=flood), dtype=np.int64)
            rows = np.flatnonzero(seen["visible"] & (seen["immediate"] == immediate) & (staged == flood))
            if len(choices):
                fact[rows] = choices[(which[rows] * len(choices)).astype(np.int64)]
    stamped = seen["ai_mark"] | seen["attested"]
    columns = [fact, stamped, *(seen[what] for what in (*_EXTRAS, *_SIGNALS))]
    distinct, inverse = np.unique(np.stack([c.astype(np.int64) for c in columns]), axis=1, return_inverse=True)
    scored = [_scored(column.tolist(), stated, table) for column in distinct.T]
    levels = np.array([rank for rank, _, _, _ in scored], dtype=np.int8)
    order = np.array([order for _, order, _, _ in scored], dtype=np.float64)
    causes = {name: number for number, name in enumerate(sorted({name for _, _, name, _ in scored}))}
    asking = np.array([causes[name] for _, _, name, _ in scored], dtype=np.int64)
    raising = np.array([opens for _, _, _, opens in scored], dtype=np.bool_)
    return levels[inverse], order[inverse], asking[inverse], raising[inverse]


def _facts(table: PriorityTable, level: Level, *, staged: bool) -> list[int]:
    """The numbers of the facts of this level, or of those among them that can be staged."""
    return [
        number
        for number, fact in enumerate(ContextFact)
        if table.facts[fact].level is level and (FACTS[fact].uploader_could_cause or not staged)
    ]


def _scored(column: list[int], stated: tuple[ContextFact, ...], table: PriorityTable) -> tuple[int, float, str, bool]:
    fact, stamped, *rest = column
    extras, signs = rest[: len(_EXTRAS)], rest[len(_EXTRAS) :]
    facts = {extra for extra, there in zip(_EXTRAS.values(), extras, strict=True) if there}
    if fact >= 0:
        facts.add(stated[fact])
    signals = {signal for signal, there in zip(_SIGNALS.values(), signs, strict=True) if there}
    if OriginSignal.CAMERA in signals and stamped:
        signals.add(OriginSignal.CONFLICT)
    level, order = score(table, facts, signals)
    return level.rank, order, cause(table, facts, signals), bool(signals & RAISING_SIGNALS)
