"""The public keys of agencies, to which originals and hits are encrypted (C2SP age)."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from firstlight.errors import InputError, MissingExtraError


def age_keys(texts: Iterable[str]) -> tuple[Any, list[Any]]:
    """The library and the keys that these texts name; both are foreign, hence without types.

    Raises:
        MissingExtraError: the library is not installed.
        InputError: a text is no age key, or none is given.
    """
    try:
        age = importlib.import_module("pyrage")
    except ImportError as e:
        raise MissingExtraError(
            "Encrypting for an agency needs the library pyrage.", hint="pip install 'firstlight[age]'"
        ) from e
    keys = []
    for text in texts:
        try:
            keys.append(age.x25519.Recipient.from_str(text))
        except age.RecipientError as e:
            raise InputError(f"{text!r} is no age key.", hint="It begins with age1 and comes from the agency.") from e
    if not keys:
        raise InputError("No age key is named.", hint="It begins with age1 and comes from the agency.")
    return age, keys
