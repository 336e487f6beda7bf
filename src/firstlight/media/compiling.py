"""How kernels are compiled. Importing this module imports numba; only workers and benchmarks do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled_for(*signatures: object, fastmath: bool = False) -> Callable[[_Function], _Function]:
    """Compile for exactly these types, when the module is imported: nothing is left to be compiled in a worker.

    Compiled code is kept where numba keeps it; on an installation without any such place it is made anew each time.
    """
    wanted: list[Any] = list(signatures)
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"contract", "reassoc"} if fastmath else False,
    }

    def compiled(function: _Function) -> _Function:
        try:
            made = numba.njit(wanted, cache=True, **options)(function)
        except RuntimeError:
            made = numba.njit(wanted, cache=False, **options)(function)
        return cast("_Function", made)

    return compiled
