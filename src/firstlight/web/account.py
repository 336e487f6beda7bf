"""Signing in and out, and one's own passkeys."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.errors import NotFoundError, StateError
from firstlight.values import Sha256Hex
from firstlight.web.access import passkeys, sessions, users
from firstlight.web.access.oidc import LIFE, Begun, Provider, proved
from firstlight.web.access.passkeys import Site
from firstlight.web.access.sessions import LONGEST, SignedIn, Way
from firstlight.web.callers import Caller, Limited, Myself, ThePages, TheService, anybody
from firstlight.web.problems import NotSignedInError
from firstlight.web.rates import Asking
from firstlight.web.service import Service

HOME_PAGE = "/"
ACCOUNT_PAGE = "/account"

router = APIRouter(include_in_schema=False)
COUNTED = [Depends(Limited(Asking.SIGN_IN))]
Anyone = Annotated[Caller | None, Depends(anybody)]
Credential = Annotated[dict[str, Any], Body(embed=True)]


@router.get("/sign-in")
def sign_in(request: Request, service: TheService, pages: ThePages, caller: Anyone) -> Response:
    """The page to sign in."""
    host = request.url.hostname or ""
    if service.only_loopback and host in ("127.0.0.1", "::1"):  # passkeys are bound to names, not to numbers
        return RedirectResponse(str(request.url.replace(hostname="localhost")), HTTPStatus.SEE_OTHER)
    if caller is not None:
        return RedirectResponse(HOME_PAGE, HTTPStatus.SEE_OTHER)
    first = not users.everybody(service.home)
    return pages.render(request, "account/sign-in.html", first=first, provider=service.provider is not None)


@router.post("/sign-in/oidc", dependencies=COUNTED)
def sign_in_oidc(request: Request, service: TheService, _caller: Anyone) -> Response:
    """Go to the identity provider to sign in."""
    return _to_provider(service, _provider(service).begin(_back(request, service)))


@router.post("/step-up/oidc")
def step_up_oidc(
    request: Request, service: TheService, caller: Myself, act: Annotated[Sha256Hex, Form()],
    after: Annotated[str, Form()] = HOME_PAGE,
) -> Response:  # fmt: skip
    """Go to the identity provider to prove anew who is there, for the act with this digest."""
    begun = _provider(service).begin(_back(request, service), step_up=(_session(caller), act), after=after)
    return _to_provider(service, begun)


@router.get("/sign-in/oidc/back", dependencies=COUNTED)
def sign_in_oidc_back(request: Request, service: TheService, pages: ThePages, _caller: Anyone) -> Response:
    """Take what the browser brings back from the identity provider."""
    secret = request.cookies.get(_oidc_cookie(service), "")
    ended = _provider(service).end(_back(request, service), dict(request.query_params), secret)
    # A redirect would still count as coming from the provider, and the session's cookie would stay behind.
    page = pages.render(request, "account/came-back.html", next=ended.next)
    page.headers["refresh"] = f"0; url={ended.next}"
    page.delete_cookie(_oidc_cookie(service), path="/", secure=service.secure, httponly=True, samesite="lax")
    if ended.session is not None:
        _give_cookie(service, page, ended.session)
    return page


@router.get("/enter/{secret}")
def enter(secret: str, request: Request, pages: ThePages, _caller: Anyone) -> Response:
    """The page of a one-time link. Looking at it uses nothing up: a preview of the link would."""
    return pages.render(request, "account/enter.html", secret=secret)


@router.post("/enter", dependencies=COUNTED)
def use_link(service: TheService, _caller: Anyone, secret: Annotated[str, Form()]) -> Response:
    """Let the user of a one-time link in."""
    with service.home.work() as work:
        user = users.use_link(work, secret)
        cookie = sessions.begin(work, user, Way.LINK)
    first = not passkeys.of(service.home, user.id)
    response = RedirectResponse(ACCOUNT_PAGE if first else HOME_PAGE, HTTPStatus.SEE_OTHER)
    _give_cookie(service, response, cookie)
    return response


@router.post("/sign-in/begin", dependencies=COUNTED)
def sign_in_begin(request: Request, service: TheService, _caller: Anyone) -> dict[str, Any]:
    """What the browser needs to use a passkey."""
    return passkeys.begin_sign_in(service.home, _site(request, service))


@router.post("/sign-in/finish", dependencies=COUNTED)
def sign_in_finish(
    request: Request, service: TheService, response: Response, _caller: Anyone, credential: Credential
) -> dict[str, str]:
    """Sign in with what the passkey signed."""
    _give_cookie(service, response, passkeys.finish_sign_in(service.home, _site(request, service), credential))
    return {"next": HOME_PAGE}


@router.post("/sign-out")
def sign_out(service: TheService, caller: Myself, everywhere: Annotated[bool, Form()] = False) -> Response:
    """End this session, or all of one's own."""
    sessions.end(service.home, _session(caller), everywhere=everywhere)
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    response.delete_cookie(service.cookie, path="/", secure=service.secure, httponly=True, samesite="strict")
    return response


