"""Pictures that were let out by address: kept in memory for a while, under names that nobody guesses."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

LASTS: Final = 3600.0
"""Seconds; OpenAI's own addresses are good for an hour."""

ROOM: Final = 512 * 2**20
"""Bytes of memory; the oldest picture goes first."""


class Shelf:
    """Thread-safe."""

    def __init__(self, *, room: int = ROOM, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._room = room
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, bytes, str]] = OrderedDict()
        self._used = 0

    def put(self, data: bytes, media_type: str) -> str:
        """Keep a picture; answers its name."""
        name = secrets.token_urlsafe(24)
        with self._lock:
            self._kept[name] = (self._monotonic() + LASTS, data, media_type)
            self._used += len(data)
            while self._used > self._room or (self._kept and self._oldest_is_over()):
                _, (_, old, _) = self._kept.popitem(last=False)
                self._used -= len(old)
        return name

    def get(self, name: str) -> tuple[bytes, str] | None:
        """The picture of this name and its kind, while it is there."""
        with self._lock:
            found = self._kept.get(name)
        return (found[1], found[2]) if found and found[0] > self._monotonic() else None

    def _oldest_is_over(self) -> bool:
        return next(iter(self._kept.values()))[0] <= self._monotonic()
