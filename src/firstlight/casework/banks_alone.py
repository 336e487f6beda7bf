"""The banks of a home without the rest of it, for the many processes of a screening run: no database, no ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from firstlight.banks import Library
from firstlight.casework import settings as settings_file
from firstlight.casework import vaulting
from firstlight.clock import SystemClock
from firstlight.custody import Keyring
from firstlight.index.disk import locked
from firstlight.screen.lists import Lists

SEALER: Final = "screen"
"""The purpose of the key that seals what matched."""


@contextmanager
def open_banks(home: Path, banks: tuple[str, ...]) -> Iterator[Lists]:
    """The lists of a home that was opened as a whole before; by that it is there, private and undamaged.

    Raises:
        NotFoundError: its keys or its banks are gone since then.
        IntegrityError, StateError, StorageError: they cannot be opened.
    """
    settings = settings_file.load(home)
    keys = home / "keys"
    with locked(home / "lock"):  # as the home itself is opened
        keyring = Keyring.open(keys, provider=vaulting.provider(keys, settings.keys))
    sealer = keyring.sealer("banks") if settings.banks.sealed else None
    clock = SystemClock()
    with Library.open(home / "banks", sealer=sealer, clock=clock) as library:
        yield Lists(library, keyring.sealer(SEALER), banks, clock)
