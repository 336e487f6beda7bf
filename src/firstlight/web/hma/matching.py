"""`/m/...`: looking hashes, URLs and uploads up in the banks."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from firstlight.banks import Match
from firstlight.casework import lookup
from firstlight.casework.home import Home
from firstlight.web.access.policy import Permission
from firstlight.web.audit import LookUp
from firstlight.web.hma import book
from firstlight.web.hma.book import Content, Named
from firstlight.web.hma.calls import Asked, Call, CallError, route
from firstlight.web.hma.hashing import hashed_upload, hashed_url
from firstlight.web.hma.signals import MATCH_DISTANCE, PDQ, SIGNALS, checked_hash, enabled, kind_of

NOT_HASHABLE = "X-Firstlight-Not-Hashable"
"""The header that names the types of which media has too little in it to make a hash."""
NO_DISTANCE = "-"
"""The distance of types that know none."""


class RawAsked(Asked):
    """A hash to look up without any filter."""

    signal: str
    signal_type: str
    banks: str | None = None
    include_distance: bool = False


class LookupAsked(Asked):
    """A hash or a URL to look up."""

    url: str | None = None
    content_type: str | None = None
    types: str | None = None
    signal: str | None = None
    signal_type: str | None = None
    banks: str | None = None
    seed: str | None = None
    bypass_coinflip: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found."""

    bank: Named
    content: Content
    distance: str

    def shown(self) -> dict[str, object]:
        """The hit as an answer."""
        return {"bank_content_id": self.content.id, "distance": self.distance}


