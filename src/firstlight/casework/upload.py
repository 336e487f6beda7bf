"""What the service knows about how an item came in, who is behind it, and how it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, IPvAnyAddress, TypeAdapter, ValidationError, ValidationInfo, model_validator

from firstlight.casework import plain
from firstlight.clock import Clock, SystemClock
from firstlight.cybertip import CaseFacts, FindingKind, MemoryRecord, OriginClaim, check, draft_report
from firstlight.cybertip.drafting.facts import (
    Account,
    CaseFile,
    Channel,
    Conduct,
    Contact,
    Device,
    ReportingParty,
    Where,
)
from firstlight.cybertip.record import Generation
from firstlight.errors import InputError
from firstlight.media import read_file
from firstlight.triage import Context
from firstlight.values import Digests, Document, Instant, Sha256Hex, Value, Versioned

LARGEST_ABOUT_FILE = 256 * 1024 * 1024  # bytes; a hundred thousand uploads fit many times over
LONGEST_TEXT = 8192  # characters; longer than any name or address in use, and an event of the custody log takes it
LARGEST_UPLOAD = 256 * 1024  # bytes as JSON; escaped and sealed it fits into one event of the custody log
OF_AGE = 18  # years
LARGEST_TEXT_FILE = 128 * 1024  # bytes; a longer conversation belongs into an evidence package of its own

_KEPT = {"kept": True}  # the context in which the tables' own rows are read

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class Payment(Value):
    """A means of payment by a named kind of number: a wallet's address, the token that a processor gave for a card."""

    kind: Text
    number: Text


class Party(Value):
    """What the service knows of a user: the uploader, somebody it was sent to, or a victim.

    `account` identifies a recipient or victim; that of the uploader stands in the upload itself.
    """

    account: Text = ""
    service: Text = ""
    screen_name: Text = ""
    display_names: tuple[Text, ...] = ()
    profile_urls: tuple[Text, ...] = ()
    bio: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    age: Annotated[int, Field(ge=0, le=150)] | None = None
    emails: tuple[Contact, ...] = ()
    phones: tuple[Contact, ...] = ()
    devices: tuple[Device, ...] = ()
    payments: tuple[Payment, ...] = ()
    note: Text = ""

    def as_account(self, identifier: str) -> Account:
        """The user in the words of a report, which has a note for means of payment and no field."""
        known = {name: value for name, value in self if name not in ("account", "payments")}
        paid = (f"Means of payment, {one.kind}: {one.number}" for one in self.payments)
        return Account(identifier=identifier, **known | {"note": _lines((self.note, *paid))})


class Chat(Value):
    """A conversation that goes with the item: its text, or the name of a text file beside the about file.

    The text of a file is read when it is taken in and carried as text; `sha256` then says which bytes it was.
    """

    client: Text = ""
    room: Text = ""
    text: str = ""
    file: Text = ""
    sha256: Sha256Hex | None = None

    def is_of(self, sha256: Sha256Hex) -> bool:
        """Whether its text is that of exactly these bytes."""
        return sha256 == (self.sha256 or hashlib.sha256(self.text.encode(errors="surrogatepass")).hexdigest())

    def as_channel(self) -> Channel:
        """The conversation in the words of a report."""
        note = f"The text is that of the file {self.file}, SHA-256 {self.sha256}." if self.sha256 else ""
        return Channel(where=Where.CHAT, name=self.client, room=self.room, text=self.text, note=note)


