"""Who and what names them: the people, accounts and connections of a case, as the service stated them at intake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from firstlight.casework.upload import Party, Upload
from firstlight.clock import to_text
from firstlight.custody import Identifier

UPLOADER, RECEIVER, VICTIM = "reported user", "sent to", "victim"
MOST_PLACES = 20
"""Connections and addresses on the first page; all of them stand in the table of identifiers."""


def identifiers(uploads: Mapping[str, Upload]) -> tuple[Identifier, ...]:
    """Whatever names a person, account, device or connection, each once, with its role and the record that says so.

    `uploads` are the uploads of a case by the names of their records.
    """
    found: dict[Identifier, Identifier] = {}
    for record, upload in uploads.items():
        for one in _of_upload(upload):
            found.setdefault(one, one.model_copy(update={"record": record}))
    return tuple(found.values())


def _of_upload(upload: Upload) -> Iterator[Identifier]:
    if upload.url:
        yield Identifier(kind="url", value=upload.url, at=upload.uploaded_at, event="upload")
    if upload.ip is not None:
        yield Identifier(
            kind="ip", value=str(upload.ip), port=upload.port, at=upload.uploaded_at, event="upload", note=UPLOADER
        )
    for role, account, party in _parties(upload):
        yield from _of_party(role, account, party)


def _parties(upload: Upload) -> Iterator[tuple[str, str, Party]]:
    yield UPLOADER, upload.account, upload.holder
    for role, parties in ((RECEIVER, upload.recipients), (VICTIM, upload.victims)):
        for party in parties:
            yield role, party.account, party


def _of_party(role: str, account: str, party: Party) -> Iterator[Identifier]:
    if account:
        yield Identifier(kind="account", value=account, note=role)
    for handle in dict.fromkeys((party.screen_name, *party.display_names)):
        if handle:
            yield Identifier(kind="handle", value=handle, note=role)
    for url in party.profile_urls:
        yield Identifier(kind="url", value=url, event="profile", note=role)
    for mail in party.emails:
        yield Identifier(kind="email", value=mail.value, verified=mail.verified, at=mail.verified_at, note=role)
    for phone in party.phones:
        yield Identifier(kind="phone", value=phone.value, verified=phone.verified, at=phone.verified_at, note=role)
    for device in party.devices:
        event = device.event.value if device.event else ""
        yield Identifier(kind="device", value=f"{device.kind} {device.number}", at=device.at, event=event, note=role)
    for payment in party.payments:
        yield Identifier(kind="payment", value=f"{payment.kind} {payment.number}", note=role)
    name = f"{party.first_name} {party.last_name}".strip()
    if name:
        yield Identifier(kind="other", value=name, note=f"{role}, name as stated")


def roles(uploads: Mapping[str, Upload]) -> tuple[str, ...]:
    """One line for each user: the role, what names them, and the age that was stated."""
    said: dict[str, None] = {}
    for upload in uploads.values():
        for role, account, party in _parties(upload):
            names = [f"{one.kind} {one.value}" for one in _of_party(role, account, party) if one.event != "profile"]
            if party.age is not None:
                names.append(f"stated age {party.age}")
            if names:
                said[f"{role.capitalize()}: {', '.join(names)}."] = None
    return tuple(said)


def places(uploads: Mapping[str, Upload]) -> tuple[str, ...]:
    """Where it happened: what tells which law and which provider to ask."""
    said: dict[str, None] = {}
    for upload in uploads.values():
        at = f" at {to_text(upload.uploaded_at)}" if upload.uploaded_at else ", time not recorded"
        if upload.ip is not None:
            port = f" port {upload.port}" if upload.port else " (port not recorded)"
            said[f"Uploaded from {upload.ip}{port}{at}."] = None
        if upload.url:
            public = {True: ", open to the public", False: ", not open to the public", None: ""}
            said[f"Found at {upload.url}{public[upload.publicly_available]}."] = None
        for chat in upload.chats:
            where = " ".join(part for part in (chat.client, chat.room) if part)
            said[f"A conversation{f' in {where}' if where else ''}; its text stands in the records."] = None
    lines = list(said)
    more = len(lines) - MOST_PLACES
    return (
        (*lines[:MOST_PLACES], f"And {more} more; see data/interchange/identifiers.csv.") if more > 0 else tuple(lines)
    )
