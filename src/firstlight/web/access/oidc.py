"""Signing in through the organisation's own identity provider: OpenID Connect, the authorization code flow with PKCE.

What the provider says counts only when it is signed by a key it publishes, for this service, in answer to this browser
and this attempt, and just now. Its claim names groups; the operator's settings say which roles they are. Whoever has
none of them does not get in.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import delete, select

from firstlight.casework.home import Home, Work
from firstlight.casework.settings import Oidc as OidcSettings
from firstlight.custody import EventType
from firstlight.errors import FirstlightError, InputError, MissingExtraError, RefusedError, StorageError, UpstreamError
from firstlight.store.tables import SignIn, StepUp, User
from firstlight.values import LOOPBACK_NAMES, checked_name
from firstlight.web.access import sessions, users
from firstlight.web.access.policy import Role, roles_named
from firstlight.web.access.secrets import digest, new_secret
from firstlight.web.access.sessions import SignedIn, Way

PURPOSE = "oidc"
LIFE = timedelta(minutes=10)
"""How long somebody may take at the provider's page."""
FRESH = timedelta(minutes=2)
"""How old the proof of a step-up may be when it comes back."""
SKEW = 60  # seconds by which two clocks may differ
KEPT = 3600.0  # seconds for which the provider's description and keys are believed
WAIT = 10.0  # seconds for its answers
LARGEST = 1_000_000  # bytes of an answer
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures that are accepted: none that whoever knows the client's secret could make, and never `none`."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser is to go, and the secret for its cookie, which has to come back with it."""

    location: str
    secret: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Who came back: the secret of a new session, or nothing after a step-up; and the page to go on with."""

    session: str | None
    next: str


@dataclass(frozen=True, slots=True)
class _Described:
    issuer: str
    authorization: str
    token: str
    keys: Any
    at: float


class Provider:
    """The identity provider that the operator named. Threads may share it."""

    def __init__(self, home: Home, settings: OidcSettings) -> None:
        self._home = home
        self._settings = settings
        self._known: _Described | None = None

    @property
    def host(self) -> str:
        """The provider's origin, to which a form of the sign-in page may lead."""
        found = urlsplit(self._settings.issuer)
        return f"{found.scheme}://{found.netloc}"

    @property
    def pages(self) -> str:
        """Every origin that signing in may lead through, for the policy of the page that begins it."""
        return " ".join([self.host, *(f"https://{name}" for name in self._settings.also)])

    def begin(self, redirect_uri: str, *, step_up: tuple[SignedIn, str] | None = None, after: str = "/") -> Begun:
        """Send a browser to the provider: to sign in, or to prove anew who is there for the act of this digest.

        Raises:
            UpstreamError: the provider does not answer, or with something else than agreed.
            MissingExtraError: the library for this is not installed.
        """
        client = self._client(redirect_uri)
        verifier, secret, state, nonce = new_secret(), new_secret(), new_secret(), new_secret()
        more: dict[str, str] = {}
        if step_up is not None:
            nonce = f"{step_up[1]}.{nonce}"  # what the provider signs names the act
            more = {"prompt": "login", "max_age": "0", "login_hint": step_up[0].name}
        location, _ = client.create_authorization_url(
            self._described().authorization, state=state, code_verifier=verifier, nonce=nonce, **more
        )
        kept = {"nonce": nonce, "verifier": verifier, "browser": digest(secret), "next": _own_page(after)}
        if step_up is not None:
            kept["act"] = step_up[1]
        with self._home.work() as work:
            now = work.clock.now()
            work.session.execute(delete(SignIn).where(SignIn.ends <= now))
            work.session.add(
                SignIn(
                    sha256=digest(state),
                    purpose=PURPOSE,
                    user_id=step_up[0].user_id if step_up else None,
                    session_sha256=step_up[0].sha256 if step_up else None,
                    detail=json.dumps(kept),
                    ends=now + LIFE,
                )
            )
        return Begun(location, secret)

    def end(self, redirect_uri: str, asked: Mapping[str, str], secret: str) -> Ended:
        """Take what the browser brings back, which works once.

        Raises:
            RefusedError: it is not what was asked for, by this browser, just now; or nobody with a role here.
            UpstreamError: the provider does not answer, or with something else than agreed. Of both, the fact `next`
                is the page from which a step-up began.
        """
        row, kept = self._answered(asked, secret)
        try:
            return self._ended(redirect_uri, asked, row, kept)
        except FirstlightError as e:
            if "act" in kept:
                e.diagnostics().facts.setdefault("next", kept["next"])
            raise

    def _ended(self, redirect_uri: str, asked: Mapping[str, str], row: SignIn, kept: Mapping[str, str]) -> Ended:
        if "error" in asked:
            raise _refused("the provider said no")
        if asked.get("iss", self._settings.issuer) != self._settings.issuer:
            raise _refused("another provider answered")
        claims = self._claims(redirect_uri, asked.get("code", ""), kept)
        with self._home.work() as work:
            if "act" in kept:
                _keep_proof(work, row, kept, claims)
                return Ended(None, kept["next"])
            user = self._user(work, claims)
            return Ended(sessions.begin(work, user, Way.OIDC), kept["next"])

    def _answered(self, asked: Mapping[str, str], secret: str) -> tuple[SignIn, dict[str, str]]:
        with self._home.work() as work:
            row = work.session.get(SignIn, digest(asked.get("state", "")))
            if row is None or row.purpose != PURPOSE or row.ends <= work.clock.now():
                raise _refused("it took too long, or was used before")
            kept: dict[str, str] = json.loads(row.detail)
            if not hmac.compare_digest(kept["browser"], digest(secret)):
                raise _refused("another browser began it")
            work.session.delete(row)
        return row, kept

    def _claims(self, redirect_uri: str, code: str, kept: Mapping[str, str]) -> dict[str, Any]:
        """What the provider says of whoever comes with this code, checked."""
        described = self._described()
        with _speaking():
            token = self._client(redirect_uri).fetch_token(
                described.token, grant_type="authorization_code", code=code, code_verifier=kept["verifier"]
            )
        claims = self._signed(str(token.get("id_token", "")), described)
        now = self._home.clock.now().timestamp()
        said, mine = claims.get("aud"), self._settings.client_id
        audience = said if isinstance(said, list) else [said]
        fits = {
            "issuer": claims.get("iss") == self._settings.issuer,
            "audience": mine in audience,
            "party": claims.get("azp", mine) == mine and (len(audience) == 1 or "azp" in claims),
            "time": _number(claims, "exp") > now - SKEW and abs(_number(claims, "iat") - now) <= LIFE.total_seconds(),
            "nonce": hmac.compare_digest(str(claims.get("nonce", "")), kept["nonce"]),
            "subject": isinstance(claims.get("sub"), str) and 0 < len(claims["sub"]) <= 255,
        }  # fmt: skip
        wrong = [name for name, right in fits.items() if not right]
        if wrong:
            raise _refused(f"what the provider signed has another {wrong[0]}")
        return claims

    def _signed(self, id_token: str, described: _Described) -> dict[str, Any]:
        from joserfc import errors, jwt

        for keys in (described.keys, None):
            try:
                found = jwt.decode(id_token, keys or self._described(anew=True).keys, algorithms=ALGORITHMS)
            except (errors.JoseError, ValueError) as e:
                if keys is None:  # the provider may have changed its keys, but not twice
                    raise _refused("what the provider sent is not signed by it") from e
            else:
                return dict(found.claims)
        raise AssertionError("unreachable")  # pragma: no cover

    def _user(self, work: Work, claims: Mapping[str, Any]) -> User:
        """The user of a subject, with the roles of now; made at the first sign-in."""
        subject = f"{self._settings.issuer} {claims['sub']}"
        roles = self._roles(claims)
        if not roles:
            raise RefusedError(
                "Nobody with a role here: the provider names none of the groups that have one.",
                hint="Ask whoever runs this service ([oidc] roles).",
                code="refused.role",
            )
        user = work.session.scalar(select(User).where(User.subject == subject))
        if user is None:
            name = users.free_name(work, self._name(claims))
            user = User(name=name, roles=" ".join(roles), created_at=work.clock.now(), subject=subject)
            work.session.add(user)
            work.session.flush()
            work.record(EventType.ROLE_CHANGE, actor=name, user=name, roles=list(roles), by="oidc")
        if user.disabled_at is not None:
            raise _refused("its user may not sign in any more")
        if users.roles_of(user) != roles:
            user.roles = " ".join(roles)
            work.record(EventType.ROLE_CHANGE, actor=user.name, user=user.name, roles=list(roles), by="oidc")
        return user

    def _roles(self, claims: Mapping[str, Any]) -> tuple[Role, ...]:
        said = claims.get(self._settings.roles_claim, [])
        groups = {said} if isinstance(said, str) else set()
        if isinstance(said, list):
            groups = {one for one in said if isinstance(one, str)}
        pairs = (one.rpartition("=") for one in self._settings.roles)
        wanted = [role for group, _, role in pairs if group in groups]
        return roles_named(wanted) if wanted else ()

    def _name(self, claims: Mapping[str, Any]) -> str:
        """The name that stands in the log: what the claim says, or none of it."""
        said = str(claims.get(self._settings.name_claim, "")).partition("@")[0].lower()
        try:
            return checked_name(said)
        except InputError:
            return "person"

    def _described(self, *, anew: bool = False) -> _Described:
        """What the provider publishes about itself."""
        known = self._known
        if known is not None and not anew and time.monotonic() - known.at < KEPT:
            return known
        issuer = self._settings.issuer
        try:
            from joserfc.jwk import KeySet
        except ImportError as e:
            raise _missing() from e
        with _speaking(), httpx.Client(timeout=WAIT, trust_env=False) as client:
            said = _document(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if said.get("issuer") != issuer:
                raise UpstreamError(
                    "The identity provider calls itself something else.", hint="Set [oidc] issuer to its own words."
                )
            places = [str(said.get(name, "")) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
            for place in places:
                self._require_named(place)
            keys = KeySet.import_key_set(_document(client, places[2]))  # type: ignore[arg-type]
        self._known = _Described(issuer, places[0], places[1], keys, time.monotonic())
        return self._known

    def _require_named(self, url: str) -> None:
        """No host that the operator did not name: the provider's own, or one of `[oidc] also`."""
        found = urlsplit(url)
        host = found.hostname or ""
        if host != urlsplit(self._settings.issuer).hostname and host not in self._settings.also:
            raise UpstreamError(
                "The identity provider sends its users to another host.",
                hint=f"If that is right, name it: [oidc] also = [{host!r}]",
            )
        require_safe(url)

    def _client(self, redirect_uri: str) -> Any:  # noqa: ANN401 - the library's client
        try:
            from authlib.integrations.httpx_client import OAuth2Client
        except ImportError as e:
            raise _missing() from e
        secret = client_secret(self._home.folder, self._settings)
        return OAuth2Client(
            client_id=self._settings.client_id,
            client_secret=secret or None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=" ".join(self._settings.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=WAIT,
            trust_env=False,
        )


def proved(home: Home, session: SignedIn, act: str) -> bool:
    """Whether the provider has just said anew, for this act, who is there."""
    wanted = select(StepUp.at).where(StepUp.session_sha256 == session.sha256, StepUp.act_sha256 == act)
    with home.look() as work:
        at = work.session.scalar(wanted)
        return at is not None and work.clock.now() - at <= FRESH


def provider(home: Home) -> Provider | None:
    """The provider that the settings name, if any.

    Raises:
        InputError: what they say of it is not whole.
    """
    settings = home.settings.oidc
    if not settings.issuer:
        return None
    require_safe(settings.issuer)
    if not settings.client_id or not settings.roles:
        raise InputError("[oidc] is not whole.", hint="Give client_id, and roles such as ['reviewers=reviewer'].")
    for one in settings.roles:
        group, _, role = one.rpartition("=")
        if not group:
            raise InputError(f"[oidc] roles: {one!r} is no GROUP=ROLE.", hint="Such as 'reviewers=reviewer'.")
        roles_named([role])
    return Provider(home, settings)


def require_safe(url: str) -> None:
    """Return if this is an address of https, or one of http on this machine.

    Raises:
        InputError: it is not.
    """
    found = urlsplit(url)
    here = found.scheme == "http" and found.hostname in LOOPBACK_NAMES
    if not found.hostname or found.username or not (found.scheme == "https" or here):
        raise InputError(
            "An identity provider is spoken with over https only.", hint="Write it like https://host/path."
        )


def client_secret(folder: Path, settings: OidcSettings) -> str:
    """The secret of this client, from its file; empty where none is named."""
    if not settings.client_secret_file:
        return ""
    path = folder / settings.client_secret_file
    try:
        if path.stat().st_mode & 0o077:
            raise StorageError(f"Others may read {path}.", hint=f"Close it first: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
    except OSError as e:
        raise StorageError(f"{path} cannot be read: {e.strerror}.", hint="Check [oidc] client_secret_file.") from e


def _keep_proof(work: Work, row: SignIn, kept: Mapping[str, str], claims: Mapping[str, Any]) -> None:
    """Keep that the person of a session was just asked by the provider who they are, for exactly one act."""
    user = work.session.get(User, row.user_id) if row.user_id is not None else None
    if user is None or user.disabled_at is not None or row.session_sha256 is None:
        raise _refused("its session has ended")
    if user.subject != f"{claims['iss']} {claims['sub']}":
        raise _refused("somebody else signed in")
    now = work.clock.now()
    proved = datetime.fromtimestamp(_number(claims, "auth_time"), UTC)
    if not now - FRESH - timedelta(seconds=SKEW) <= proved <= now + timedelta(seconds=SKEW):
        raise _refused("the provider did not ask anew who is there")
    said = {name: str(claims[name]) for name in ("iss", "sub", "auth_time", "nonce", "iat") if name in claims}
    proof = json.dumps(said, sort_keys=True)
    work.session.merge(StepUp(session_sha256=row.session_sha256, act_sha256=kept["act"], at=now, assertion=proof))
    work.record(EventType.LOGIN, actor=user.name, step="step-up", act=kept["act"], session=row.session_sha256[:16])


def _own_page(path: str) -> str:
    """A path of this service, never another host."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and " " not in path
    return path if plain else "/"


def _document(client: httpx.Client, url: str) -> dict[str, Any]:
    require_safe(url)
    answer = client.get(url)
    if answer.status_code != HTTPStatus.OK or len(answer.content) > LARGEST:
        raise UpstreamError(f"The identity provider answers {answer.status_code}.", hint="Check [oidc] issuer.")
    found = answer.json()
    if not isinstance(found, dict):
        raise UpstreamError("The identity provider answers with something else than agreed.")
    return found


class _speaking:  # noqa: N801 - used like a function
    """Whatever goes wrong while the provider is spoken with is the provider's failure, in words without its answer."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, FirstlightError) or not isinstance(error, Exception):
            return
        raise UpstreamError(
            f"Signing in failed at the identity provider ({type(error).__name__}).",
            hint="Try again; whoever runs this service can check [oidc].",
        ) from error


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _refused(why: str) -> RefusedError:
    return RefusedError(f"Signing in was not accepted: {why}.", hint="Try again.", code="refused.oidc")


def _missing() -> MissingExtraError:
    return MissingExtraError(
        "Signing in through an identity provider needs a library that is not installed.",
        hint="Install it: pip install 'firstlight[oidc]'",
    )


__all__ = ["Begun", "Ended", "Provider", "client_secret", "proved", "provider", "require_safe"]
