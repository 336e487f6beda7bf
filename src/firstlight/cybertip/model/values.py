"""The simple values of the schema, with the service's own limits."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, PlainSerializer

from firstlight import clock
from firstlight.cybertip.wire import MaxLength, Must

WireTime = Annotated[AwareDatetime, PlainSerializer(clock.to_text, return_type=str, when_used="json")]
"""A time with its zone; on the wire in UTC."""
PastTime = Annotated[WireTime, Must.BE_PAST]
PastDate = Annotated[date, Must.BE_PAST]

Text20 = Annotated[str, MaxLength(20)]
Text50 = Annotated[str, MaxLength(50)]
Text64 = Annotated[str, MaxLength(64)]
Text100 = Annotated[str, MaxLength(100)]
Text255 = Annotated[str, MaxLength(255)]
Text256 = Annotated[str, MaxLength(256)]
Text300 = Annotated[str, MaxLength(300)]
Text2056 = Annotated[str, MaxLength(2056)]
Text3000 = Annotated[str, MaxLength(3000)]

Url = Annotated[str, MaxLength(2083), Must.BE_URL]
IpAddress = Annotated[str, Must.BE_IP, Must.NOT_BE_BLANK]

LONG_MAX = 2**63 - 1
ReportId = Annotated[int, Field(ge=-(2**63), le=LONG_MAX)]
"""A report's number: 64 bits on the wire; 32 bits are too few."""
Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


def text_of_time(at: datetime) -> str:
    """A time in words of a report: UTC, to the second."""
    return clock.in_utc(at).strftime("%Y-%m-%d %H:%M:%S UTC")
