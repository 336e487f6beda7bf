"""Signal types and content types: what HMA calls them, and which of our hashes they are."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from firstlight.casework.home import Home
from firstlight.errors import MissingExtraError, UnreadableError
from firstlight.hashing import hash_picture
from firstlight.store.tables import Setting
from firstlight.web.access.policy import Permission
from firstlight.web.hma.calls import Call, CallError, route
from firstlight.web.service import Service

PDQ, VIDEO_MD5 = "pdq", "video_md5"
SIGNALS = (PDQ, VIDEO_MD5)
CONTENTS = {"photo": (PDQ,), "video": (VIDEO_MD5,)}
"""Content types, and the signal types that apply to each."""
LOWEST_QUALITY = 50
"""Below it a picture has too little in it; HMA answers an empty hash."""
MATCH_DISTANCE = 31
_DIGITS = {PDQ: 64, VIDEO_MD5: 32}
_SETTING = "hma-signal-types"


@dataclass(frozen=True, slots=True)
class Hashed:
    """The hashes of one piece of media, by signal type; an empty one says that it has too little in it."""

    content: str
    hashes: dict[str, str]


def kind_of(signal_type: str) -> str:
    """Which of our hashes a signal type is.

    Raises:
        CallError: there is no such signal type.
    """
    if signal_type not in SIGNALS:
        raise CallError(HTTPStatus.BAD_REQUEST, f"No such SignalType '{signal_type}'")
    return "pdq" if signal_type == PDQ else "md5"


def checked_hash(signal_type: str, value: object) -> str:
    """The hash in lower case.

    Raises:
        CallError: it is no hash of this type, or there is no such type.
    """
    kind_of(signal_type)
    text = value.strip().lower() if isinstance(value, str) else ""
    if len(text) != _DIGITS[signal_type] or not re.fullmatch(r"[0-9a-f]+", text):
        raise CallError(
            HTTPStatus.BAD_REQUEST,
            f"invalid signal: {signal_type} takes {_DIGITS[signal_type]} hex digits",
        )
    return text


def content_type_named(name: str) -> str:
    """The content type.

    Raises:
        CallError: there is none of this name.
    """
    if name not in CONTENTS:
        raise CallError(HTTPStatus.BAD_REQUEST, f"no such content_type: '{name}'")
    return name


def wanted_types(home: Home, content: str, types: str | None) -> tuple[str, ...]:
    """The enabled signal types of a content type, or those of a comma list.

    Raises:
        CallError: the list names none, or one of another content type.
    """
    on = enabled(home)
    mine = tuple(name for name in CONTENTS[content] if on[name] > 0)
    if not types:
        return mine
    named = [part.strip() for part in types.split(",") if part.strip()]
    strange = [name for name in named if name not in mine]
    if not named or strange:
        what = f"'{strange[0]}' is no enabled signal type of {content}" if strange else "no signal type is named"
        raise CallError(HTTPStatus.BAD_REQUEST, what)
    return tuple(dict.fromkeys(named))


def hash_media(service: Service, content: str, data: bytes, types: tuple[str, ...]) -> Hashed:
    """The hashes of these bytes.

    Raises:
        CallError: the picture cannot be decoded.
    """
    if content == "video":
        return Hashed(content, {VIDEO_MD5: hashlib.md5(data, usedforsecurity=False).hexdigest()} if types else {})
    if service.cage is None:
        raise MissingExtraError("This process has no workers that decode pictures.", hint="Start it with them.")
    if not types:
        return Hashed(content, {})
    try:
        made = hash_picture(service.cage, data)
    except UnreadableError as e:
        status = (
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE if e.diagnostics().code == "limit.bytes" else HTTPStatus.BAD_REQUEST
        )
        raise CallError(status, f"The photo cannot be hashed: {e.diagnostics().message}") from e
    return Hashed(content, {PDQ: made.pdq.hex if made.pdq.quality >= LOWEST_QUALITY else ""})


def enabled(home: Home) -> dict[str, float]:
    """The ratio of each signal type; at 0 it is off."""
    with home.database.read() as session:
        row = session.get(Setting, _SETTING)
    said = json.loads(row.value) if row else {}
    return {name: float(said.get(name, 1.0)) for name in SIGNALS}


@route("GET", "/c/signal_type", Permission.BANKS_READ)
def signal_types(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The signal types and their ratios."""
    return [{"name": name, "enabled_ratio": ratio} for name, ratio in enabled(call.home).items()]


@route("PUT", "/c/signal_type/{name}", Permission.BANKS_WRITE)
def change_signal_type(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Set the ratio of a signal type; 0 switches it off."""
    name = call.path["name"]
    if name not in SIGNALS:
        raise CallError(HTTPStatus.NOT_FOUND, f"signal type '{name}' not found")
    ratio = ratio_of(call.json_object().get("enabled_ratio"))
    ratios = {**enabled(call.home), name: ratio}
    with call.home.work() as work:
        work.session.merge(Setting(name=_SETTING, value=json.dumps(ratios)))
    return {"name": name, "enabled_ratio": ratio}


@route("GET", "/c/content_type", Permission.BANKS_READ)
def content_types(_call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The content types."""
    return [{"name": name, "enabled": True} for name in CONTENTS]


def ratio_of(value: object) -> float:
    """A share between 0 and 1; a text that says one is taken.

    Raises:
        CallError: it is none.
    """
    try:
        ratio = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise CallError(HTTPStatus.BAD_REQUEST, "enabled_ratio must be a number from 0 to 1")
    return ratio
