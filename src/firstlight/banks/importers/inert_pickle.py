"""Reading a Python pickle without running anything that it names: its classes become shells that hold their values.

A pickle names functions and classes that the reader is to call. Here none is looked up: each name becomes a shell that
keeps what it is called with, and only plain containers are made for real. The interpreter's own reader in Python is
used, because the one in C lets a few bytes ask for gigabytes.
"""

from __future__ import annotations

import collections
import io
import pickle
from typing import Any, Final

from firstlight.errors import InputError, LimitError

MAX_PICKLE: Final = 256 << 20
"""It is held in memory whole, in objects of some ten times its size."""
_PLAIN: Final = {
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("collections", "OrderedDict"): collections.OrderedDict,
}


class Shell:
    """Stands for an object of a class that was not looked up: its attributes, and what it was made from."""

    def __new__(cls, *args: Any, **_: Any) -> Shell:  # noqa: ANN401 - whatever the pickle gives
        """Keep the arguments."""
        made = object.__new__(cls)
        made.__dict__["made_from"] = args
        return made

    def __init__(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Nothing happens."""

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401
        """Items of what was a kind of dictionary."""
        self.__dict__.setdefault("items", []).append((key, value))

    def append(self, value: Any) -> None:  # noqa: ANN401
        """Items of what was a kind of list."""
        self.__dict__.setdefault("items", []).append(value)

    def get(self, name: str) -> Any:  # noqa: ANN401
        """An attribute, or none."""
        return self.__dict__.get(name)


class _Reader(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - a class
        return _PLAIN.get((module, name)) or type("Shell", (Shell,), {})

    def get_extension(self, code: int) -> None:  # noqa: ARG002 - the name of the base
        raise pickle.UnpicklingError("an extension is named")


def read(data: bytes) -> Any:  # noqa: ANN401 - any value
    """What the pickle holds.

    Raises:
        LimitError: it is too large.
        InputError: it is broken.
    """
    if len(data) > MAX_PICKLE:
        raise LimitError(
            f"A pickle of more than {MAX_PICKLE >> 20} MiB is not read.",
            hint="Write the signals with `threatexchange dataset -P --csv` and import that file.",
        )
    try:
        return _Reader(io.BytesIO(data)).load()
    except (Exception, RecursionError) as e:
        raise InputError("The pickle is broken, or is none.", hint="Get the file again.") from e
