"""What is not known of the real service, as knobs: a simulator that chose silently would teach a client wrong."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from firstlight.cybertip.answers import Code
from firstlight.cybertip.schema import SCHEMA_2025_11, Schema, schema_named
from firstlight.values import Value


class StatusPolicy(StrEnum):
    """The HTTP status of codes whose status is unknown; 0 is always 200, 2000 is 401 and 4100 is 400."""

    GUESSED = "guessed"
    ALWAYS_200 = "always-200"
    ALWAYS_400 = "always-400"


class Unauthorised(StrEnum):
    """What a 401 carries: nothing, as seen in 2026, or a response document with code 1000, as in 2015."""

    EMPTY = "empty"
    XML_1000 = "xml-1000"


class When(StrEnum):
    """When a rule is enforced."""

    FILEINFO = "fileinfo"
    FINISH = "finish"


class Knobs(Value):
    """The settings of a simulated service. The schema may be given by its name, as `"2026"`."""

    schema_in_force: Annotated[Schema, BeforeValidator(schema_named)] = SCHEMA_2025_11
    status_policy: StatusPolicy = StatusPolicy.GUESSED
    unauthorised: Unauthorised = Unauthorised.EMPTY
    reporter_email_required: bool = True
    supplemental_rules_at: When = When.FILEINFO
    second_fileinfo_overwrites: bool = False
    batch_details_required: bool = True
    finish_errors_in_done_root: bool = False
    reject_chunked: bool = False
    expires_after_opening: Annotated[float, Field(gt=0)] = 24 * 3600.0
    expires_after_change: Annotated[float, Field(gt=0)] = 3600.0
    first_report_id: Annotated[int, Field(ge=1)] = 5_000_000_001
    max_xml_bytes: Annotated[int, Field(ge=1)] = 32 * 1024 * 1024


_GUESSES = {
    Code.NOT_AUTHORISED: 403,
    Code.NOT_AUTHORISED_TO_SUBMIT: 403,
    Code.NOT_AUTHORISED_TO_UPDATE: 403,
    Code.NOT_FOUND: 404,
    Code.NO_SUCH_REPORT: 404,
    Code.NO_SUCH_FILE: 404,
    Code.ALREADY_RETRACTED: 409,
    Code.ALREADY_FINISHED: 409,
}
_OWN_FAULTS = (
    Code.SERVER_ERROR,
    Code.SAVE_FAILED,
    Code.UPLOAD_FAILED,
    Code.FILE_UPLOAD_FAILED,
    Code.UPDATE_FAILED,
)


def http_status(code: int, policy: StatusPolicy) -> int:
    """The HTTP status that goes with a response code."""
    if code == Code.SUCCESS:
        return 200
    if code == Code.AUTHENTICATION_REQUIRED:
        return 401
    if code == Code.VALIDATION_FAILED:
        return 400
    if policy is StatusPolicy.ALWAYS_200:
        return 200
    if policy is StatusPolicy.ALWAYS_400:
        return 400
    if code in _OWN_FAULTS:
        return 500
    return _GUESSES.get(Code(code), 400) if code in set(Code) else 400
