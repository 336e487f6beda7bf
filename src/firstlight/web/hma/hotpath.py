"""The short way of a look-up: `GET /m/lookup` with a PDQ hash, without routing, threads or validation models.

The server hands such a request over as soon as its headers are read (`answer`) and sends what comes back in one piece.

It answers what `matching.look_up` answers, from the same banks, for the same callers, with the same record. What it
keeps between requests (keys, names and ratios of banks, numbers of entries) is at most a second behind what another
machine changed, and never behind what was changed on this one. Whatever is not plain here takes the long way.
"""

from __future__ import annotations

import itertools
import random
import re
import secrets
import time
from binascii import unhexlify
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firstlight.casework.changes import Changes, tell
from firstlight.errors import FirstlightError
from firstlight.store.tables import Setting
from firstlight.web.access import api_keys
from firstlight.web.access.policy import Permission
from firstlight.web.access.secrets import digest
from firstlight.web.audit import LookUp, Tally
from firstlight.web.guard import always
from firstlight.web.hma import book
from firstlight.web.hma.book import Content, Named
from firstlight.web.hma.calls import OPEN_CALLER, is_open
from firstlight.web.hma.signals import PDQ, enabled
from firstlight.web.service import Service, host_named

PATH = "/m/lookup"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
Headers = Iterable[tuple[bytes, bytes]]
FRESH = 1.0
"""Seconds for which what was read from the tables is believed."""
MOST_KEPT = 200_000
"""Entries whose numbers are kept; with more of them all are read anew."""
MOST_HOSTS = 100
_LEAVING = ("/v1/items", "/v1/match", "/m/", "/h/")
_PLAIN = frozenset({"signal", "signal_type", "seed", "banks"})
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_COMMON = re.compile(rb"signal=([0-9a-fA-F]{64})&signal_type=pdq|signal_type=pdq&signal=([0-9a-fA-F]{64})")
_LINE = re.compile(
    rb"GET /m/lookup\?(?:signal=([0-9a-fA-F]{64})&signal_type=pdq|signal_type=pdq&signal=([0-9a-fA-F]{64})) HTTP/1\.1"
)
MOST_HEADS = 1000
"""Heads that are kept; with more of them all are learned anew."""
_NOBODY = (0.0, "")
_NOTHING_ELSE: dict[str, str] = {}
_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}


@dataclass(slots=True)
class _Known:
    """What was read from the tables, and when."""

    at: float = float("-inf")
    banks: dict[str, Named] | None = None
    on: bool = True
    revision: str = ""


