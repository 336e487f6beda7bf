"""One root error for the whole house.

No foreign exception crosses a room's boundary: what a library raises is wrapped once, where it is called, into one of
the classes below. Each says what happened, what to do about it, and how a command has to exit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

Fact: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What a person needs to act on an error; the same document on a screen, in an answer and in a log.

    `code` is stable and dotted ("unreadable.truncated"); `message` says what happened; `hint` says what to do.
    """

    code: str
    message: str
    hint: str = ""
    facts: dict[str, Fact] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The diagnostics as plain JSON values; empty parts are left out."""
        out: dict[str, object] = {"code": self.code, "message": self.message}
        if self.hint:
            out["hint"] = self.hint
        if self.facts:
            out["facts"] = dict(self.facts)
        return out

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class FirstlightError(Exception):
    """The root of every error this package raises on purpose.

    `exit_code` is what a command answers: 1 a finding, 2 bad usage or input, 3 our fault.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str = "", code: str | None = None, **facts: Fact) -> None:
        super().__init__(message)
        self._diagnostics = Diagnostics(code or type(self).code, message, hint, facts)

    def diagnostics(self) -> Diagnostics:
        """What happened and what to do about it."""
        return self._diagnostics


class InputError(FirstlightError):
    """What came in cannot be used: a wrong argument, file, list or document."""

    code = "input"
    exit_code = 2


class NotFoundError(InputError):
    """Something was named that is not there."""

    code = "not-found"


class UnreadableError(InputError):
    """Media that cannot be decoded. The bytes are kept; a person has to look."""

    code = "unreadable"


class LimitError(UnreadableError):
    """Media or a document that would cost more than the stated limit allows."""

    code = "limit"


class StateError(InputError):
    """The act does not fit the present state, such as filing what is filed already."""

    code = "state"


class RefusedError(FirstlightError):
    """A rule of the house forbids the act, such as filing a report that claims what nobody recorded."""

    code = "refused"
    exit_code = 1


class IntegrityError(FirstlightError):
    """Stored data is not what was written: a damaged file, a broken proof, a wrong digest."""

    code = "integrity"
    exit_code = 1


class StorageError(FirstlightError):
    """The disk, the folder or the database refused: full, read-only, no permission, locked."""

    code = "storage"
    exit_code = 3


class UpstreamError(FirstlightError):
    """A configured host did not answer, or answered with something else than agreed."""

    code = "upstream"
    exit_code = 3


class MissingExtraError(FirstlightError):
    """An optional library, program or server is needed here; the hint says how to get it."""

    code = "missing-extra"
    exit_code = 2
