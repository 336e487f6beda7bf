"""One cage for the tests of this room: starting one costs a fresh interpreter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from firstlight.media import Cage


@pytest.fixture(scope="session")
def cage() -> Iterator[Cage]:
    with Cage(workers=2, preload=("media.caged_tasks", "firstlight.media.pictures")) as cage:
        yield cage
