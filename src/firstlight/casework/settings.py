"""What the operator says: in `settings.toml` of the home folder, in the environment, in flags of a command."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from pydantic import Field, ValidationError

from firstlight.custody.kek import ProviderKind
from firstlight.custody.storages.s3 import LockMode
from firstlight.errors import InputError, StorageError
from firstlight.values import Instant, Value

FILE = "settings.toml"

TEMPLATE = """\
# Settings of this Firstlight home. Every line is optional; a line that is not known is refused.

[organisation]
# name = "Example Photos Inc."          # as it stands in reports
# contact_first_name = "Ada"            # the person who answers for reports
# contact_last_name = "Example"
# contact_email = "safety@example.org"  # a CyberTipline report needs it
# terms_of_service = ""                 # the part that the material breaks
# legal_url = "https://example.org/legal"

[database]
# url = "postgresql://firstlight@db.example.org/firstlight"  # instead of a file in this folder; no password here:
#                                       # keep it in ~/.pgpass

[banks]
# sealed = true                         # false: lists lie plain on the disk; only for a disk that is encrypted,
#                                       # and only before the first bank is made

[vault]
# storage = "folder"                    # "s3": originals lie in a bucket of an object store, locked there
# endpoint = ""                         # such as "https://s3.eu-west-1.amazonaws.com"; no other host is contacted
# bucket = ""                           # made with Object Lock enabled
# region = "us-east-1"
# prefix = ""                           # before the names of all objects, such as "evidence/"
# credentials = "s3-credentials.toml"   # a file of mode 0600 with the lines access_key and secret_key
# lock = "compliance"                   # "governance": a permission of the store can end it; "none": no lock
# lock_days = 35                        # from intake on; `firstlight custody protect` lengthens it to each clock's end

[keys]
# provider = "file"                     # "passphrase": the key is made from one; only before anything is taken in
# passphrase_file = ""                  # a file of mode 0600, such as one of systemd's credentials

[retention]
# reported = "us-2258a"                 # the policy of what was reported; more policies: retention.toml in this folder
# not_reported = "house-not-reported"   # the policy of what a person decided not to report

[timestamps]
# url = ""                              # a time stamping authority (RFC 3161) that dates the log's checkpoints
# certificates = ""                     # a PEM file with the authority's certificates, got from itself

[witness]
# url = ""                              # a second signer of the log (C2SP tlog-witness), best run by somebody else
# key = ""                              # its public key: name+id+base64

[drawn_material]
# policy = "Policy 7, section 2"        # your written decision to report drawings; without one none is filed
# signed_by = "Ada Example"
# signed_at = 2026-01-31T12:00:00Z

[service]
# host = "127.0.0.1"                    # where `firstlight up` listens; elsewhere only with TLS or behind a proxy
# port = 8470
# public_url = ""                       # how browsers reach it, such as "https://review.example.org"
# also_known_as = []                    # more names of this host by which machines may call it
# tls_cert = ""                         # files of a certificate and its key
# tls_key = ""
# behind_proxy = false                  # true: a proxy in front speaks TLS and passes the Host header on
# metrics_port = 8471                   # Prometheus metrics, on loopback alone; 0 for none
# workers = 1                           # threads that work on jobs
# look_up_processes = "cores"           # processes that answer look-ups once they come fast: a number, or one a core
# largest_upload = 104857600            # bytes of one item
# hma_open_on_loopback = false          # true: HMA's routes need no key as long as only this machine can call them
# fetch_hosts = []                      # hosts from which a URL may be hashed; none without a line here
# fetch_every = 60                      # minutes between two fetches of each exchange; 0: only by hand or by a timer
# webhooks = []                         # addresses that are told what happens, such as "https://app.example.org/hook"

[oidc]
# issuer = ""                           # an identity provider (OpenID Connect) beside passkeys, in its own words
# client_id = ""
# client_secret_file = ""               # a file of mode 0600 in this folder; none for a public client
# roles = []                            # who may do what here, such as ["reviewers=reviewer", "leads=senior"]
# roles_claim = "groups"                # where the provider says in which groups somebody is
# name_claim = "preferred_username"     # and what to call them in the log
# scopes = ["openid", "profile"]
# also = []                             # more hosts of the provider that it may send browsers and this service to

[telemetry]
# endpoint = ""                         # an OpenTelemetry collector, such as "http://127.0.0.1:4318/v1/traces"
"""


class Organisation(Value):
    """Who runs this home and answers for its reports."""

    name: str = ""
    contact_first_name: str = ""
    contact_last_name: str = ""
    contact_email: str = ""
    terms_of_service: str = ""
    legal_url: str = ""


class DatabasePlace(Value):
    """Where the tables lie: in the PostgreSQL database of this URL, or without one in a file of the home."""

    url: str = ""


class Banks(Value):
    """How hash lists are kept: sealed with the home's key and opened into memory, or plain and mapped from the disk."""

    sealed: bool = True


class VaultPlace(Value):
    """Where originals lie: in the home's folder, or in a bucket that locks each of them."""

    storage: Literal["folder", "s3"] = "folder"
    endpoint: str = ""
    bucket: str = ""
    region: str = "us-east-1"
    prefix: str = ""
    credentials: str = "s3-credentials.toml"
    lock: LockMode = LockMode.COMPLIANCE
    lock_days: Annotated[int, Field(ge=1, le=3650)] = 35


class Keys(Value):
    """What wraps the keys of the house."""

    provider: ProviderKind = ProviderKind.FILE
    passphrase_file: str = ""


class Retention(Value):
    """Which policy starts which clock."""

    reported: str = "us-2258a"
    not_reported: str = "house-not-reported"


