"""What the tests of casework share: one cage for all, a home of one's own, a simulator."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from casework import making
from casework.making import new_home
from firstlight.casework.examine import PRELOAD
from firstlight.casework.home import Home
from firstlight.cybertip import DEMO_CREDENTIALS, Client, Simulator
from firstlight.media import Cage


@pytest.fixture(scope="session")
def cage() -> Iterator[Cage]:
    """Caged workers for the whole session; starting them costs more than most tests."""
    with Cage(workers=1, preload=PRELOAD) as cage:
        yield cage


ON_BOTH = {
    "test_backup", "test_filing", "test_holds", "test_intake", "test_jobs", "test_ledger", "test_linking",
    "test_lowering", "test_many", "test_reconcile", "test_retention", "test_review", "test_routing", "test_whole_path",
}  # fmt: skip
"""What runs on both kinds of database; `pytest --postgresql tests/casework` runs everything on the server."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the whole room run on a server."""
    parser.addoption("--postgresql", action="store_true", help="keep the tables of every home in PostgreSQL")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Some modules run twice."""
    kinds = ["sqlite", "postgresql"] if metafunc.module.__name__.split(".")[-1] in ON_BOTH else ["sqlite"]
    if metafunc.config.getoption("--postgresql", default=False):
        kinds = ["postgresql"]
    if kinds != ["sqlite"] and "tables_in" in metafunc.fixturenames:
        metafunc.parametrize("tables_in", kinds, indirect=True)


@pytest.fixture(autouse=True)
def tables_in(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the tables of new homes lie."""
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        yield kind
        return
    making.TABLES_IN.append(request.getfixturevalue("postgresql").database)
    yield kind
    making.TABLES_IN.pop()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty home."""
    with new_home(tmp_path / "home") as home:
        yield home


@pytest.fixture
def simulator(home: Home) -> Iterator[Simulator]:
    """The reporting service on loopback."""
    with Simulator.of(home.clock) as service:
        yield service


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    """A client of the simulator."""
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        yield client


Killable = Callable[..., int | None]
"""Calls a function in a process of its own and answers how that ended."""


@pytest.fixture(scope="module")
def killable() -> Iterator[Killable]:
    """The process that the killed ones are forked from has loaded what they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["casework.killed_acts"])

    def run(work: Callable[..., None], *arguments: Any) -> int | None:
        process = context.Process(target=work, args=arguments)
        process.start()
        process.join()
        return process.exitcode

    with pytest.MonkeyPatch.context() as patch:  # it finds the modules by its environment
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        yield run
