"""The check of a draft before it is filed: is it valid, is it complete, is it true?"""

from __future__ import annotations

from datetime import datetime

from firstlight.clock import in_utc
from firstlight.cybertip.checking.invalid import invalid_findings
from firstlight.cybertip.checking.thin import completeness_of, signs_of_danger, thin_findings
from firstlight.cybertip.checking.untrue import untrue_findings
from firstlight.cybertip.findings import Findings
from firstlight.cybertip.model.report import Draft
from firstlight.cybertip.record import AskedOnce, Record
from firstlight.cybertip.schema import SCHEMA_2025_11, Schema

__all__ = ["check"]


def check(draft: Draft, record: Record, *, at: datetime, schema: Schema = SCHEMA_2025_11) -> Findings:
    """Everything that is invalid, thin or untrue in a draft, all at once, as known at `at`.

    `at` is the time against which "past" is judged; `schema` is what the service has in force.
    """
    at, record = in_utc(at), AskedOnce(record)
    thin = thin_findings(draft, record)
    return Findings(
        at=at,
        schema_name=schema.name,
        findings=(*invalid_findings(draft, at=at, schema=schema), *untrue_findings(draft, record), *thin),
        completeness=completeness_of(thin),
        urgency=signs_of_danger(draft.report),
    )
