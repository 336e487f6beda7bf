"""Originals in the vault that belong to no item: an intake was killed before it recorded them, or rows were lost.

The second is why nothing is removed lightly. An original whose bytes stand in the tables already may go; any other one
is adopted: it becomes an item like those that came in the usual way.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import ClassVar, Literal

from sqlalchemy import select

from firstlight.casework import intake
from firstlight.casework.home import SERVICE, Home
from firstlight.custody import EventType, Stored
from firstlight.errors import FirstlightError, StorageError
from firstlight.media import SNIFF_BYTES, sniff
from firstlight.store.tables import Item
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned


class Became(StrEnum):
    """What there is to do, or was done."""

    FOUND = "found"
    KNOWN = "known"
    CLOSED = "closed"
    ADOPTED = "adopted"
    REMOVED = "removed"


SAYS = {
    Became.FOUND: "its bytes are in no item: --adopt makes one of it",
    Became.KNOWN: "an item has the same bytes: --remove takes this copy away",
    Became.CLOSED: "its key is destroyed or it is damaged, so that nobody can open it: --remove takes it away",
    Became.ADOPTED: "is an item now; `firstlight intake` examines it",
    Became.REMOVED: "was taken away, and the log says so",
}


class Leftover(Value):
    """One original without an item. `sha256` is there where it could be opened."""

    object: str
    sha256: Sha256Hex | None
    size: int | None
    became: Became


class LeftoversReport(Document):
    """Every original without an item, and what became of it."""

    title_for_people: ClassVar[str] = "leftovers"

    kind: Literal["leftovers"] = "leftovers"
    version: Versioned = 1
    at: Instant
    leftovers: tuple[Leftover, ...]


def leftovers(home: Home, *, adopt: bool = False, remove: bool = False, actor: str = SERVICE) -> LeftoversReport:
    """Look at every original without an item; adopt those whose bytes are in no item, remove the others, as asked.

    Raises:
        StateError: an intake is at work, whose originals have no items yet.
        StorageError: the vault cannot be read or written.
    """
    with home.nobody_takes_in():
        return LeftoversReport(at=home.clock.now(), leftovers=tuple(_each(home, adopt, remove, actor)))


def _each(home: Home, adopt: bool, remove: bool, actor: str) -> Iterator[Leftover]:
    with home.look() as work:
        known = {Stored.from_json(row).id for row in work.session.scalars(select(Item.stored))}
    names: dict[str, str] | None = None
    for key_id, object_id in home.vault:
        if object_id in known:
            continue
        if names is None:
            names = {key: case for case, key in home.keyring.cases()}
        yield _one(home, key_id, object_id, names.get(key_id), adopt=adopt, remove=remove, actor=actor)


def _one(
    home: Home, key_id: str, object_id: str, case: str | None, *, adopt: bool, remove: bool, actor: str
) -> Leftover:
    found = _recognised(home, case, object_id)
    if found is None:
        became = Became.CLOSED
    else:
        with home.look() as work:
            same = work.session.scalar(select(Item.id).where(Item.sha256 == found[0].digests.sha256).limit(1))
        became = Became.FOUND if same is None else Became.KNOWN
    if became is Became.FOUND and adopt and found is not None:
        intake.adopt(home, *found, actor=actor)
        became = Became.ADOPTED
    elif became in (Became.KNOWN, Became.CLOSED) and remove:
        _remove(home, key_id, object_id, case, found[0].digests.sha256 if found else None, actor)
        became = Became.REMOVED
    digests = found[0].digests if found else None
    return Leftover(
        object=object_id,
        sha256=digests.sha256 if digests else None,
        size=digests.size if digests else None,
        became=became,
    )


def _recognised(home: Home, case: str | None, object_id: str) -> tuple[Stored, str] | None:
    """The record that it would have got, and its kind; None for what nobody can open any more."""
    if case is None:
        return None
    try:
        stored = home.vault.record_of(home.keyring.case_key(case), object_id)
        with home.vault.open(stored) as file:
            return stored, sniff(file.read(SNIFF_BYTES)).value
    except StorageError:
        raise
    except FirstlightError:
        return None


def _remove(home: Home, key_id: str, object_id: str, case: str | None, sha256: str | None, actor: str) -> None:
    """The log says it first; then the key goes, if it is there, then the object."""
    with home.work() as work:
        work.record(
            EventType.SHRED, actor=actor, subject=sha256, leftover=object_id, key=key_id, why="it belongs to no item"
        )
    if case is not None:
        home.keyring.destroy_case_key(case, home.clock.now())
    home.vault.remove_unrecorded(key_id, object_id)