class Upload(Document):
    """Facts of the upload, as the service states them. Nothing here is read from the file itself.

    Control characters are refused in identifiers, such as an account or an address, and are written out in what people
    wrote: `\\x1b`. What is in the tables already is read as it stands.

    `generation` is what a generator logged of the job that made the file; `origin` are statements on how it came to
    be, each with its basis: only these may make a report call a file machine-made.

    `transcript` is true of a text file that is one of its own `chats`, word for word: the report carries the words,
    and the file is not sent. So a case of words alone becomes a report without any file.
    """

    title_for_people: ClassVar[str] = "upload"

    kind: Literal["upload"] = "upload"
    version: Versioned = 1
    name: Text = ""
    account: Text = ""
    url: Text = ""
    uploaded_at: Instant | None = None
    ip: IPvAnyAddress | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    publicly_available: bool | None = None
    context: Context = Context()
    holder: Party = Party()
    recipients: tuple[Party, ...] = ()
    victims: tuple[Party, ...] = ()
    chats: tuple[Chat, ...] = ()
    generation: Generation | None = None
    origin: tuple[OriginClaim, ...] = ()
    transcript: bool = False

    def is_words_alone(self, sha256: Sha256Hex) -> bool:
        """Whether these bytes are a conversation whose every word stands in the report, so that no file has to be
        sent."""
        return self.transcript and any(chat.is_of(sha256) for chat in self.chats)

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        return plain.shown_prose(value) if isinstance(value, dict) else value

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """The upload that the tables hold, taken in when other rules may have held."""
        try:
            return cls.model_validate_json(data, context=_KEPT)
        except ValidationError:
            return super().from_json(data)  # in the words of all documents

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        if self.holder.account:
            raise ValueError("the uploader's account stands in `account`, not in `holder`")
        if self.holder != Party() and not self.account:
            raise ValueError("facts of a holder need the `account` they belong to, or two people would become one")
        if self.transcript and not any(chat.text or chat.file for chat in self.chats):
            raise ValueError("a transcript needs the conversation in `chats`, such as by the name of this very file")
        if any(not claim.says.strip() for claim in self.origin):
            raise ValueError("a statement of origin needs its words")
        if info.context == _KEPT:
            return self
        found = plain.first_control(self.model_dump(mode="json"))
        if found is not None:
            raise ValueError(f"{found[0]} holds the control character {found[1]}; give it without")
        if len(self.to_json()) > LARGEST_UPLOAD:
            raise ValueError(f"the facts of one upload have more than {LARGEST_UPLOAD} bytes")
        return self


_ABOUT = TypeAdapter(dict[str, Upload])


