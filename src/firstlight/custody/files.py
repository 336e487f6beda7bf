"""Writing files so that they are whole or not there: one place for fsync, modes and the words for what went wrong."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from firstlight.errors import StateError, StorageError

FOLDER_MODE = 0o700
FILE_MODE = 0o600

_WORDS = {
    errno.ENOSPC: ("the disk is full", "Free some space on it and try again."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space or raise the quota, then try again."),
    errno.EROFS: ("the disk is read-only", "Mount it for writing, or give another folder."),
    errno.EACCES: ("this user has no permission", "Run as the user who owns the folder, or give another folder."),
    errno.EPERM: ("the system does not permit it", "Check the owner of the folder and the kind of file system."),
    errno.ENOENT: ("it is not there", "Check the path."),
    errno.EEXIST: ("it is there already", "Give another name."),
    errno.ENOTDIR: ("a part of the path is no folder", "Check the path."),
    errno.EIO: ("the disk reports an error", "Check the disk's health before writing more to it."),
    errno.EMFILE: ("too many files are open", "Raise the limit of open files (ulimit -n)."),
}


def storage_error(path: Path, act: str, error: OSError) -> StorageError:
    """The error of the operating system in plain words."""
    number = error.errno or 0
    why, hint = _WORDS.get(number, (error.strerror or str(error), "Check the disk and the folder."))
    code = "storage." + errno.errorcode.get(number, "other").lower()
    return StorageError(f"Cannot {act} {path}: {why}.", hint=hint, code=code)


class Disk:
    """The few calls that the room makes to the file system. Tests put one in that fails where they say.

    Every call raises StorageError, in words, where the operating system refuses.
    """

    def create(self, path: Path) -> int:
        """A new file, open for writing, that only its owner may read; fails if the name is taken."""
        with _words(path, "create"):
            return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE)

    def write(self, fd: int, path: Path, data: bytes) -> None:
        """Write all of the data."""
        with _words(path, "write"):
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]

    def sync(self, fd: int, path: Path) -> None:
        """Make sure that what was written outlives a power cut."""
        with _words(path, "write"):
            os.fsync(fd)

    def sync_folder(self, folder: Path) -> None:
        """Make sure that the names in a folder outlive a power cut."""
        with _words(folder, "write"):
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def link(self, old: Path, new: Path) -> None:
        """Give a file a second name; fails if that is taken."""
        with _words(new, "create"):
            os.link(old, new)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file or folder another name; a file that had it is replaced."""
        with _words(new, "create"):
            old.rename(new)

    def unlink(self, path: Path) -> None:
        """Take a name away; nothing happens if it is gone."""
        with _words(path, "remove"):
            path.unlink(missing_ok=True)

    def overwrite(self, path: Path) -> None:
        """Put zeros over every byte of a file, on the disk."""
        with _words(path, "overwrite"):
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                self.write(fd, path, bytes(os.fstat(fd).st_size))
                self.sync(fd, path)
            finally:
                os.close(fd)

    def make_folder(self, path: Path) -> None:
        """A folder that only its owner may enter; nothing happens if it is there."""
        with _words(path, "create"):
            path.mkdir(mode=FOLDER_MODE, exist_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        with _words(path, "remove"):
            path.rmdir()

    def free(self, folder: Path) -> int:
        """Bytes that this user may still write on the disk of a folder."""
        with _words(folder, "read"):
            found = os.statvfs(folder)
            return found.f_bavail * found.f_frsize

    def read(self, path: Path) -> bytes:
        """All bytes of a small file."""
        with _words(path, "read"):
            return path.read_bytes()


@contextlib.contextmanager
def _words(path: Path, act: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise storage_error(path, act, e) from e


def write_whole(disk: Disk, path: Path, blocks: Iterable[bytes], *, replace: bool = False) -> None:
    """Write a file that is there whole or not at all, and durable once this returns.

    Raises:
        StorageError: it could not be written, or the name is taken and `replace` is false; what was there stays.
    """
    temp = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")  # nobody else's, be it a thread of this process
    fd = disk.create(temp)
    try:
        try:
            for block in blocks:
                disk.write(fd, temp, block)
            disk.sync(fd, temp)
        finally:
            os.close(fd)
        if replace:
            disk.rename(temp, path)
        else:
            disk.link(temp, path)
    finally:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)
    disk.sync_folder(path.parent)


@contextlib.contextmanager
def locked(fd: int) -> Iterator[bool]:
    """Whether the file could be locked against other processes, for as long as the block runs."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        try:
            yield True
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)


def remove_left_over(path: Path) -> bool:
    """Remove the `unseen_folder` that an interrupted run has left there; false if a process fills it right now.

    Raises:
        StorageError: it cannot be removed.
    """
    with _words(path, "remove"):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            with locked(fd) as ours:
                if ours:
                    shutil.rmtree(path)
                return ours
        finally:
            os.close(fd)


@contextlib.contextmanager
def unseen_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill before it gets its real name; what is left under the first name is removed.

    What an interrupted run has left there is removed first.

    Raises:
        StateError: another process is filling it right now.
        StorageError: it cannot be made.
    """
    if not remove_left_over(path):
        raise StateError(f"{path} is being written right now.", hint="Wait until that has ended.")
    with _words(path, "create"):
        path.mkdir(mode=FOLDER_MODE)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with locked(fd):
            yield path
    finally:
        os.close(fd)
        shutil.rmtree(path, ignore_errors=True)


def require_private(folder: Path) -> None:
    """Return if only the owner, who is us, can get at what lies in the folder.

    Raises:
        StorageError: others could read it, or could put another folder in its place.
    """
    try:
        found = folder.stat()
        parents = [(parent, parent.stat()) for parent in folder.resolve().parents]
    except OSError as e:
        raise storage_error(folder, "open", e) from e
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise StorageError(
            f"{folder} can be entered by others (mode {stat.S_IMODE(found.st_mode):04o}).",
            hint=f"Close it: chmod 700 {folder}",
            code="storage.not-private",
        )
    if found.st_uid != os.geteuid():
        raise StorageError(
            f"{folder} belongs to another user.",
            hint="Run as its owner, or give another folder.",
            code="storage.not-private",
        )
    for parent, seen in parents:
        if seen.st_mode & stat.S_IWOTH and not seen.st_mode & stat.S_ISVTX:
            raise StorageError(
                f"Everyone can rename what lies in {parent}, so {folder} is not safe there.",
                hint=f"Close it: chmod o-w {parent}",
                code="storage.not-private",
            )
