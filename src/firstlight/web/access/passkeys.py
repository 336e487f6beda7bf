"""Passkeys: how a user's device proves, without a password, that it is theirs.

A challenge is good once and for five minutes. The device has to ask its user (by PIN, finger or face) each time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from firstlight.casework.home import Home, Work
from firstlight.custody import EventType
from firstlight.errors import InputError, NotFoundError, RefusedError, StateError
from firstlight.store.tables import Passkey, SignIn, StepUp, User, WebSession
from firstlight.web.access import sessions
from firstlight.web.access.secrets import SECRET_BYTES, digest
from firstlight.web.access.sessions import SignedIn, Way

CHALLENGE_LIFE = timedelta(minutes=5)
LONGEST_NAME = 60
MOST = 20
"""Passkeys that one user may have."""
_REGISTER, _SIGN_IN, _STEP_UP = "register", "sign-in", "step-up"
_NAME_OF_THE_HOUSE = "Firstlight"


@dataclass(frozen=True, slots=True)
class Site:
    """Where the browser is: the domain that passkeys are bound to, and the origin it must sign."""

    domain: str
    origin: str


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """A passkey as its owner sees it."""

    id: int
    name: str
    created_at: datetime
    used_at: datetime | None


def of(home: Home, user_id: int) -> tuple[PasskeyView, ...]:
    """The passkeys of a user."""
    with home.look() as work:
        rows = _rows(work, user_id)
    return tuple(PasskeyView(row.id, row.name, row.created_at, row.used_at) for row in rows)


def begin_registration(home: Home, who: SignedIn, site: Site) -> dict[str, Any]:
    """What the browser needs to make a passkey for whoever is signed in."""
    with home.work() as work:
        known = _rows(work, who.user_id)
        if len(known) >= MOST:
            raise StateError(f"Nobody needs more than {MOST} passkeys.", hint="Remove one that is no longer used.")
        challenge = _challenge(work, _REGISTER, user_id=who.user_id, session=who.sha256)
    options = generate_registration_options(
        rp_id=site.domain,
        rp_name=_NAME_OF_THE_HOUSE,
        user_name=who.name,
        user_id=str(who.user_id).encode(),
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=row.credential) for row in known],
    )
    return _plain(options)


def finish_registration(home: Home, who: SignedIn, site: Site, credential: dict[str, Any], name: str) -> PasskeyView:
    """Keep the passkey that the browser made; the session is bound to it from now on.

    Raises:
        RefusedError: it does not prove what it has to.
        InputError: the name is too long.
    """
    name = name.strip() or "Passkey"
    if len(name) > LONGEST_NAME:
        raise InputError(f"The name has more than {LONGEST_NAME} characters.", hint="Give a shorter one.")
    with home.work() as work:
        challenge, row = _answered(work, credential, _REGISTER)
        if row.user_id != who.user_id or row.session_sha256 != who.sha256:
            raise _refused("it was asked for in another session")
        try:
            proved = verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=site.domain,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except WebAuthnException as e:
            raise _refused(str(e)) from e
        if work.session.scalar(select(Passkey.id).where(Passkey.credential == proved.credential_id)) is not None:
            raise StateError("This passkey is registered already.")
        made = Passkey(
            user_id=who.user_id,
            credential=proved.credential_id,
            public_key=proved.credential_public_key,
            uses=proved.sign_count,
            name=name,
            created_at=work.clock.now(),
        )
        work.session.add(made)
        work.session.flush()
        session = work.session.get(WebSession, who.sha256)
        if session is not None and session.way == Way.LINK:
            session.way, session.passkey_id = Way.PASSKEY.value, made.id
        work.record(EventType.LOGIN, actor=who.name, step="passkey-added", passkey=made.id)
        return PasskeyView(made.id, made.name, made.created_at, None)


def remove(home: Home, who: SignedIn, passkey_id: int) -> None:
    """Forget one of one's own passkeys, and end the sessions that it began.

    Raises:
        NotFoundError: it is not there, or somebody else's.
        StateError: it is the last one.
    """
    with home.work() as work:
        rows = _rows(work, who.user_id)
        wanted = next((row for row in rows if row.id == passkey_id), None)
        if wanted is None:
            raise NotFoundError("There is no such passkey.")
        if len(rows) == 1:
            raise StateError(
                "This is the last passkey; without it nobody could sign in.", hint="Add another one first."
            )
        work.session.execute(delete(WebSession).where(WebSession.passkey_id == passkey_id))
        work.session.delete(wanted)
        work.record(EventType.LOGIN, actor=who.name, step="passkey-removed", passkey=passkey_id)


def begin_sign_in(home: Home, site: Site) -> dict[str, Any]:
    """What the browser needs to sign somebody in; it does not say who there is."""
    with home.work() as work:
        challenge = _challenge(work, _SIGN_IN)
    options = generate_authentication_options(
        rp_id=site.domain, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    return _plain(options)


def finish_sign_in(home: Home, site: Site, credential: dict[str, Any]) -> str:
    """The secret of a new session of whoever's passkey this is.

    Raises:
        RefusedError: it is nobody's, or does not prove what it has to.
    """
    with home.work() as work:
        challenge, _ = _answered(work, credential, _SIGN_IN)
        passkey = _proved(work, site, credential, challenge)
        user = work.session.get_one(User, passkey.user_id)
        if user.disabled_at is not None:
            raise _refused("its user may not sign in any more")
        return sessions.begin(work, user, Way.PASSKEY, passkey.id)


def begin_step_up(home: Home, who: SignedIn, site: Site, act_sha256: str) -> dict[str, Any]:
    """What the browser needs to prove anew who is there, for exactly this act: its digest is the challenge.

    Raises:
        StateError: whoever is signed in has no passkey.
    """
    challenge = bytes.fromhex(act_sha256)
    with home.work() as work:
        known = _rows(work, who.user_id)
        if not known:
            raise StateError("This asks for a passkey, and you have none.", hint="Add one on the page of your account.")
        _keep_challenge(work, challenge, _STEP_UP, user_id=who.user_id, session=who.sha256)
    options = generate_authentication_options(
        rp_id=site.domain,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=row.credential) for row in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _plain(options)


def finish_step_up(home: Home, who: SignedIn, site: Site, credential: dict[str, Any]) -> dict[str, str]:
    """Keep the proof for the act whose digest was signed; answers the assertion, as an approval keeps it.

    Raises:
        RefusedError: it proves something else, or somebody else.
    """
    with home.work() as work:
        challenge, row = _answered(work, credential, _STEP_UP)
        if row.user_id != who.user_id or row.session_sha256 != who.sha256:
            raise _refused("it was asked for in another session")
        passkey = _proved(work, site, credential, challenge)
        if passkey.user_id != who.user_id:
            raise _refused("it is somebody else's")
        said = {name: str(value) for name, value in credential["response"].items() if isinstance(value, str)}
        said["credential"] = bytes_to_base64url(passkey.credential)
        found = StepUp(
            session_sha256=who.sha256,
            act_sha256=challenge.hex(),
            at=work.clock.now(),
            assertion=json.dumps(said, sort_keys=True),
        )
        work.session.merge(found)
        work.record(EventType.LOGIN, actor=who.name, step="step-up", act=challenge.hex(), session=who.short)
        return said


def _rows(work: Work, user_id: int) -> list[Passkey]:
    return list(work.session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))


def _challenge(work: Work, purpose: str, *, user_id: int | None = None, session: str | None = None) -> bytes:
    import secrets

    challenge = secrets.token_bytes(SECRET_BYTES)
    _keep_challenge(work, challenge, purpose, user_id=user_id, session=session)
    return challenge


def _keep_challenge(work: Work, challenge: bytes, purpose: str, *, user_id: int | None, session: str | None) -> None:
    now = work.clock.now()
    work.session.execute(delete(SignIn).where(SignIn.ends <= now))
    kept = SignIn(
        sha256=digest(bytes_to_base64url(challenge)),
        purpose=purpose,
        user_id=user_id,
        session_sha256=session,
        detail="",
        ends=now + CHALLENGE_LIFE,
    )
    work.session.merge(kept)


def _answered(work: Work, credential: dict[str, Any], purpose: str) -> tuple[bytes, SignIn]:
    """The challenge that a credential answers, which is good no more."""
    try:
        said = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        challenge = base64url_to_bytes(said["challenge"])
    except (KeyError, TypeError, ValueError, WebAuthnException) as e:
        raise InputError("This is no answer of a passkey.") from e
    row = work.session.get(SignIn, digest(bytes_to_base64url(challenge)))
    if row is None or row.purpose != purpose or row.ends <= work.clock.now():
        raise _refused("it took too long, or was used before")
    work.session.delete(row)
    work.session.flush()
    return challenge, row


def _proved(work: Work, site: Site, credential: dict[str, Any], challenge: bytes) -> Passkey:
    """The passkey with which a credential was made, if it proves so."""
    try:
        known = base64url_to_bytes(str(credential.get("rawId", "")))
    except ValueError as e:
        raise InputError("This is no answer of a passkey.") from e
    passkey = work.session.scalar(select(Passkey).where(Passkey.credential == known))
    if passkey is None:
        raise _refused("it is not registered here")
    try:
        proved = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.domain,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.uses,
            require_user_verification=True,
        )
    except WebAuthnException as e:
        raise _refused(str(e)) from e
    passkey.uses = proved.new_sign_count
    passkey.used_at = work.clock.now()
    return passkey


def _refused(why: str) -> RefusedError:
    return RefusedError(f"The passkey was not accepted: {why}.", hint="Try again.", code="refused.passkey")


def _plain(options: Any) -> dict[str, Any]:  # noqa: ANN401 - either kind of options
    found = json.loads(options_to_json(options))
    if not isinstance(found, dict):
        raise TypeError("the options of a passkey are an object")
    return found
