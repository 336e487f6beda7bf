"""Reviewers at work: the same items, the same speeds, one policy after another."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from firstlight.triage.simulation.policies import Ours, Policy
from firstlight.triage.simulation.scenario import Scenario
from firstlight.triage.simulation.world import World
from firstlight.triage.table import PriorityTable
from firstlight.triage.turns import longest_wait


@dataclass(frozen=True, slots=True)
class Course:
    """What happened: for each item the hour its review began (its bundle's, or its own arrival if that was decided),
    the items looked at in their order, and the hours that reviewers were busy."""

    seen: NDArray[np.float64]
    looked_at: tuple[int, ...]
    busy_hours: float


def work(scenario: Scenario, world: World, policy: Policy, seed: int) -> Course:
    """Let the reviewers work until nothing waits. Reviews that have begun are never broken off."""
    rng = Random(seed)  # noqa: S311 - a model, no secret
    arrival, copy_of, opens = world.arrival.tolist(), world.copy_of.tolist(), world.raising.tolist()
    free = [0.0] * scenario.reviewers.count
    seen = np.full(len(world), np.nan)
    decided: set[int] = set()
    joined: list[int] = []
    looked: list[int] = []
    arrived, busy = 0, 0.0
    while arrived < len(arrival) or len(policy):
        now = heapq.heappop(free)
        if not len(policy) and arrived < len(arrival):
            now = max(now, arrival[arrived])
        while arrived < len(arrival) and arrival[arrived] <= now:
            leader = copy_of[arrived]
            # A sign of a real child opens the bundle for every policy: the comparison is of orders, not of bundles.
            if leader >= 0 and not opens[arrived] and policy.join(arrived, leader, decided=leader in decided):
                joined.append(arrived)
            else:
                policy.add(arrived)
            arrived += 1
        if not len(policy):  # all that came were copies
            heapq.heappush(free, now)
            continue
        row = policy.take()
        seen[row] = now
        decided.add(row)
        looked.append(row)
        spent = rng.expovariate(scenario.reviewers.per_hour.value)
        busy += spent
        heapq.heappush(free, now + spent)
    rows = np.array(joined, dtype=np.int64)
    seen[rows] = np.maximum(world.arrival[rows], seen[world.copy_of[rows]])
    return Course(seen, tuple(looked), busy)


def bound_of(scenario: Scenario, ours: Ours, course: Course, table: PriorityTable) -> tuple[float | None, bool]:
    """The printed bound on the longest wait, in hours, and whether every single item kept its own bound in turns."""
    speed = scenario.reviewers.count * scenario.reviewers.per_hour.value
    span = course.busy_hours / scenario.reviewers.count
    immediate = ours.immediate / span if span else 0.0
    bound = longest_wait(ours.peak, table.lanes, reviews_per_hour=speed, immediate_per_hour=immediate)
    kept = all(turns <= longest_wait(older, table.lanes, reviews_per_hour=speed).turns for older, turns in ours.spent)
    return bound.hours, kept
