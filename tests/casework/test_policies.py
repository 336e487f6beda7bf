"""Retention policies of an operator's own, and an operator's own table of elements."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import AT_ONCE, SETTINGS, jpeg, next_items, put, report_it, take_in, upload
from firstlight.casework import filing, policies, preserve, reconcile, retention, review
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Finding
from firstlight.casework.settings import Retention
from firstlight.clock import FixedClock
from firstlight.cybertip import Client
from firstlight.errors import InputError, RefusedError
from firstlight.media import Cage

OWN = """
version = 7
[policy.example-two-years]
title = "What was reported here"
basis = "an example of another country's law"
starts = "report-finished"
years = 2
minimum = true
[policy.example-week]
title = "What was not"
basis = "house rule"
starts = "decide"
days = 7
minimum = false
"""
ELEMENTS = """
version = 3
[[category]]
id = "example"
title = "An offence of another country"
law = "Example Act, section 1"
[[category.element]]
says = "A thing that would have to be shown."
for = ["account"]
against = []
missing = "Ask for it."
"""


def test_an_operators_policies_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / policies.FILE).write_text(OWN)
    found = policies.load(tmp_path, Retention(reported="example-two-years", not_reported="example-week"))
    assert {"us-2258a", "example-two-years", "example-week"} <= set(found.table.policy)
    assert found.table.version == 7


@pytest.mark.parametrize("change", ["years = 1", "minimum = true", 'basis = "18'])
def test_what_a_statute_asks_for_cannot_be_said_otherwise(tmp_path: Path, change: str) -> None:
    shipped = (Path(retention.__file__).parents[1] / "custody" / "retention.toml").read_text()
    assert change in shipped
    other = {"years = 1": "years = 0", "minimum = true": "minimum = false", 'basis = "18': 'basis = "17'}[change]
    (tmp_path / policies.FILE).write_text(shipped.replace(change, other, 1))
    with pytest.raises(RefusedError, match="a statute asks for"):
        policies.load(tmp_path, Retention())
    (tmp_path / policies.FILE).write_text(shipped)
    assert policies.load(tmp_path, Retention()).reported == "us-2258a"
    (tmp_path / policies.FILE).write_text("policy = 3")
    with pytest.raises(InputError):
        policies.load(tmp_path, Retention())


def test_a_home_keeps_by_its_own_policies_and_words_its_worksheet_by_its_own_table(tmp_path: Path, cage: Cage) -> None:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "settings.toml").write_text(SETTINGS + '[retention]\nnot_reported = "example-week"\n')
    (folder / policies.FILE).write_text(OWN)
    (folder / policies.ELEMENTS).write_text(ELEMENTS)
    with Home.open(folder) as home:
        take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
        innocent = Conclusion.of(finding=Finding.NOT_REPORTABLE, why="A picture of a holiday.")
        (made,) = review.decide(home, 1, innocent, actor="rev-1", items=next_items(home, 1))
        (one,) = retention.overview(home).items
        assert one.ends is not None
        assert abs(one.ends - made.at - timedelta(days=7)) < timedelta(seconds=1)
        package = Path(preserve.export(home, 1, tmp_path / "out").folder)
        sheet = (package / "data/worksheet/elements.txt").read_text()
        assert "Example Act, section 1" in sheet
        assert "18 U.S.C." not in sheet


def test_a_longer_policy_reaches_what_was_reported_before_it(
    home: Home, cage: Cage, client: Client, tmp_path: Path
) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})], default=upload("u1"))
    report_it(home, 1)
    filing.file_case(home, 1, client, retries=AT_ONCE)
    (before,) = retention.overview(home).items
    (home.folder / policies.FILE).write_text(OWN)
    settings = home.folder / "settings.toml"
    settings.write_text(settings.read_text() + '\n[retention]\nreported = "example-two-years"\n')
    assert isinstance(home.clock, FixedClock)
    home.clock.advance(timedelta(days=400))
    with Home.open(home.folder, clock=home.clock) as later:
        (after,) = retention.overview(later).items
        assert before.ends is not None
        assert after.ends is not None
        assert after.ends > before.ends + timedelta(days=360)
        assert after.disposal is not None
        assert not after.disposal.allowed
        with pytest.raises(RefusedError, match="example-two-years"):
            retention.destroy(later, 1, actor="op")
        assert [one.ends for one in retention.overview(later).items] == [after.ends]
        assert reconcile.reconcile(later).adds_up
        home.clock.advance(timedelta(days=400))
        assert retention.destroy(later, 1, actor="op").item == 1
        assert reconcile.reconcile(later).adds_up
