"""Ray: two nodes, one of them killed in the middle. It costs about half a minute, most of which is Ray starting up."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firstlight.errors import MissingExtraError, UpstreamError
from firstlight.screen import cluster
from firstlight.screen.launch import Done
from firstlight.screen.plan import read_plan
from firstlight.screen.report import tallies
from firstlight.screen.results import finished
from firstlight.screen.shard import Settings, Tally
from firstlight.screen.shards import Kind, Shard
from screen.making import picture, tar_of


def test_a_node_that_is_killed_costs_no_shard_and_repeats_none(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "set").mkdir()
    for number in range(8):
        tar_of([(f"{number}-{n}.jpg", picture(3 + n)) for n in range(4)], tmp_path / "set" / f"{number}.tar")
    script = Path(__file__).with_name("on_two_nodes.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(tmp_path / "set"), str(tmp_path / "out")],
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told["answers"]) == len(set(told["answers"])) == 8
    assert (told["report"]["screened"], told["report"]["left"], told["report"]["trouble"]) == (8, 0, [])
    assert finished(tmp_path / "out" / "shards") == {one.ident for one in read_plan(tmp_path / "out")}
    assert sum(one.members for one in tallies(tmp_path / "out")) == 32
    assert not list((tmp_path / "out" / "shards").glob("*.screened.*"))


def test_a_process_opens_lists_and_cage_once_for_all_shards_of_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each task gets a copy of the settings that is equal to no other, as ways to open lists are."""

    class Answers:
        def screen_shard(self, shard: Shard) -> Tally:
            return Tally(ident=shard.ident, place=shard.place, name=shard.name)

    made: list[Settings] = []

    def opened(settings: Settings) -> Answers:
        made.append(settings)
        return Answers()

    monkeypatch.setattr(cluster, "opened", opened)
    monkeypatch.setattr(cluster, "_SCREENERS", {})
    way: Any = partial(nullcontext, None)
    kept = pickle.dumps(Settings(tmp_path, way))
    assert pickle.loads(kept) != pickle.loads(kept)
    for run in ("first", "first", "second", "first"):
        answer = cluster.screen_in_task(run, pickle.loads(kept), Shard(Kind.TAR, "a.tar", 1, ""))
        assert isinstance(answer, Tally)
    assert len(made) == 2


def test_without_ray_the_words_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match="needs the library ray") as caught:
        list(cluster.RayCluster()(Settings(tmp_path), []))
    assert "firstlight[screen-ray]" in caught.value.diagnostics().hint


def test_it_joins_the_cluster_that_is_named_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    ray = SimpleNamespace(init=lambda **how: asked.append(how["address"]))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    cluster._connect(ray)
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    cluster._connect(ray)
    assert asked == ["local", "head:6379"]


@pytest.mark.parametrize("address", ["", "head:6379"])
def test_no_way_to_a_cluster_is_said_in_words(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def init(**_how: object) -> None:
        raise Exception("The node timed out.")  # noqa: TRY002 - as Ray does

    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UpstreamError, match=r"timed out\.$") as caught:
        cluster._connect(SimpleNamespace(init=init))
    assert ("head:6379" in caught.value.diagnostics().message) == bool(address)


def test_a_cluster_that_ends_is_said_in_words() -> None:
    shard = Shard(Kind.TAR, "a.tar", 1, "")
    ours, theirs = multiprocessing.Pipe()
    served = cluster._served(ours, iter([shard]))
    theirs.send(cluster._MORE)
    theirs.send(Done(shard))
    assert next(served) == Done(shard)
    assert theirs.recv() == shard
    theirs.close()
    with pytest.raises(UpstreamError, match="The Ray cluster ended"):
        next(served)


def test_what_the_driver_says_is_raised_here() -> None:
    ours, theirs = multiprocessing.Pipe()
    theirs.send(UpstreamError("There is no way."))
    with pytest.raises(UpstreamError, match="There is no way"):
        next(cluster._served(ours, iter(())))
