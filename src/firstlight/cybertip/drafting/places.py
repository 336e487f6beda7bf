"""Where each fact stands in the report, and where text goes that is too long for its element."""

from __future__ import annotations

from typing import Any

from firstlight.cybertip.drafting.facts import Account, Channel, Contact, NetworkEvent, Where
from firstlight.cybertip.model.incident import (
    CellPhoneIncident,
    ChatImIncident,
    EmailIncident,
    InternetDetails,
    NewsgroupIncident,
    NonInternetIncident,
    OnlineGamingIncident,
    Peer2PeerIncident,
    WebPageIncident,
)
from firstlight.cybertip.model.people import (
    DeviceId,
    Email,
    IpCaptureEvent,
    PermanentlyDisabled,
    Person,
    Phone,
    TemporarilyDisabled,
)


class Overflow:
    """Collects text that is too long for its element: it moves to additionalInfo whole, an identifier is never cut."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.moved: list[str] = []

    def move(self, name: str, text: str) -> None:
        """Keep the whole text for additionalInfo."""
        self.names.append(name)
        self.moved.append(f"{name}: {text}")

    def fit(self, name: str, text: str, limit: int) -> str | None:
        """The text if it is there and fits, otherwise none."""
        if not text:
            return None
        if len(text) > limit:
            self.move(name, text)
            return None
        return text

    def fit_all(self, name: str, texts: tuple[str, ...], limit: int) -> tuple[str, ...]:
        """The texts that fit."""
        return tuple(kept for t in texts if (kept := self.fit(name, t, limit)) is not None)


def ip_event(event: NetworkEvent) -> IpCaptureEvent:
    """The event as the report writes it."""
    return IpCaptureEvent(
        ip_address=event.ip,
        event_name=event.event,
        date_time=event.at,
        possible_proxy=event.possible_proxy,
        port=event.port,
    )


_PLACED = {
    Where.WEB: {"urls", "hosted_by_third_party"},
    Where.EMAIL: {"email_addresses", "text"},
    Where.NEWSGROUP: {"name", "email_addresses", "text"},
    Where.CHAT: {"name", "room", "text"},
    Where.GAME: {"name", "text"},
    Where.TELEPHONE: {"phone_number"},
    Where.OFFLINE: {"name"},
    Where.PEER_TO_PEER: {"name"},
}
"""Which facts have an element of their own in which channel; all others go into its additionalInfo."""


def _additional(channel: Channel, nobodys: tuple[str, ...]) -> str | None:
    lines = [channel.note] if channel.note else []
    if nobodys and "email_addresses" in _PLACED[channel.where]:
        lines.append(f"email addresses: {', '.join(nobodys)}")
    for name, value in channel:
        if name in ("where", "note") or name in _PLACED[channel.where] or value in ("", (), None):
            continue
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        lines.append(shown if name == "text" else f"{name.replace('_', ' ')}: {shown}")
    return "\n".join(lines) or None


def internet_details(channel: Channel, overflow: Overflow, known: frozenset[str]) -> InternetDetails:
    """The channel as the report writes it; a fact without an element there stands in its additionalInfo.

    `known` are the email addresses of the people in the report: the service takes no others as those of an incident.
    """
    name = overflow.fit("name of the channel", channel.name, 255)
    nobodys = tuple(a for a in channel.email_addresses if a not in known)
    text, more = channel.text or None, _additional(channel, nobodys)
    emails = tuple(Email(address=a) for a in channel.email_addresses if a in known)
    match channel.where:
        case Where.WEB:
            urls = overflow.fit_all("address of the page", channel.urls, 2083)
            hosted = channel.hosted_by_third_party
            web = WebPageIncident(url=urls, additional_info=more, third_party_hosted_content=hosted)
            return InternetDetails(web_page_incident=web)
        case Where.EMAIL:
            mail = EmailIncident(email_address=emails, content=text, additional_info=more)
            return InternetDetails(email_incident=mail)
        case Where.NEWSGROUP:
            group = NewsgroupIncident(name=name, email_address=emails, content=text, additional_info=more)
            return InternetDetails(newsgroup_incident=group)
        case Where.CHAT:
            room = overflow.fit("name of the chat room", channel.room, 255)
            chat = ChatImIncident(chat_client=name, chat_room_name=room, content=text, additional_info=more)
            return InternetDetails(chat_im_incident=chat)
        case Where.GAME:
            game = OnlineGamingIncident(game_name=name, content=text, additional_info=more)
            return InternetDetails(online_gaming_incident=game)
        case Where.TELEPHONE:
            phone = Phone(number=channel.phone_number) if channel.phone_number else None
            return InternetDetails(cell_phone_incident=CellPhoneIncident(phone_number=phone, additional_info=more))
        case Where.OFFLINE:
            place = NonInternetIncident(location_name=name, additional_info=more)
            return InternetDetails(non_internet_incident=place)
        case Where.PEER_TO_PEER:
            return InternetDetails(peer2peer_incident=Peer2PeerIncident(client=name, additional_info=more))


def _phone(contact: Contact) -> Phone:
    return Phone(number=contact.value, verified=contact.verified, verification_date=contact.verified_at)


def _email(contact: Contact) -> Email:
    return Email(address=contact.value, verified=contact.verified, verification_date=contact.verified_at)


def account_fields(account: Account, overflow: Overflow) -> tuple[Person | None, dict[str, Any]]:
    """The person behind an account, if anything is known, and the fields that all account blocks share."""
    person = Person(
        first_name=overflow.fit("first name", account.first_name, 100),
        last_name=overflow.fit("last name", account.last_name, 100),
        phone=tuple(_phone(c) for c in account.phones),
        email=tuple(_email(c) for c in account.emails),
        age=account.age,
    )
    fields: dict[str, Any] = {
        "esp_identifier": overflow.fit("account identifier", account.identifier, 255),
        "esp_service": overflow.fit("service of the account", account.service, 100),
        "compromised_account": account.compromised,
        "screen_name": overflow.fit("screen name", account.screen_name, 256),
        "display_name": overflow.fit_all("display name", account.display_names, 255),
        "profile_url": overflow.fit_all("address of the profile", account.profile_urls, 2083),
        "profile_bio": account.bio or None,
        "ip_capture_event": tuple(ip_event(e) for e in account.events),
        "device_id": tuple(
            DeviceId(id_type=d.kind, id_value=d.number, event_name=d.event, date_time=d.at) for d in account.devices
        ),
        "prior_ct_reports": account.prior_reports,
    }
    if account.disabled_at is not None and account.disabled_for_good:
        fields["account_permanently_disabled"] = PermanentlyDisabled(disabled=True, disabled_date=account.disabled_at)
    elif account.disabled_at is not None:
        fields["account_temporarily_disabled"] = TemporarilyDisabled(disabled=True, disabled_date=account.disabled_at)
    return (None if person == Person() else person), fields
