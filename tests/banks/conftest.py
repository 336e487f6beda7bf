"""A library, plain and sealed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from banks.samples import TestSealer
from firstlight.banks import Library, Sealer
from firstlight.clock import FixedClock


@pytest.fixture(params=["plain", "sealed"])
def sealer(request: pytest.FixtureRequest) -> Sealer | None:
    return TestSealer() if request.param == "sealed" else None


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """Stands for the memory-backed folder."""
    folder = tmp_path / "memory"
    folder.mkdir()
    return folder


@pytest.fixture
def library(tmp_path: Path, sealer: Sealer | None, clock: FixedClock, memory: Path) -> Iterator[Library]:
    with Library.create(tmp_path / "library", sealer=sealer, clock=clock, memory=memory) as made:
        yield made
