"""Types of columns that mean the same in SQLite's STRICT tables and in PostgreSQL."""

from __future__ import annotations

from sqlalchemy import REAL, BigInteger, Double, Integer, LargeBinary, Text
from sqlalchemy.types import TypeEngine

NUMBER: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits in both: sizes and report numbers outgrow 32."""

TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
"""Sorted by its bytes in both, so that times in text sort as times do whatever the server's language is."""

FRACTION: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")
"""Double precision in both."""

BYTES: TypeEngine[bytes] = LargeBinary()
