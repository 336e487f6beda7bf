"""Cryptographic digests, all of them in one pass over the bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from firstlight.errors import StorageError
from firstlight.media.sources import opened
from firstlight.values import Digests

PIECE_BYTES = 2**20
"""Read at a time: large enough that calls do not count, small enough to stay in the processor's cache."""


def digest_stream(stream: BinaryIO, sink: Callable[[bytes], object] | None = None) -> Digests:
    """MD5, SHA-1, SHA-256 and size of all bytes that the stream still holds.

    `sink` sees exactly the digested bytes, piece by piece and in order, so that a copy made by it has these digests.

    Raises:
        StorageError: reading failed. What `sink` raises passes.
    """
    md5 = hashlib.md5(usedforsecurity=False)
    sha1 = hashlib.sha1(usedforsecurity=False)
    sha256 = hashlib.sha256()
    size = 0
    while piece := _read(stream):
        size += len(piece)
        md5.update(piece)
        sha1.update(piece)
        sha256.update(piece)
        if sink is not None:
            sink(piece)
    return Digests(md5=md5.hexdigest(), sha1=sha1.hexdigest(), sha256=sha256.hexdigest(), size=size)


def _read(stream: BinaryIO) -> bytes:
    try:
        return stream.read(PIECE_BYTES)
    except OSError as e:
        raise StorageError(f"Reading stopped: {e.strerror}.", hint="Check the disk; the file may be damaged.") from e


def digest_file(path: Path, sink: Callable[[bytes], object] | None = None) -> Digests:
    """The digests of a regular file.

    Raises:
        NotFoundError, InputError: there is no such file, or it is a folder, a pipe or may not be read.
        StorageError: the disk refused.
    """
    with opened(path) as file:
        return digest_stream(file, sink)
