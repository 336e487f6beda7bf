"""Where sealed originals lie: one small interface, a folder or an object store behind it (`storages`).

A storage never sees a key or an open byte. It keeps an object whole or not at all, under a name that no two objects
share, and hands back what lies there so that the vault can read and hash it after every write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Place:
    """Where one object lies: its key's id, its own, and the version that an object store gave it (empty elsewhere)."""

    key_id: str
    object_id: str
    version: str = ""

    def __str__(self) -> str:
        return self.object_id


@dataclass(frozen=True, slots=True)
class Protection:
    """What an object store enforces on one object: until when nobody can remove it, and whether a hold lies on it."""

    until: datetime | None
    hold: bool


class ObjectStorage(Protocol):
    """Keeps sealed objects. Every call raises StorageError, in words, where the place itself refuses or is away."""

    swept: int
    """What interrupted writes had left behind and was removed at the start."""

    def put(self, key_id: str, object_id: str, blocks: Iterable[bytes], check: Callable[[BinaryIO], None]) -> Place:
        """Keep one object, whole or not at all; durable once this returns.

        `check` reads what really lies there and raises if it is not what was written; nothing is left then.
        """
        ...

    def open(self, place: Place) -> BinaryIO:
        """What lies there, seekable; NotFoundError if nothing does. Any part can be read without the rest."""
        ...

    def find(self, key_id: str, object_id: str) -> Place:
        """Where the object with this name lies; NotFoundError if nothing does."""
        ...

    def remove(self, place: Place) -> datetime | None:
        """Take one object away; nothing happens if it is gone. Answers None, or until when the storage refuses to."""
        ...

    def remove_all(self, key_id: str) -> int:
        """Take away everything under this key that may go; says how many."""
        ...

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Key id and object id of everything that lies there, in order."""
        ...

    def disturbed(self) -> Iterator[tuple[str, str]]:
        """Object id and what somebody else did to it there: wrote over it, or marked it as deleted."""
        ...

    def protection(self, place: Place) -> Protection | None:
        """What is enforced on an object; None where the storage can enforce nothing."""
        ...

    def protect(self, place: Place, wanted: Protection) -> bool:
        """Lengthen the lock, never shorten it, and set or lift the hold; says whether anything was changed."""
        ...

    def first_lock(self, now: datetime) -> datetime | None:
        """Until when an object that is put now is locked; None where nothing is."""
        ...
