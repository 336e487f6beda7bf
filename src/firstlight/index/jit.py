"""How kernels are compiled: once, kept in a cache where one can be written, otherwise anew in each process.

Only modules that hold kernels import this one: importing it loads the compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile on first use for the arguments it meets, without holding the interpreter's lock.

    The compiled code is cached beside the module, else in the user's cache folder (or `NUMBA_CACHE_DIR`). On an
    installation where neither can be written each process compiles for itself: one or two seconds, same results.
    """
    try:
        return cast("F", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # "no locator available": no folder for the cache
        return cast("F", numba.njit(nogil=True)(function))


def helper(function: F) -> F:
    """Compile into the kernels that call it."""
    return cast("F", numba.njit(nogil=True, inline="always")(function))


def _ones(_context: Any, _value: Any) -> Any:  # noqa: ANN401 - the compiler's own types
    def code(_: Any, builder: Any, __: Any, args: Any) -> Any:  # noqa: ANN401
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), code


def _prefetch(_context: Any, array: Any, _index: Any) -> Any:  # noqa: ANN401 - the compiler's own types
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [pointer], ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
        )
        address = builder.bitcast(builder.gep(data, [args[1]]), pointer)
        builder.call(function, [address, word(0), word(3), word(1)])  # to read, keep in all caches, data
        return context.get_dummy_value()

    return types.void(array, types.int64), code


ones: Callable[[Any], Any] = cast("Callable[[Any], Any]", intrinsic(_ones))
"""How many bits of a 64-bit word are set, in one instruction where the processor has it."""

prefetch: Callable[[Any, Any], None] = cast("Callable[[Any, Any], None]", intrinsic(_prefetch))
"""Ask for the cache line of `array[index]`; never faults, changes no result."""