class Timestamps(Value):
    """Who dates the log's checkpoints; nobody without a line here."""

    url: str = ""
    certificates: str = ""


class Witness(Value):
    """Who signs the log's checkpoints as a second party; nobody without a line here."""

    url: str = ""
    key: str = ""


class DrawnMaterial(Value):
    """The operator's written policy to report material that is drawn alone; without one it is never filed."""

    policy: str = ""
    signed_by: str = ""
    signed_at: Instant | None = None


class Service(Value):
    """Where the service listens, how it is reached, and what it lets in."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8470
    public_url: str = ""
    also_known_as: tuple[str, ...] = ()
    tls_cert: str = ""
    tls_key: str = ""
    behind_proxy: bool = False
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 8471
    workers: Annotated[int, Field(ge=0, le=64)] = 1
    look_up_processes: Annotated[int, Field(ge=0, le=64)] | Literal["cores"] = "cores"
    largest_upload: Annotated[int, Field(ge=1)] = 100 * 1024 * 1024
    hma_open_on_loopback: bool = False
    fetch_hosts: tuple[str, ...] = ()
    fetch_every: Annotated[int, Field(ge=0, le=525_600)] = 60
    webhooks: tuple[str, ...] = ()


class Oidc(Value):
    """An identity provider through which people sign in beside passkeys; none without a line here."""

    issuer: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    roles: tuple[str, ...] = ()
    roles_claim: str = "groups"
    name_claim: str = "preferred_username"
    scopes: tuple[str, ...] = ("openid", "profile")
    also: tuple[str, ...] = ()


class Telemetry(Value):
    """A collector that gets a trace of each request; none without a line here."""

    endpoint: str = ""


class Settings(Value):
    """All settings of a home."""

    organisation: Organisation = Organisation()
    database: DatabasePlace = DatabasePlace()
    banks: Banks = Banks()
    vault: VaultPlace = VaultPlace()
    keys: Keys = Keys()
    retention: Retention = Retention()
    timestamps: Timestamps = Timestamps()
    witness: Witness = Witness()
    drawn_material: DrawnMaterial = DrawnMaterial()
    service: Service = Service()
    oidc: Oidc = Oidc()
    telemetry: Telemetry = Telemetry()


ENVIRONMENT = "FIRSTLIGHT"
"""A variable `FIRSTLIGHT_SECTION_NAME` gives the setting `section.name`; lists have commas between."""


@dataclass(frozen=True, slots=True)
class Given:
    """What was given beside the file: variables of the environment, and flags of the command as `section.name`."""

    environment: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings in force, and for each `section.name` that does not have its default where it came from."""

    settings: Settings
    sources: Mapping[str, str]


def load(folder: Path, given: Given | None = None) -> Settings:
    """The settings of this home; the file is made, all of it commented out, when it is not there.

    Raises:
        InputError: something was given that is no setting; the message names it.
        StorageError: the file cannot be read or made.
    """
    return resolve(folder, given).settings


def resolve(folder: Path, given: Given | None = None) -> Resolved:
    """The settings with where each came from. A flag counts before the environment, and that before the file.

    Raises:
        InputError: something was given that is no setting; the message names it.
        StorageError: the file cannot be read or made.
    """
    path = folder / FILE
    values = _from_file(path)
    _checked(values, str(path))
    sources = {f"{section}.{name}": str(path) for section, found in values.items() for name in found}
    given = given or Given()
    for variable, text in given.environment.items():
        place = _place(variable)
        if place is None:
            continue
        section, name = place
        value: object = [part for part in text.split(",") if part] if _is_list(section, name) else text
        _checked({section: {name: value}}, f"the variable {variable}")
        values.setdefault(section, {})[name] = value
        sources[f"{section}.{name}"] = f"the variable {variable}"
    for setting, value in given.flags.items():
        section, _, name = setting.partition(".")
        flag = f"--{name.replace('_', '-')}"
        _checked({section: {name: value}}, flag)
        values.setdefault(section, {})[name] = value
        sources[setting] = flag
    return Resolved(_checked(values, str(path)), sources)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        if not path.exists():
            _make(path)
        if not path.is_file():
            raise StorageError(f"{path} is no file.", hint="Remove it; a new one is made with every line explained.")
        data = path.read_bytes()
    except OSError as e:
        raise StorageError(f"{path} cannot be read or made: {e.strerror}.", hint="Check its permissions.") from e
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as e:
        twice = re.match(r"Cannot declare \('(\w+)',\) twice \(at line (\d+)", str(e))
        if twice:
            raise InputError(
                f"{path} has the section [{twice[1]}] twice, the second time in line {twice[2]}.",
                hint="Put its lines below the first one, which is there from the beginning.",
            ) from e
        raise InputError(f"{path} is no TOML file: {e}.", hint="Mend the line it names.") from e


def _checked(values: Mapping[str, Any], origin: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{origin}: {where}: {first['msg']}.", hint="Mend or remove that line.") from e


def _place(variable: str) -> tuple[str, str] | None:
    """The section and the name that a variable speaks of; nothing for those that are no settings."""
    for section in Settings.model_fields:
        head = f"{ENVIRONMENT}_{section.upper()}_"
        if variable.startswith(head):
            return section, variable.removeprefix(head).lower()
    return None


def _is_list(section: str, name: str) -> bool:
    field = Settings.model_fields[section].annotation.model_fields.get(name)  # type: ignore[union-attr]
    return field is not None and get_origin(field.annotation) is tuple


def _make(path: Path) -> None:
    """Put the template there, whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(TEMPLATE, encoding="utf-8")
    temporary.replace(path)
