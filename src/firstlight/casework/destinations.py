"""Where reports go beside the simulator: the service's hosts, their credentials sealed, production under two names.

The credentials lie in the home, sealed by its keyring. Approvals are events of the custody log, bound to exactly the
settings that were approved: another address, user or registration needs new ones.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field
from sqlalchemy import select

from firstlight.casework.home import Home
from firstlight.custody import EventType
from firstlight.custody.approval import ActKind
from firstlight.custody.files import Disk, write_whole
from firstlight.cybertip import Approval, Client, Credentials, Production, Registration, TestHost
from firstlight.cybertip.destination import require_production_address
from firstlight.errors import InputError, IntegrityError, NotFoundError, RefusedError, StateError, StorageError
from firstlight.store import tables
from firstlight.values import Document, Sha256Hex, Value, Versioned, canonical_json

FOLDER = "destinations"
PURPOSE = "reporting credentials"


class Outside(StrEnum):
    """The hosts of the service. The names are those that journals and receipts begin with."""

    TEST_HOST = TestHost.name
    PRODUCTION = Production.name


class Way(StrEnum):
    """How it is known who approves."""

    TYPED = "typed"
    PASSKEY = "passkey"
    OIDC = "oidc"


class Approver(Value):
    """Who approves, by whoever has signed them in. A name that was only typed counts as long as nobody can sign in.

    `session` is their sign-in. `assertion` is what their passkey signed over the digest that `to_approve` answers; that
    it is genuine is for the caller to check before.
    """

    name: str
    way: Way = Way.TYPED
    session: str = ""
    assertion: dict[str, str] = Field(default_factory=dict)


class Settings(Value):
    """How the host is reached, without the password; production needs the registration."""

    url: str
    username: str
    organisation: str = ""
    registration_id: str = ""

    def registration(self) -> Registration:
        """The registration.

        Raises:
            InputError: it is not filled in.
        """
        return Registration(self.organisation, self.registration_id)

    def digest(self) -> Sha256Hex:
        """What approvals are bound to."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()


class _Kept(Document):
    title_for_people: ClassVar[str] = "destination"

    kind: Literal["destination"] = "destination"
    version: Versioned = 1
    settings: Settings
    password: str


class Shown(Document):
    """A destination as it may be shown: who approved it, and no password."""

    title_for_people: ClassVar[str] = "destination of reports"

    kind: Literal["destination-shown"] = "destination-shown"
    version: Versioned = 1
    host: Outside
    settings: Settings
    approved_by: tuple[str, ...]


def keep(home: Home, host: Outside, settings: Settings, password: str, *, actor: str) -> Shown:
    """Seal the credentials of a host into the home; what was kept of it before is replaced.

    Raises:
        InputError: the address, a name or the password cannot be used.
        RefusedError: production is named as the test host.
        StorageError: the home's disk refuses.
    """
    if host is Outside.TEST_HOST:
        TestHost(settings.url)
    else:
        require_production_address(settings.url)
        settings.registration()
    Credentials(settings.username, password)
    if not password.strip():
        raise InputError("The password is empty.", hint="Enter it as it was issued.")
    kept = _Kept(settings=settings, password=password)
    sealed = home.keyring.sealer(PURPOSE).seal(kept.to_json(), _context(host))
    folder = home.folder / FOLDER
    with home.work() as work:
        work.record(
            EventType.CONFIG_CHANGE,
            actor=actor,
            subject=settings.digest(),
            destination=host.value,
            settings=settings.model_dump(mode="json"),
        )
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as e:
            raise StorageError(f"{folder} cannot be made: {e.strerror}.", hint="Check the home's permissions.") from e
        write_whole(Disk(), folder / host.value, [sealed], replace=True)
    return show(home, host)


def is_kept(home: Home, host: Outside) -> bool:
    """Whether this home has credentials for the host."""
    return (home.folder / FOLDER / host.value).exists()


def show(home: Home, host: Outside) -> Shown:
    """What is kept of a host, and who approved it.

    Raises:
        NotFoundError: nothing is.
        IntegrityError: it is damaged.
    """
    settings = _kept(home, host).settings
    return Shown(host=host, settings=settings, approved_by=tuple(one.person for one in _approvals(home, settings)))


def to_approve(home: Home) -> Sha256Hex:
    """The digest of production as it is kept now: what an approval is bound to, and what a passkey signs for one.

    Raises:
        NotFoundError: production is not kept.
    """
    return _kept(home, Outside.PRODUCTION).settings.digest()


