"""The smokescreen benchmark: how long children wait when the smoke comes, under our rules and under others.

A seeded model of arrivals, reviewers and floods. All policies work on the same items with the same observations and
the same bundles; the truth is known to the scorer alone. Every rate of a scenario names its source or says that it is
assumed, and `sensitivity` shows where another assumption gives another winner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from firstlight.errors import InputError
from firstlight.triage.simulation.engine import Course, bound_of, work
from firstlight.triage.simulation.policies import OTHERS, OURS, Ours, Policy
from firstlight.triage.simulation.report import (
    PolicyResult,
    ScenarioResult,
    Sensitivity,
    SensitivityPoint,
    SimulationReport,
    as_svg,
    as_table,
    sensitivity_table,
)
from firstlight.triage.simulation.scenario import Rate, Scenario, load_scenario, scenario_names
from firstlight.triage.simulation.world import CHILD, URGENT, World, draw
from firstlight.triage.table import PriorityTable

DEFAULT_SEEDS = (0, 1, 2, 3)

SWEEPS: tuple[tuple[str, str, tuple[float, ...]], ...] = (
    ("flood-50", "see.urgent.visible", (1.0, 0.97, 0.95, 0.9, 0.8, 0.6)),
    ("flood-50", "see.urgent.immediate", (1.0, 0.85, 0.6, 0.3)),
    ("flood-50", "flood.near_duplicates", (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)),
    ("flood-0", "see.flood.visible", (0.0, 0.01, 0.03, 0.1, 0.3)),
    ("loud-smoke", "see.flood.visible", (0.1, 0.3, 0.6, 1.0)),
    ("flood-50", "arrivals.urgent_share", (0.002, 0.01, 0.05)),
    ("flood-50", "reviewers.per_hour", (9.0, 12.0, 20.0)),
)
"""What `sensitivity` varies by default: a scenario, one of its assumed rates, and the values tried."""

Progress = Callable[[str], None]


def simulate(
    scenarios: Iterable[Scenario],
    table: PriorityTable,
    *,
    seeds: Sequence[int] = DEFAULT_SEEDS,
    progress: Progress = lambda _: None,
) -> SimulationReport:
    """Every policy in every scenario. The same arguments always give the same report.

    `progress` is called with the name of each scenario as it begins.

    Raises:
        InputError: there is no seed, or the worlds drawn hold no urgent item to wait for.
    """
    if not seeds:
        raise InputError("A simulation needs a seed.", hint="Give one or more whole numbers.")
    results = []
    for scenario in scenarios:
        progress(scenario.name)
        results.append(_scenario(scenario, table, seeds))
    return SimulationReport(
        table_version=table.version, table_sha256=table.sha256, seeds=tuple(seeds), scenarios=tuple(results)
    )


def sensitivity(
    table: PriorityTable,
    sweeps: Iterable[tuple[str, str, Sequence[float]]] = SWEEPS,
    *,
    seeds: Sequence[int] = DEFAULT_SEEDS[:2],
    progress: Progress = lambda _: None,
) -> tuple[Sensitivity, ...]:
    """The same comparison with one assumed rate varied at a time.

    Raises:
        InputError: a rate is not there, or was published and not assumed.
    """
    out = []
    for name, rate, values in sweeps:
        scenario = load_scenario(name)
        points = []
        for value in values:
            progress(f"{name}: {rate} = {value:g}")
            told = _scenario(scenario.with_rate(rate, value), table, seeds)
            ours, other = told.of(OURS), told.best_other
            best = ours if ours.urgent_p95 <= other.urgent_p95 else other
            points.append(
                SensitivityPoint(
                    value=value,
                    ours_p95=ours.urgent_p95,
                    best=best.policy,
                    best_p95=best.urgent_p95,
                    times_better_than_fifo=told.times_better_than_fifo,
                )
            )
        out.append(Sensitivity(scenario=name, rate=rate, assumed=_rate(scenario, rate).value, points=tuple(points)))
    return tuple(out)


def _rate(scenario: Scenario, path: str) -> Rate:
    part: object = scenario
    for step in path.split("."):
        part = part[step] if isinstance(part, dict) else getattr(part, step)
    if not isinstance(part, Rate):
        raise InputError(f"{path} is no rate of a scenario.")
    return part


def _scenario(scenario: Scenario, table: PriorityTable, seeds: Sequence[int]) -> ScenarioResult:
    runs: dict[str, list[tuple[World, Course]]] = {name: [] for name in (OURS, *OTHERS)}
    bounds: list[tuple[float | None, bool]] = []
    for seed in seeds:
        world = draw(scenario, table, seed)
        ours = Ours(world, table, seed)
        course = work(scenario, world, ours, seed)
        bounds.append(bound_of(scenario, ours, course, table))
        runs[OURS].append((world, course))
        for name, (_, make) in OTHERS.items():
            policy: Policy = make(world, table)
            runs[name].append((world, work(scenario, world, policy, seed)))
    hours = [bound for bound, _ in bounds]
    worlds = [world for world, _ in runs[OURS]]
    says = {OURS: "bundles that open, levels and order from the table, lanes"} | {n: s for n, (s, _) in OTHERS.items()}
    urgent = sum(int((world.kind == URGENT).sum()) for world in worlds)
    if not urgent:
        raise InputError(
            f"No urgent item was drawn for {scenario.name}.", hint="Take more days, more seeds or a larger share."
        )
    return ScenarioResult(
        scenario=scenario.name,
        says=scenario.says,
        flood=scenario.flood.hours > 0,
        items=float(np.mean([len(world) for world in worlds])),
        urgent=urgent,
        results=tuple(_policy(name, says[name], them) for name, them in runs.items()),
        bound=None if any(bound is None for bound in hours) else max(bound for bound in hours if bound is not None),
        bound_kept=all(kept for _, kept in bounds),
    )


def _policy(name: str, says: str, runs: Sequence[tuple[World, Course]]) -> PolicyResult:
    waits = np.concatenate([course.seen - world.arrival for world, course in runs])
    kind = np.concatenate([world.kind for world, _ in runs])
    urgent = waits[kind == URGENT]
    child = waits[(kind == URGENT) | (kind == CHILD)]
    return PolicyResult(
        policy=name,
        says=says,
        urgent_median=float(np.median(urgent)),
        urgent_p95=float(np.percentile(urgent, 95)),
        urgent_within_hour=float((urgent <= 1).mean()),
        child_within_hour=float((child <= 1).mean()),
        child_within_day=float((child <= 24).mean()),
        longest=float(waits.max()),
        views=float(np.mean([len(course.looked_at) for _, course in runs])),
    )


__all__ = [
    "DEFAULT_SEEDS",
    "SWEEPS",
    "Scenario",
    "Sensitivity",
    "SimulationReport",
    "as_svg",
    "as_table",
    "load_scenario",
    "scenario_names",
    "sensitivity",
    "sensitivity_table",
    "simulate",
]
