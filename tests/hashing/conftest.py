"""One cage that hashes, for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from firstlight.hashing import PRELOAD
from firstlight.media import Cage


@pytest.fixture(scope="session")
def cage() -> Iterator[Cage]:
    with Cage(workers=2, preload=PRELOAD) as cage:
        yield cage
