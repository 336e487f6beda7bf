"""The smokescreen benchmark keeps its promises: the goals, the invariants, and its honesty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from firstlight.errors import InputError
from firstlight.triage import PriorityTable
from firstlight.triage.simulate import (
    SimulationReport,
    as_svg,
    as_table,
    load_scenario,
    scenario_names,
    sensitivity,
    sensitivity_table,
    simulate,
)
from firstlight.triage.simulation.engine import Course, work
from firstlight.triage.simulation.policies import OTHERS, OURS, Ours
from firstlight.triage.simulation.scenario import Scenario
from firstlight.triage.simulation.world import URGENT, World, draw

TABLE = PriorityTable.load()


def small(name: str = "flood-50", days: float = 1.5, hours: float = 3.0) -> Scenario:
    """A day and a half with a short flood: enough for the invariants."""
    scenario = load_scenario(name)
    flood = scenario.flood.model_copy(update={"from_hour": 4.0, "hours": hours})
    return scenario.model_copy(update={"days": days, "flood": flood})


def ours(scenario: Scenario, world: World, seed: int = 0) -> Course:
    return work(scenario, world, Ours(world, TABLE, seed), seed)


@pytest.fixture(scope="module")
def report() -> SimulationReport:
    floods = [small(name, days=4, hours=6) for name in scenario_names() if name != "ordinary-month"]
    return simulate(floods, TABLE, seeds=(0,))


@pytest.mark.parametrize("name", [name for name in scenario_names() if name != "ordinary-month"])
def test_urgent_items_wait_no_longer_than_under_the_best_other_policy(report: SimulationReport, name: str) -> None:
    told = next(s for s in report.scenarios if s.scenario == name)
    assert told.of(OURS).urgent_p95 <= told.best_other.urgent_p95
    assert told.times_better_than_fifo >= 20
    assert told.bound is not None
    assert told.of(OURS).longest <= told.bound
    assert told.bound_kept


def test_without_a_flood_urgent_items_come_sooner_than_first_come_first_served() -> None:
    scenario = load_scenario("ordinary-month").model_copy(update={"days": 7})
    (told,) = simulate([scenario], TABLE, seeds=(0,)).scenarios
    assert told.of(OURS).urgent_p95 < told.of("fifo").urgent_p95 / 2
    assert told.bound_kept


@pytest.mark.parametrize("kind", ["urgent", "child", "flood"])
def test_forged_stamps_change_nothing_at_all(kind: str) -> None:
    scenario = small()
    clean = draw(scenario.with_rate(f"see.{kind}.ai_mark", 0.0), TABLE, 3)
    forged = draw(scenario.with_rate(f"see.{kind}.ai_mark", 1.0), TABLE, 3)
    assert not np.array_equal(clean.mark, forged.mark)
    assert ours(scenario, clean).looked_at == ours(scenario, forged).looked_at


def test_an_attestation_moves_nothing_without_a_person() -> None:
    scenario = small()
    world = draw(scenario, TABLE, 3)
    attested = draw(scenario.with_rate("see.flood.attested", 1.0), TABLE, 3)
    assert ours(scenario, world).looked_at == ours(scenario, attested).looked_at


@pytest.mark.parametrize("policy", [OURS, *OTHERS])
def test_nobody_is_lost_and_nobody_is_seen_before_they_came(policy: str) -> None:
    scenario = small("flood-90")
    world = draw(scenario, TABLE, 1)
    queue = Ours(world, TABLE, 1) if policy == OURS else OTHERS[policy][1](world, TABLE)
    course = work(scenario, world, queue, 1)
    assert (course.seen >= world.arrival).all()
    assert len(set(course.looked_at)) == len(course.looked_at)
    assert set(np.flatnonzero(world.copy_of < 0)) <= set(course.looked_at)
    assert set(np.flatnonzero(world.raising)) <= set(course.looked_at)


@pytest.mark.parametrize("policy", [OURS, *OTHERS])
def test_no_policy_sees_the_truth(policy: str) -> None:
    scenario = small()
    world = draw(scenario, TABLE, 2)
    liar = replace(world, kind=np.roll(world.kind, 7))
    courses = []
    for each in (world, liar):
        queue = Ours(each, TABLE, 2) if policy == OURS else OTHERS[policy][1](each, TABLE)
        courses.append(work(scenario, each, queue, 2).looked_at)
    assert courses[0] == courses[1]


def test_a_copy_with_a_new_fact_brings_its_bundle_forward_or_opens_it() -> None:
    n = 4
    world = World(
        arrival=np.array([0.0, 0.01, 0.02, 5.0]),
        kind=np.full(n, URGENT, dtype=np.int8),
        copy_of=np.array([-1, -1, 1, 1]),
        ai_score=np.zeros(n),
        mark=np.zeros(n, dtype=np.int8),
        level=np.array([2, 2, 1, 0], dtype=np.int8),
        order=np.array([10.0, 10.0, 30.0, 80.0]),
        cause=np.array([0, 0, 1, 2]),
        raising=np.zeros(n, dtype=np.bool_),
    )
    queue = Ours(world, TABLE, 0)
    queue.add(0)
    queue.add(1)
    assert queue.join(2, 1, decided=False)
    assert [queue.take(), queue.take()] == [1, 0]
    assert not queue.join(3, 1, decided=True), "what was decided at high is opened by an immediate fact"
    assert queue.join(3, 1, decided=True), "the same again opens nothing"


def test_a_report_is_the_same_each_time_and_comes_back_from_its_json() -> None:
    one = simulate([small()], TABLE, seeds=(5,))
    assert one == simulate([small()], TABLE, seeds=(5,))
    assert SimulationReport.from_json(one.to_json()) == one


def test_the_table_and_the_picture_tell_of_every_scenario_and_policy(report: SimulationReport) -> None:
    text, svg = as_table(report), as_svg(report)
    assert text.startswith("A model, not a measurement")
    root = ET.fromstring(svg)
    written = " ".join(root.itertext())
    for told in report.scenarios:
        assert f"### {told.scenario}" in text
        assert told.scenario in written
    for policy in (OURS, *OTHERS):
        assert f"| {policy} |" in text
        assert policy in written
    assert "<script" not in svg
    assert "href" not in svg


def test_sensitivity_names_where_ours_stops_being_best() -> None:
    (told,) = sensitivity(TABLE, [("flood-50", "see.urgent.visible", (1.0, 0.5))], seeds=(0,))
    assert [point.value for point in told.points] == [1.0, 0.5]
    assert told.points[0].best == OURS
    assert told.points[1].times_better_than_fifo < 20
    assert "less than 20 times better than fifo at 0.5" in told.says
    assert told.says in sensitivity_table([told])


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(InputError, match="needs a seed"):
        simulate([small()], TABLE, seeds=())
    nobody = small().with_rate("arrivals.urgent_share", 0.0)
    with pytest.raises(InputError, match="No urgent item"):
        simulate([nobody], TABLE, seeds=(0,))


def test_the_figures_in_the_documents_are_those_of_the_shipped_table() -> None:
    """Whoever changes the table runs the simulation again."""
    page = (Path(__file__).parents[3] / "docs" / "triage.md").read_text()
    assert f"SHA-256 begins with `{PriorityTable.load().sha256[:16]}`" in page
