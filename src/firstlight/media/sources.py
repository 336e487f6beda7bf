"""Opening what somebody named, without hanging, and saying in words why it cannot be opened."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from firstlight.errors import FirstlightError, InputError, NotFoundError, StorageError

Source: TypeAlias = Path | bytes | list[bytes] | BinaryIO
"""A file by its path, bytes in memory, several of them as if joined, or an open file (whose descriptor is used,
whatever its position)."""

MAX_SHOWN_NAME = 200
"""A name in a message: enough to recognise it, too short to flood a screen."""

_KINDS = (
    (stat.S_ISDIR, "input.directory", "a folder", "Name the files in it, or use a command that takes folders."),
    (stat.S_ISFIFO, "input.not-a-file", "a pipe", "Save it to a file first."),
    (stat.S_ISSOCK, "input.not-a-file", "a socket", "Name a file."),
    (stat.S_ISCHR, "input.not-a-file", "a device", "Name a file."),
    (stat.S_ISBLK, "input.not-a-file", "a device", "Make an image file of it first."),
)


def shown(path: Path | str) -> str:
    """A file name as it can stand in a message: quoted, without control characters, not too long."""
    text = repr(os.fsdecode(path))
    return text if len(text) <= MAX_SHOWN_NAME else f"{text[: MAX_SHOWN_NAME // 2]}...{text[-MAX_SHOWN_NAME // 2 :]}"


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file, open for reading, unbuffered. Links are followed: what counts is what was opened.

    Raises:
        NotFoundError: nothing has this name.
        InputError: it is a folder, a pipe, a socket or a device, or may not be read, or the name is impossible.
        StorageError: the disk or the system refused.
    """
    with _open_regular(path) as file:
        yield file


def read_file(path: Path, limit: int, *, hint: str = "") -> bytes:
    """All bytes of a small file that somebody names; `hint` says what to do about one that is larger than the limit.

    Raises:
        NotFoundError, InputError, StorageError: as for `opened`.
        InputError: it cannot be read, or is larger.
    """
    try:
        with opened(path) as file:
            data = file.read(limit + 1)
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}.") from e
    if len(data) > limit:
        raise InputError(f"{path} is too large: more than {limit} bytes.", hint=hint)
    return data


def _open_regular(path: Path) -> BinaryIO:
    try:
        # non-blocking: opening a pipe that nobody writes to would wait for ever
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as e:
        raise _refusal(path, e) from e
    try:
        _check_regular(path, os.fstat(fd).st_mode)
        return os.fdopen(fd, "rb", buffering=0)
    except BaseException:
        os.close(fd)
        raise


def _check_regular(path: Path, mode: int) -> None:
    for is_kind, code, words, hint in _KINDS:
        if is_kind(mode):
            raise InputError(f"{shown(path)} is {words}, not a file.", hint=hint, code=code)


def _refusal(path: Path, error: OSError | ValueError) -> FirstlightError:
    number = error.errno if isinstance(error, OSError) else errno.EINVAL
    name = shown(path)
    if number in (errno.ENOENT, errno.ENOTDIR):
        return NotFoundError(f"There is no file {name}.", hint="Check the name.")
    if number in (errno.EACCES, errno.EPERM):
        hint = "Give this user the right to read it."
        return InputError(f"{name} may not be read.", hint=hint, code="input.permission")
    if number == errno.ENXIO:
        return InputError(f"{name} is a socket, not a file.", hint="Name a file.", code="input.not-a-file")
    if number in (errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP):
        return InputError(f"{name} cannot be the name of a file.", hint="Check the name.", code="input.name")
    words = error.strerror if isinstance(error, OSError) else str(error)
    return StorageError(f"{name} could not be opened: {words}.", hint="Check the disk and the limits of this user.")


@contextmanager
def descriptor(source: Source) -> Iterator[int]:
    """A descriptor of the source's bytes that a worker may have; bytes in memory are sealed against change.

    Raises:
        InputError, StorageError: as for `opened`.
    """
    if isinstance(source, bytes | list):
        fd = _memory_file([source] if isinstance(source, bytes) else source)
        try:
            yield fd
        finally:
            os.close(fd)
    elif isinstance(source, Path):
        with opened(source) as file:
            yield file.fileno()
    else:
        yield source.fileno()


def _memory_file(pieces: list[bytes]) -> int:
    try:
        fd = os.memfd_create("source", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError as e:
        raise StorageError(f"No memory file could be made: {e.strerror}.", hint="Check the limits of this user.") from e
    try:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
        fcntl.fcntl(
            fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        )
    except OSError as e:
        os.close(fd)
        raise StorageError(f"The bytes could not be held in memory: {e.strerror}.", hint="Free some memory.") from e
    return fd
