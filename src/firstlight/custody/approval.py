"""Two people for what cannot be undone: an approval is bound to the digest of exactly one act.

The act is a document. Its SHA-256 (of its RFC 8785 bytes) is what a second person approves, and it is the challenge
that their security key signs, so an approval says: this person approved exactly this, then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from firstlight.clock import in_utc, to_text
from firstlight.custody.event import Event, EventType
from firstlight.errors import RefusedError
from firstlight.values import Document, Instant, Sha256Hex, Versioned

APPROVAL_LIFE = timedelta(minutes=10)
"""How long an approval may be used: long enough to walk over, too short to be kept in a drawer."""


class ActKind(StrEnum):
    """Acts that one person alone may not do."""

    EXPORT_WITH_MEDIA = "export-with-media"
    KEY_RELEASE = "key-release"
    HOLD_RELEASE = "hold-release"
    SHRED_EARLY = "shred-early"
    RETENTION_CHANGE = "retention-change"
    GRANT_ROLE = "grant-role"
    BULK_REVEAL = "bulk-reveal"
    FILE_IN_PRODUCTION = "file-in-production"


class Act(Document):
    """What is to be done, to what, asked for by whom. `details` hold everything that makes a difference."""

    title_for_people: ClassVar[str] = "act"

    kind: Literal["act"] = "act"
    version: Versioned = 1
    act: ActKind
    case: str | None = None
    requester: str
    requested: Instant
    nonce: str
    details: dict[str, JsonValue] = Field(default_factory=dict)

    def digest(self) -> str:
        """The SHA-256 that an approval is bound to."""
        return hashlib.sha256(self.to_json()).hexdigest()


class Approval(Document):
    """That a person approved one act. `assertion` is what their security key signed over the act's digest."""

    title_for_people: ClassVar[str] = "approval"

    kind: Literal["approval"] = "approval"
    version: Versioned = 1
    act_sha256: Sha256Hex
    approver: str
    at: Instant
    assertion: dict[str, str] = Field(default_factory=dict)


def require_second_person(act: Act, approvals: Sequence[Approval], now: datetime) -> Approval:
    """The approval that lets the act be done now: of this very act, by somebody else, not older than ten minutes.

    Whether the approver's role allows it and whether the assertion is genuine is for the caller to check before.

    Raises:
        RefusedError: there is none; it says what is wrong with the one that comes closest.
    """
    now = in_utc(now)
    digest = act.digest()
    why = "nobody has approved it"
    for one in approvals:
        if one.act_sha256 != digest:
            why = "the approval is of another act"
        elif one.approver == act.requester:
            why = "whoever asks for an act cannot approve it"
        elif not act.requested <= one.at <= now:
            why = "the approval was given before the act was asked for, or in the future"
        elif now - one.at > APPROVAL_LIFE:
            why = f"the approval of {to_text(one.at)} has run out"
        else:
            return one
    raise RefusedError(
        f"{act.act} needs a second person: {why}.",
        hint=f"Let another person approve exactly this act ({digest[:16]}…) within ten minutes of doing it.",
        code="refused.second-person",
    )


def approval_event(act: Act, approval: Approval) -> Event:
    """The event that keeps an approval, and the act that it was given for, in the log."""
    return Event(
        type=EventType.APPROVE,
        at=approval.at,
        actor=approval.approver,
        case=act.case,
        payload={"act": act.model_dump(mode="json"), "approval": approval.model_dump(mode="json")},
    )
