"""What the tests of the gate share: one cage for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight.banks import Library
from firstlight.clock import FixedClock
from firstlight.gate.pictures import GATE_PRELOAD
from firstlight.index import warm_up
from firstlight.media import Cage


@pytest.fixture(scope="session")
def cage() -> Iterator[Cage]:
    """Caged workers for the whole session, in a process whose kernels are loaded, as those of an open gate are."""
    warm_up()
    with Cage(workers=1, preload=GATE_PRELOAD) as cage:
        yield cage


@pytest.fixture
def library(tmp_path: Path, clock: FixedClock) -> Iterator[Library]:
    """An empty library of banks."""
    with Library.create(tmp_path / "banks", sealer=None, clock=clock) as library:
        yield library
