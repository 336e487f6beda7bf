"""The facts of a case in words of no country's form: what a report is drafted from, here and elsewhere."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firstlight.cybertip.model.codes import EventName, IndustryClassification
from firstlight.cybertip.record import Generation, ListMatch, OriginClaim, Viewing
from firstlight.values import Digests, Document, Instant, Value, Versioned


class Conduct(StrEnum):
    """What happened, in plain words."""

    MATERIAL = "abuse-material"
    TRAFFICKING = "trafficking"
    TOURISM = "travelling-abuse"
    MOLESTATION = "hands-on-abuse"
    MISLEADING_DOMAIN = "misleading-domain"
    MISLEADING_WORDS = "misleading-words-or-images"
    ENTICEMENT = "enticement"
    OBSCENE_TO_CHILD = "obscene-material-to-child"


class Sign(StrEnum):
    """What makes the case more than its conduct; each becomes an annotation of the report."""

    SEXTORTION = "sextortion"
    SOLICITATION = "solicitation"
    BETWEEN_MINORS = "between-minors"
    SADISTIC = "sadistic-online-exploitation"
    SPAM = "spam"


class FileSign(StrEnum):
    """What a person said of one file, beyond its class."""

    DRAWN = "drawn"
    POTENTIAL_MEME = "potential-meme"
    VIRAL = "viral"
    SELF_PRODUCED = "possibly-self-produced"
    PHYSICAL_HARM = "physical-harm"
    GORE = "violence-or-gore"
    ANIMALS = "animals"
    LIVE_STREAM = "live-stream"
    INFANT = "infant"


class Where(StrEnum):
    """The kind of channel."""

    WEB = "web"
    EMAIL = "email"
    NEWSGROUP = "newsgroup"
    CHAT = "chat"
    GAME = "game"
    TELEPHONE = "telephone"
    OFFLINE = "offline"
    PEER_TO_PEER = "peer-to-peer"


class Channel(Value):
    """One place where it happened. `name` is that of the chat client, game, group, network or place."""

    where: Where
    name: str = ""
    room: str = ""
    urls: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    phone_number: str = ""
    text: str = ""
    note: str = ""
    hosted_by_third_party: bool | None = None


class NetworkEvent(Value):
    """An address seen at a time; the port is the client's own."""

    ip: str
    at: Instant | None = None
    port: int | None = None
    event: EventName = EventName.UNKNOWN
    possible_proxy: bool | None = None


class Device(Value):
    """A device by a named kind of number."""

    kind: str
    number: str
    event: EventName | None = None
    at: Instant | None = None


class Contact(Value):
    """An email address or telephone number of an account; `verified` is none when nobody tried."""

    value: str
    verified: bool | None = None
    verified_at: Instant | None = None


class Account(Value):
    """A user as far as the service knows: suspect, recipient or victim."""

    identifier: str = ""
    service: str = ""
    screen_name: str = ""
    display_names: tuple[str, ...] = ()
    profile_urls: tuple[str, ...] = ()
    bio: str = ""
    first_name: str = ""
    last_name: str = ""
    age: int | None = None
    emails: tuple[Contact, ...] = ()
    phones: tuple[Contact, ...] = ()
    events: tuple[NetworkEvent, ...] = ()
    devices: tuple[Device, ...] = ()
    prior_reports: tuple[int, ...] = ()
    compromised: bool | None = None
    disabled_at: Instant | None = None
    disabled_for_good: bool | None = None
    note: str = ""


class CaseFile(Value):
    """One file of a case: the bytes by their digests, how they came in, and what is recorded about them.

    A `supplemental` file is context (a transcript, a profile export, a job log), not what is reported.
    """

    key: Annotated[str, Field(min_length=1)]
    digests: Digests
    media_type: str = "application/octet-stream"
    supplemental: bool = False
    file_name: str = ""
    uploaded_at: Instant | None = None
    url: str = ""
    public: bool | None = None
    upload: NetworkEvent | None = None
    width: int | None = None
    height: int | None = None
    pdq: str = ""
    signs: tuple[FileSign, ...] = ()
    classification: IndustryClassification | None = None
    viewings: tuple[Viewing, ...] = ()
    matches: tuple[ListMatch, ...] = ()
    origin_claims: tuple[OriginClaim, ...] = ()
    generation: Generation | None = None
    note: str = ""


class ReportingParty(Value):
    """Who reports and who may be asked."""

    first_name: str = ""
    last_name: str = ""
    email: Annotated[str, Field(min_length=1)]
    phone: str = ""
    company_template: str = ""
    terms_of_service: str = ""
    legal_url: str = ""


class CaseFacts(Document):
    """Everything a report may say about one case; what is not known stays empty and is not guessed."""

    title_for_people: ClassVar[str] = "facts of a case"

    kind: Literal["case-facts"] = "case-facts"
    version: Versioned = 1
    reporter: ReportingParty
    conduct: Conduct
    occurred_at: Instant
    occurred_note: str = ""
    platform: str = ""
    escalation: str = ""
    signs: tuple[Sign, ...] = ()
    channels: tuple[Channel, ...] = ()
    suspect: Account | None = None
    recipients: tuple[Account, ...] = ()
    victims: tuple[Account, ...] = ()
    files: tuple[CaseFile, ...] = ()
    narrative: str = ""
