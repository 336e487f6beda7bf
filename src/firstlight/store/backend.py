"""What a kind of database has to give: transactions that read, transactions that write, and errors in words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ClassVar

from sqlalchemy import Engine, exc
from sqlalchemy.orm import Session

from firstlight.errors import FirstlightError

StillAlone = Callable[[], None]
"""Returns while the lock is held; raises a `StorageError` once it is lost."""


class Backend(ABC):
    """One database of one kind.

    `where` names it in messages and holds no password. `reads` begins transactions that see one state; `writes` begins
    those of the one writer there may be; `aside` begins those that write what is no part of the custody log, and wait
    for the writer only where the kind of database has a single lock.
    """

    kind: ClassVar[str]
    where: str
    reads: Engine
    writes: Engine
    aside: Engine

    @abstractmethod
    def explain(self, error: exc.SQLAlchemyError) -> FirstlightError:
        """What happened, and what to do about it. Values of rows are never part of it."""

    @abstractmethod
    def damage(self, session: Session) -> list[str]:
        """What is found damaged when the database is read from end to end."""

    @abstractmethod
    def alone(self, name: str) -> AbstractContextManager[StillAlone]:
        """Hold the lock of this name against every other process, and let it go with the process.

        Raises:
            StateError: another one holds it.
        """

    def close(self) -> None:
        """Let go of every connection."""
        self.reads.dispose()
