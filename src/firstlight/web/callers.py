"""Who calls, and whether they may: each route names the one permission it asks for.

    @router.get("/queue")
    def queue(service: TheService, caller: Annotated[Caller, Depends(require(Permission.QUEUE_READ))]) -> ...

A route that anybody may call says so with `Depends(anybody)`. A test finds every route that says neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from firstlight.errors import RefusedError
from firstlight.web.access import api_keys, sessions
from firstlight.web.access.policy import Permission, Role, permissions_of
from firstlight.web.access.sessions import SignedIn
from firstlight.web.pages import Pages
from firstlight.web.problems import NotSignedInError
from firstlight.web.rates import Asking
from firstlight.web.service import Service

_UNLOOKED = object()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a person in a session, or a machine with a key. `actor` is their name in the custody log."""

    actor: str
    permissions: frozenset[Permission]
    roles: tuple[Role, ...] = ()
    session: SignedIn | None = None

    @property
    def is_person(self) -> bool:
        """Whether it is somebody who is signed in."""
        return self.session is not None


class Require:
    """Lets those through who may do this. One instance a permission: `require(Permission.X)`."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, request: Request) -> Caller:
        """The caller, who may do this.

        Raises:
            NotSignedInError: nobody is signed in, or the key opens nothing.
            RefusedError: the caller may not do this.
        """
        caller = caller_of(request)
        if caller is None:
            raise NotSignedInError(
                "Nobody is signed in.",
                hint="Sign in, or send a key: `Authorization: Bearer fl_...` (`firstlight keys add`).",
            )
        if self.permission not in caller.permissions:
            raise RefusedError(
                f"{caller.actor} may not do this: it needs {self.permission.value}.",
                hint="An admin can give another role, or another key.",
                code="refused.permission",
            )
        return caller


class Limited:
    """What a route depends on that is counted: whoever is signed in by name, anybody else by address."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def __call__(self, request: Request) -> None:
        """Count this request.

        Raises:
            LimitError: it is too many.
        """
        caller = caller_of(request)
        address = request.client.host if request.client else ""
        service_of(request).rates.take(self._asking, caller.actor if caller else address)


class Anybody:
    """Marks a route that anybody may call, signed in or not."""

    def __call__(self, request: Request) -> Caller | None:
        """The caller, if there is one."""
        return caller_of(request)


_REQUIRED = {permission: Require(permission) for permission in Permission}
anybody = Anybody()


def require(permission: Permission) -> Require:
    """What a route depends on that asks for this permission."""
    return _REQUIRED[permission]


def service_of(request: HTTPConnection) -> Service:
    """The service that answers this request."""
    found = request.app.state.service
    if not isinstance(found, Service):
        raise TypeError("this app was made without a service")
    return found


def pages_of(request: HTTPConnection) -> Pages:
    """The pages of the app that answers this request."""
    found = request.app.state.pages
    if not isinstance(found, Pages):
        raise TypeError("this app was made without pages")
    return found


TheService = Annotated[Service, Depends(service_of)]
ThePages = Annotated[Pages, Depends(pages_of)]
Myself = Annotated[Caller, Depends(require(Permission.SELF))]
"""Whoever is signed in, for their own affairs."""


def caller_of(request: Request) -> Caller | None:
    """Who calls; looked up once a request. A key that is sent counts alone, whatever cookie comes with it."""
    found = request.scope.get("firstlight.caller", _UNLOOKED)
    if found is _UNLOOKED:
        found = _looked_up(request)
        request.scope["firstlight.caller"] = found
    return found if isinstance(found, Caller) else None


def _looked_up(request: Request) -> Caller | None:
    service = service_of(request)
    header = request.headers.get("authorization")
    if header is not None:
        way, _, secret = header.partition(" ")
        key = api_keys.whose(service.home, secret.strip()) if way.lower() == "bearer" else None
        return None if key is None else Caller(actor=f"key:{key.name}", permissions=frozenset(key.scopes))
    cookie = request.cookies.get(service.cookie)
    signed_in = sessions.whose(service.home, cookie) if cookie else None
    if signed_in is None:
        return None
    return Caller(
        actor=signed_in.name,
        permissions=_allowed(service, signed_in),
        roles=signed_in.roles,
        session=signed_in,
    )


def _allowed(service: Service, signed_in: SignedIn) -> frozenset[Permission]:
    """Beyond this machine a one-time link is good for one thing: to register a passkey."""
    if signed_in.way is sessions.Way.LINK and not service.only_loopback:
        return frozenset({Permission.SELF})
    return permissions_of(signed_in.roles)
