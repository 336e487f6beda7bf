"""What all tables have in common: their base, and types that mean the same in both databases."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ColumnOperators, Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

from firstlight import clock
from firstlight.store import columns


class UtcTime(TypeDecorator[datetime]):
    """An aware time as sortable text."""

    impl = columns.TEXT
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the signature is given
        """To text; a time without a zone is refused."""
        return None if value is None else clock.to_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is given
        """From text."""
        return None if value is None else clock.from_text(value)


class YesNo(TypeDecorator[bool]):
    """A truth value as 0 or 1."""

    impl = columns.NUMBER
    cache_ok = True

    class comparator_factory(TypeDecorator.Comparator[bool]):  # noqa: N801 - the library's name
        """Compares as a number: PostgreSQL does not compare one with the words `true` and `false`."""

        def is_(self, other: Any) -> ColumnOperators:  # noqa: ANN401 - as the library's
            """Whether it is this truth value, or none."""
            return super().is_(None) if other is None else self.in_((other,))

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the signature is given
        """To 0 or 1."""
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> bool | None:  # noqa: ARG002 - the signature is given
        """From 0 or 1."""
        return None if value is None else bool(value)


class Table(DeclarativeBase):
    """The base of all tables; STRICT in SQLite, so that a wrong type is refused there as it is in PostgreSQL."""

    type_annotation_map: ClassVar[dict[Any, TypeEngine[Any] | type[TypeEngine[Any]]]] = {
        str: columns.TEXT,
        int: columns.NUMBER,
        float: columns.FRACTION,
        bytes: columns.BYTES,
        bool: YesNo,
        datetime: UtcTime,
    }


STRICT: dict[str, Any] = {"sqlite_strict": True}
NUMBERED: dict[str, Any] = {"sqlite_strict": True, "sqlite_autoincrement": True}  # a number is never used twice
