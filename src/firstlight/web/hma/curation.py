"""`/c/bank...`: banks and their content."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from firstlight.banks import Entry, NewEntry, Standing
from firstlight.casework import banking
from firstlight.values import BankPurpose
from firstlight.web.access.policy import Permission
from firstlight.web.hma import book, exchanges
from firstlight.web.hma.book import Content, Named
from firstlight.web.hma.calls import BY_HMA, Asked, Call, CallError, route
from firstlight.web.hma.hashing import hashed_upload, hashed_url
from firstlight.web.hma.signals import PDQ, SIGNALS, VIDEO_MD5, checked_hash, ratio_of

LONGEST_NOTE = 255
LONGEST_DISABLED = 5 * 366 * 24 * 3600  # seconds ahead
_METADATA = ("content_id", "content_uri", "json")


class NewBank(Asked):
    """A bank to be made."""

    name: str
    enabled_ratio: float | None = None
    enabled: bool | None = None


class BankChange(Asked):
    """What is to change about a bank."""

    name: str | None = None
    enabled_ratio: float | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class _Extras:
    note: str
    metadata: dict[str, object]


@route("GET", "/c/banks", Permission.BANKS_READ)
def list_banks(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Every bank."""
    return [one.shown() for one in book.banks(call.home)]


@route("POST", "/c/banks", Permission.BANKS_WRITE, status=HTTPStatus.CREATED)
def create_bank(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Make a bank."""
    asked = call.sent(NewBank)
    return make_bank(call, asked.name, _ratio(asked.enabled_ratio, asked.enabled, 1.0)).shown()


@route("GET", "/c/bank/{bank}", Permission.BANKS_READ)
def show_bank(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """One bank."""
    return _bank(call).shown()


@route("PUT", "/c/bank/{bank}", Permission.BANKS_WRITE)
def change_bank(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Rename a bank, or set its ratio."""
    asked = call.sent(BankChange)
    one = book.bank(call.home, call.path["bank"])
    if one is None:
        raise CallError(HTTPStatus.NOT_FOUND, "Bank not found")
    changed = replace(one, ratio=_ratio(asked.enabled_ratio, asked.enabled, one.ratio))
    if asked.name is not None and asked.name != one.name:
        _check_name(asked.name)
        if book.bank(call.home, asked.name) is not None:
            raise CallError(HTTPStatus.FORBIDDEN, "Bank name already exists")
        changed = replace(changed, name=asked.name)
    if changed != one:
        book.keep_bank(call.home, changed)
    return changed.shown()


@route("DELETE", "/c/bank/{bank}", Permission.BANKS_WRITE)
def delete_bank(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Delete a bank with its content, and the exchange that fills it."""
    remove_bank(call, call.path["bank"])
    return {"message": "Done"}


@route("POST", "/c/bank/{bank}/content", Permission.BANKS_WRITE)
def add_content(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Add media by URL or upload: its hashes are kept, the media is not."""
    one, extras = _bank(call), _extras(call)
    url = call.query.get("url")
    if url:
        made = hashed_url(call, url, call.query.get("content_type"), call.query.get("types"))
    elif call.files:
        made = hashed_upload(call)
    else:
        raise CallError(HTTPStatus.BAD_REQUEST, "Neither a `url` query parameter nor a file upload was received")
    if not any(made.hashes.values()):
        raise CallError(HTTPStatus.BAD_REQUEST, "Invalid pdq signal: there is too little in the photo to hash")
    return _added(call, one, made.hashes, extras)


@route("POST", "/c/bank/{bank}/signal", Permission.BANKS_WRITE)
def add_signal(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Add ready-made hashes of one piece of content."""
    one, said = _bank(call), call.json_object()
    note = _note(said.pop("note", None))
    if not said:
        raise CallError(HTTPStatus.BAD_REQUEST, "No signals: give at least one signal type with its hash")
    hashes = {name: checked_hash(name, value) for name, value in said.items()}
    return _added(call, one, hashes, _Extras(note, {}))


@route("GET", "/c/bank/{bank}/content/{content:int}", Permission.BANKS_READ)
def show_content(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """One piece of content."""
    one, found = _content(call)
    out: dict[str, object] = {
        "id": found.id,
        "disable_until_ts": found.disabled_until,
        "original_media_uri": found.uri,
        "bank": one.shown(),
    }
    if call.query.get("include_signals", "false").lower() == "true":
        out["signals"] = _signals(call.home.library.entry(found.bank, found.entry), found)
    if call.query.get("include_metadata", "true").lower() == "true":
        metadata = _metadata_shown(call, one, found)
        if any(value is not None for value in metadata.values()):
            out["metadata"] = metadata
    if found.note:
        out["note"] = found.note
    return out


@route("PUT", "/c/bank/{bank}/content/{content:int}", Permission.BANKS_WRITE)
def change_content(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Disable or annotate one piece of content."""
    one, found = _content(call)
    said = call.json_object()
    until = _disable_until(call, said["disable_until_ts"]) if "disable_until_ts" in said else None
    note = _note(said["note"]) if "note" in said else None
    changed = book.change_content(call.home, found.id, disabled_until=until, note=note)
    return {
        "id": changed.id,
        "disable_until_ts": changed.disabled_until,
        "original_media_uri": changed.uri,
        "bank": one.shown(),
        "collab_metadata": _collab(call, one, changed) or {},
        "user_metadata": changed.metadata or None,
        "note": changed.note or None,
    }


@route("DELETE", "/c/bank/{bank}/content/{content:int}", Permission.BANKS_WRITE)
def delete_content(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Remove one piece of content; it matches no more from now on."""
    one = _bank(call)
    found = book.content(call.home, int(call.path["content"]))
    if found is None or found.bank != one.bank:
        return {"deleted": 0}
    banking.set_standing(call.home, found.bank, [found.entry], Standing.WITHDRAWN, why=BY_HMA, actor=call.actor)
    book.forget_content(call.home, found.id)
    return {"deleted": 1}


def make_bank(call: Call, name: str, ratio: float) -> Named:
    """A new, empty bank.

    Raises:
        CallError: the name is none, or taken.
    """
    _check_name(name)
    if book.bank(call.home, name) is not None:
        raise CallError(HTTPStatus.FORBIDDEN, "Bank already exists")
    own = book.own_name(call.home, name)
    banking.create_bank(call.home, own, BankPurpose.KNOWN, actor=call.actor, note="made " + BY_HMA)
    one = Named(name, own, ratio)
    book.keep_bank(call.home, one)
    return one


def remove_bank(call: Call, name: str) -> None:
    """Delete a bank with its content, and the exchange of its name; nothing where there is none."""
    one = book.bank(call.home, name)
    if one is not None and exchanges.fills(call.home, one):
        exchanges.forget(call, one)
    elif one is not None:
        banking.delete_bank(call.home, one.bank, why=BY_HMA, actor=call.actor)
        book.forget_bank(call.home, one)


def _bank(call: Call) -> Named:
    name = call.path["bank"]
    one = book.bank(call.home, name)
    if one is None:
        raise CallError(HTTPStatus.NOT_FOUND, f"bank '{name}' not found")
    return one


def _content(call: Call) -> tuple[Named, Content]:
    one = _bank(call)
    number = int(call.path["content"])
    found = book.content(call.home, number)
    if found is None or found.bank != one.bank:
        raise CallError(HTTPStatus.NOT_FOUND, f"content '{number}' not found")
    return one, found


def _check_name(name: str) -> None:
    if not book.NAME.fullmatch(name) or len(name) > book.LONGEST_NAME:
        raise CallError(
            HTTPStatus.BAD_REQUEST,
            f"Bank names must be UPPER_WITH_UNDERSCORE, of at most {book.LONGEST_NAME} characters",
        )


def _ratio(ratio: float | None, on: bool | None, default: float) -> float:
    if ratio is not None:
        return ratio_of(ratio)
    return default if on is None else float(on)


def _added(call: Call, one: Named, hashes: dict[str, str], extras: _Extras) -> dict[str, object]:
    kept = {name: value for name, value in hashes.items() if value}
    new = book.new_content(call.home, one.bank, kept, note=extras.note, metadata=extras.metadata, uri=None)
    entry = NewEntry(key=new.entry, pdq=kept.get(PDQ), md5=kept.get(VIDEO_MD5), quality=100 if PDQ in kept else None)
    try:
        report = banking.add_entries(call.home, one.bank, [entry], actor=call.actor)
    except BaseException:
        book.forget_content(call.home, new.id)
        raise
    if not report.added:
        book.forget_content(call.home, new.id)
        raise CallError(HTTPStatus.BAD_REQUEST, "invalid signal: it is the hash of nothing")
    return {"id": new.id, "signals": kept}


def _signals(entry: Entry, found: Content) -> dict[str, str]:
    values = {PDQ: entry.pdq, VIDEO_MD5: entry.md5}
    return {name: value for name in SIGNALS if name in found.signals and (value := values[name])}


def _collab(call: Call, one: Named, found: Content) -> dict[str, list[str]] | None:
    """The exchange that content came from, with the upstream's key."""
    fetched = not found.entry.startswith("hma-") and exchanges.fills(call.home, one)
    return {one.name: [found.entry]} if fetched else None


def _metadata_shown(call: Call, one: Named, found: Content) -> dict[str, object]:
    return {name: found.metadata.get(name) for name in _METADATA} | {"collab": _collab(call, one, found)}


def _extras(call: Call) -> _Extras:
    """Metadata and note, from a JSON body beside a URL, or from the text fields of a form."""
    if call.fields or call.files:
        return _Extras(_note(call.fields.get("note")), _form_metadata(call))
    if not call.body:
        return _Extras("", {})
    said = call.json_object()
    return _Extras(_note(said.get("note")), _metadata(said.get("metadata")))


def _form_metadata(call: Call) -> dict[str, object]:
    text = call.fields.get("metadata")
    found: object = None
    if text:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise CallError(HTTPStatus.BAD_REQUEST, "metadata must be a JSON object") from e
    if isinstance(found, dict) and not set(found) <= {*_METADATA, "collab"} and "content_id" in call.fields:
        found = {"json": found}  # Coop's form: free keys in metadata, the rest beside it
    out = _metadata(found)
    beside = {name: call.fields[name] for name in ("content_id", "content_uri") if name in call.fields}
    return {**beside, **out}


def _metadata(found: object) -> dict[str, object]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise CallError(HTTPStatus.BAD_REQUEST, "metadata must be a JSON object")
    out: dict[str, object] = {}
    for name, value in found.items():
        if name == "collab":
            continue  # where content came from is not for a client to say
        kind = dict if name == "json" else str
        if name not in _METADATA or (value is not None and not isinstance(value, kind)):
            raise CallError(HTTPStatus.BAD_REQUEST, f"metadata: {name!r} is no field, or of the wrong type")
        if value is not None:
            out[name] = value
    return out


def _note(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_NOTE:
        raise CallError(HTTPStatus.BAD_REQUEST, f"note must be text of at most {LONGEST_NOTE} characters")
    return value


def _disable_until(call: Call, value: object) -> int:
    try:
        until = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else -1
    except ValueError:
        until = -1
    if not 0 <= until <= call.home.clock.now().timestamp() + LONGEST_DISABLED:
        raise CallError(
            HTTPStatus.BAD_REQUEST,
            "disable_until_ts must be 0 (off for good), 1 (on), or a time in seconds at most five years ahead",
        )
    return until
