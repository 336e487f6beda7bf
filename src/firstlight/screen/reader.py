"""What every reader of shards has to guarantee, and what readers share.

A reader is a function `read(shard, findings)` that yields every member exactly once, in bounded memory and in the order
in which the shard is best read, mostly its own. It never raises for what is wrong with a member: that member comes with
a reason. What is wrong with the shard as a whole goes to `findings`, and the members before the damage are kept. It
raises `InputError` only where not one member can be had, and `StorageError` or `UpstreamError` where the disk or the
store failed, so that the shard is tried again later.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import BinaryIO, Final

from firstlight.errors import InputError, StorageError
from firstlight.hashing import digest_stream
from firstlight.media import SNIFF_BYTES, MediaType, sniff
from firstlight.screen.member import Member
from firstlight.screen.shards import Kind, Shard

TAR_BLOCK: Final = 512
MAX_MEMBER_BYTES: Final = 64 * 2**20
"""A member that is held in memory to be decoded. Larger ones are read in pieces, and their digests compared."""


def read_exactly(file: BinaryIO, size: int) -> bytes:
    """The next `size` bytes, or fewer at the end of the file.

    Raises:
        StorageError: the disk refused.
    """
    pieces: list[bytes] = []
    left = size
    with reading():
        while left:
            piece = file.read(left)
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@contextlib.contextmanager
def reading(*, unless_damaged: bool = False) -> Iterator[None]:
    """What the operating system says while a shard is read, in the words of the house.

    `unless_damaged` lets through what decoders raise as an `OSError` of damaged bytes, and what seeking to a place
    that no file can have says.
    """
    try:
        yield
    except OSError as e:
        if unless_damaged and e.errno in (None, errno.EINVAL):
            raise
        raise StorageError(
            f"Reading stopped: {e.strerror or e}.", hint="Check the disk; run the command again to go on.",
        ) from e  # fmt: skip


def large_member(name: str, offset: int, size: int, pieces: BinaryIO) -> Member:
    """A member that is too large to be held: its digests, taken piece by piece."""
    head = pieces.read(SNIFF_BYTES)
    kind = sniff(head)
    digests = digest_stream(_Rest(head, pieces))  # type: ignore[arg-type] # it reads, which is all that is asked for
    if digests.size != size:
        return Member(name, offset, size, reason="cut-off")
    return Member(name, offset, size, reason="video" if kind.is_video else "too-large", digests=digests)


class _Rest:
    """The head that was read already, then the rest."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int) -> bytes:
        if self._head:
            out, self._head = self._head, b""
            return out
        return self._rest.read(size)


class Part:
    """The next `size` bytes of a file as a file of their own, read once from front to back."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """Up to `size` of the bytes that are left."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted) if wanted else b""
        self._left -= len(data)
        return data


def kind_of(head: bytes) -> Kind | None:
    """The kind of shard that begins with these bytes (512 are enough); none for anything else."""
    if head.startswith(b"PAR1"):
        return Kind.PARQUET
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return Kind.ZIP
    if head[257:262] == b"ustar" or is_tar_header(head[:TAR_BLOCK]):
        return Kind.TAR
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")):
        return Kind.TAR
    return None


def is_tar_header(block: bytes) -> bool:
    """Whether this is a header of a tar archive, of any form: its checksum holds."""
    try:
        total = int(block[148:156].strip(b" \0"), 8)
    except ValueError:
        return False
    return len(block) == TAR_BLOCK and total == sum(block[:148]) + 8 * 32 + sum(block[156:])


class MisnamedError(InputError):
    """A shard is not what its name says; `kind` is what it is, if that can be screened, and a folder for a picture."""

    def __init__(self, shard: Shard, kind: Kind | None, what: str) -> None:
        super().__init__(
            f"{shard.shown} is not {shard.kind.words}: it is {what}.",
            hint="Look at how it was made; the other shards are screened all the same.",
            code="input.shard",
        )
        self.kind = kind


def not_what_it_says(shard: Shard, head: bytes) -> MisnamedError:
    """The error for a shard whose content is of another kind than its name says."""
    other, kind = kind_of(head), sniff(head)
    if other is not None and other is not shard.kind:
        return MisnamedError(shard, other, other.words)
    if kind.is_picture or kind.is_video:
        return MisnamedError(shard, Kind.FOLDER, kind.words)
    return MisnamedError(shard, None, "an empty file" if kind is MediaType.EMPTY else kind.words)