class HotPath:
    """Answers plain look-ups itself and hands everything else on."""

    def __init__(self, app: ASGIApp | None, service: Service, *, tally: Tally | None = None) -> None:
        """Record look-ups in `tally`, by default the service's own. Without an app there is `answer` and `again`
        alone."""
        self._app = app
        self._service = service
        self._tally = service.audit if tally is None else tally
        self._changes = Changes(service.home.folder)
        self._seen = self._changes.now()
        self._hosts: set[bytes] = set()
        self._known = _Known()
        self._keys: dict[str, tuple[float, str]] = {}
        self._heads: dict[bytes, tuple[float, str]] = {}
        self._last: tuple[float, str] | None = None
        self._contents: dict[tuple[str, str], Content] = {}
        self._numbers = itertools.count()
        self._series = secrets.token_hex(6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "GET":
            body = self._answered(scope["query_string"], scope["headers"])
            if body is not None:
                length = (b"content-length", str(len(body)).encode())
                await send({**_START, "headers": [*_START["headers"], length]})  # type: ignore[misc]
                await send({"type": "http.response.body", "body": body})
                return
        if self._app is None:
            raise TypeError("this part was made without an app behind it")
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or _leaves(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._changed()  # what was changed here counts at once, for whoever was told that it is done
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._changed()

    def _changed(self) -> None:
        self._forget()
        tell(self._service.home.folder)

    def _forget(self) -> None:
        self._known.at = float("-inf")
        self._heads.clear()
        self._keys.clear()

    def _look_again(self) -> None:
        """Drop what is kept if another process on this machine changed something."""
        now = self._changes.now()
        if now != self._seen:
            self._seen = now
            self._forget()

    def answer(self, query: bytes, headers: Headers) -> bytes | None:
        """The whole answer to `GET /m/lookup`, status line and headers too; nothing for what has to take the long way.

        The caller makes sure that the request has no body and that its connection stays open.
        """
        begun = time.monotonic()
        self._last = None
        host = next((value for name, value in headers if name == b"host"), b"")
        if host not in self._hosts:
            if not self._service.knows_host(host_named(host.decode("latin-1"))):
                return None
            if len(self._hosts) < MOST_HOSTS:
                self._hosts.add(host)
        return self._whole(self._answered(query, headers), begun)

    def again(self, line: bytes, head: bytes) -> bytes | None:
        """The same for a plain hash and a head that was learned within the last second."""
        now = time.monotonic()
        self._look_again()
        asked = _LINE.fullmatch(line)
        if asked is None:
            return None
        until, actor = self._heads.get(blake2b(head).digest(), _NOBODY)
        if now >= until:
            return None
        try:
            return self._whole(self._look_up(actor, unhexlify(asked[1] or asked[2]), _NOTHING_ELSE, now), now)
        except FirstlightError:
            return None  # the long way meets it again, and says so

    def learn(self, head: bytes) -> None:
        """Requests with this head are those of the caller who was answered last, until the key has to be looked at
        again. What is kept is a digest: the head holds the key."""
        if self._last is None:
            return
        if len(self._heads) >= MOST_HEADS:
            self._heads.clear()
        self._heads[blake2b(head).digest()] = self._last

    def _whole(self, body: bytes | None, begun: float) -> bytes | None:
        if body is None:
            return None
        self._service.meter.count("GET", PATH, 200, time.monotonic() - begun)
        return b"%s%x\r\ncontent-length: %d\r\n\r\n%s" % (self._head, next(self._numbers), len(body), body)

    @cached_property
    def _head(self) -> bytes:
        """The status line and the headers that every such answer has, up to its number."""
        lines = [b"HTTP/1.1 200 OK", b"content-type: application/json"]
        lines += [f"{name}: {value}".encode() for name, value in always(self._service).items()]
        return b"\r\n".join([*lines, b"x-request-id: " + self._series.encode()])

    def _answered(self, query: bytes, headers: Headers) -> bytes | None:
        """The answer to a plain look-up; nothing for what has to take the long way."""
        self._look_again()
        asked = _asked(query)
        value = asked.get("signal", "")
        if asked.get("signal_type") != PDQ or not asked.keys() <= _PLAIN or not _HEX.fullmatch(value):
            return None
        try:
            self._last = self._caller(headers)
            if self._last is None:
                return None
            return self._look_up(self._last[1], unhexlify(value), asked, time.monotonic())
        except FirstlightError:
            self._last = None
            return None  # the long way meets it again, and says so

    def _look_up(self, actor: str, pdq: bytes, asked: Mapping[str, str], at: float) -> bytes | None:
        known = self._known if at - self._known.at < FRESH else self._read()
        if not known.on or known.banks is None:
            return None
        found = self._service.home.library.nearest(pdq)
        if not found:
            self._tally.add(LookUp(actor, PDQ))
            return b"{}"
        wanted = asked.get("banks")
        names = set(wanted.split(",")) if wanted else None
        out: dict[str, list[str]] = {}
        hits: list[tuple[str, str]] = []
        seed = asked.get("seed")
        toss = random.random() if seed is None else random.Random(seed).random()  # noqa: S311 - a share of traffic
        now = self._service.clock.now()
        for own, entry, distance in found:
            bank = known.banks.get(own)
            if bank is None:
                return None  # made within the last second
            if names is not None and bank.name not in names:
                continue
            content = self._content(own, entry)
            if content is None:
                return None  # it gets its number on the long way, for that takes a write
            hits.append((own, entry))
            if content.counts(now) and bank.ratio >= toss:
                hit = f'{{"bank_content_id":{content.id},"distance":"{distance}"}}'
                out.setdefault(bank.name, []).append(hit)
        self._tally.add(LookUp(actor, PDQ, tuple(hits)))
        # Names of banks hold capitals, digits and underscores alone: there is nothing to escape.
        shown = ",".join(f'"{name}":[{",".join(found_here)}]' for name, found_here in out.items())
        return f"{{{shown}}}".encode()

    def _caller(self, headers: Headers) -> tuple[float, str] | None:
        """Who calls, if they may look up, and until when these headers are theirs without another look; nothing leaves
        it to the long way, which answers why."""
        header = next((value for name, value in headers if name == b"authorization"), None)
        now = time.monotonic()
        if header is None:
            return (now + FRESH, OPEN_CALLER) if is_open(self._service) else None
        way, _, secret = header.decode("latin-1").partition(" ")
        if way.lower() != "bearer":
            return None
        sha256 = digest(secret.strip())
        kept = self._keys.get(sha256)
        if kept is None or now >= kept[0]:
            key = api_keys.whose(self._service.home, secret.strip())
            if key is None or Permission.MATCH not in key.scopes:
                return None
            if len(self._keys) > MOST_KEPT:
                self._keys.clear()
            kept = self._keys[sha256] = (now + FRESH, f"key:{key.name}")
        return kept

    def _read(self) -> _Known:
        """Names and ratios of banks, whether the type is on, as they are now."""
        now, home = time.monotonic(), self._service.home
        with home.database.read() as session:
            row = session.get(Setting, book.REVISION)
        revision = row.value if row else ""
        if revision != self._known.revision:
            self._contents.clear()
        banks = {one.bank: one for one in book.banks(home)}
        self._known = _Known(now, banks, enabled(home)[PDQ] > 0, revision)
        return self._known

    def _content(self, bank: str, entry: str) -> Content | None:
        key = (bank, entry)
        found = self._contents.get(key)
        if found is None:
            if len(self._contents) >= MOST_KEPT:
                self._contents.clear()
            found = book.known(self._service.home, [key]).get(key)
            if found is not None:
                self._contents[key] = found
        return found


def _leaves(path: str) -> bool:
    """Whether requests below this path leave banks, their names and the numbers of entries as they are."""
    return path.startswith(_LEAVING)


def _asked(query: bytes) -> dict[str, str]:
    """The parameters of a query; the commonest needs no decoding."""
    plain = _COMMON.fullmatch(query)
    if plain:
        return {"signal": (plain[1] or plain[2]).decode(), "signal_type": PDQ}
    try:
        return dict(parse_qsl(query.decode("ascii"), keep_blank_values=True))
    except ValueError:
        return {}
