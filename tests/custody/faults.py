"""A disk that fails where a test says."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firstlight.custody.files import Disk, storage_error

CALLS = ("create", "write", "sync", "sync_folder", "link", "rename", "make_folder", "unlink", "overwrite")


class PowerCutError(BaseException):
    """The machine went off: nothing after this runs, not even tidying."""


class FailingDisk(Disk):
    """Counts its calls and fails at the one that is asked for, with an errno or by a cut of power.

    After a cut of power every further call fails too, as nothing runs any more.
    """

    def __init__(self, fail_at: int = -1, error: int | None = errno.ENOSPC) -> None:
        self.calls: list[str] = []
        self._fail_at = fail_at
        self._error = error
        self._off = False

    def _step(self, name: str, path: Path) -> None:
        if self._off or len(self.calls) == self._fail_at:
            self.calls.append(name)
            if self._error is None:
                self._off = True
                raise PowerCutError(name)
            raise storage_error(path, name, OSError(self._error, "injected"))
        self.calls.append(name)


def _wrapped(name: str) -> Callable[..., Any]:
    real = getattr(Disk, name)

    def call(self: FailingDisk, *args: Any) -> Any:
        self._step(name, next(one for one in args if isinstance(one, Path)))
        return real(self, *args)

    return call


for _name in CALLS:
    setattr(FailingDisk, _name, _wrapped(_name))