def approve(home: Home, who: Approver, *, reason: str, digest: Sha256Hex | None = None) -> Shown:
    """Record that a person answers for filing real reports with production as it is kept now.

    `digest` is what they were shown and signed, if anything: other settings are not approved by it.

    Raises:
        NotFoundError: production is not kept.
        StateError: it is kept with other settings than those of `digest`.
        RefusedError: this person has approved it already, as it takes two; or a name was typed where people sign in.
        InputError: the person or the reason is blank.
    """
    settings = _kept(home, Outside.PRODUCTION).settings
    if digest is not None and digest != settings.digest():
        raise StateError(
            "Production has other settings by now than those that were shown.", hint="Look at the new ones and approve."
        )
    mine = Approval(person=who.name, at=home.clock.now(), reason=reason)
    if who.way is Way.TYPED and _people_sign_in(home):
        raise RefusedError(
            "People sign in to this home, so a typed name approves nothing.",
            hint="Each of two people approves it signed in, in the console.",
            code="refused.sign-in",
        )
    if any(_same(one.person, who.name) for one in _approvals(home, settings)):
        raise RefusedError(f"{who.name} has approved it already.", hint="A second person has to approve it.")
    said: dict[str, object] = {
        "act": ActKind.FILE_IN_PRODUCTION.value,
        "reason": mine.reason,
        "settings": settings.model_dump(mode="json"),
        "way": who.way.value,
        "assertion": dict(who.assertion),
    }
    with home.work() as work:
        event = work.event(EventType.APPROVE, mine.person, None, settings.digest(), said)
        work.log.append(event.model_copy(update={"session": who.session}))
    return show(home, Outside.PRODUCTION)


def client(home: Home, host: Outside) -> Client:
    """A client of the host; nothing is sent yet. Close it, or use it as a context manager.

    Raises:
        NotFoundError: the host is not kept.
        RefusedError: production, and fewer than two people have approved exactly these settings.
        IntegrityError: what is kept is damaged.
    """
    kept = _kept(home, host)
    settings = kept.settings
    destination = TestHost(settings.url) if host is Outside.TEST_HOST else _approved(home, settings)
    return Client(destination, Credentials(settings.username, kept.password))


def _approved(home: Home, settings: Settings) -> Production:
    approvals = _approvals(home, settings)
    if len(approvals) < 2:
        raise RefusedError(
            f"Production needs the approval of two different people; {len(approvals)} approved these settings.",
            hint="Each of them signed in, on the console's page of approvals; where nobody signs in: "
            "firstlight cybertip destination approve --by NAME --why ...",
            code="refused.second-person",
        )
    return Production(settings.url, settings.registration(), (approvals[0], approvals[1]))


def _kept(home: Home, host: Outside) -> _Kept:
    path = home.folder / FOLDER / host.value
    try:
        sealed = path.read_bytes()
    except FileNotFoundError as e:
        raise NotFoundError(
            f"This home knows no credentials for {host.value}.",
            hint=f"Keep them first: firstlight cybertip destination set {host.value} ...",
        ) from e
    except OSError as e:
        raise StorageError(f"{path} cannot be read: {e.strerror}.", hint="Check its permissions.") from e
    try:
        return _Kept.from_json(home.keyring.sealer(PURPOSE).unseal(sealed, _context(host)))
    except IntegrityError as e:
        raise IntegrityError(
            f"{path} does not open with this home's keys.",
            hint="Restore it, or keep the credentials anew: firstlight cybertip destination set",
            code="integrity.destination",
        ) from e


def _approvals(home: Home, settings: Settings) -> tuple[Approval, ...]:
    """The approvals of exactly these settings that count, one a person, oldest first."""
    sign_in = _people_sign_in(home)
    found: dict[str, Approval] = {}
    with home.look() as work:
        for entry in work.log.entries(subjects=[settings.digest()], types=[EventType.APPROVE]):
            said = entry.event.payload if entry.event is not None else {}
            if entry.event is None or said.get("act") != ActKind.FILE_IN_PRODUCTION.value:
                continue
            if sign_in and said.get("way", Way.TYPED.value) == Way.TYPED.value:
                continue  # from before people signed in: anybody could have typed it
            who, reason = entry.event.actor, str(entry.event.payload.get("reason"))
            found.setdefault(who.strip().casefold(), Approval(who, entry.event.at, reason))
    return tuple(found.values())


def _people_sign_in(home: Home) -> bool:
    """Whether anybody has a passkey or an account with the identity provider here."""
    with home.look() as work:
        by_passkey = select(tables.Passkey.id).limit(1)
        by_provider = select(tables.User.id).where(tables.User.subject.is_not(None)).limit(1)
        return any(work.session.scalar(one) is not None for one in (by_passkey, by_provider))


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _context(host: Outside) -> bytes:
    return b"destination " + host.value.encode()
