"""The few acts on the file system that the index and the banks are built from, in one place.

Everything that has to survive a crash goes through a `Disk`, so that a test can put one in that fails or stops at any
single write. Folders are made 0700 and files 0600: what lies in them is secret.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from firstlight.errors import StorageError
from firstlight.locks import hold

FILE_MODE = 0o600
FOLDER_MODE = 0o700
TEMPORARY_SUFFIX = ".tmp"


class Disk:
    """Writes that say when they are durable. Errors of the operating system become `StorageError`."""

    def write(self, fd: int, data: bytes | memoryview, path: Path) -> None:
        """Write all of it at the descriptor's position (its end, for files opened to append)."""
        view = memoryview(data)
        with _storage("write", path):
            while view:
                view = view[os.write(fd, view) :]

    def sync(self, fd: int, path: Path) -> None:
        """Return when the file's bytes are on the medium."""
        with _storage("save", path):
            os.fdatasync(fd)

    def sync_frame(self, fd: int, path: Path) -> None:
        """The same for a frame that was added to a log."""
        self.sync(fd, path)

    def truncate(self, fd: int, size: int, path: Path) -> None:
        """Cut the file off at `size` bytes."""
        with _storage("shorten", path):
            os.ftruncate(fd, size)

    def replace(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target` in one step, and make the step durable."""
        with _storage("replace", target):
            source.replace(target)
        self.sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        """Remove the file if it is there."""
        with _storage("remove", path):
            path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """Make the folder for this user alone; it may be there already."""
        with _storage("make", path):
            path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)

    def sync_folder(self, path: Path) -> None:
        """Return when the folder's list of names is on the medium."""
        with _storage("save", path):
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)


class PatientDisk(Disk):
    """A disk that makes the frames of logs durable when it is asked to, and everything else at once.

    For an index whose owner makes many small changes and has one moment at which they must stand, such as the commit of
    a transaction: what is added is seen by every process at once, and is durable when `flush` returns. After a crash
    before that, the log ends earlier, or is found damaged.
    """

    def __init__(self) -> None:
        self._behind: set[Path] = set()

    def sync_frame(self, fd: int, path: Path) -> None:  # noqa: ARG002 - the log may be closed before it is flushed
        """Remember the log; see `flush`."""
        self._behind.add(path)

    def flush(self) -> None:
        """Return when every frame that was added is on the medium."""
        while self._behind:
            path = self._behind.pop()
            try:
                fd = open_file(path, os.O_RDONLY)
            except StorageError as e:
                if isinstance(e.__cause__, FileNotFoundError):
                    continue  # compacted: its frames lie in the files of the next generation, which are durable
                self._behind.add(path)
                raise
            try:
                self.sync(fd, path)
            except StorageError:
                self._behind.add(path)
                raise
            finally:
                os.close(fd)


def put_file(disk: Disk, path: Path, data: bytes) -> None:
    """Write a whole file so that at every moment either the old content or the new one is there."""
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    fd = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        disk.write(fd, data, temporary)
        disk.sync(fd, temporary)
    finally:
        os.close(fd)
    disk.replace(temporary, path)


def open_file(path: Path, flags: int) -> int:
    """A descriptor that children do not inherit; a file that has to be made is for this user alone."""
    with _storage("open", path):
        return os.open(path, flags | os.O_CLOEXEC, FILE_MODE)


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
    """Hold the lock file; yields whether it is held (always, unless `wait` is false).

    The file is opened anew each time, so that a forked child does not hold its parent's lock.
    """
    fd = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        try:
            with _storage("lock", path):
                hold(fd, how, path)
        except StorageError as e:
            if not wait and isinstance(e.__cause__, BlockingIOError):
                yield False
                return
            raise
        yield True
    finally:
        os.close(fd)


@contextlib.contextmanager
def _storage(act: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise StorageError(
            f"Could not {act} {path}: {e.strerror or e}.",
            hint="Check free space, permissions and that the disk is writable, then do it again.",
            errno=e.errno,
        ) from e
