"""People: who may come in, and what needs two of them."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.casework import acts, destinations
from firstlight.casework.destinations import Outside, Way
from firstlight.custody.approval import APPROVAL_LIFE
from firstlight.errors import InputError
from firstlight.web.access import users
from firstlight.web.access.policy import Permission, Role
from firstlight.web.access.sessions import SignedIn
from firstlight.web.callers import Caller, ThePages, TheService, require
from firstlight.web.console import proofs
from firstlight.web.problems import NotSignedInError
from firstlight.web.service import Service

router = APIRouter()
Admin = Annotated[Caller, Depends(require(Permission.USERS))]
Approver = Annotated[Caller, Depends(require(Permission.APPROVE))]

ROLE_WORDS = {
    Role.REVIEWER: "looks, decides, reports",
    Role.SENIOR: "as a reviewer, and gives second opinions, changes banks, exports",
    Role.CUSTODIAN: "keeps: holds, packages, the custody log; sees no pictures",
    Role.KEY_OFFICER: "looks after keys; sees no pictures",
    Role.ADMIN: "looks after users and settings; sees no case",
    Role.AUDITOR: "reads records and the log; sees no pictures",
    Role.INGEST: "hands items in",
}


@router.get("/users")
def everybody(request: Request, service: TheService, pages: ThePages, _caller: Admin) -> Response:
    """Every user with their roles."""
    return _users(request, service, pages)


def _users(
    request: Request,
    service: Service,
    pages: ThePages,
    *,
    link: str = "",
    name: str = "",
) -> Response:
    return pages.render(
        request,
        "users.html",
        users=users.everybody(service.home),
        roles=ROLE_WORDS,
        link=link,
        name=name,
    )


def _link(request: Request, service: Service, secret: str) -> str:
    return f"{service.origin(request.headers.get('host', ''))}/enter/{secret}"


@router.post("/users")
def add(
    request: Request,
    service: TheService,
    pages: ThePages,
    caller: Admin,
    name: Annotated[str, Form()] = "",
    roles: Annotated[list[str], Form()] = [],  # noqa: B006 - read only; the form library needs a list
) -> Response:
    """A new user, and the one-time link that lets them in; it is shown once."""
    made, secret = users.add(service.home, name.strip(), roles, by=caller.actor)
    return _users(request, service, pages, link=_link(request, service, secret), name=made.name)


@router.post("/users/{name}/roles")
def change(
    name: str,
    service: TheService,
    caller: Admin,
    roles: Annotated[list[str], Form()] = [],  # noqa: B006
) -> Response:
    """Other roles."""
    users.change(service.home, name, roles, by=caller.actor)
    return RedirectResponse("/users", HTTPStatus.SEE_OTHER)


@router.post("/users/{name}/link")
def link(name: str, request: Request, service: TheService, pages: ThePages, caller: Admin) -> Response:
    """A new one-time link."""
    secret = users.new_link(service.home, name, by=caller.actor)
    return _users(request, service, pages, link=_link(request, service, secret), name=name)


@router.post("/users/{name}/disable")
def disable(name: str, service: TheService, caller: Admin) -> Response:
    """Let somebody in no more."""
    users.disable(service.home, name, by=caller.actor)
    return RedirectResponse("/users", HTTPStatus.SEE_OTHER)


@router.get("/approvals")
def approvals(request: Request, service: TheService, pages: ThePages, _caller: Approver) -> Response:
    """What waits for a second person."""
    production = None
    if destinations.is_kept(service.home, Outside.PRODUCTION):
        production = destinations.show(service.home, Outside.PRODUCTION)
    return pages.render(
        request,
        "approvals.html",
        waiting=acts.waiting_acts(service.home),
        production=production,
    )


@router.post("/approvals/production")
def approve_production(
    service: TheService, caller: Approver, digest: Annotated[str, Form()] = "", why: Annotated[str, Form()] = ""
) -> Response:
    """Answer for filing real reports with exactly the settings that were shown. It takes two people."""
    if not why.strip():
        raise InputError("A reason is needed for this.", hint="It stands in the custody log for ever.", field="why")
    session = _session(caller)
    says = "An approval asks anew who you are, for exactly these settings."
    signed = proofs.assertion(service.home, session, digest, within=APPROVAL_LIFE, says=says)
    proof = json.loads(signed)
    way = Way.OIDC if "iss" in proof else Way.PASSKEY
    who = destinations.Approver(name=caller.actor, way=way, session=session.short, assertion=proof)
    destinations.approve(service.home, who, reason=why.strip(), digest=digest)
    return RedirectResponse("/approvals", HTTPStatus.SEE_OTHER)


@router.post("/approvals/{act}")
def approve(act: str, service: TheService, caller: Approver) -> Response:
    """Approve exactly this act. Whoever asked for it cannot."""
    says = "An approval asks anew who you are, for exactly this act."
    signed = proofs.assertion(service.home, _session(caller), act, within=APPROVAL_LIFE, says=says)
    acts.approve(service.home, act, actor=caller.actor, assertion=json.loads(signed))
    return RedirectResponse("/approvals", HTTPStatus.SEE_OTHER)


def _session(caller: Caller) -> SignedIn:
    if caller.session is None:
        raise NotSignedInError("Only somebody who is signed in can approve; a key cannot.")
    return caller.session