class About(dict[str, Upload]):
    """What an about file says, by name; it remembers which names were asked for and found."""

    def __init__(self, facts: Mapping[str, Upload]) -> None:
        super().__init__(facts)
        self._found: set[str] = set()

    def find(self, *names: str) -> Upload | None:
        """The facts under the first of these names that is there."""
        for name in names:
            if name in self:
                self._found.add(name)
                return self[name]
        return None

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The names that nobody asked for: no file is called so."""
        return tuple(name for name in self if name not in self._found)


def read_about(path: Path, *, clock: Clock | None = None) -> About:
    """What an `--about` file says: a JSON object of file name to upload facts.

    Facts that no report could carry, such as an email address that is none, are refused here: once they are taken in
    they stand for ever.

    Raises:
        InputError: it cannot be read, or says something that is no upload fact; the message names the place.
    """
    hint = 'It is one JSON object: {"picture.jpg": {"account": "u17", "uploaded_at": "2026-03-01T10:00:00Z"}}.'
    data = read_file(path, LARGEST_ABOUT_FILE, hint="Split it, one for each folder.")
    try:
        found = _ABOUT.validate_json(data)
        found = {name: _with_texts(upload, path.parent) for name, upload in found.items()}
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{part} > " for part in first["loc"]).removesuffix(" > ")
        raise InputError(f"{path}: {where + ': ' if where else ''}{first['msg']}.", hint=hint) from e
    now = (clock or SystemClock()).now()
    for name, upload in found.items():
        _require_reportable(upload, f"{path}: {name}", now)
    return About(found)


def merged(identifier: str, parties: Iterable[Party]) -> Account:
    """One account from all that was said of it: lists are joined, and of single facts that differ the first stands.

    The others are kept in its note, so that nothing is lost.
    """
    values: dict[str, object] = {}
    notes: list[str] = []
    for party in parties:
        for name, value in party:
            before = values.get(name)
            if name in ("account", "note") or value in ("", (), None):
                continue
            if isinstance(value, tuple) and isinstance(before, tuple):
                values[name] = tuple(dict.fromkeys((*before, *value)))
            elif before is None:
                values[name] = value
            elif before != value:
                notes.append(f"Also given as {name.replace('_', ' ')}: {value}")
        notes += [party.note] if party.note else []
    account = Party.model_validate(values).as_account(identifier)
    return account.model_copy(update={"note": _lines((*notes, account.note))})


def _lines(words: Iterable[str]) -> str:
    return "\n".join(dict.fromkeys(word for word in words if word))


def _with_texts(upload: Upload, folder: Path) -> Upload:
    """The upload with the texts of the files that its chats name."""
    if not any(chat.file for chat in upload.chats):
        return upload
    chats = [_with_text(chat, folder) for chat in upload.chats]
    return Upload.model_validate(upload.model_dump() | {"chats": [dict(chat) for chat in chats]})


def _with_text(chat: Chat, folder: Path) -> Chat:
    if not chat.file:
        return chat
    name = PurePosixPath(chat.file)
    if chat.text or chat.sha256 or name.is_absolute() or ".." in name.parts:
        raise InputError(
            f"The chat file {chat.file!r} cannot be taken.",
            hint="Name a file below the folder of the about file, and give no text beside it.",
        )
    data = read_file(folder / name, LARGEST_TEXT_FILE, hint="Give the part that matters.")
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        raise InputError(f"{folder / name} is no UTF-8 text.", hint="Give the conversation as text.") from e
    return chat.model_copy(update={"text": text, "sha256": hashlib.sha256(data).hexdigest()})


_NO_FILE = Digests(md5="0" * 32, sha1="0" * 40, sha256="0" * 64, size=0)
_PLAIN = {"kind", "version", "name", "account", "uploaded_at", "ip", "port", "publicly_available", "context"}


def _require_reportable(upload: Upload, place: str, now: datetime) -> None:
    """Return if a report could carry the facts.

    Raises:
        InputError: one of them breaks a rule of the form of reports, or claims what only the record can carry.
    """
    if not upload.model_fields_set - _PLAIN:
        return
    file = CaseFile(
        key="file",
        digests=_NO_FILE,
        file_name=upload.name,
        url=upload.url,
        generation=upload.generation,
        origin_claims=upload.origin,
    )
    facts = CaseFacts(
        reporter=ReportingParty(email="nobody@example.org"),
        conduct=Conduct.MATERIAL,
        occurred_at=datetime(2000, 1, 1, tzinfo=UTC),
        channels=(*web(upload.url), *(chat.as_channel() for chat in upload.chats)),
        suspect=upload.holder.as_account(upload.account),
        recipients=accounts(upload.recipients),
        victims=accounts(upload.victims),
        files=(file,),
    )
    record = MemoryRecord(
        origin_claims={_NO_FILE.sha256: upload.origin},
        generations={_NO_FILE.sha256: (upload.generation,)} if upload.generation else None,
    )
    found = check(draft_report(facts), record, at=now)
    wrong = (*found.of_kind(FindingKind.INVALID), *found.of_kind(FindingKind.UNTRUE))
    if wrong:
        raise InputError(f"{place}: {wrong[0].where}: {wrong[0].says}", hint=wrong[0].do)


def web(*urls: str) -> tuple[Channel, ...]:
    """The pages where it happened, as one channel; none without an address."""
    known = tuple(dict.fromkeys(url for url in urls if url))
    return (Channel(where=Where.WEB, urls=known),) if known else ()


def accounts(parties: Iterable[Party]) -> tuple[Account, ...]:
    """Each user once: those of one account are one, and those without an account stay apart."""
    named: dict[str, list[Party]] = {}
    nameless: list[Party] = []
    for party in parties:
        if party.account:
            named.setdefault(party.account, []).append(party)
        else:
            nameless.append(party)
    return (
        *(merged(account, said) for account, said in named.items()),
        *(party.as_account("") for party in dict.fromkeys(nameless)),
    )
