"""Faults by script: what goes wrong, at which endpoint, at which request."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firstlight.cybertip.simulator.knobs import Knobs
from firstlight.values import Document, Value, Versioned


class Endpoint(StrEnum):
    """The seven endpoints."""

    STATUS = "status"
    XSD = "xsd"
    SUBMIT = "submit"
    UPLOAD = "upload"
    FILEINFO = "fileinfo"
    FINISH = "finish"
    RETRACT = "retract"


class FaultKind(StrEnum):
    """What goes wrong.

    `drop-request`: the connection ends before anything is carried out. `drop-answer`: it is carried out, then the
    connection ends. `truncate`: it is carried out, and the answer is cut. `status`: an HTTP status without a response
    document, nothing carried out. `status-after`: the same, but carried out. `code`: a response code, nothing carried
    out. `wrong-md5`: the answer to an upload names another MD5. `empty-401`: 401 without a body. `slow`: the answer
    waits. `expire`: the report is dropped before the request is looked at.
    """

    DROP_REQUEST = "drop-request"
    DROP_ANSWER = "drop-answer"
    TRUNCATE = "truncate"
    STATUS = "status"
    STATUS_AFTER = "status-after"
    CODE = "code"
    WRONG_MD5 = "wrong-md5"
    EMPTY_401 = "empty-401"
    SLOW = "slow"
    EXPIRE = "expire"


class Fault(Value):
    """One fault: at the `nth` request to the endpoint (any endpoint when none is named), `times` in a row."""

    kind: FaultKind
    endpoint: Endpoint | None = None
    nth: Annotated[int, Field(ge=1)] = 1
    times: Annotated[int, Field(ge=1)] = 1
    status: Annotated[int, Field(ge=200, le=599)] = 503
    code: int = 1000
    seconds: Annotated[float, Field(ge=0, le=60)] = 0


class Scenario(Document):
    """A script of faults, as a file may hold it, and how the service that plays it is set."""

    title_for_people: ClassVar[str] = "fault scenario"

    kind: Literal["cybertip-scenario"] = "cybertip-scenario"
    version: Versioned = 1
    knobs: Knobs = Knobs()
    faults: tuple[Fault, ...] = ()


class FaultScript:
    """Counts requests and says which fault is due."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self._scripted: tuple[Fault, ...] = faults
        self._counts = [0] * len(faults)

    def due(self, endpoint: Endpoint) -> Fault | None:
        """The first fault that strikes this request; every request is counted by every fault that names it."""
        struck: Fault | None = None
        for number, fault in enumerate(self._scripted):
            if fault.endpoint not in (None, endpoint):
                continue
            self._counts[number] += 1
            if struck is None and fault.nth <= self._counts[number] < fault.nth + fault.times:
                struck = fault
        return struck
