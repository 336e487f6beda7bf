"""Opening a bank's PDQ index, and the sealed copy of it.

The index of a sealed bank works in memory-backed files, and a sealed copy of its base lies on disk. The copy saves
building the index anew from the bank's log when the machine has started; what changed since it was written is taken
from the log, as always. An index or a copy that this version cannot read is put away: the log says all that was in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from firstlight.banks.sealing import Sealing
from firstlight.errors import IntegrityError, NotFoundError, StateError, StorageError
from firstlight.index import HammingIndex
from firstlight.index.disk import Disk, locked, open_file
from firstlight.logs import get_logger

BLOCK: Final = 4 << 20
"""Bytes sealed at once: large enough for speed, small enough for memory."""
_COPY: Final = "pdq.sealed"
_OPENING: Final = "opening"
_LENGTH: Final = struct.Struct("<I")
_MAGIC: Final = b"FLseal\r\n"
_log = get_logger("banks")


def opened(folder: Path, index_folder: Path, sealing: Sealing, context: bytes, disk: Disk) -> HammingIndex:
    """The index of a bank, as far as it was built: from its files, from its sealed copy, or a new one that is empty."""
    with contextlib.suppress(NotFoundError, IntegrityError):
        return HammingIndex.open(index_folder, disk=disk)
    with locked(folder / _OPENING):  # what one process puts away must not be what another one has just made
        try:
            return HammingIndex.open(index_folder, disk=disk)
        except NotFoundError:
            pass
        except IntegrityError as e:
            _put_away(folder.name, index_folder, e)
        if sealing.sealer is not None:
            try:
                if restore(folder, index_folder, sealing, context, disk):
                    return HammingIndex.open(index_folder, disk=disk)
            except IntegrityError as e:
                _put_away(folder.name, folder / _COPY, e)
        with contextlib.suppress(StateError):  # another process was faster
            HammingIndex.create(index_folder, disk=disk).close()
        return HammingIndex.open(index_folder, disk=disk)


def _put_away(bank: str, path: Path, error: IntegrityError) -> None:
    """Remove what cannot be read, at once or not at all."""
    _log.warning("index.rebuilt", bank=bank, error=error)
    gone = path.with_name(f".gone-{secrets.token_hex(4)}")
    try:
        path.replace(gone)
        if gone.is_dir():
            shutil.rmtree(gone)
        else:
            gone.unlink()
    except OSError as e:
        raise StorageError(f"Could not remove {path}: {e.strerror}.", hint="Check permissions.") from e


def save(index: HammingIndex, folder: Path, sealing: Sealing, context: bytes, disk: Disk) -> bool:
    """Write the sealed copy of the index's base, if there is a base that is not copied yet; answers whether it did."""
    base = index.base_file()
    if base is None or _mark(folder / _COPY) == base[1]:
        return False
    with locked(folder / _OPENING):  # another process that closes the bank writes the same copy
        return _mark(folder / _COPY) != base[1] and _saved(*base, folder, sealing, context, disk)


def _saved(path: Path, mark: int, folder: Path, sealing: Sealing, context: bytes, disk: Disk) -> bool:
    temporary = folder / (_COPY + ".tmp")
    fd = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        with path.open("rb") as source:
            size = path.stat().st_size
            head = json.dumps({"version": 1, "mark": mark, "size": size}).encode()
            disk.write(fd, _MAGIC + _LENGTH.pack(len(head)) + head, temporary)
            for number in range(-(-size // BLOCK)):
                sealed = sealing.close(source.read(BLOCK), _place(context, mark, size, number))
                disk.write(fd, _LENGTH.pack(len(sealed)) + sealed, temporary)
        disk.sync(fd, temporary)
    except FileNotFoundError:  # a compaction came between; the next one is copied
        return False
    except OSError as e:
        raise StorageError(f"Could not read {path}: {e.strerror}.", hint="Check the memory-backed files.") from e
    finally:
        os.close(fd)
    disk.replace(temporary, folder / _COPY)
    return True


def restore(folder: Path, index_folder: Path, sealing: Sealing, context: bytes, disk: Disk) -> bool:
    """Open the sealed copy into a new index folder; answers whether there was one.

    Raises:
        IntegrityError: the copy does not open, or is damaged.
    """
    copy = folder / _COPY
    if not copy.exists():
        return False
    building = index_folder.with_name(f".new-{secrets.token_hex(4)}")
    try:
        with copy.open("rb") as source:
            mark, size = _head(source, copy)
            HammingIndex.restore(building, _blocks(source, copy, sealing, context, mark, size), disk=disk)
        try:
            building.rename(index_folder)
        except OSError:
            if not index_folder.exists():
                raise  # otherwise another process was faster
    except OSError as e:
        raise StorageError(f"Could not open {copy} into memory: {e.strerror}.", hint="Free some memory.") from e
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return True


def _blocks(source: IO[bytes], path: Path, sealing: Sealing, context: bytes, mark: int, size: int) -> Iterator[bytes]:
    for number in range(-(-size // BLOCK)):
        length = source.read(_LENGTH.size)
        sealed = source.read(_LENGTH.unpack(length)[0]) if len(length) == _LENGTH.size else b""
        block = sealing.open(sealed, _place(context, mark, size, number), f"Block {number} of {path}")
        if len(block) != min(BLOCK, size - number * BLOCK):
            raise _damaged(path)
        yield block


def _mark(path: Path) -> int | None:
    """How far the copy on disk reaches, if there is one."""
    try:
        with path.open("rb") as source:
            return _head(source, path)[0]
    except (OSError, IntegrityError):
        return None


def _head(source: IO[bytes], path: Path) -> tuple[int, int]:
    try:
        if source.read(len(_MAGIC)) != _MAGIC:
            raise _damaged(path)
        document = json.loads(source.read(_LENGTH.unpack(source.read(_LENGTH.size))[0]))
        return int(document["mark"]), int(document["size"])
    except (ValueError, KeyError, TypeError, struct.error) as e:
        raise _damaged(path) from e


def _place(context: bytes, mark: int, size: int, number: int) -> bytes:
    """What a block is sealed for: its place in this copy and no other."""
    return b"pdq" + context + struct.pack("<QQQ", mark, size, number)


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(f"{path} is damaged.", hint="Remove it: the index is built again from the bank's log.")
