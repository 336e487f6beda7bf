"""Sealed originals in a folder: `objects/<key id>/<object id>`, private, each file written once and never replaced."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from firstlight.custody.files import Disk, locked, require_private, storage_error
from firstlight.custody.storage import Place, Protection
from firstlight.errors import NotFoundError, StorageError

RESERVE = 64 * 1024 * 1024
"""Bytes that stay free on the disk: a full one must stop the intake of files before it stops the writing of records."""

_OBJECTS = "objects"
_INCOMING = "incoming"


class FolderStorage:
    """A folder of sealed objects. Opening it removes what an interrupted write has left behind."""

    def __init__(self, folder: Path, *, disk: Disk | None = None, reserve: int = RESERVE) -> None:
        """Open the folder; made if it is not there. `reserve` is room that `put` leaves on the disk.

        Raises:
            StorageError: the folder cannot be used, or others could read or replace it.
        """
        self._disk = disk or Disk()
        self._reserve = reserve
        self._objects = folder / _OBJECTS
        self._incoming = folder / _INCOMING
        self._disk.make_folder(folder)
        for part in (folder, self._objects, self._incoming):
            self._disk.make_folder(part)
            require_private(part)
        self.swept = sweep(self._incoming, self._disk)

    def put(self, key_id: str, object_id: str, blocks: Iterable[bytes], check: Callable[[BinaryIO], None]) -> Place:
        """Temporary file, fsync, read back, link without replacing, fsync of the folder."""
        require_room(self._disk, self._incoming, self._reserve)
        home = self._objects / key_id
        linked = False
        with incoming(self._disk, self._incoming / object_id) as (fd, temp):
            try:
                for block in blocks:
                    self._disk.write(fd, temp, block)
                self._disk.sync(fd, temp)
                _drop_cache(fd)
                check(opened(temp))
                self._disk.make_folder(home)
                self._disk.sync_folder(self._objects)
                self._disk.link(temp, home / object_id)
                linked = True
                self._disk.sync_folder(home)
            except BaseException:
                if linked:
                    with contextlib.suppress(OSError):
                        (home / object_id).unlink(missing_ok=True)
                raise
        return Place(key_id, object_id)

    def open(self, place: Place) -> BinaryIO:
        """The object's file."""
        return opened(self._path(place))

    def find(self, key_id: str, object_id: str) -> Place:
        """The file's place."""
        place = Place(key_id, object_id)
        if not self._path(place).exists():
            raise gone(object_id)
        return place

    def remove(self, place: Place) -> datetime | None:
        """Unlink the file, durably."""
        path = self._path(place)
        self._disk.unlink(path)
        if path.parent.is_dir():
            self._disk.sync_folder(path.parent)
        return None

    def remove_all(self, key_id: str) -> int:
        """Unlink every file under this key, and their folder."""
        home = self._objects / key_id
        removed = 0
        for path in sorted(home.iterdir()) if home.is_dir() else ():
            self._disk.unlink(path)
            removed += 1
        if home.is_dir():
            self._disk.remove_folder(home)
            self._disk.sync_folder(self._objects)
        return removed

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Key id and object id of every file."""
        for home in sorted(self._objects.iterdir()):
            for path in sorted(home.iterdir()):
                yield home.name, path.name

    def disturbed(self) -> Iterator[tuple[str, str]]:
        """Nothing: what was done to a file shows when it is read."""
        return iter(())

    def protection(self, place: Place) -> Protection | None:  # noqa: ARG002 - the interface's
        """None: a folder enforces nothing."""
        return None

    def protect(self, place: Place, wanted: Protection) -> bool:  # noqa: ARG002 - the interface's
        """False: a folder enforces nothing."""
        return False

    def first_lock(self, now: datetime) -> datetime | None:  # noqa: ARG002 - the interface's
        """None: a folder enforces nothing."""
        return None

    def _path(self, place: Place) -> Path:
        return self._objects / place.key_id / place.object_id


def opened(path: Path) -> BinaryIO:
    """A sealed file, open for reading.

    Raises:
        NotFoundError: it is gone.
        StorageError: it cannot be read.
    """
    try:
        return path.open("rb", buffering=0)
    except FileNotFoundError as e:
        raise gone(path.name) from e
    except OSError as e:
        raise storage_error(path, "read", e) from e


def gone(object_id: str) -> NotFoundError:
    """The error for an object that is not there."""
    return NotFoundError(
        f"The vault holds no object {object_id}.",
        hint="It was removed after its time, or the vault is not whole: compare with the backup.",
    )


@contextlib.contextmanager
def incoming(disk: Disk, temp: Path) -> Iterator[tuple[int, Path]]:
    """A new file under a temporary name, locked against the sweep of other processes, and gone afterwards."""
    fd = disk.create(temp)
    try:
        with locked(fd):
            yield fd, temp
    finally:
        os.close(fd)
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)


def require_room(disk: Disk, folder: Path, reserve: int) -> None:
    """Return if so many bytes are free.

    Raises:
        StorageError: they are not.
    """
    free = disk.free(folder)
    if free < reserve:
        raise StorageError(
            f"Only {free:,} bytes are free on the vault's disk; {reserve:,} are kept for records.",
            hint="Free some space or move the vault to a larger disk; nothing was written.",
            code="storage.reserve",
        )


def sweep(folder: Path, disk: Disk) -> int:
    """Remove what interrupted writes left; what another process is writing right now is locked and stays."""
    swept = 0
    for path in folder.iterdir():
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as e:
            raise storage_error(path, "open", e) from e
        try:
            with locked(fd) as ours:
                if ours:
                    disk.unlink(path)
                    swept += 1
        finally:
            os.close(fd)
    return swept


def _drop_cache(fd: int) -> None:
    """Ask the system to forget the pages, so that reading back reads the disk."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
