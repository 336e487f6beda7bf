"""What the operator says about the organisation, in `settings.toml` of the home folder."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

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


class Settings(Value):
    """All settings of a home."""

    organisation: Organisation = Organisation()
    banks: Banks = Banks()


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
