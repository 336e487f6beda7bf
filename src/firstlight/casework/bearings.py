"""Which accounts an item speaks of, and which identifiers each of them bears, as the service stated at intake.

These rows are what links are looked up in: they say nothing that the upload's own facts do not say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from firstlight.casework.upload import Party, Payment, Upload
from firstlight.cybertip.drafting.facts import Device
from firstlight.errors import InputError
from firstlight.store.tables import Bearing, Item, Mention
from firstlight.triage import Identifier, IdentifierKind


class Role(StrEnum):
    """What an account has to do with an item."""

    UPLOADER = "uploader"
    RECIPIENT = "recipient"
    VICTIM = "victim"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A user of whom an item speaks. Those without an account are nobody else, and are named by their place."""

    key: str
    name: str
    role: Role
    identifiers: tuple[Identifier, ...]


def bearers(item_number: int, upload: Upload) -> Iterator[Bearer]:
    """Whom the facts of an upload speak of; those of whom nothing is known that could link them are left out."""
    if upload.account:
        known = (*_identifiers(upload.holder), *_address(upload))
        yield Bearer(key_of(upload.account), upload.account, Role.UPLOADER, known)
    for role, parties in ((Role.RECIPIENT, upload.recipients), (Role.VICTIM, upload.victims)):
        for place, party in enumerate(parties, 1):
            known = _identifiers(party)
            if party.account:
                yield Bearer(key_of(party.account), party.account, role, known)
            elif known:
                key = _digest(f"item\n{item_number}\n{role}\n{place}")
                yield Bearer(key, f"({role} {place} of item {item_number})", role, known)


def key_of(account: str) -> str:
    """What an account is looked up by: two are the same if every character is."""
    return _digest(f"account\n{account}")


def remember(session: Session, item: Item, upload: Upload) -> None:
    """Keep whom a new item speaks of; whoever takes it in calls it in that transaction.

    That an account bears an identifier is kept once, with the first item of which it was stated.
    """
    said = tuple(bearers(item.id, upload))
    found = {(one.key, one.role): one for one in said}
    session.add_all(
        Mention(item_id=item.id, bearer=key, role=role, name=one.name) for (key, role), one in found.items()
    )
    for one in said:
        for identifier in one.identifiers:
            same = (Bearing.bearer == one.key, Bearing.kind == identifier.kind, Bearing.value == identifier.value)
            if session.scalar(select(Bearing.id).where(*same)) is None:
                row = Bearing(bearer=one.key, kind=identifier.kind, value=identifier.value, item_id=item.id)
                row.role, row.at = one.role, item.received_at
                session.add(row)


def _identifiers(party: Party) -> tuple[Identifier, ...]:
    """What of a user's facts is a strong identifier. What has no exact form, such as a local number, links nothing."""
    said = [
        *((IdentifierKind.EMAIL, one.value) for one in party.emails),
        *((IdentifierKind.PHONE, one.value) for one in party.phones),
        *((IdentifierKind.DEVICE, text) for text in _numbered(party.devices)),
        *((IdentifierKind.PAYMENT, text) for text in _numbered(party.payments)),
    ]
    return tuple(dict.fromkeys(_readable(said)))


def _address(upload: Upload) -> tuple[Identifier, ...]:
    """From where it came. It joins nobody, and is kept to be seen."""
    return () if upload.ip is None else tuple(_readable([(IdentifierKind.IP, str(upload.ip))]))


def _numbered(said: Iterable[Device | Payment]) -> Iterator[str]:
    """Kind and number as one text: the kind as it is compared, the number as it was stated."""
    for one in said:
        if one.kind.strip() and one.number.strip():
            yield f"{'-'.join(one.kind.lower().split())}:{one.number.strip()}"


def _readable(said: Iterable[tuple[IdentifierKind, str]]) -> Iterator[Identifier]:
    for kind, text in said:
        try:
            yield Identifier.of(kind, text)
        except InputError:
            continue


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
