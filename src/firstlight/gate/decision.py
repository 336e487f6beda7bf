"""What the gate decides, with its reasons: the one answer that the proxy, the adapters and the record are made from."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from firstlight.gate.matching import RuleHit
from firstlight.gate.rules import Outcome
from firstlight.values import BankPurpose, Document, Instant, Reason, Sha256Hex, Value, Versioned

REFUSAL: Final = "This request was not carried out."
"""What a refused user is told, whatever the reason: who is told which word or picture it was can try the next one."""

DecisionId = Annotated[str, StringConstraints(pattern=r"^gd-[0-9a-f]{20}$")]


class Stage(StrEnum):
    """Where in a request the gate looked."""

    PROMPT = "prompt"
    INPUTS = "inputs"
    OUTPUT = "output"


class CheckState(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    SPOKE = "spoke"
    FAILED = "failed"


class CheckNote(Value):
    """One check: what it made of the request, and how long it took. `code` names a failure."""

    name: str
    state: CheckState
    outcome: Outcome
    milliseconds: Annotated[float, Field(ge=0)]
    code: str = ""


class BankHit(Value):
    """That a picture was found in a bank. Nothing of the bank's entry is in it."""

    bank: str
    purpose: BankPurpose
    exact: bool
    distance: Annotated[int, Field(ge=0, le=256)] = 0
    turned: bool = False
    vetoed: bool = False


class Decision(Document):
    """What the gate decided on one stage of a request.

    `reason` is the tree of what spoke. `subject` is the SHA-256 of the picture that decided, `near_input` that of an
    input picture to which an output is a near-duplicate. No word of a prompt and no name of an account is in it.
    """

    title_for_people: ClassVar[str] = "decision of the gate"

    kind: Literal["gate-decision"] = "gate-decision"
    version: Versioned = 1
    id: DecisionId
    stage: Stage
    at: Instant
    outcome: Outcome
    reason: Reason
    checks: tuple[CheckNote, ...] = ()
    rules: tuple[RuleHit, ...] = ()
    banks: tuple[BankHit, ...] = ()
    subject: Sha256Hex | None = None
    near_input: Sha256Hex | None = None

    @property
    def allowed(self) -> bool:
        """Whether the request goes on. What is under review does not, until a person has looked."""
        return self.outcome is Outcome.ALLOW

    @property
    def failed_closed(self) -> bool:
        """Whether it was stopped because a check could not be made, and by nothing that was found."""
        return not self.allowed and not any(
            note.state is CheckState.SPOKE and note.outcome is not Outcome.ALLOW for note in self.checks
        )


def new_decision_id() -> str:
    """A name for a decision: random, so that it tells nothing."""
    return f"gd-{secrets.token_hex(10)}"
