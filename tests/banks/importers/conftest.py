"""A library with one bank, and made-up hashes, for the tests of all importers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firstlight.banks import Library
from firstlight.clock import FixedClock
from firstlight.values import BankPurpose


@pytest.fixture
def library(tmp_path: Path, clock: FixedClock) -> Iterator[Library]:
    """A plain library with the bank `roots`."""
    with Library.create(tmp_path / "library", sealer=None, clock=clock) as made:
        made.create_bank("roots", BankPurpose.KNOWN)
        yield made


@pytest.fixture
def digest() -> Callable[[str, str], str]:
    """The digest of a vegetable's name, by kind."""
    return lambda kind, name: hashlib.new(kind, name.encode(), usedforsecurity=False).hexdigest()