@route("GET", "/m/raw_lookup", Permission.MATCH)
def raw_lookup(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The numbers of all entries that a hash matches, whatever is disabled."""
    asked = call.asked(RawAsked)
    value = checked_hash(asked.signal_type, asked.signal)
    hits = search(call, asked.signal_type, value, asked.banks)
    if asked.include_distance:
        return {"matches": [hit.shown() for hit in hits]}
    return {"matches": [hit.content.id for hit in hits]}


@route("GET", "/m/lookup", Permission.MATCH)
def look_up(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The matches of a hash, by bank; or those of media at a URL, by signal type and bank."""
    asked = call.asked(LookupAsked)
    if asked.url:
        if asked.signal_type:
            kind_of(asked.signal_type)
        made = _hashable(call, hashed_url(call, asked.url, asked.content_type, asked.types).hashes)
        if asked.signal_type:
            value = made.get(asked.signal_type)
            return _by_bank(call, asked, asked.signal_type, value) if value else {}
        return {name: _by_bank(call, asked, name, value) if value else {} for name, value in made.items()}
    if not asked.signal or not asked.signal_type:
        raise CallError(HTTPStatus.BAD_REQUEST, "Either url or both signal and signal_type are required")
    return _by_bank(call, asked, asked.signal_type, checked_hash(asked.signal_type, asked.signal))


@route("POST", "/m/lookup", Permission.MATCH)
def look_up_upload(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The matches of an uploaded file, by signal type and bank."""
    known = {name: value for name, value in call.query.items() if name in ("banks", "seed")}
    asked = LookupAsked(**known, bypass_coinflip=call.query.get("bypass_coinflip") == "true")
    made = _hashable(call, hashed_upload(call).hashes)
    return {name: _by_bank(call, asked, name, value) if value else {} for name, value in made.items()}


@route("GET", "/m/index/status", Permission.MATCH)
def index_status(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """What can be found: every hash from the moment it was added."""
    return {
        name: {"present": size > 0, "built_to": newest, "size": size} for name, (size, newest) in sizes(call).items()
    }


@route("GET", "/c/signal_type/index", Permission.BANKS_READ)
def index_against_database(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The same against what is stored, which never differs."""
    return {
        name: {
            "db_size": size,
            "index_size": size,
            "index_out_of_date": False,
            "newest_db_item": newest,
            "index_built_to": newest,
        }
        for name, (size, newest) in sizes(call).items()
    }


@route("POST", "/m/compare", Permission.MATCH)
def compare(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """How far two hashes lie apart."""
    out: dict[str, object] = {}
    for name, pair in call.json_object().items():
        kind_of(name)
        if not isinstance(pair, list) or len(pair) != 2:
            raise CallError(HTTPStatus.BAD_REQUEST, f"{name}: a list of exactly two hashes is expected")
        one, other = (checked_hash(name, value) for value in pair)
        if name == PDQ:
            distance = (int(one, 16) ^ int(other, 16)).bit_count()
            out[name] = [distance <= MATCH_DISTANCE, {"distance": distance}]
        else:
            out[name] = [one == other, {}]
    return out


def search(call: Call, signal_type: str, value: str, banks: str | None) -> list[Hit]:
    """Every entry that a hash matches, nearest first; `banks` is a comma list of names, empty for all."""
    named = {one.bank: one for one in book.banks(call.home)}
    if banks:
        wanted = set(banks.split(","))
        named = {own: one for own, one in named.items() if one.name in wanted}
    found = (
        lookup.hash_matches(call.home.library, kind_of(signal_type), value)
        if enabled_now(call.home, signal_type)
        else ()
    )
    found = tuple(match for match in found if match.bank in named and match.counts)
    contents = book.numbered(call.home, ((match.bank, match.entry, signal_type) for match in found))
    call.service.audit.add(LookUp(call.actor, signal_type, tuple((match.bank, match.entry) for match in found)))
    return [
        Hit(named[match.bank], contents[match.bank, match.entry], distance_of(signal_type, match)) for match in found
    ]


def enabled_now(home: Home, signal_type: str) -> bool:
    """Whether a signal type is on."""
    return enabled(home)[signal_type] > 0


def distance_of(signal_type: str, match: Match) -> str:
    """The distance as look-ups say it."""
    return str(match.distance) if signal_type == PDQ else NO_DISTANCE


def filtered(hits: Iterable[Hit], call: Call, *, seed: str | None, bypass: bool) -> dict[str, list[dict[str, object]]]:
    """The hits by bank: without what is disabled, and without the banks that lose the toss of this call."""
    toss = 0.0 if bypass else random.Random(seed).random()  # noqa: S311 - a share of traffic, no secret
    now = call.home.clock.now()
    out: dict[str, list[dict[str, object]]] = {}
    for hit in hits:
        if hit.content.counts(now) and hit.bank.ratio >= toss:
            out.setdefault(hit.bank.name, []).append(hit.shown())
    return out


def sizes(call: Call) -> dict[str, tuple[int, int]]:
    """How many hashes of each signal type there are, and when the newest came; -1 where there are none.

    Raises:
        CallError: the query names a signal type that is none.
    """
    wanted = call.query.get("signal_type")
    if wanted:
        kind_of(wanted)
    added = book.contents(call.home)
    ours = {(one.bank, one.entry) for one in added if one.entry.startswith("hma-")}
    out: dict[str, tuple[int, int]] = {}
    for name in SIGNALS:
        mine = [one for one in added if name in one.signals and (one.bank, one.entry) in ours]
        size, newest = len(mine), max((int(one.added_at.timestamp()) for one in mine), default=-1)
        if name == PDQ:  # entries that came another way are counted as what most lists hold
            for bank in call.home.library.banks():
                others = bank.entries - sum(
                    1 for one in added if one.bank == bank.name and (one.bank, one.entry) in ours
                )
                if others > 0 and bank.purpose.value != "allow":
                    size, newest = size + others, max(newest, int(bank.created.timestamp()))
        if not wanted or name == wanted:
            out[name] = (size, newest if size else -1)
    return out


def _hashable(call: Call, hashes: dict[str, str]) -> dict[str, str]:
    """The same hashes; the answer says in a header which could not be made: that is not "not known"."""
    empty = [name for name, value in hashes.items() if not value]
    if empty:
        call.answer_headers[NOT_HASHABLE] = ", ".join(empty)
    return hashes


def _by_bank(call: Call, asked: LookupAsked, signal_type: str, value: str) -> dict[str, list[dict[str, object]]]:
    hits = search(call, signal_type, value, asked.banks)
    return filtered(hits, call, seed=asked.seed, bypass=asked.bypass_coinflip)
