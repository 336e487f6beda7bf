"""Scenario files: every rate with its source, and what cannot be a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.errors import InputError, NotFoundError, StorageError
from firstlight.triage.simulate import load_scenario, scenario_names
from firstlight.triage.simulation.scenario import CLASSES, Rate


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_loads_and_every_rate_says_where_it_comes_from(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    rates = [getattr(scenario.see[kind], what) for kind in CLASSES for what in type(scenario.see[kind]).model_fields]
    rates += [scenario.reviewers.per_hour, scenario.arrivals.per_hour, scenario.flood.near_duplicates]
    for rate in rates:
        assert isinstance(rate, Rate)
        assert rate.source.startswith(("assumed", "published: ")), rate


def test_a_file_may_say_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text('base = "flood-90"\nname = "ours"\n', encoding="utf-8")
    with pytest.raises(InputError, match="has no base itself"):
        load_scenario(path)
    path.write_text('base = "ordinary-month"\nname = "ours"\ndays = 1\n', encoding="utf-8")
    scenario = load_scenario(path)
    assert (scenario.name, scenario.days, scenario.reviewers.count) == ("ours", 1, 6)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("days = ", "is no TOML"),
        ("days = 1\n", "cannot be used"),
        ('base = "ordinary-month"\nspeed = 1\n', "speed"),
        ('base = "ordinary-month"\n[see.urgent]\nvisible = { value = 1.1, source = "assumed" }\n', "visible is a prob"),
        (
            'base = "ordinary-month"\n[see.urgent]\nvisible = { value = 0.5, source = "" }\n',
            "see.urgent.visible.source",
        ),
        ('base = "ordinary-month"\n[see.crowd]\n', "see.crowd"),
        ('base = "ordinary-month"\n[arrivals]\nchild_share = { value = 1, source = "assumed" }\n', "shares cannot be"),
        ('base = "ordinary-month"\n[flood]\nnear_duplicates = { value = 2, source = "assumed" }\n', "near_duplicates"),
        ('base = "ordinary-month"\n[arrivals]\nper_hour = { value = 9e5, source = "assumed" }\n', "more than 2000000"),
    ],
)
def test_what_cannot_be_a_scenario_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=why):
        load_scenario(path)


def test_a_name_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(NotFoundError, match="no scenario 'storm'") as e:
        load_scenario("storm")
    assert "flood-90" in e.value.diagnostics().hint


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        load_scenario(tmp_path / "none.toml")


def test_only_what_is_assumed_may_be_varied() -> None:
    scenario = load_scenario("flood-50")
    assert scenario.with_rate("see.urgent.visible", 0.5).see["urgent"].visible.value == 0.5
    with pytest.raises(InputError, match="was published"):
        scenario.with_rate("see.flood.called_ai", 0.5)
    for path in ("see.urgent.nothing", "flood.hours", "see", "name.value"):
        with pytest.raises(InputError, match="is no rate"):
            scenario.with_rate(path, 0.5)
