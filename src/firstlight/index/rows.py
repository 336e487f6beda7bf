"""What callers give, checked: hashes as (n, 32) bytes, keys as 64-bit numbers; and hashes in permuted order."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import InputError


def as_hashes(value: bytes | NDArray[Any]) -> NDArray[np.uint8]:
    """One hash as 32 bytes, or many as an array (n, 32) of bytes.

    Raises:
        InputError: it is something else.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        if len(value) != 32:
            raise InputError(f"A hash of {len(value)} bytes came; 32 are needed.", hint="Give 256 bits as 32 bytes.")
        return np.frombuffer(value, dtype=np.uint8).reshape(1, 32)
    array = np.asarray(value)
    if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != 32:
        raise InputError(
            f"Hashes came as {array.dtype} of shape {array.shape}.", hint="Give bytes (uint8) of shape (n, 32)."
        )
    return np.ascontiguousarray(array)


def as_keys(value: NDArray[Any] | Sequence[int]) -> NDArray[np.uint64]:
    """Keys as unsigned 64-bit numbers.

    Raises:
        InputError: one is no whole number from 0 to 2**64 - 1.
    """
    array = np.asarray(value) if len(value) else np.zeros(0, dtype=np.uint64)
    whole = array.ndim == 1 and array.dtype.kind in "iu"
    if not whole or (array.dtype.kind == "i" and array.min() < 0):
        raise InputError("Keys are whole numbers from 0 to 2**64 - 1, in one row.")
    return np.ascontiguousarray(array, dtype=np.uint64)


def permuted(hashes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The hashes as permuted words end to end, the form in which they are stored and compared."""
    from firstlight.index import kernels

    out = np.empty(4 * len(hashes), dtype=np.uint64)
    if len(hashes):
        fixed = hashes.view()
        fixed.setflags(write=False)  # bytes are read-only anyway, and so one kernel does for both
        kernels.permute(fixed, permutation(), out)
    return out


@functools.cache
def permutation() -> NDArray[np.uint64]:
    """The table by which kernels permute."""
    from firstlight.index import kernels

    return kernels.permutation_table()
