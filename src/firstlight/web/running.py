"""Where the service of a home answers at the moment, for commands that print its address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from firstlight.casework.home import Home
from firstlight.custody.files import Disk, write_whole
from firstlight.errors import StorageError
from firstlight.index.disk import locked
from firstlight.logs import get_logger
from firstlight.web.service import address_of

FILE = "service.address"
_log = get_logger("web")


@contextmanager
def announced(home: Home, address: str) -> Iterator[None]:
    """While the block runs, `current` answers this address, in every process. Of several services the last one begun
    counts. A disk that refuses keeps no service from its work."""
    path = home.folder / FILE
    try:
        write_whole(Disk(), path, [address.encode()], replace=True)
    except StorageError as e:
        _log.warning("service.address-not-kept", error=e)
        yield
        return
    with locked(path, shared=True):  # it goes with this process, however that ends
        yield


def current(home: Home) -> str:
    """The address at which the service of this home answers; where none runs, the one that its settings name."""
    path = home.folder / FILE
    if path.exists():
        with locked(path, wait=False) as nobody_runs:
            if not nobody_runs:
                return Disk().read(path).decode()
    return address_of(home.settings.service)


__all__ = ["announced", "current"]
