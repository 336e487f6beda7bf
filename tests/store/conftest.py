"""The store's tests run on both kinds of database: `again` opens the same tables once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from firstlight.store import Database

Again = Callable[[], Database]


@pytest.fixture(params=["sqlite", "postgresql"])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Again]:
    """Opens the tables, as one more process would."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path / "firstlight.sqlite3"
            yield lambda: _closed_by(stack, Database.at(path))
        else:
            url = request.getfixturevalue("postgresql").database()
            yield lambda: _closed_by(stack, Database.connect(url))


def _closed_by(stack: ExitStack, database: Database) -> Database:
    stack.callback(database.close)
    return database


@pytest.fixture
def database(again: Again) -> Database:
    """Empty tables."""
    return again()
