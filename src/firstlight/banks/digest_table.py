"""The digests of some banks as one table that many millions of rows can be held against.

It holds the first 64 bits of each digest, sorted, behind a bitmap that turns nearly every other row away; a row that it
lets through is a suspect and no match. It lies where the library keeps what is opened, in files that all processes map.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstlight.banks.store import BankStore
from firstlight.errors import IntegrityError, StorageError
from firstlight.index.disk import Disk, locked, open_file

BITS_PER_DIGEST: Final = 64
"""Bits of the bitmap for each digest: one row in 64 gets through by chance."""
_LEAST_BITS: Final = 1 << 16
_MOST_BITS: Final = 1 << 33
_PREFIX: Final = "digests-"


@dataclass(frozen=True, slots=True)
class DigestTable:
    """See the module. `keys` are sorted; the bit of a key is `key >> shift`, in words of 64."""

    keys: NDArray[np.uint64]
    bits: NDArray[np.uint64]
    shift: int

    @classmethod
    def of(cls, digests: NDArray[np.uint64]) -> DigestTable:
        """The table of these first 64 bits, in any order."""
        keys = np.unique(digests)
        size = _LEAST_BITS
        while size < min(BITS_PER_DIGEST * len(keys), _MOST_BITS):
            size *= 2
        shift = 64 - (size.bit_length() - 1)
        places = keys >> np.uint64(shift)
        words = np.zeros(size // 64, dtype=np.uint64)
        np.bitwise_or.at(words, (places >> np.uint64(6)).astype(np.int64), np.uint64(1) << (places & np.uint64(63)))
        return cls(keys, words, shift)

    def holds(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of these keys are in the table."""
        if not len(self.keys):
            return np.zeros(len(keys), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        found: NDArray[np.bool_] = self.keys[at] == keys
        return found


def digest_table(folder: Path, stores: Sequence[BankStore], kind: str, disk: Disk) -> DigestTable:
    """The table of these banks' digests of one kind; built where none of their present state is in the folder.

    Raises:
        StorageError, IntegrityError: the folder cannot be used, or what is in it is damaged.
    """
    state = [(store.name, store.revision) for store in sorted(stores, key=lambda one: one.name)]
    stem = f"{_PREFIX}{kind}-{hashlib.blake2b(repr(state).encode(), digest_size=8).hexdigest()}"
    with locked(folder / f"{_PREFIX}lock"):
        if not (folder / f"{stem}.bits").exists():
            for old in folder.glob(f"{_PREFIX}{kind}-*"):
                disk.remove(old)
            made = DigestTable.of(_collected(stores, kind))
            _put(disk, folder / f"{stem}.keys", made.keys)
            _put(disk, folder / f"{stem}.bits", made.bits)
        return _opened(folder / stem)


def _collected(stores: Sequence[BankStore], kind: str) -> NDArray[np.uint64]:
    found = array("Q")
    for store in stores:
        for _, record in store.records():
            value = record.hashes.get(kind)
            if value is not None and record.standing.matches:
                found.append(int(value[:16], 16))
    return np.frombuffer(found, dtype=np.uint64) if found else np.zeros(0, dtype=np.uint64)


def _put(disk: Disk, path: Path, values: NDArray[np.uint64]) -> None:
    temporary = path.with_suffix(f"{path.suffix}.tmp")
    fd = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        disk.write(fd, values.tobytes(), temporary)
    finally:
        os.close(fd)
    disk.replace(temporary, path)


def _opened(stem: Path) -> DigestTable:
    keys, bits = (_mapped(stem.with_name(f"{stem.name}.{part}")) for part in ("keys", "bits"))
    if len(bits) * 64 < _LEAST_BITS or len(bits) & (len(bits) - 1):
        raise IntegrityError(f"{stem} is damaged.", hint="Remove the files that begin so; they are made anew.")
    return DigestTable(keys, bits, 64 - ((len(bits) * 64).bit_length() - 1))


def _mapped(path: Path) -> NDArray[np.uint64]:
    try:
        if not path.stat().st_size:
            return np.zeros(0, dtype=np.uint64)
        return np.memmap(path, dtype=np.uint64, mode="r")
    except OSError as e:
        raise StorageError(f"Could not read {path}: {e.strerror}.", hint="Check permissions.") from e
