"""Content credentials (C2PA), read without a network and taken apart into what they are worth.

The library's one word ("Valid", "Invalid", "Trusted") is never used alone: "Valid" is what any home-made certificate
gives, and "Invalid" is what a genuine file gives on the day after its signer's certificate ran out. Integrity of the
record, binding to this content, trust in the signer and expiry are told apart here.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from firstlight.origin.container import Container
from firstlight.origin.second_reader import SecondOpinion, second_opinion
from firstlight.origin.trust import TrustClass, TrustLists

KEY_USAGES: Final = (
    "1.3.6.1.4.1.62558.2.1",  # C2PA claim signing
    "1.3.6.1.5.5.7.3.4",  # e-mail protection
    "1.3.6.1.5.5.7.3.36",  # document signing
    "1.3.6.1.5.5.7.3.8",  # time stamping
    "1.3.6.1.5.5.7.3.9",  # OCSP signing
    "1.3.6.1.4.1.311.76.59.1.9",  # Microsoft C2PA signing
)
"""Key usages a signer may have. Left unset, the reader calls certificates with the C2PA's own usage invalid."""

_TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
"""The only usage that leads to the time-stamp list: it must never vouch for a signer."""

MAX_STORE: Final = 16
"""Megabytes that a compressed manifest may inflate to."""


class Integrity(StrEnum):
    """Whether the record itself is as it was signed."""

    INTACT = "intact"
    BROKEN = "broken"


class Bound(StrEnum):
    """Whether the content is what the record was signed over."""

    MATCHES = "matches"
    DIFFERS = "differs"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Ingredient:
    """Something that went into the picture, as the active manifest tells it."""

    relationship: str
    has_credential: bool
    is_text: bool


@dataclass(frozen=True, slots=True)
class Credential:
    """The active manifest of a file, taken apart. What ingredients say about themselves is not in here."""

    integrity: Integrity
    bound: Bound
    trust: TrustClass | None
    expired: bool
    denied: bool
    organisation: str
    common_name: str
    serial: str
    signed_at: str
    time_is_vouched: bool
    created_as: tuple[str, ...]
    done_with: tuple[str, ...]
    opened: bool
    text_only: bool
    ingredients: tuple[Ingredient, ...]
    ingredient_trouble: bool
    names_camera: bool
    state: str
    codes: tuple[str, ...]
    previews: tuple[bytes, ...] = field(default=(), repr=False)
    second: SecondOpinion | None = None

    @property
    def whole(self) -> bool:
        """Whether the record and the content are what was signed."""
        return self.integrity is Integrity.INTACT and self.bound is Bound.MATCHES

    @property
    def disputed(self) -> bool:
        """Whether a second reader says otherwise."""
        return self.second is not None and self.second.whole is not self.whole

    @property
    def vouched(self) -> bool:
        """Whether a listed signer says it about exactly this content, and no second reader disagrees."""
        return self.trust is not None and not (self.expired or self.denied or self.disputed) and self.whole


@dataclass(frozen=True, slots=True)
class NotReadable:
    """There is a credential, and it cannot be read here. `remote_host` names the host that would have to be asked."""

    why: str
    remote_host: str = ""


def settings(trust: TrustLists) -> dict[str, Any]:
    """The reader's settings: no network in any of three places, key usages set, the lists as two named classes."""
    usages = "\n".join(KEY_USAGES)
    anchors = [
        {"trust_anchors": pem, "trust_uri": name, "trust_kind": kind, "trust_config": allowed}
        for pem, name, kind, allowed in (
            (trust.official, TrustClass.OFFICIAL.value, "manifest", usages),
            (trust.interim, TrustClass.INTERIM.value, "manifest", usages),
            (trust.time_stamps, "time-stamps", "tsa", _TIME_STAMPING),
        )
        if pem
    ]
    return {
        "core": {
            "decode_identity_assertions": False,
            "allowed_network_hosts": [],
            "max_decompressed_manifest_size_in_mb": MAX_STORE,
        },
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "trust": {"trust_config": usages, "anchors": anchors},
    }


@lru_cache(maxsize=2)
def context(trust: TrustLists) -> Any:  # noqa: ANN401 - the library is untyped
    """The reader's context for these lists: configuration only, so it may serve many pictures."""
    from c2pa import Context

    return Context.from_dict(settings(trust))


@lru_cache(maxsize=1)
def tool() -> tuple[str, str]:
    """The name and version of the reader, which stand in every indicator: readers disagree between versions."""
    import c2pa

    return "c2pa-python", f"{version('c2pa-python')} (c2pa-rs {c2pa.sdk_version()})"


