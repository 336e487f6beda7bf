"""A fresh proof of who is there: what a passkey signed in this session for exactly one act."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from firstlight.casework.home import Home
from firstlight.errors import RefusedError
from firstlight.store.tables import StepUp
from firstlight.web.access.sessions import SignedIn


def assertion(home: Home, session: SignedIn, act_sha256: str, *, within: timedelta, says: str) -> str:
    """What the passkey signed for this act, as JSON text.

    Raises:
        RefusedError: nothing fresh was signed (`refused.step-up`); the facts name the act that has to be.
    """
    wanted = select(StepUp).where(StepUp.session_sha256 == session.sha256, StepUp.act_sha256 == act_sha256)
    with home.look() as work:
        found = work.session.scalar(wanted)
        now = work.clock.now()
    if found is None or now - found.at > within:
        hint = "Confirm it with your passkey, or through your organisation."
        raise RefusedError(says, hint=hint, code="refused.step-up", act=act_sha256)
    return found.assertion