@router.get("/account")
def account(request: Request, service: TheService, pages: ThePages, caller: Myself) -> Response:
    """One's own passkeys."""
    mine = passkeys.of(service.home, _session(caller).user_id)
    return pages.render(
        request, "account/account.html", passkeys=mine, only_passkeys=not mine and not service.only_loopback
    )


@router.post("/account/passkeys/begin")
def passkey_begin(request: Request, service: TheService, caller: Myself) -> dict[str, Any]:
    """What the browser needs to make a passkey."""
    return passkeys.begin_registration(service.home, _session(caller), _site(request, service))


@router.post("/account/passkeys/finish")
def passkey_finish(
    request: Request,
    service: TheService,
    caller: Myself,
    credential: Credential,
    name: Annotated[str, Body(embed=True)] = "",
) -> dict[str, str]:
    """Keep the passkey that was made."""
    passkeys.finish_registration(service.home, _session(caller), _site(request, service), credential, name)
    return {"next": ACCOUNT_PAGE}


@router.post("/account/passkeys/{passkey}/remove")
def passkey_remove(passkey: int, service: TheService, caller: Myself) -> Response:
    """Forget one of one's own passkeys."""
    passkeys.remove(service.home, _session(caller), passkey)
    return RedirectResponse(ACCOUNT_PAGE, HTTPStatus.SEE_OTHER)


@router.post("/step-up/begin", dependencies=COUNTED)
def step_up_begin(
    request: Request, service: TheService, caller: Myself, act: Annotated[Sha256Hex, Body(embed=True)]
) -> dict[str, Any]:
    """What the browser needs to prove anew who is there, for the act with this digest; or that it is proved."""
    who = _session(caller)
    if who.way is Way.OIDC and service.provider is not None and not passkeys.of(service.home, who.user_id):
        if proved(service.home, who, act):  # they have just come back from there
            return {"proved": True}
        raise StateError("Your organisation has to say anew who you are.", code="state.provider")
    return passkeys.begin_step_up(service.home, _session(caller), _site(request, service), act)


@router.post("/step-up/finish")
def step_up_finish(request: Request, service: TheService, caller: Myself, credential: Credential) -> dict[str, str]:
    """Keep the proof for that act."""
    passkeys.finish_step_up(service.home, _session(caller), _site(request, service), credential)
    return {"next": ""}


def _site(request: Request, service: Service) -> Site:
    host = request.headers.get("host", "")
    return Site(service.relying_party(host), service.origin(host))


def _provider(service: Service) -> Provider:
    """The identity provider.

    Raises:
        NotFoundError: none is named.
    """
    if service.provider is None:
        raise NotFoundError("No identity provider is named here.", hint="Sign in with a passkey.")
    return service.provider


def _back(request: Request, service: Service) -> str:
    return service.origin(request.headers.get("host", "")) + "/sign-in/oidc/back"


def _oidc_cookie(service: Service) -> str:
    return f"{service.cookie}-oidc"


def _to_provider(service: Service, begun: Begun) -> Response:
    response = RedirectResponse(begun.location, HTTPStatus.SEE_OTHER)
    # Lax, for it has to come back from the provider's page; it opens nothing by itself.
    response.set_cookie(
        _oidc_cookie(service), begun.secret, max_age=int(LIFE.total_seconds()), path="/", secure=service.secure,
        httponly=True, samesite="lax",
    )  # fmt: skip
    return response


def _session(caller: Caller) -> SignedIn:
    """The session of a person.

    Raises:
        NotSignedInError: a machine calls.
    """
    if caller.session is None:
        raise NotSignedInError("Only somebody who is signed in can do this; a key cannot.")
    return caller.session


def _give_cookie(service: Service, response: Response, secret: str) -> None:
    response.set_cookie(
        service.cookie,
        secret,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=service.secure,
        httponly=True,
        samesite="strict",
    )
