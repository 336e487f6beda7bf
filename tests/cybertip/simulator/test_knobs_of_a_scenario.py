"""A scenario sets the service that plays it, so that a client can be tried on what takes a day elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cybertip.small_case import HAPPENED
from firstlight.clock import FixedClock
from firstlight.cybertip import DEMO_CREDENTIALS, SCHEMA_2026, Client, Code, Draft, Knobs, Scenario, Simulator
from firstlight.cybertip.simulator.knobs import StatusPolicy
from firstlight.errors import InputError

SCRIPT = b"""{"kind": "cybertip-scenario", "knobs": {"expires_after_opening": 60, "expires_after_change": 30,
 "status_policy": "always-200"}, "faults": [{"kind": "slow", "seconds": 0}]}"""


def test_a_scenario_carries_knobs_and_faults() -> None:
    script = Scenario.from_json(SCRIPT)
    assert script.knobs.status_policy is StatusPolicy.ALWAYS_200
    assert Scenario.from_json(b'{"kind": "cybertip-scenario"}').knobs == Knobs()
    assert len(script.faults) == 1


def test_a_schema_is_chosen_by_its_name() -> None:
    script = Scenario.from_json(b'{"kind": "cybertip-scenario", "knobs": {"schema_in_force": "2026"}}')
    assert script.knobs.schema_in_force == SCHEMA_2026
    assert Scenario.from_json(script.to_json()) == script
    with pytest.raises(InputError, match="there is no schema '2027'; there are 2025-11, 2026"):
        Scenario.from_json(b'{"kind": "cybertip-scenario", "knobs": {"schema_in_force": "2027"}}')


def test_an_open_report_expires_after_what_the_scenario_says(draft: Draft) -> None:
    clock = FixedClock(HAPPENED + timedelta(days=2))
    with (
        Simulator.of(clock, knobs=Scenario.from_json(SCRIPT).knobs) as simulator,
        Client(simulator.destination, DEMO_CREDENTIALS) as client,
    ):
        number = client.submit(draft.report).report_id
        assert number is not None
        clock.advance(timedelta(seconds=59))
        kept = client.submit(draft.report).report_id
        assert kept is not None
        clock.advance(timedelta(seconds=1))
        assert client.finish(number).code == Code.NO_SUCH_REPORT
        assert client.finish(kept).succeeded
