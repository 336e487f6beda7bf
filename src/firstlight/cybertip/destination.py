"""Where reports go, as types: a report for the simulator cannot reach another host by a wrong string.

Addresses come from the operator's configuration. The simulator is on loopback; the test host discards what it gets;
production needs a registration and two people.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlsplit

from firstlight.clock import in_utc
from firstlight.errors import InputError, RefusedError

PRODUCTION_HOST = "report.cybertip.org"
"""Only to recognise a production address that is given as something else; nothing here connects to it by itself."""
PATH = "/ispws"


def _parts(url: str) -> tuple[str, str]:
    """Scheme and host of a base address.

    Raises:
        InputError: it is no http or https address, or carries credentials, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as e:
        raise InputError(f"{url!r} is no address.", hint="Write it like https://host/ispws.") from e
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise InputError(
            "The address of the reporting service cannot be used.",
            hint="Write it like https://host/ispws, without user name, query or fragment.",
        )
    return parts.scheme, host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class SimulatorDestination:
    """The simulator on this machine. The default: nothing sent here leaves the machine."""

    url: str
    name: ClassVar[str] = "simulator"

    def __post_init__(self) -> None:
        """Refuse every host that is not loopback."""
        _, host = _parts(self.url)
        if not _is_loopback(host):
            raise InputError(
                f"The simulator must be on this machine; {host} is not.",
                hint="Give a loopback address such as http://127.0.0.1:8025/ispws.",
            )


def _outside(url: str) -> str:
    scheme, host = _parts(url)
    if scheme != "https":
        raise InputError("Reports leave this machine over https only.", hint="Give an https address.")
    return host.rstrip(".").lower()


@dataclass(frozen=True, slots=True)
class TestHost:
    """The service's own test host, which discards what it receives."""

    __test__: ClassVar[bool] = False  # the name is the service's, it is no test case
    url: str
    name: ClassVar[str] = "test-host"

    def __post_init__(self) -> None:
        """Refuse plain http and the production host."""
        if _outside(self.url) == PRODUCTION_HOST:
            raise RefusedError(
                f"{PRODUCTION_HOST} is production; it cannot be used as a test host.",
                hint="Give the address of the test host, or make a Production destination with two approvals.",
            )


def require_production_address(url: str) -> None:
    """Return if real reports could be sent there.

    Raises:
        InputError: it is no https address, or one of this machine.
    """
    if _is_loopback(_outside(url)):
        raise InputError("A loopback address is no production host.", hint="Use the simulator's destination.")


@dataclass(frozen=True, slots=True)
class Registration:
    """The registration of a provider with the clearing house, without which nobody may file."""

    organisation: str
    registration_id: str

    def __post_init__(self) -> None:
        """Refuse blanks."""
        if not self.organisation.strip() or not self.registration_id.strip():
            raise InputError(
                "A registration needs the organisation and the number it is registered under.",
                hint="Enter both as the clearing house has confirmed them.",
            )


@dataclass(frozen=True, slots=True)
class Approval:
    """A person who answers for filing real reports from this installation."""

    person: str
    at: datetime
    reason: str

    def __post_init__(self) -> None:
        """Refuse blanks and times without a zone."""
        in_utc(self.at)
        if not self.person.strip() or not self.reason.strip():
            raise InputError("An approval needs a person and a reason.", hint="Say who approves, and why.")


@dataclass(frozen=True, slots=True)
class Production:
    """The real service: what is finished here is filed and cannot be taken back."""

    url: str
    registration: Registration
    approvals: tuple[Approval, Approval]
    name: ClassVar[str] = "production"

    def __post_init__(self) -> None:
        """Refuse anything but https and two different people."""
        require_production_address(self.url)
        people = {a.person.strip().casefold() for a in self.approvals}
        if len(people) != 2:
            raise RefusedError(
                "Production needs the approval of two different people.",
                hint="Have a second person approve; one person cannot approve twice.",
            )


Destination = SimulatorDestination | TestHost | Production


def base_url(destination: Destination) -> str:
    """The base address without a slash at its end."""
    return destination.url.rstrip("/")


def label(destination: Destination) -> str:
    """What journals and receipts call the destination.

    The simulator's address is left out: it listens on another port at each start, and a filing that was cut off goes
    on with the next one, which does not know the report and has it opened anew.
    """
    if isinstance(destination, SimulatorDestination):
        return destination.name
    return f"{destination.name} {base_url(destination)}"
