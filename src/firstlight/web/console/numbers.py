"""Numbers in addresses and forms: those of rows, which every database can hold."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field

LARGEST = 2**31 - 1

Number = Annotated[int, Path(ge=1, le=LARGEST)]
"""The number of a case, an item or a hold in an address."""

Chosen = Annotated[int, Field(ge=1, le=LARGEST)]
"""The number of an item in a form."""
