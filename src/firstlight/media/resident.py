"""What a process keeps of its memory: the compiler's code, once the kernels are there, is not needed in it."""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path
from typing import Final

_COMPILER: Final = "libllvmlite.so"
_DONT_NEED: Final = 4  # madvise(2)


def let_go_of_compiler() -> None:
    """Give back the pages of LLVM's code: about 35 MB, of which kernels that are loaded use nothing.

    The code stays mapped; whatever calls it after all has the kernel read its pages again. Does nothing where there is
    no compiler, or where the system does not tell what is mapped.
    """
    with contextlib.suppress(OSError, AttributeError, ValueError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for line in Path("/proc/self/maps").read_text().splitlines():
            place, rights, *_, path = line.split(maxsplit=5)
            if rights == "r-xp" and path.endswith(_COMPILER):  # read-only code: every page can be read again
                start, _, end = place.partition("-")
                madvise(int(start, 16), int(end, 16) - int(start, 16), _DONT_NEED)
