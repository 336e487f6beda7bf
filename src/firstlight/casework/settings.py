"""What the operator says about the organisation, in `settings.toml` of the home folder."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from firstlight.errors import InputError, StorageError
from firstlight.values import Value

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

[banks]
# sealed = true                         # false: lists lie plain on the disk; only for a disk that is encrypted,
#                                       # and only before the first bank is made

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
# largest_upload = 104857600            # bytes of one item
# hma_open_on_loopback = false          # true: HMA's routes need no key as long as only this machine can call them
# fetch_hosts = []                      # hosts from which a URL may be hashed; none without a line here
"""


class Organisation(Value):
    """Who runs this home and answers for its reports."""

    name: str = ""
    contact_first_name: str = ""
    contact_last_name: str = ""
    contact_email: str = ""
    terms_of_service: str = ""
    legal_url: str = ""


class Banks(Value):
    """How hash lists are kept: sealed with the home's key and opened into memory, or plain and mapped from the disk."""

    sealed: bool = True


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
    largest_upload: Annotated[int, Field(ge=1)] = 100 * 1024 * 1024
    hma_open_on_loopback: bool = False
    fetch_hosts: tuple[str, ...] = ()


class Settings(Value):
    """All settings of a home."""

    organisation: Organisation = Organisation()
    banks: Banks = Banks()
    service: Service = Service()


def load(folder: Path) -> Settings:
    """The settings of this home; the file is made, all of it commented out, when it is not there.

    Raises:
        InputError: the file holds something that is no setting; the message names it.
        StorageError: it cannot be read or made.
    """
    path = folder / FILE
    try:
        if not path.exists():
            _make(path)
        if not path.is_file():
            raise StorageError(f"{path} is no file.", hint="Remove it; a new one is made with every line explained.")
        data = path.read_bytes()
    except OSError as e:
        raise StorageError(f"{path} cannot be read or made: {e.strerror}.", hint="Check its permissions.") from e
    try:
        return Settings.model_validate(tomllib.loads(data.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as e:
        raise InputError(f"{path} is no TOML file: {e}.", hint="Mend the line it names.") from e
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {where}: {first['msg']}.", hint="Mend or remove that line.") from e


def _make(path: Path) -> None:
    """Put the template there, whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(TEMPLATE, encoding="utf-8")
    temporary.replace(path)
