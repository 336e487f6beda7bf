"""Memory of a worker: what is freed is kept for the next picture instead of going back to the kernel.

Pictures are freed in bundles of megabytes. The C library gives that back at once and takes it again for the next ones,
and the kernel clears every page each time: a tenth of what the house costs, where shards are Parquet files.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h of the GNU C library
_LARGEST: Final = 32 * 2**20
"""Above it memory comes from the kernel and goes back: the highest value that the C library takes."""


def keep_freed_memory() -> None:
    """Have this process keep up to `_LARGEST` bytes that are free. Does nothing where the C library is another one."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # one allocator, which the following is said to
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _LARGEST)):
            mallopt(option, value)
