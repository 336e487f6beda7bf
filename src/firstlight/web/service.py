"""What every request has at hand: the open home, the time, the settings. One object, made at the start."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from firstlight.casework.home import Home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.clock import Clock
from firstlight.errors import InputError
from firstlight.media import Cage
from firstlight.values import LOOPBACK_NAMES
from firstlight.web.access.oidc import Provider
from firstlight.web.access.oidc import provider as named_provider
from firstlight.web.audit import Audit
from firstlight.web.measures import Meter
from firstlight.web.rates import Rates
from firstlight.web.readiness import Readiness
from firstlight.web.tracing import Traces


@dataclass(frozen=True, slots=True)
class Service:
    """The service over an open home. `cage` decodes what comes in; it was started before the home's keys were read."""

    home: Home
    settings: ServiceSettings
    cage: Cage | None = None
    ready: Readiness = field(default_factory=Readiness)
    wake: Callable[[], None] = lambda: None
    """Tell those who work in the background that something waits for them."""

    wake_fetching: Callable[[], None] = lambda: None
    """Tell them that an exchange was made or changed."""

    meter: Meter = field(default_factory=Meter)
    traces: Traces | None = None
    """Where spans of requests go, if the operator named a collector."""

    rates: Rates = field(default_factory=Rates)
    """How often everybody asked for what is counted."""

    audit: Audit = field(init=False)
    provider: Provider | None = field(init=False)
    """The identity provider through which people may sign in, if the operator named one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "audit", Audit(self.home))
        object.__setattr__(self, "provider", named_provider(self.home))

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.home.clock

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by TLS."""
        return bool(self.settings.tls_cert) or self.settings.behind_proxy

    @property
    def public_host(self) -> str:
        """The name by which browsers reach it, if it was stated."""
        return urlsplit(self.settings.public_url).hostname or ""

    @property
    def only_loopback(self) -> bool:
        """Whether nobody but this machine can call it: it listens on loopback, and no proxy stands in front."""
        return is_loopback(self.settings.host) and not self.settings.behind_proxy

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; on plain loopback the port is part of it, for cookies know no ports."""
        return "__Host-firstlight" if self.secure else f"firstlight-{self.settings.port}"

    def knows_host(self, name: str) -> bool:
        """Whether a request may name this host: any other is somebody's trick to get at a loopback service."""
        also = {each.lower() for each in self.settings.also_known_as}
        return name in LOOPBACK_NAMES or name in also or (name == self.public_host and bool(name))

    def origin(self, host_header: str) -> str:
        """The origin that a browser is at."""
        if self.settings.public_url:
            found = urlsplit(self.settings.public_url)
            return f"{found.scheme}://{found.netloc}"
        return f"{'https' if self.secure else 'http'}://{host_header}"

    def relying_party(self, host_header: str) -> str:
        """The domain that passkeys are bound to."""
        return urlsplit(self.origin(host_header)).hostname or "localhost"


def address_of(settings: ServiceSettings) -> str:
    """The address that a person opens, without a slash at its end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    return f"http://localhost:{settings.port}"


def host_named(header: str) -> str:
    """The host that a Host header names, without its port; empty where it names none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens here."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_reach(settings: ServiceSettings) -> None:
    """Return if nobody can read the traffic that these settings allow.

    Raises:
        InputError: it would listen beyond this machine without TLS, or does not say how browsers reach it; or the
            certificate cannot be used.
    """
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise InputError("A certificate and its key belong together.", hint="Give both --tls-cert and --tls-key.")
    protected = bool(settings.tls_cert) or settings.behind_proxy
    if not is_loopback(settings.host) and not protected:
        raise InputError(
            f"On {settings.host} others could read along.",
            hint="Give --tls-cert and --tls-key, or --behind-proxy if a proxy in front speaks TLS; "
            "or listen on 127.0.0.1.",
        )
    if settings.tls_cert:
        _require_certificate(settings)
    if protected and urlsplit(settings.public_url).scheme != "https":
        raise InputError(
            "Passkeys are bound to the address by which browsers reach the service, and it is not stated.",
            hint="Give --public-url https://NAME.",
        )


def _require_certificate(settings: ServiceSettings) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, _no_password)
    except (OSError, ValueError) as e:  # an SSLError is an OSError
        why = f"{e.strerror}." if isinstance(e, FileNotFoundError | PermissionError) else f"{e}."
        raise InputError(
            f"The certificate {settings.tls_cert} cannot be used with the key {settings.tls_key}: {why}",
            hint="Name the PEM file of the certificate and its chain, and that of its key, without a password.",
        ) from e


def _no_password() -> str:
    """Asked for by a key that has one; without this the library would ask on the terminal."""
    raise ValueError("the key has a password")
