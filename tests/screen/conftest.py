"""A cage that screens, and a library with one bank of a drawn picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight.banks import Library, NewEntry
from firstlight.clock import FixedClock
from firstlight.hashing import hash_file
from firstlight.media import Cage
from firstlight.screen.bundles import SCREEN_PRELOAD
from firstlight.values import BankPurpose
from screen.making import picture


@pytest.fixture(scope="session")
def cage() -> Iterator[Cage]:
    with Cage(workers=1, preload=SCREEN_PRELOAD) as made:
        yield made


@pytest.fixture
def library(tmp_path: Path, clock: FixedClock, cage: Cage) -> Iterator[Library]:
    """The bank `known` holds picture 3, with all of its hashes; `tinned` is empty."""
    with Library.create(tmp_path / "library", sealer=None, clock=clock) as made:
        made.create_bank("known", BankPurpose.KNOWN, owner="the tests")
        made.create_bank("tinned", BankPurpose.KNOWN)
        file = tmp_path / "listed.jpg"
        file.write_bytes(picture(3))
        listed = hash_file(cage, file)
        made.add(
            "known",
            [
                NewEntry(
                    key="three", md5=listed.md5, sha1=listed.sha1, sha256=listed.sha256, pdq=listed.pdq,
                    quality=listed.pdq_quality, categories=("carrot",),
                )
            ],
        )  # fmt: skip
        yield made
