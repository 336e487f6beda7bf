"""A file that somebody else tells of, as an item of this home: their words and hashes, never the file itself.

The document is the item's original, so it is kept, logged, ranked and destroyed as everything else is. What it says are
statements of its sender; the banks are asked for the hashes that the sender states, and each answer says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue
from sqlalchemy import ColumnElement, func, select

from firstlight.casework.home import Work
from firstlight.casework.upload import Upload
from firstlight.errors import InputError
from firstlight.origin import NOT_HERE
from firstlight.store.tables import Item
from firstlight.triage import Joined, Placement
from firstlight.values import (
    Digests,
    Document,
    ErrorNote,
    Md5Hex,
    Pdq,
    PdqHex,
    PdqMode,
    Sha1Hex,
    Sha256Hex,
    Versioned,
)

SOURCE = "received:"
"""What the source of every such item begins with; then the SHA-256 of the case's documents, `/`, number."""

LARGEST = 4 * 1024 * 1024
"""Bytes of one document."""

BY_STATEMENT = "by the hash that the sender states"

NOTE = ErrorNote(
    code=NOT_HERE,
    message="What is told of it, its hashes too, are statements of its sender.",
    hint="Ask the sender for the original, encrypted to your key, and import that as well.",
)


class ReceivedFile(Document):
    """What a sender states of one file, or of a case as a whole where it has no files. `record` is in its own words."""

    title_for_people: ClassVar[str] = "received file"

    kind: Literal["received-file"] = "received-file"
    version: Versioned = 1
    form: Literal["package", "vics", "cybertip"]
    sender: str
    reference: str
    number: Annotated[int, Field(ge=0)]
    md5: Md5Hex | None = None
    sha1: Sha1Hex | None = None
    sha256: Sha256Hex | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    pdq: PdqHex | None = None
    media_type: str = ""
    record: JsonValue = None

    def stated(self) -> Stated:
        """The hashes to ask banks for; a digest that was not stated is all zeros, which no list holds."""
        digests = Digests(
            md5=self.md5 or "0" * 32, sha1=self.sha1 or "0" * 40, sha256=self.sha256 or "0" * 64, size=self.size or 0
        )
        pdq = Pdq(hex=self.pdq, quality=100, mode=PdqMode.EXACT) if self.pdq else None
        return Stated(digests, pdq)


@dataclass(frozen=True, slots=True)
class Stated:
    """Hashes that somebody states of a file that is not here."""

    digests: Digests
    pdq: Pdq | None


@dataclass(frozen=True, slots=True)
class ReceivedItem:
    """One file of a received case, with the facts that the ranking knows how to use."""

    file: ReceivedFile
    upload: Upload


@dataclass(frozen=True, slots=True)
class ReceivedCase:
    """A case as it was received. `said` is what is proven of it, and what is not."""

    reference: str
    sender: str
    said: tuple[str, ...]
    items: tuple[ReceivedItem, ...]


def is_received(item: Item) -> bool:
    """Whether the item is somebody else's statement and no file that came in."""
    return item.source.startswith(SOURCE)


def came_with_statements() -> ColumnElement[bool]:
    """The same of a row."""
    return func.substr(Item.source, 1, len(SOURCE)) == SOURCE


def stated_in(original: bytes) -> Stated | None:
    """The hashes that a received document states; None for what is none."""
    try:
        return ReceivedFile.from_json(original).stated()
    except InputError:
        return None


def together(work: Work, item: Item) -> Placement | None:
    """With the files that came in the same received case, if one of them has its place already."""
    if not is_received(item):
        return None
    case = item.source.rpartition("/")[0] + "/"
    wanted = select(Item.bundle).where(Item.source.startswith(case, autoescape=True), Item.bundle.is_not(None))
    bundle = work.session.scalar(wanted.order_by(Item.id).limit(1))
    return None if bundle is None else Placement(bundle, Joined.RECEIVED)
