"""Context files: what goes with an item's report and is not what is reported, such as a transcript or a profile export.

They lie in the vault under the item's own key, so that they are kept, held and destroyed with it. With the report they
are sent as supplemental files; nobody says of them that they were viewed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError
from sqlalchemy import Select, select

from firstlight.casework import cases
from firstlight.casework.home import Home, Work, named
from firstlight.casework.parts import in_parts
from firstlight.custody import EventType, Stored
from firstlight.errors import InputError, StateError
from firstlight.media import SNIFF_BYTES, opened, sniff
from firstlight.store import tables
from firstlight.store.tables import Item
from firstlight.values import Document, Instant, Versioned

LONGEST = 2000  # characters of a name or of words about a file


class Supplement(Document):
    """One context file: its bytes as they lie in the vault, and what it is in words that stand in the report."""

    title_for_people: ClassVar[str] = "supplement"

    kind: Literal["supplement"] = "supplement"
    version: Versioned = 1
    item: int
    name: Annotated[str, Field(max_length=LONGEST)]
    what: Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"\S")]
    media_type: str
    stored: Stored
    by: str
    at: Instant

    @property
    def key(self) -> str:
        """The name of the file within a draft."""
        return f"supplement-{self.item}-{self.stored.digests.sha256}"


def attach(home: Home, item_number: int, path: Path, *, what: str, actor: str) -> Supplement:
    """Keep a file as context of an item; the same bytes are kept once, and the first words on them stand.

    Raises:
        NotFoundError: there is no such item.
        StateError: its report is filed or begun, or its original was destroyed.
        InputError: the file cannot be read, nothing is said of what it is, or nobody is named.
        StorageError: the vault's disk refuses.
    """
    named(actor)
    if not 0 < len(what.strip()) <= LONGEST:
        raise InputError("Nothing is said of what the file is.", hint="Such as: profile export, chat transcript.")
    with home.look() as work:
        item = _open_to_context(work, item_number)
        key = home.keyring.case_key(Stored.from_json(item.stored).case)
    try:
        with opened(path) as file:
            media_type = sniff(file.read(SNIFF_BYTES)).value
            file.seek(0)
            stored = home.vault.put(file, key)
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}.", hint="Name a file that you may read.") from e
    kept = False
    try:
        made = _made(home, item_number, path, what, media_type, stored, actor)
        with home.work() as work:
            _open_to_context(work, item_number)
            row = work.session.scalar(_of(item_number).where(tables.Supplement.sha256 == stored.digests.sha256))
            if row is not None:
                return Supplement.from_json(row.document)
            text = made.to_json().decode()
            work.session.add(tables.Supplement(item_id=item_number, sha256=stored.digests.sha256, document=text))
            work.record(
                EventType.INGEST,
                actor=actor,
                case=item.case_id,
                subject=stored.digests.sha256,
                supplement=made.model_dump(mode="json"),
            )
        kept = True
    finally:
        if not kept:
            home.vault.remove(stored)
    return made


def of_item(work: Work, item_number: int) -> tuple[Supplement, ...]:
    """The context files of an item, in the order in which they were attached."""
    rows = work.session.scalars(_of(item_number).order_by(tables.Supplement.id))
    return tuple(Supplement.from_json(row.document) for row in rows)


def of_items(work: Work, items: Sequence[int]) -> dict[int, tuple[Supplement, ...]]:
    """The same of each of these items that has any."""
    found: dict[int, tuple[Supplement, ...]] = {}
    for part in in_parts(items):
        wanted = select(tables.Supplement.document).where(tables.Supplement.item_id.in_(part))
        for text in work.session.scalars(wanted.order_by(tables.Supplement.id)):
            one = Supplement.from_json(text)
            found[one.item] = (*found.get(one.item, ()), one)
    return found


def every(work: Work) -> tuple[Supplement, ...]:
    """The context files of all items."""
    rows = work.session.scalars(select(tables.Supplement.document).order_by(tables.Supplement.id))
    return tuple(Supplement.from_json(row) for row in rows)


def _of(item_number: int) -> Select[tables.Supplement]:
    return select(tables.Supplement).where(tables.Supplement.item_id == item_number)


def _open_to_context(work: Work, item_number: int) -> Item:
    item = cases.item(work, item_number)
    if work.session.get(tables.Destruction, item.id) is not None:
        raise StateError(f"The original of item {item.id} was destroyed.", hint="There is nothing to add to.")
    if item.state == "filed" or item.filing_id is not None:
        raise StateError(
            f"The report with item {item.id} is filed or begun, and a report takes nothing more after that.",
            hint="Take the file in as an item of its own and report it; the reports are linked by their account.",
        )
    return item


def _made(home: Home, item: int, path: Path, what: str, media_type: str, stored: Stored, actor: str) -> Supplement:
    values = {"item": item, "name": path.name, "what": what.strip(), "media_type": media_type, "stored": stored}
    try:
        return Supplement.model_validate(values | {"by": actor, "at": home.clock.now()})
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        raise InputError(f"The file cannot be attached: {first['loc'][0]}: {first['msg']}.") from e