def read_credential(
    data: bytes, container: Container, trust: TrustLists, *, previews: bool = False
) -> Credential | NotReadable | None:
    """The credential in these bytes; None when there is none. An error of the reader means unreadable, not absent.

    Opens no connection. With `previews` the small pictures of ingredients come along in memory; they are copies of
    the material, to be compared and dropped.
    """
    from c2pa import C2paError, Reader

    if container is Container.OTHER:
        return None
    try:
        reader = Reader.try_create(container.value, io.BytesIO(data), context=context(trust))
        if reader is None:
            return None
        with reader:
            found = _taken_apart(json.loads(reader.json()), trust)
            if previews:
                found = replace(found, previews=_previews(reader))
            return replace(found, second=second_opinion(data, container.value))
    except C2paError as e:
        return _not_readable(str(e))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return NotReadable("the reader's answer about it makes no sense")


MAX_PREVIEWS: Final = 8
"""Small pictures of ingredients that are looked at."""

MAX_PREVIEW: Final = 1 << 20
"""Bytes of one; makers write them at about a thousand pixels."""


def _previews(reader: Any) -> tuple[bytes, ...]:  # noqa: ANN401 - the library is untyped
    """The small JPEG pictures of the active manifest's ingredients. One that cannot be had is left out."""
    from c2pa import C2paError

    out: list[bytes] = []
    for ingredient in (reader.get_active_manifest() or {}).get("ingredients") or []:
        thumbnail = ingredient.get("thumbnail") or {}
        if thumbnail.get("format") != "image/jpeg" or len(out) >= MAX_PREVIEWS:
            continue
        into = io.BytesIO()
        try:
            reader.resource_to_stream(str(thumbnail.get("identifier")), into)
        except C2paError:
            continue
        if into.tell() <= MAX_PREVIEW:
            out.append(into.getvalue())
    return tuple(out)


_URL: Final = re.compile(r"https?://[^\s\"']+")
_HOST: Final = re.compile(r"[a-z0-9.-]{1,253}")


def _not_readable(message: str) -> NotReadable:
    """What an error of the reader means, in our words: its own can quote the file."""
    kind = message.split(":", 1)[0]
    if kind.startswith("Remote"):
        address = _URL.search(message)
        try:
            host = (urlsplit(address[0]).hostname or "") if address else ""
        except ValueError:
            host = ""
        return NotReadable("it lies with a host and was not fetched", host if _HOST.fullmatch(host) else "")
    if "prerelease" in message:
        return NotReadable("it is written in a form from before the standard")
    return NotReadable(_KINDS.get(kind, "the reader cannot make sense of it"))


_KINDS: Final = {
    "Decoding": "its record is damaged",
    "AssertionNotFound": "a part that it refers to is missing",
    "Verify": "it cannot be checked",
    "NotSupported": "the reader does not know this sort of file",
    "Io": "the file ends within it",
}

_ACTIONS: Final = re.compile(r"c2pa\.actions(\.v\d+)?(__\d+)?")
_NOT_THE_RECORD: Final = ("signingCredential.", "ingredient.", "cawg.", "timeStamp.", "claimSignature.outsideValidity")
_BINDINGS: Final = ("assertion.dataHash.", "assertion.bmffHash.", "assertion.boxesHash.", "assertion.collectionHash.")
_NAME: Final = re.compile(r"[^\w .,&()+/'-]")
_LIST: Final = re.compile(r"found in \[([a-z-]+)\]")


