"""What the tests of casework share: one cage for all, a home of one's own, a simulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
