"""One kind of exchange a file."""

from __future__ import annotations

from typing import Final

from firstlight.banks.exchange import Exchange
from firstlight.banks.exchanges.lists import FolderList, HttpsList
from firstlight.banks.exchanges.ncmec import Ncmec
from firstlight.banks.exchanges.stop_ncii import StopNcii
from firstlight.banks.exchanges.threatexchange import ThreatExchange
from firstlight.errors import InputError

_ALL: Final[tuple[Exchange, ...]] = (ThreatExchange(), Ncmec(), StopNcii(), HttpsList(), FolderList())
KINDS: Final[dict[str, Exchange]] = {kind.name: kind for kind in _ALL}
"""Exchanges by the name of their kind."""


def kind_of(name: str) -> Exchange:
    """The kind of this name.

    Raises:
        InputError: there is none.
    """
    if name not in KINDS:
        raise InputError(f"{name!r} is no kind of exchange.", hint=f"Choose one of {', '.join(KINDS)}.")
    return KINDS[name]
