"""Looking: a rendition is asked for, fetched once, and hidden. The only addresses of the service that answer pixels."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Depends
from starlette.responses import Response

from firstlight.casework import cases, showing
from firstlight.casework.severity import Severity
from firstlight.casework.showing import Ask
from firstlight.errors import RefusedError, StateError
from firstlight.values import canonical_json
from firstlight.web.access.policy import Permission
from firstlight.web.access.sessions import SignedIn
from firstlight.web.callers import Caller, Limited, TheService, require
from firstlight.web.console import proofs
from firstlight.web.console.numbers import Number
from firstlight.web.problems import NotSignedInError
from firstlight.web.rates import Asking
from firstlight.web.service import Service

router = APIRouter()
Viewer = Annotated[Caller, Depends(require(Permission.MEDIA_VIEW))]

FRESH = timedelta(minutes=30)
"""For how long one proof of who is there opens the severe pictures of one case."""


@router.post("/items/{item}/reveal", dependencies=[Depends(Limited(Asking.LOOK))])
def reveal(item: Number, service: TheService, caller: Viewer, ask: Ask) -> dict[str, str]:
    """The address from which this rendition is fetched, once, by this sign-in alone."""
    session = _session(caller)
    _require_fresh_proof(service, item, caller, session)
    role = caller.roles[0].value if caller.roles else "reviewer"
    secret = showing.offer(service.home, item, ask, actor=caller.actor, role=role, session=session.short)
    return {"picture": f"/picture/{secret}", "hide": f"/picture/{secret}/hidden"}


@router.get("/picture/{secret}")
def picture(secret: str, service: TheService, caller: Viewer) -> Response:
    """The rendition."""
    if service.cage is None:
        raise StateError("This service decodes nothing.", hint="Start it with `firstlight up`.")
    shown = showing.serve(service.home, service.cage, secret, session=_session(caller).short)
    headers = {
        "cache-control": "no-store",
        "content-disposition": 'inline; filename="picture"',
        "x-firstlight-rendition": shown.rendition.value,
        "x-firstlight-size": f"{shown.picture.width}x{shown.picture.height}",
    }
    return Response(shown.picture.data, media_type=str(shown.picture.media_type), headers=headers)


@router.post("/picture/{secret}/hidden")
def hidden(
    secret: str, service: TheService, caller: Viewer, seconds: Annotated[float, Body(embed=True)]
) -> dict[str, float]:
    """The rendition is on no screen any more."""
    logged = showing.hide(service.home, secret, session=_session(caller).short, seconds=seconds)
    return {"seconds": logged}


def _require_fresh_proof(service: Service, item: int, caller: Caller, session: SignedIn) -> None:
    """Severe pictures ask for a passkey anew, once a case: whoever finds an open screen opens nothing severe.

    Raises:
        RefusedError: there is no fresh proof; the facts name the act that the passkey has to sign.
    """
    with service.home.look() as work:
        row = cases.item(work, item)
        if Severity.of(row.severity) is not Severity.SEVERE:
            return
        case = row.case_id
    if Permission.MEDIA_VIEW_SEVERE not in caller.permissions:
        raise RefusedError("Severe pictures are not shown to this role.", code="refused.permission")
    act = hashlib.sha256(canonical_json({"act": "reveal-severe", "case": case, "by": caller.actor})).hexdigest()
    proofs.assertion(
        service.home,
        session,
        act,
        within=FRESH,
        says="This picture is expected to be severe: prove that it is you.",
    )


def _session(caller: Caller) -> SignedIn:
    if caller.session is None:
        raise NotSignedInError("Only somebody who is signed in can look; a key cannot.")
    return caller.session
