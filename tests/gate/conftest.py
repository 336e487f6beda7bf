"""What the tests of the gate share: one cage for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight.banks import Library
from firstlight.clock import FixedClock
from firstlight.gate.checks import BanksCheck
from firstlight.gate.pictures import GATE_PRELOAD
from firstlight.media import Cage


@pytest.fixture(scope="session")
def cage() -> Iterator[Cage]:
    """Caged workers for the whole session."""
    with Cage(workers=1, preload=GATE_PRELOAD) as cage:
        yield cage


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Banks are matched without a warm-up here, and a machine that does much else may load kernels for seconds."""
    monkeypatch.setattr(BanksCheck, "budget", 60.0)


@pytest.fixture
def library(tmp_path: Path, clock: FixedClock) -> Iterator[Library]:
    """An empty library of banks."""
    with Library.create(tmp_path / "banks", sealer=None, clock=clock) as library:
        yield library