def _taken_apart(answer: dict[str, Any], trust: TrustLists) -> Credential:
    active = answer["manifests"][answer["active_manifest"]]
    results = answer.get("validation_results") or {}
    checked = results.get("activeManifest") or {}
    passed = {entry["code"]: str(entry.get("explanation", "")) for entry in checked.get("success") or []}
    failed = {entry["code"]: str(entry.get("explanation", "")) for entry in checked.get("failure") or []}
    signature = active.get("signature_info") or {}
    organisation, common_name = _plain(signature.get("issuer")), _plain(signature.get("common_name"))
    serial = _hexadecimal(signature.get("cert_serial_number"))
    actions = _actions(active)
    made = [action for action in actions if action.get("action") == "c2pa.created"]
    deltas = [delta.get("validationDeltas") or {} for delta in results.get("ingredientDeltas") or []]
    return Credential(
        integrity=_integrity(passed, failed),
        bound=_bound(passed, failed),
        trust=_class(passed),
        expired="signingCredential.expired" in failed or "claimSignature.outsideValidity" in failed,
        denied=serial in trust.denied_serials,
        organisation=organisation,
        common_name=common_name,
        serial=serial,
        signed_at=_time(signature.get("time")),
        time_is_vouched=_time_is_vouched(passed),
        created_as=_types(made),
        done_with=_types([action for action in actions if action.get("action") != "c2pa.created"]),
        opened=any(action.get("action") in ("c2pa.opened", "c2pa.placed") for action in actions),
        text_only=_text_only(made, trust, organisation, common_name),
        ingredients=_ingredients(active),
        ingredient_trouble=any(code.startswith("ingredient.") for code in failed)
        or any(d.get("failure") for d in deltas),
        names_camera=_names_camera(active),
        state=_plain(answer.get("validation_state"), 20),
        codes=tuple(sorted(_plain(code, 64) for code in failed)),
    )


def _plain(value: object, length: int = 64) -> str:
    """A name as it may be shown: short, on one line, without signs that could be mistaken for something else."""
    return _NAME.sub("", value if isinstance(value, str) else "").strip()[:length]


def _hexadecimal(serial: object) -> str:
    text = str(serial or "")
    return format(int(text), "x") if text.isdecimal() and len(text) <= 80 else ""


_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.]\d{1,9})?(Z|[+-]\d\d:\d\d)")


def _time(time: object) -> str:
    return time if isinstance(time, str) and _TIME.fullmatch(time) else ""


def _time_is_vouched(passed: dict[str, str]) -> bool:
    """Whether an authority of the time-stamp list vouches for the time.

    For records of the first version the reader accepts any authority and says "legacy": that is nobody's word.
    """
    why = passed.get("timeStamp.trusted")
    return why is not None and not why.startswith("legacy")


def _integrity(passed: dict[str, str], failed: dict[str, str]) -> Integrity:
    of_the_record = [code for code in failed if not code.startswith((*_NOT_THE_RECORD, *_BINDINGS))]
    return Integrity.INTACT if "claimSignature.validated" in passed and not of_the_record else Integrity.BROKEN


def _bound(passed: dict[str, str], failed: dict[str, str]) -> Bound:
    reasons = [why for code, why in failed.items() if code.startswith(_BINDINGS)]
    if any("exclusion" in why for why in reasons):
        # Readers disagree about files whose record names its own place inexactly; the content may be whole.
        return Bound.UNCLEAR
    if reasons:
        return Bound.DIFFERS
    return Bound.MATCHES if any(code.startswith(_BINDINGS) for code in passed) else Bound.UNCLEAR


def _class(passed: dict[str, str]) -> TrustClass | None:
    """The list that the signer of the active manifest leads to, told by the check of that signer and nothing else."""
    listed = _LIST.search(passed.get("signingCredential.trusted", ""))
    return next((known for known in TrustClass if listed and listed[1] == known.value), None)


def _actions(active: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[Any] = []
    for assertion in active.get("assertions") or []:
        if _ACTIONS.fullmatch(str(assertion.get("label"))):
            found.extend((assertion.get("data") or {}).get("actions") or [])
    return [action for action in found if isinstance(action, dict)]


def _types(actions: list[dict[str, Any]]) -> tuple[str, ...]:
    types = (action.get("digitalSourceType") for action in actions)
    return tuple(dict.fromkeys(value for value in types if isinstance(value, str)))


def _text_only(made: list[dict[str, Any]], trust: TrustLists, organisation: str, common_name: str) -> bool:
    generator = trust.closed_generator(organisation, common_name)
    return generator is not None and any(
        (action.get("parameters") or {}).get(generator.parameter) == generator.value for action in made
    )


def _ingredients(active: dict[str, Any]) -> tuple[Ingredient, ...]:
    return tuple(
        Ingredient(
            relationship=_plain(ingredient.get("relationship"), 20),
            has_credential=bool(ingredient.get("active_manifest")),
            is_text=str(ingredient.get("format")).startswith("text/"),
        )
        for ingredient in active.get("ingredients") or []
    )


def _names_camera(active: dict[str, Any]) -> bool:
    for assertion in active.get("assertions") or []:
        if str(assertion.get("label")).startswith("stds.exif"):
            names = {str(key).lower() for key in assertion.get("data") or {}}
            if {"tiff:make", "tiff:model"} <= names or {"exif:make", "exif:model"} <= names:
                return True
    return False
